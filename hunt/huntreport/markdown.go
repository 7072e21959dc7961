package huntreport

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/pphunt/pphunt/hunt"
)

// ticket writes Markdown. The first error of its writer stays with that.
type ticket struct{ *bufio.Writer }

func writeMarkdown(w io.Writer, r *hunt.Report, o Options) error {
	t := ticket{bufio.NewWriter(w)}
	v := newView(r, o)
	t.printf("# %s\n\n%s %s\n\n", words(v.Title), code(v.Run), v.Span)
	for _, tile := range v.Tiles {
		t.printf("- %s: %d\n", tile.Label, tile.N)
	}
	if v.Stopped {
		t.printf("\n**Stopped before the end**: more may be condemned or infected than is told here.\n")
	}
	if len(v.Problems.Items) > 0 {
		t.printf("\n## Could not be asked\n\nMore may be condemned or infected than is told here.\n\n")
		for _, p := range v.Problems.Items {
			t.printf("- %s\n", code(p))
		}
		t.more(v.Problems.More)
	}
	t.groups("Verdict taken back", v.Turned)
	t.groups("What waits", v.Waiting)
	if v.Advice != "" && len(v.Waiting) > 0 {
		t.printf("\n%s\n", words(v.Advice))
	}
	t.printf("\n## Files\n")
	if v.Quiet > 0 {
		t.printf("\nSearched for again and seen nowhere: %d files of earlier runs.\n", v.Quiet)
	}
	for _, c := range v.Chains.Items {
		t.chain(c)
	}
	t.more(v.Chains.More)
	t.groups("Everything else", v.Rest)
	if len(v.Left) > 0 {
		t.printf("\n## Left alone, and why\n\n")
		for _, l := range v.Left {
			t.printf("- %s: %d\n", words(l.Label), l.N)
		}
	}
	return t.Flush()
}

func (t ticket) printf(format string, args ...any) { fmt.Fprintf(t, format, args...) }

func (t ticket) more(n int) {
	if n > 0 {
		t.printf("\nand %d more\n", n)
	}
}

func (t ticket) groups(title string, groups []group) {
	if len(groups) == 0 {
		return
	}
	t.printf("\n## %s\n", title)
	for _, g := range groups {
		t.printf("\n### %s: %d\n\n| Id | Action | Target | Why | Files |\n| --- | --- | --- | --- | --- |\n", words(g.Title), g.N)
		for _, r := range g.Rows.Items {
			t.printf("| %s | %s | %s | %s | %s |\n", cellCode(r.ID), cellCode(r.Action), cellCode(r.Target), cellCode(r.Detail), cellCode(r.Files))
		}
		t.more(g.Rows.More)
	}
}

func (t ticket) chain(c chain) {
	title := c.Name
	if title == "" {
		title = c.SHA256
	}
	t.printf("\n### %s\n\n- SHA-256: %s\n- Verdict: %s; %s\n", code(title), code(c.SHA256), words(c.Verdict), c.State)
	if c.Comment != "" {
		t.printf("- Comment: %s\n", code(c.Comment))
	}
	if c.Of != "" {
		t.printf("- Second stage of: %s\n", code(c.Of))
	}
	for _, m := range c.Mails.Items {
		t.printf("- Mail %s from %s to %s, %s %s\n", code(m.Subject), code(m.Sender), code(m.To), m.Fate, m.When)
	}
	if c.Mails.More > 0 {
		t.printf("- and %d more mails\n", c.Mails.More)
	}
	for _, m := range c.Machines.Items {
		t.printf("- On %s: %s %s", code(m.Name), m.Evidence, code(strings.Join(m.Paths.Items, ", ")))
		t.chips(m.Done)
	}
	if c.Machines.More > 0 {
		t.printf("- and %d more machines\n", c.Machines.More)
	}
	if len(c.Done) > 0 {
		t.printf("- About the file")
		t.chips(c.Done)
	}
	if len(c.Unseen.Items) > 0 {
		t.printf("- Received it, and no sighting yet: %s", code(strings.Join(c.Unseen.Items, ", ")))
		if c.Unseen.More > 0 {
			t.printf(" and %d more", c.Unseen.More)
		}
		t.printf("\n")
	}
}

func (t ticket) chips(all []chip) {
	for _, c := range all {
		t.printf("; %s **%s**", code(c.Action), c.Status)
	}
	t.printf("\n")
}

// cellCode is code within a table, where a bar ends a cell even there.
func cellCode(s string) string { return strings.ReplaceAll(code(s), "|", "\\|") }

// code shows a stranger's words as code, in which nothing is a link, a mention, an image or a tag.
func code(s string) string {
	s = strings.TrimSpace(plain(s))
	if s == "" {
		return "–"
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// words escapes text that is to be read as it stands.
func words(s string) string {
	var b strings.Builder
	for _, r := range plain(s) {
		if strings.ContainsRune("\\`*_[]<>#|~@&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

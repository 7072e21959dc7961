package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/pphunt/pphunt/hunt"
)

// story prints a report for people: which mails, which files, which machines, what was done, and what was left alone and why.
// Everything in it that a stranger chose is shown harmless.
type story struct {
	w io.Writer
	r *hunt.Report
	// most is how many entries of a list are shown.
	most int
	// err is the first error of w.
	err error
}

func (s *story) printf(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format, args...)
	}
}

func (s *story) print() {
	r := s.r
	kind := "Run"
	if r.DryRun {
		kind = "Dry run"
	}
	s.printf("%s %s, window %s to %s UTC\n", kind, r.Run, stamp(r.Window.Start), stamp(r.Window.End))
	s.problems()
	s.files()
	s.machines()
	for _, part := range []struct {
		status hunt.Status
		title  string
	}{
		{hunt.Planned, "Would be done"},
		{hunt.Done, "Done"},
		{hunt.Already, "Nothing left to do"},
		{hunt.Held, "Held, a person has to decide"},
		{hunt.Failed, "Failed, the next run tries again"},
	} {
		s.outcomes(part.status, part.title)
	}
	s.leftAlone()
	s.summary()
}

// problems come first: where something could not be asked, nothing below may be taken for all there is.
func (s *story) problems() {
	if len(s.r.Problems) == 0 {
		return
	}
	s.printf("\nCOULD NOT BE ASKED, so that more may be condemned or infected than is told here: %d\n", len(s.r.Problems))
	for _, p := range head(s, s.r.Problems) {
		what := p.Stage
		if n := len(p.Hashes); n > 0 {
			what += fmt.Sprintf(" of %d files", n)
		}
		s.printf("  %s: %s\n", what, harmless(explain(p.Err)))
		if p.Stage == "intake" {
			s.printf("      repeat the window with --start-time %s --end-time %s\n", s.r.Window.Start.Format(time.RFC3339), s.r.Window.End.Format(time.RFC3339))
		}
	}
}

func (s *story) files() {
	s.printf("\nCondemned files: %d\n", len(s.r.Indicators))
	for _, ind := range head(s, s.r.Indicators) {
		t := ind.Threat
		s.printf("  %s  %s\n", ind.SHA256, words(t.Status, t.Classification, strings.Join(ind.Files(), ", ")))
		for _, m := range head(s, ind.Mails) {
			fate := "delivered"
			if !m.Delivered {
				fate = "blocked"
			}
			subject := "without a subject"
			if m.Subject != "" {
				subject = quoted(m.Subject)
			}
			s.printf("      mail %s to %s, %s %s\n", subject, harmless(strings.Join(m.Recipients, ", ")), fate, stamp(m.Time))
		}
	}
}

func (s *story) machines() {
	devices := make(map[int64][]hunt.Sighting)
	var order []int64
	for _, sg := range s.r.Sightings {
		if devices[sg.Device.ID] == nil {
			order = append(order, sg.Device.ID)
		}
		devices[sg.Device.ID] = append(devices[sg.Device.ID], sg)
	}
	s.printf("\nMachines with a sighting: %d\n", len(order))
	for _, id := range head(s, order) {
		s.printf("  %s (%d)\n", harmless(devices[id][0].Device.Name), id)
		for _, sg := range head(s, devices[id]) {
			s.printf("      %-8s  %s…  %s", sg.Evidence, sg.SHA256.String()[:12], harmless(sg.Process.Path))
			if sg.Process.User != "" {
				s.printf("  %s", harmless(sg.Process.User))
			}
			if !sg.Time.IsZero() {
				s.printf("  %s", stamp(sg.Time))
			}
			s.printf("\n")
		}
	}
}

func (s *story) outcomes(status hunt.Status, title string) {
	var all []hunt.Outcome
	idle := make(map[string]int)
	for _, o := range s.r.Outcomes {
		switch {
		case o.Status != status:
		case errors.Is(o.Err, hunt.ErrNotBegun):
			idle[o.Task.Action]++
		default:
			all = append(all, o)
		}
	}
	if len(all)+len(idle) == 0 {
		return
	}
	s.printf("\n%s: %d\n", title, s.r.Count(status))
	for _, action := range slices.Sorted(maps.Keys(idle)) {
		s.printf("  %-13s %d not begun\n", action, idle[action])
	}
	for _, o := range head(s, all) {
		s.printf("  %-13s %s", o.Task.Action, harmless(target(o.Task)))
		if o.Detail != "" {
			s.printf("\n  %-13s   %s", "", harmless(o.Detail))
		}
		s.printf("\n")
	}
}

// target names what a task applies to.
func target(t hunt.Task) string {
	d, ok := t.Device()
	switch {
	case !ok:
		return t.Target
	case t.Scope == hunt.ScopeProcess:
		return fmt.Sprintf("%s (%d)  %s", d.Name, d.ID, t.Sightings[0].Process.Path)
	default:
		return fmt.Sprintf("%s (%d)", d.Name, d.ID)
	}
}

// leftAlone lists what was not acted on, by reason.
func (s *story) leftAlone() {
	if len(s.r.LeftAloneTotal) == 0 {
		return
	}
	s.printf("\nLeft alone, and why\n")
	const each = 6
	for _, reason := range slices.Sorted(maps.Keys(s.r.LeftAloneTotal)) {
		s.printf("  %s: %d\n", harmless(reason), s.r.LeftAloneTotal[reason])
		shown, more := 0, false
		for _, l := range s.r.LeftAlone {
			if l.Reason != reason {
				continue
			}
			if more = shown == each; more {
				break
			}
			shown++
			subject := ""
			if l.Subject != "" {
				subject = quoted(l.Subject)
			}
			file := l.File
			if l.Process != "" && len(file) > 12 {
				file = file[:12] + "…"
			}
			s.printf("      %s\n", words(subject, file, l.Device, l.Process))
		}
		if more {
			s.printf("      …\n")
		}
	}
}

func (s *story) summary() {
	r := s.r
	mails, seen := 0, make(map[int64]bool)
	for _, ind := range r.Indicators {
		mails += len(ind.Mails)
	}
	for _, sg := range r.Sightings {
		seen[sg.Device.ID] = true
	}
	s.printf("\n%d files in %d mails, seen on %d machines.", len(r.Indicators), mails, len(seen))
	for _, status := range []hunt.Status{hunt.Planned, hunt.Done, hunt.Already, hunt.Held, hunt.Failed} {
		if n := r.Count(status); n > 0 {
			s.printf(" %s: %d.", status, n)
		}
	}
	if n := len(r.Problems); n > 0 {
		s.printf(" Could not be asked: %d.", n)
	}
	if r.Interrupted {
		s.printf(" Stopped before the end.")
	}
	s.printf("\n")
}

// head is the beginning of a list, with a line that says how much was left out.
func head[T any](s *story, all []T) []T {
	if len(all) <= s.most {
		return all
	}
	defer s.printf("  (the first %d of %d)\n", s.most, len(all))
	return all[:s.most]
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// words joins what is there.
func words(all ...string) string {
	return harmless(strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), "  "))
}

func quoted(s string) string { return `"` + harmless(s) + `"` }

// harmless shows a foreign string so that it cannot steer the terminal or reverse the line.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, strings.ToValidUTF8(s, "·"))
}

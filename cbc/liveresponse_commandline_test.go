package cbc_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// argv reads a line as CommandLineToArgvW does: in the first word quotation marks alone count; afterwards backslashes before one
// halve, and one that is left over escapes it.
func argv(line string) (words []string) {
	i := 0
	var w strings.Builder
	for quoted := false; i < len(line); i++ {
		if line[i] == '"' {
			quoted = !quoted
			continue
		}
		if !quoted && (line[i] == ' ' || line[i] == '\t') {
			break
		}
		w.WriteByte(line[i])
	}
	words = append(words, w.String())
	for {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		if i == len(line) {
			return words
		}
		w.Reset()
		quoted := false
		for ; i < len(line) && (quoted || line[i] != ' ' && line[i] != '\t'); i++ {
			n := 0
			for i < len(line) && line[i] == '\\' {
				i, n = i+1, n+1
			}
			if i == len(line) || line[i] != '"' {
				w.WriteString(strings.Repeat(`\`, n))
				i--
				if n == 0 {
					i++
					w.WriteByte(line[i])
				}
				continue
			}
			w.WriteString(strings.Repeat(`\`, n/2))
			switch {
			case n%2 == 1:
				w.WriteByte('"')
			case quoted && i+1 < len(line) && line[i+1] == '"':
				w.WriteByte('"')
				i++
			default:
				quoted = !quoted
			}
		}
		words = append(words, w.String())
	}
}

// shell reads a line as a POSIX shell does, as far as quotes go. What would mean more to a shell than itself is an error.
func shell(line string) (words []string, ok bool) {
	var w strings.Builder
	in := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, false
			}
			w.WriteString(line[i+1 : i+1+end])
			i += end + 1
			in = true
		case c == '\\' && i+1 < len(line):
			i++
			w.WriteByte(line[i])
			in = true
		case c == ' ':
			if in {
				words = append(words, w.String())
			}
			w.Reset()
			in = false
		case strings.IndexByte("|&;<>()$`\"*?[]#~!{}\t\n\\", c) >= 0:
			return nil, false
		default:
			w.WriteByte(c)
			in = true
		}
	}
	if in {
		words = append(words, w.String())
	}
	return words, true
}

func TestWindowsCommandLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		words []string
		want  cbc.CommandLine
	}{
		{[]string{"ipconfig", "/all"}, `ipconfig /all`},
		{[]string{`C:\Program Files\x.exe`, ""}, `"C:\Program Files\x.exe" ""`},
		{[]string{`x`, `a b`, `a"b`, `a\`, `a b\`, `a\\"b`, `\\server\x`, "a\tb"}, `x "a b" "a\"b" a\ "a b\\" "a\\\\\"b" \\server\x "a` + "\t" + `b"`},
		{[]string{`x`, `" & calc & "`}, `x "\" & calc & \""`},
	} {
		got, err := cbc.WindowsCommandLine(tt.words[0], tt.words[1:]...)
		if err != nil || got != tt.want {
			t.Errorf("WindowsCommandLine(%q) = %s, %v, want %s", tt.words, got, err, tt.want)
		}
		if diff := cmp.Diff(tt.words, argv(string(got))); diff != "" {
			t.Errorf("%s is read as other words (-want +got):\n%s", got, diff)
		}
	}
	for _, words := range [][]string{{""}, {" "}, {`a"b`}, {"x", "a\x00b"}, {"x\x00"}, {`C:\x.bat`, "a"}, {`x.CMD `}, {`x.cmd.`}} {
		if got, err := cbc.WindowsCommandLine(words[0], words[1:]...); err == nil {
			t.Errorf("WindowsCommandLine(%q) = %s, want an error", words, got)
		}
	}
}

func TestPOSIXCommandLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		words []string
		want  cbc.CommandLine
	}{
		{[]string{"/bin/ls", "-l", "/tmp"}, "/bin/ls -l /tmp"},
		{[]string{"x", "", "a b", "it's", "$(id)", "~", "a\nb", "`id`", "ä", "k=v"}, `x '' 'a b' 'it'\''s' '$(id)' '~' 'a` + "\n" + "b' '`id`' 'ä' k=v"},
	} {
		got, err := cbc.POSIXCommandLine(tt.words[0], tt.words[1:]...)
		if err != nil || got != tt.want {
			t.Errorf("POSIXCommandLine(%q) = %s, %v, want %s", tt.words, got, err, tt.want)
		}
		if words, ok := shell(string(got)); !ok || !cmp.Equal(tt.words, words) {
			t.Errorf("%s is read as %q, %t", got, words, ok)
		}
	}
	for _, words := range [][]string{{""}, {"\t"}, {"x", "a\x00b"}, {"A=b"}} {
		if got, err := cbc.POSIXCommandLine(words[0], words[1:]...); err == nil {
			t.Errorf("POSIXCommandLine(%q) = %s, want an error", words, got)
		}
	}
}

func FuzzCommandLines(f *testing.F) {
	f.Add("x", `a b`, `\"`)
	f.Add(`C:\Program Files\x.exe`, `a\\`, "'$(id)'\n")
	f.Add("-", "", " ")
	f.Fuzz(func(t *testing.T, program, a, b string) {
		want := []string{program, a, b}
		if line, err := cbc.WindowsCommandLine(program, a, b); err == nil {
			if got := argv(string(line)); !cmp.Equal(want, got) {
				t.Errorf("%q is written as %s and read as %q", want, line, got)
			}
		}
		if line, err := cbc.POSIXCommandLine(program, a, b); err == nil {
			if got, ok := shell(string(line)); !ok || !cmp.Equal(want, got) {
				t.Errorf("%q is written as %s and read as %q", want, line, got)
			}
		}
	})
}

func TestCommandLineOfADevice(t *testing.T) {
	for os, want := range map[string]cbc.CommandLine{"WINDOWS": `x "a b"`, "LINUX": `x 'a b'`, "MAC": `x 'a b'`} {
		t.Run(os, func(t *testing.T) {
			world := lab(func(_ *cbctest.World, d *cbctest.Device) { d.OS, d.Files, d.Running = os, nil, nil })
			inBubble(t, world, func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
				pending, err := client.LiveResponse.Start(t.Context(), 7, cbc.OpenOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if line, err := pending.CommandLine("x"); err == nil {
					t.Errorf("CommandLine of a device that is not known = %s, want an error", line)
				}
				s := open(t, client, cbc.OpenOptions{})
				if got, err := s.CommandLine("x", "a b"); err != nil || got != want {
					t.Errorf("CommandLine = %s, %v, want %s", got, err, want)
				}
			})
		})
	}
}

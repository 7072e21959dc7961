package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/pphunt/pphunt/examples/internal/lab"
)

// terminal is a pseudo-terminal, 200 columns wide.
type terminal struct {
	*os.File // what programs write to
	master   *os.File
	mu       sync.Mutex
	text     bytes.Buffer
	read     sync.WaitGroup
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this machine has no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{File: slave, master: master}
	term.read.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.text.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return // the last writer has closed it
			}
		}
	})
	return term
}

// shown is all that was written, once nobody writes any more.
func (t *terminal) shown() string {
	t.Close()
	t.read.Wait()
	return strings.ReplaceAll(t.text.String(), "\r\n", "\n")
}

// screen is what stays of what was written on a terminal, without colors.
func screen(written string) []string {
	lines, row := []string{""}, 0
	for i := 0; i < len(written); {
		if n, verb, size := escape(written[i:]); size > 0 {
			switch verb {
			case 'A':
				row = max(0, row-n)
			case 'J':
				lines = lines[:row+1]
				lines[row] = ""
			}
			i += size
			continue
		}
		if written[i] == '\n' {
			row++
			if row == len(lines) {
				lines = append(lines, "")
			}
		} else {
			lines[row] += written[i : i+1]
		}
		i++
	}
	return lines
}

// escape reads an escape sequence at the beginning of a text: its number, its letter and its length.
func escape(text string) (n int, verb byte, size int) {
	parameters, ok := strings.CutPrefix(text, "\x1b[")
	end := strings.IndexFunc(parameters, unicode.IsLetter)
	if !ok || end < 0 {
		return 0, 0, 0
	}
	n, err := strconv.Atoi(parameters[:end])
	if err != nil {
		n = 1
	}
	return n, parameters[end], len("\x1b[") + end + 1
}

// on runs the program on two terminals.
func (c *company) on(t *testing.T, environ []string, args ...string) (out, complaints string, code int) {
	t.Helper()
	o, e := newTerminal(t), newTerminal(t)
	p := program{out: o.File, err: e.File, now: time.Now, environ: environ}
	code = p.run(t.Context(), append([]string{"--config", c.config}, args...))
	return o.shown(), e.shown(), code
}

func TestOnATerminal(t *testing.T) {
	t.Parallel()
	c := newGuardedCompany(t, "isolate = True", "unknown = True", "[guard]", "protect_policies = Nowhere")
	// The question that leads to the warning takes so long that the line is there before it.
	if err := c.lab.Inject(lab.Fault{Service: "cbc", PathContains: "policyservice", Kind: "delay", Delay: "400ms", Count: 1}); err != nil {
		t.Fatal(err)
	}
	out, complaints, code := c.on(t, []string{"TERM=xterm"}, "--dry-run")
	if code != exitHeld || !strings.Contains(out, "\x1b[1;33mHeld, a person has to decide\x1b[") {
		t.Errorf("the hunt ended with %d and shows %q", code, out)
	}
	for _, want := range []string{"searching; ", "TAP allows 1"} {
		if !strings.Contains(complaints, want) {
			t.Errorf("the progress does not show %q, but %q", want, complaints)
		}
	}
	// Of all that was written only the warnings stay, that which came in the middle of the run among them.
	stays := slices.DeleteFunc(screen(complaints), func(line string) bool { return line == "" })
	if len(stays) != 2 || !strings.HasPrefix(stays[0], "pp2cbc: warning: unknown key actions.unknown") ||
		!strings.HasPrefix(stays[1], "pp2cbc: warning: ") || !strings.Contains(stays[1], "Nowhere") {
		t.Errorf("what stays on the screen is %q of %q", stays, complaints)
	}
	if strings.Contains(out, "searching; ") {
		t.Errorf("progress is on standard output: %q", out)
	}

	for _, environ := range [][]string{{"TERM=xterm", "NO_COLOR=1"}, {"TERM=dumb"}} {
		out, complaints, _ = c.on(t, environ, "--dry-run")
		if strings.Contains(out, "\x1b") || !strings.Contains(out, "Held, a person has to decide") {
			t.Errorf("with %v it shows %q", environ, out)
		}
		if shows := strings.Contains(complaints, "\x1b"); shows != (environ[0] != "TERM=dumb") {
			t.Errorf("with %v the line changes: %t", environ, shows)
		}
		if strings.Contains(complaints, "[33") {
			t.Errorf("with %v it complains in colors: %q", environ, complaints)
		}
	}
	if _, complaints, _ = c.on(t, nil, "--dry-run", "--quiet"); strings.Contains(complaints, "TAP allows") || strings.Contains(complaints, "unknown") {
		t.Errorf("a quiet run shows %q", complaints)
	}
	if out, _, _ = c.on(t, nil, "--dry-run", "--json"); strings.Contains(out, "\x1b") || !strings.HasPrefix(out, "{") {
		t.Errorf("JSON on a terminal is %q", out)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// lasting is a program that runs again and again, by a clock of the test.
type lasting struct {
	*company
	program  program
	args     []string
	out, err bytes.Buffer
	hangups  chan os.Signal
	due      chan time.Time
	waits    chan time.Duration
	ended    chan int
	stop     context.CancelFunc
	mu       sync.Mutex // of the buffers, while it runs
}

type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (c *company) lasts(t *testing.T, args ...string) *lasting {
	t.Helper()
	l := c.prepared(args...)
	l.start(t)
	return l
}

// prepared is a program that is not started yet.
func (c *company) prepared(args ...string) *lasting {
	l := &lasting{company: c, args: args, hangups: make(chan os.Signal), due: make(chan time.Time), waits: make(chan time.Duration), ended: make(chan int, 1)}
	l.program = program{
		out: locked{&l.mu, &l.out}, err: locked{&l.mu, &l.err}, now: time.Now,
		hangup: func() (<-chan os.Signal, func()) { return l.hangups, func() {} },
		after: func(d time.Duration) <-chan time.Time {
			l.waits <- d
			return l.due
		},
	}
	return l
}

func (l *lasting) start(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	t.Cleanup(stop)
	go func() { l.ended <- l.program.run(ctx, append([]string{"--config", l.config}, l.args...)) }()
}

// waited is how long it wants to wait, after a run.
func (l *lasting) waited(t *testing.T) time.Duration {
	t.Helper()
	select {
	case d := <-l.waits:
		return d
	case code := <-l.ended:
		t.Fatalf("it ended with %d: %s%s", code, l.out.String(), l.err.String())
	}
	return 0
}

func (l *lasting) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.String() + l.err.String()
}

func TestEvery(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	l := c.lasts(t, "--every", "15m", "--json")
	if d := l.waited(t); d < 14*time.Minute || d > 16*time.Minute {
		t.Errorf("after the first run it waits for %s, want about 15m", d)
	}
	if n := len(c.isolated()); n == 0 {
		t.Error("the first run isolated nothing")
	}
	// A new configuration counts from the next run on, and a wrong one is refused.
	c.edit(t, "isolate = True", "isolate = True\npolicy = Contain")
	l.hangups <- syscall.SIGHUP
	c.edit(t, "org_key = ", "org_key_was = ")
	l.hangups <- syscall.SIGHUP
	l.due <- time.Now()
	l.waited(t)
	if !strings.Contains(l.text(), "the old one stays") {
		t.Errorf("a wrong configuration is not told: %s", l.text())
	}
	moved := 0
	for _, d := range c.lab.CBC.State().Devices {
		if d.PolicyID == 88402 {
			moved++
		}
	}
	if moved == 0 {
		t.Error("the second run did not go by the configuration that was read again")
	}
	l.stop()
	if code := <-l.ended; code != exitDone {
		t.Errorf("it ended with %d, want %d", code, exitDone)
	}
	reports := json.NewDecoder(strings.NewReader(l.out.String()))
	runs := 0
	for ; ; runs++ {
		var report struct{ Run string }
		if err := reports.Decode(&report); err != nil {
			if err != io.EOF {
				t.Errorf("report %d: %v", runs, err)
			}
			break
		}
		if report.Run == "" {
			t.Errorf("report %d has no run", runs)
		}
	}
	if runs != 2 {
		t.Errorf("it printed %d reports, want 2", runs)
	}
}

func TestEveryGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	l := c.lasts(t, "--every=1m")
	l.waited(t)
	c.lab.CBC.Inject(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/processes/search_jobs") }, 1, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	})
	l.due <- time.Now()
	l.waited(t)
	if !strings.Contains(l.text(), "COULD NOT BE ASKED") {
		t.Errorf("the second run did not fail: %s", l.text())
	}
	l.due <- time.Now()
	l.waited(t)
	l.stop()
	if code := <-l.ended; code != exitDone {
		t.Errorf("it ended with %d, want %d", code, exitDone)
	}
	if n := strings.Count(l.text(), "Run 2"); n != 3 {
		t.Errorf("it told of %d runs, want 3: %s", n, l.text())
	}
}

func TestEveryEndsWhereNothingEverWorks(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "policy = No Such Policy")
	l := c.lasts(t, "--every", "15m")
	if code := <-l.ended; code != exitUsage {
		t.Errorf("a policy that does not exist ended it with %d, want %d", code, exitUsage)
	}
	for args, want := range map[string]string{
		"--every 10s": "from 1m to 24h", "--every soon": "invalid value", "--every 15m --plan p": "do not go together",
		"--every 15m --start-time 2026-01-01T00:00:00Z": "do not go together", "--every 0": "from 1m to 24h",
	} {
		r := run(t.Context(), strings.Fields(args)...)
		if r.code != exitUsage || !strings.Contains(r.err, want) {
			t.Errorf("%s ended with %d: %s; want %d and %q", args, r.code, r.err, exitUsage, want)
		}
	}
}

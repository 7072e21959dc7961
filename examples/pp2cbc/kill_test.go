package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// everyKill, when it is set, makes the test below kill at every point, and others try more. Otherwise it takes some that lie evenly
// among them.
const everyKill = "PPHUNT_EVERY_KILL"

// point is where the program is killed.
type point struct {
	trap
	write int // of the ledger, zero for a point at a request
}

func (p point) String() string {
	switch {
	case p.write > 0:
		return fmt.Sprintf("at write %d of the ledger", p.write)
	case p.handled:
		return fmt.Sprintf("behind request %d", p.request)
	}
	return fmt.Sprintf("before request %d", p.request)
}

// points are all of a run that is like the reference, and a few more, because no two runs are quite the same.
func (ref *reference) points() []point {
	var all []point
	for n := 1; n <= ref.requests; n++ {
		all = append(all, point{trap: trap{request: n}}, point{trap: trap{request: n, handled: true}})
	}
	for n := 1; n <= ref.writes; n++ {
		all = append(all, point{write: n})
	}
	return all
}

// some are points that lie evenly among others.
func some(points []point, n int) []point {
	step := max(1, len(points)/n) | 1 // odd, so that both kinds of points at requests are among them
	var few []point
	for i := step / 2; i < len(points); i += step {
		few = append(few, points[i])
	}
	return few
}

// strikes runs a command, kills it at the point, and tells whether it has come to it.
func (p point) strikes(t *testing.T, s *stage, args ...string) bool {
	t.Helper()
	var victim atomic.Pointer[process]
	stop, watched := watchWrites(t, s.dir, func(n int) {
		if v := victim.Load(); v != nil && n == p.write {
			v.kill()
		}
	})
	v := s.launch(t, p.trap, args...)
	victim.Store(v)
	killed := v.end(t) < 0
	if watched {
		stop()
	}
	s.settle(t)
	return killed
}

// However the program dies, the next run brings everything to its end, and nothing is done twice but what the crash fell into.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	began := time.Now()
	ref := undisturbed(t, newStage(t, smallWorld(began)))
	points := ref.points()
	total := len(points)
	if os.Getenv(everyKill) == "" {
		points = some(points, 20)
	}
	var killed, again atomic.Int64
	concurrently(t, points, func(t *testing.T, at point) {
		hit, runs := killAndRunAgain(t, &ref, at)
		if hit {
			killed.Add(1)
		}
		if runs > 1 {
			again.Add(1)
		}
	})
	t.Logf("killed at %d of %d points (%d requests, %d writes of the ledger), in %v; %d needed more than one run afterwards",
		killed.Load(), total, ref.requests, ref.writes, time.Since(began).Round(time.Second), again.Load())
	if int(killed.Load()) < len(points)/2 {
		t.Errorf("only %d of %d points were come to", killed.Load(), len(points))
	}
}

// killAndRunAgain tells whether the program was killed, and how many runs came afterwards.
func killAndRunAgain(t *testing.T, ref *reference, at point) (killed bool, runs int) {
	t.Helper()
	s := newStage(t, smallWorld(time.Now()))
	killed = at.strikes(t, s, "--config", s.config)
	crash := s.aftermath(t, ref.done)
	var window []string
	if s.searched() {
		// What is searched for is in the backlog: the next hour's run takes it up.
		now := time.Now().UTC()
		window = []string{"--start-time", now.Add(-100 * time.Second).Format(time.RFC3339), "--end-time", now.Add(-65 * time.Second).Format(time.RFC3339)}
	}
	var said strings.Builder
	for runs = 1; runs <= 3; runs++ {
		p := s.start(t, trap{}, window...)
		code := p.end(t)
		s.settle(t)
		fmt.Fprintf(&said, "run %d ended with %d: %s\n", runs, code, p.err.String())
		if code == ref.code && ref.complete(t, s) {
			break
		}
	}
	ref.judge(t, s, crash)
	ref.undoes(t, s, crash)
	if runs > 3 {
		t.Errorf("three runs after the crash did not bring everything to its end:\n%s", said.String())
	}
	return killed, runs
}

// searched tells whether any search was begun.
func (s *stage) searched() bool {
	for _, r := range s.lab.Requests() {
		if strings.Contains(r.Path, "search_jobs") {
			return true
		}
	}
	return false
}

// complete tells whether every task of the reference is done.
func (ref *reference) complete(t *testing.T, s *stage) bool {
	t.Helper()
	known := readLedger(t, s.ledger, ref.done)
	for _, key := range ref.done {
		if known[key].State != dedupe.Done {
			return false
		}
	}
	return true
}

func TestLease(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"": time.Minute, "2s": 2 * time.Second, "1h": time.Hour, "1999ms": 0, "61m": 0, "1": 0} {
		c, err := parse(t, strings.Replace(oldConfig, "[sqlite3]\n", "[sqlite3]\nlease = "+value+"\n", 1))
		if want == 0 {
			if err == nil || !strings.Contains(err.Error(), "sqlite3.lease: ") {
				t.Errorf("lease = %s: %v, want it refused", value, err)
			}
		} else if err != nil || c.lease != want {
			t.Errorf("lease = %s is %+v, %v; want %s", value, c, err, want)
		}
	}
}

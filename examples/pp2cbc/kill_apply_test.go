package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// planned is a stage with a plan that is approved, and the command that applies it.
func planned(t *testing.T) (s *stage, command []string) {
	t.Helper()
	s = newStage(t, smallWorld(time.Now()))
	plan := filepath.Join(s.dir, "plan.json")
	p := s.launch(t, trap{}, "--plan", plan, "--config", s.config)
	if code := p.end(t); code != exitDone {
		t.Fatalf("the plan ended with %d: %s", code, p.err.String())
	}
	s.settle(t)
	return s, []string{"--apply", plan, "--json", "--config", s.config}
}

// However the application of a plan dies, the same plan can be applied to its end.
func TestApplyKilledAnywhere(t *testing.T) {
	t.Parallel()
	ref := undisturbed(t, newStage(t, smallWorld(time.Now())))
	measured, command := planned(t)
	stop, watched := watchWrites(t, measured.dir, func(int) {})
	p := measured.launch(t, trap{}, command...)
	code := p.end(t)
	writes := 0
	if watched {
		writes = stop()
	}
	measured.settle(t)
	points := (&reference{requests: measured.requests(), writes: writes}).points()
	if code != exitDone {
		t.Fatalf("the plan was applied with %d: %s%s", code, p.out.String(), p.err.String())
	}
	ref.judge(t, measured, aftermath{})
	total, most := len(points), 8
	if os.Getenv(everyKill) != "" {
		most = 80 // most of them are those of a hunt too
	}
	points = some(points, most)
	var killed atomic.Int64
	concurrently(t, points, func(t *testing.T, at point) {
		s, command := planned(t)
		if at.strikes(t, s, command...) {
			killed.Add(1)
		}
		crash := s.aftermath(t, ref.done)
		var said strings.Builder
		for runs := 1; ; runs++ {
			p := s.launch(t, trap{}, command...)
			code := p.end(t)
			s.settle(t)
			fmt.Fprintf(&said, "run %d ended with %d: %s%s\n", runs, code, p.out.String(), p.err.String())
			if code == exitDone && ref.complete(t, s) {
				break
			}
			if runs == 3 {
				t.Errorf("three runs after the crash did not bring the plan to its end:\n%s", said.String())
				break
			}
		}
		ref.judge(t, s, crash)
		ref.undoes(t, s, crash)
	})
	t.Logf("killed at %d of %d points of a plan that was applied", killed.Load(), total)
	if int(killed.Load()) < len(points)/2 {
		t.Errorf("only %d of %d points were come to", killed.Load(), len(points))
	}
}

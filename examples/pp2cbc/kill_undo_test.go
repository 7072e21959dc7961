package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
)

// undone is what undo leaves.
type undone struct {
	codes   []int
	picture picture
}

// undo takes back everything about both files of the small world.
func (s *stage) undo(t *testing.T) undone {
	t.Helper()
	var u undone
	for _, content := range []string{"made-up malware: the first", "made-up malware: the second"} {
		p := s.launch(t, trap{}, "undo", "--sha256", digestOf(content), "--config", s.config)
		u.codes = append(u.codes, p.end(t))
	}
	s.settle(t)
	u.picture = s.picture(t)
	return u
}

// without is what is left but for files, whether they are there or not.
func (u undone) without(files []string) undone {
	u.picture.Devices = slices.Clone(u.picture.Devices)
	for i, line := range u.picture.Devices {
		for _, path := range files {
			line = strings.ReplaceAll(line, fmt.Sprintf("%q", path), "")
		}
		u.picture.Devices[i] = strings.Join(strings.Fields(strings.ReplaceAll(line, "]", " ]")), " ")
	}
	return u
}

// undoes wants undo to leave what it leaves where nothing has crashed. A file whose deletion the crash kept from being recorded is not
// put back: it may have been deleted by somebody else.
func (ref *reference) undoes(t *testing.T, s *stage, crash aftermath) {
	t.Helper()
	var lost []string
	for kill, path := range smallFiles() {
		if crash.deleted[path] && !crash.done[dedupe.Key(ref.task[kill])] {
			lost = append(lost, path)
		}
	}
	if diff := cmp.Diff(ref.undone.without(lost), s.undo(t).without(lost), cmp.AllowUnexported(undone{})); diff != "" {
		t.Errorf("after the crash undo does not leave what it leaves otherwise (-want +got):\n%s", diff)
	}
}

// However an undo dies, the next one brings it to its end.
func TestUndoKilledAnywhere(t *testing.T) {
	t.Parallel()
	ref := undisturbed(t, newStage(t, smallWorld(time.Now())))
	measured := hunted(t)
	command := []string{"undo", "--sha256", digestOf("made-up malware: the first"), "--config"}
	stop, watched := watchWrites(t, measured.dir, func(int) {})
	p := measured.launch(t, trap{}, append(command, measured.config)...)
	code := p.end(t)
	writes := 0
	if watched {
		writes = stop()
	}
	measured.settle(t)
	points := (&reference{requests: measured.requests(), writes: writes}).points()
	total := len(points)
	if os.Getenv(everyKill) == "" {
		points = some(points, 8)
	}
	var killed atomic.Int64
	concurrently(t, points, func(t *testing.T, at point) {
		s := hunted(t)
		if at.strikes(t, s, append(command, s.config)...) {
			killed.Add(1)
		}
		said, last := "", -1
		for runs := 0; last != code && runs < 3; runs++ {
			p := s.launch(t, trap{}, append(command, s.config)...)
			last = p.end(t)
			said += fmt.Sprintf("ended with %d: %s%s\n", last, p.out.String(), p.err.String())
		}
		if last != code {
			t.Errorf("three runs after the crash did not bring the undo to its end, want %d:\n%s", code, said)
		}
		second := s.launch(t, trap{}, "undo", "--sha256", digestOf("made-up malware: the second"), "--config", s.config)
		if got := second.end(t); got != ref.undone.codes[1] {
			t.Errorf("the undo of the other file ended with %d, want %d: %s", got, ref.undone.codes[1], second.err.String())
		}
		if diff := cmp.Diff(ref.undone.picture, s.picture(t)); diff != "" {
			t.Errorf("the services are not as undo leaves them otherwise (-want +got):\n%s\n%s", diff, said)
		}
	})
	t.Logf("killed at %d of %d points of an undo", killed.Load(), total)
	if int(killed.Load()) < len(points)/2 {
		t.Errorf("only %d of %d points were come to", killed.Load(), len(points))
	}
}

// hunted is a stage on which everything is done.
func hunted(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, smallWorld(time.Now()))
	p := s.start(t, trap{})
	if code := p.end(t); code != exitDone {
		t.Fatalf("the hunt ended with %d: %s", code, p.err.String())
	}
	s.settle(t)
	return s
}

package hunt_test

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// forgetful finds what it was not told again, as a searcher does that leaves it out, and remembers what it was told.
type forgetful struct {
	finds []hunt.Sighting
	told  []hunt.Sighting
}

func (f *forgetful) Search(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
	f.told = nil
	for _, ind := range batch {
		f.told = append(f.told, ind.Seen...)
	}
	return func(yield func(hunt.Sighting, error) bool) {
		for _, s := range f.finds {
			if !slices.ContainsFunc(f.told, func(t hunt.Sighting) bool { return t.Process.GUID == s.Process.GUID }) && !yield(s, nil) {
				return
			}
		}
	}
}

// What a searcher asks to be kept counts in every later run as if it were found again, and nowhere twice.
func TestWhatWasSeenIsToldAgain(t *testing.T) {
	t.Parallel()
	tell := &recorder{spec: hunt.Spec{Name: "tell", Scope: hunt.ScopeProcess, Impact: hunt.Tells, Evidence: hunt.Touched}}
	p := newPatience(verdict(true, nil), tell)
	touched, ran, other := sighting(1, 7, hunt.Touched), sighting(1, 8, hunt.Executed), sighting(1, 9, hunt.None)
	touched.Keep, other.Keep = true, true
	for _, s := range []*hunt.Sighting{&touched, &ran, &other} {
		s.Time = p.now
	}
	s := &forgetful{finds: []hunt.Sighting{touched, ran, other}}
	p.cfg.Searcher = s
	first := run(t, p.cfg)
	if len(first.Problems) > 0 || len(s.told) > 0 {
		t.Errorf("problems %v, told %v", first.Problems, s.told)
	}
	second := p.after(t, time.Hour)
	if diff := cmp.Diff([]hunt.Sighting{touched, other}, s.told); diff != "" {
		t.Errorf("what the searcher is told mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(first.Sightings, second.Sightings); diff != "" || len(second.Sightings) != 2 {
		t.Errorf("sightings of the second run mismatch (-first +second):\n%s", diff)
	}
	if len(tell.did) != 2 {
		t.Errorf("told of %q, want of each sighting once", tell.did)
	}
	p.after(t, 15*time.Minute) // what the second run was told is kept, too
	if len(s.told) != 2 {
		t.Errorf("the third run was told %v", s.told)
	}
	// A mail that brings the file again is no reason to forget what is known of it.
	p.now = p.now.Add(time.Hour)
	p.cfg.Source = source(nil, indicator(1))
	run(t, p.cfg)
	if len(s.told) != 2 {
		t.Errorf("the run that was told of another mail told %v", s.told)
	}
	// The file is forgotten, and with it what was seen of it.
	p.cfg.Verifier = verdict(false, nil)
	p.after(t, 25*time.Hour)
	p.cfg.Verifier = verdict(true, nil)
	p.now = p.now.Add(time.Hour)
	p.cfg.Source = source(nil, indicator(1))
	run(t, p.cfg)
	if len(s.told) != 0 {
		t.Errorf("a file that was withdrawn is told with %v", s.told)
	}
}

// What is older than the search goes back is not told again: the process has done nothing since.
func TestWhatWasSeenLongAgoIsForgotten(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil))
	p.cfg.LookBack = 24 * time.Hour
	old := sighting(1, 7, hunt.Touched)
	old.Keep, old.Time = true, p.now.Add(-23*time.Hour)
	p.cfg.Searcher = &forgetful{finds: []hunt.Sighting{old}}
	if r := run(t, p.cfg); len(r.Sightings) != 1 {
		t.Fatalf("%d sightings, want 1", len(r.Sightings))
	}
	if r := p.after(t, 2*time.Hour); len(r.Sightings) != 0 {
		t.Errorf("two hours later the sighting is told still: %v", r.Sightings)
	}
	if r := p.after(t, 15*time.Minute); len(r.Sightings) != 1 {
		t.Errorf("what was forgotten is not found anew: %v", r.Sightings)
	}
}

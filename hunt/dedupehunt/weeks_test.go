package dedupehunt_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// all is a sequence without an error.
func all[T any](list ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// A machine stays away for weeks. Its file is given up once, and no other file stays open because of it.
func TestAFileIsGivenUpOnceOverWeeksOfRuns(t *testing.T) {
	t.Parallel()
	begun, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	var passed atomic.Int64
	pass := func(d time.Duration) { passed.Add(int64(d)) }
	now := func() time.Time { return begun.Add(time.Duration(passed.Load())) }
	l, err := dedupehunt.New(dedupehunt.Config{Store: store, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	away, clean := openIndicator(1, "a"), openIndicator(2, "b")
	window := []hunt.Indicator{away}
	h, err := hunt.New(hunt.Config{
		Source: hunt.SourceFunc(func(context.Context, hunt.Ask) iter.Seq2[hunt.Indicator, error] {
			return all(window...)
		}),
		Searcher: hunt.SearcherFunc(func(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
			var found []hunt.Sighting
			for _, ind := range batch {
				if ind.SHA256 == away.SHA256 {
					found = seen(7, 1, "g").Sightings
				}
			}
			return all(found...)
		}),
		Ledger: l, Archive: l, Backlog: l, Rehunt: -1, Now: now, BatchDelay: time.Nanosecond,
		Verifier: hunt.VerifierFunc(func(context.Context, hunt.Indicator) (bool, error) { return true, nil }),
		Actions: []hunt.Action{hunt.NewAction(
			hunt.Spec{Name: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Evidence: hunt.Executed},
			func(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
				if passed.Load() == 0 {
					pass(time.Minute) // so that the file is given up before its task is
				}
				return []hunt.Outcome{{Task: tasks[0], Status: hunt.Failed, Err: errors.New("offline")}}
			},
		)},
	})
	if err != nil {
		t.Fatal(err)
	}
	gaveUp, most := 0, 0
	for range 20 * 4 { // twenty days
		r, _ := h.Run(t.Context(), hunt.Window{})
		gaveUp += len(slices.DeleteFunc(r.Problems, func(p hunt.Problem) bool { return !strings.Contains(p.Err.Error(), "gave up") }))
		left, err := store.Unfinished(t.Context(), "indicator/")
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(left))
		window = []hunt.Indicator{clean}
		pass(6*time.Hour + time.Second)
	}
	if gaveUp != 1 || most > 1 {
		t.Errorf("a file was given up %d times, and up to %d were kept open at once; want 1 and 1", gaveUp, most)
	}
	if r := records(t, l); len(r) != 1 || !r[0].GivenUp {
		t.Errorf("the ledger remembers %+v, want the task given up", r)
	}
	// What a later run kept of a file is not given up with what an earlier one kept.
	if err := l.Keep(t.Context(), "r1", away); err != nil {
		t.Fatal(err)
	}
	pass(dedupehunt.Patience)
	if err := l.Keep(t.Context(), "r2", away); err != nil {
		t.Fatal(err)
	}
	pass(time.Hour)
	if got, err := l.Open(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("Open = %v, %v; want the file, and nothing given up", got, err)
	}
}

package dedupetest

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
)

type (
	record = dedupe.Record
	grant  = dedupe.Grant
)

// A fault is a store that breaks a rule, and the checks that must find it.
type fault struct {
	store func() *rigged
	fails []string
}

func brokenStores() map[string]fault {
	all := brokenClaims()
	maps.Copy(all, brokenTakeovers())
	maps.Copy(all, brokenEnds())
	maps.Copy(all, brokenKeeping())
	maps.Copy(all, brokenNotes())
	maps.Copy(all, brokenScans())
	return all
}

func failures(t *testing.T, open func() dedupe.Store) []string {
	t.Helper()
	var failed []string
	for _, c := range checks() {
		synctest.Test(t, func(t *testing.T) {
			if err := c.run(t.Context(), open()); err != nil {
				failed = append(failed, c.name)
				t.Log(c.name, err)
			}
		})
	}
	slices.Sort(failed)
	return failed
}

func TestBrokenStoresFailTheChecksThatNameTheirFault(t *testing.T) {
	t.Parallel()
	for name, b := range brokenStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failures(t, func() dedupe.Store { return b.store().init() })
			slices.Sort(b.fails)
			if diff := cmp.Diff(b.fails, got); diff != "" {
				t.Errorf("failed checks mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSoundStoreFailsNoCheck(t *testing.T) {
	t.Parallel()
	if failed := failures(t, func() dedupe.Store { return new(rigged).init() }); len(failed) > 0 {
		t.Errorf("a store that keeps the rules fails %q", failed)
	}
}

func TestEveryCheckFindsSomething(t *testing.T) {
	t.Parallel()
	finds := make(map[string]bool)
	for _, b := range brokenStores() {
		for _, name := range b.fails {
			finds[name] = true
		}
	}
	for _, c := range checks() {
		if !finds[c.name] {
			t.Errorf("no broken store fails %s", c.name)
		}
		delete(finds, c.name)
	}
	if len(finds) > 0 {
		t.Errorf("broken stores name checks that do not exist: %q", slices.Sorted(maps.Keys(finds)))
	}
}

// A store that keeps what it is told to itself, and one that asks nobody who else wins, must be found between processes too.
func TestSharedChecksFindStoresThatDoNotShare(t *testing.T) {
	t.Parallel()
	var failed []string
	for _, c := range sharedChecks() {
		if err := c.run(t.Context(), func() dedupe.Store { return new(dedupe.Memory) }); err != nil {
			failed = append(failed, c.name)
		}
		one := new(dedupe.Memory)
		if err := c.run(t.Context(), func() dedupe.Store { return one }); err != nil {
			t.Errorf("%s fails for a store that is shared: %v", c.name, err)
		}
	}
	if diff := cmp.Diff([]string{"seen_by_others", "one_winner"}, failed); diff != "" {
		t.Errorf("failed checks mismatch (-want +got):\n%s", diff)
	}
}

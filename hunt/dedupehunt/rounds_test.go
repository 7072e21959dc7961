package dedupehunt_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
	"github.com/pphunt/pphunt/hunt"
)

func done() hunt.Outcome { return hunt.Outcome{Status: hunt.Done, Detail: "isolated"} }

// reasons are what a task rests on.
func reasons(t hunt.Task) []string {
	var all []string
	for _, s := range t.Sightings {
		all = append(all, s.SHA256.String()[:2]+" in "+s.Process.GUID)
	}
	return all
}

func TestANewFindingIsANewTask(t *testing.T) {
	t.Parallel()
	file := openSQLite(t, filepath.Join(t.TempDir(), "ledger.sql"))
	for name, store := range map[string]dedupe.Store{"in memory": new(dedupe.Memory), "in a file": file} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
			l := clockwork(t, store, &now)
			handled := "a new finding on a machine that was handled before, on 2026-03-02 "
			for i, c := range []struct {
				task    hunt.Task
				key     string   // of the task that is done, empty if none is
				reasons []string // for which it is done
				detail  string
			}{
				{seen(7, 1, "a", 1, "b"), "isolate/device/7", []string{"01 in a", "01 in b"}, "isolated"},
				{seen(7, 1, "a"), "", nil, "done before, on 2026-03-02 10:00:00 UTC: isolated"},
				{seen(7, 1, "b", 1, "a"), "", nil, "done before, on 2026-03-02 10:00:00 UTC: isolated"},
				{seen(7, 2, "a", 1, "a"), "isolate/device/7/2", []string{"02 in a"}, handled + "10:00:00 UTC; isolated"},
				{seen(7, 1, "a", 2, "a"), "", nil, "done before, on 2026-03-02 13:00:00 UTC"},
				{seen(7, 2, "a"), "", nil, "done before, on 2026-03-02 13:00:00 UTC: a new finding"},
				{seen(7, 1, "a"), "", nil, "done before, on 2026-03-02 10:00:00 UTC: isolated"},
				{seen(7, 1, "c", 1, "a"), "isolate/device/7/3", []string{"01 in c"}, handled + "13:00:00 UTC; isolated"},
				{seen(8, 1, "a"), "isolate/device/8", []string{"01 in a"}, "isolated"},
			} {
				if c.key == "" {
					o := rests(t, l, c.task)
					if o.Status != hunt.Already || !strings.HasPrefix(o.Detail, c.detail) {
						t.Errorf("step %d: Once = %s, %q; want already, %q", i, o.Status, o.Detail, c.detail)
					}
				} else {
					o := ends(t, l, c.task, done())
					if o.Task.Key() != c.key || o.Status != hunt.Done || o.Detail != c.detail {
						t.Errorf("step %d: Once = %s, %s, %q; want %s, done, %q", i, o.Task.Key(), o.Status, o.Detail, c.key, c.detail)
					}
					if diff := cmp.Diff(c.reasons, reasons(o.Task)); diff != "" {
						t.Errorf("step %d: what it rests on mismatch (-want +got):\n%s", i, diff)
					}
					if len(o.Task.Indicators) != 1 {
						t.Errorf("step %d: the task is about %d files, want the one that is new", i, len(o.Task.Indicators))
					}
				}
				now = now.Add(time.Hour)
			}
			var keys []string
			for _, r := range records(t, l) {
				keys = append(keys, r.Task.Key())
			}
			if diff := cmp.Diff([]string{"isolate/device/7", "isolate/device/7/2", "isolate/device/7/3", "isolate/device/8"}, keys); diff != "" {
				t.Errorf("records mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func openSQLite(t *testing.T, path string) dedupe.Store {
	t.Helper()
	store, err := sqlitededupe.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// Only what happens to a machine comes again. A file, and a file in a process, are the same finding always.
func TestOtherScopesHaveNoRounds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	store := new(dedupe.Memory)
	l := clockwork(t, store, &now)
	for _, scope := range []hunt.Scope{hunt.ScopeHash, hunt.ScopeProcess} {
		first := seen(7, 1, "a")
		first.Scope, first.Target = scope, "target"
		ends(t, l, first, done())
		second := seen(8, 2, "b")
		second.Scope, second.Target = scope, "target"
		if o := rests(t, l, second); o.Status != hunt.Already || o.Task.Round != 0 {
			t.Errorf("scope %s: Once = %+v, want already", scope, o)
		}
		if kept, err := store.Lookup(t.Context(), dedupe.Key(first.Key())); err != nil || strings.Contains(string(kept[0].Before), "findings") {
			t.Errorf("scope %s: the store has %s, %v; want no findings beside the target", scope, kept[0].Before, err)
		}
	}
}

// A round that failed is tried again as the same round, and what an older version has done covers everything.
func TestRoundsGoOnWhereTheyStopped(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	store := new(dedupe.Memory)
	l := clockwork(t, store, &now)
	ends(t, l, seen(7, 1, "a"), done())
	for range 2 {
		if o := ends(t, l, seen(7, 2, "b"), failure(false)); o.Task.Round != 2 || !strings.HasPrefix(o.Detail, "a new finding") {
			t.Errorf("Once = %+v, want the second round, and why", o)
		}
	}
	if o := rests(t, l, seen(7, 2, "b")); o.Task.Round != 2 || o.Status != hunt.Failed {
		t.Errorf("Once = %+v, want the second round to wait", o)
	}
	if o := rests(t, l, seen(7, 1, "a")); o.Status != hunt.Already {
		t.Errorf("Once = %+v, want already: the finding of the first round is handled", o)
	}
	now = now.Add(time.Hour)
	if o := ends(t, l, seen(7, 3, "c"), done()); o.Task.Round != 2 {
		t.Errorf("Once = %+v, want the open round to take on what is new", o)
	}
	if o := rests(t, l, seen(7, 3, "c")); o.Status != hunt.Already {
		t.Errorf("Once = %+v, want already", o)
	}
	// It was tried for the second file in vain, and then done without it: that may have been held, or cleared, in between.
	if o := ends(t, l, seen(7, 2, "b", 3, "c"), done()); o.Task.Round != 3 || len(o.Task.Sightings) != 1 {
		t.Errorf("Once = %+v, want a round for what nothing was done for", o)
	}

	old, err := store.Claim(t.Context(), "old version", now, time.Minute, dedupe.Key(task(9).Key()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Finish(t.Context(), now, dedupe.Result{Claim: old[0].Claim, State: dedupe.Done, Before: []byte(`{"policy_id":4}`)}); err != nil {
		t.Fatal(err)
	}
	if o := rests(t, l, seen(9, 1, "a")); o.Status != hunt.Already {
		t.Errorf("Once = %+v, want already: an older version did not say what for", o)
	}
}

// The store forgets the oldest round first. The newer ones count still, and no key comes twice.
func TestForgottenRounds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	store := new(dedupe.Memory)
	l := clockwork(t, store, &now)
	for i := range 11 {
		ends(t, l, seen(7, byte(i+1), "a"), done())
		now = now.Add(time.Hour)
	}
	if _, err := store.Forget(t.Context(), now.Add(-90*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if o := rests(t, l, seen(7, 11, "a")); o.Status != hunt.Already || o.Task.Round != 11 {
		t.Errorf("Once = %+v, want already by the eleventh round", o)
	}
	if o := ends(t, l, seen(7, 1, "a"), done()); o.Task.Round != 12 {
		t.Errorf("what was forgotten became round %d, want 12", o.Task.Round)
	}
}

// What an action holds on a machine that was handled before keeps its reason, word for word: people take note of reasons.
func TestHeldInALaterRound(t *testing.T) {
	t.Parallel()
	l := ledger(t, new(dedupe.Memory), "o")
	ends(t, l, seen(7, 1, "a"), done())
	if o := ends(t, l, seen(7, 2, "b"), hunt.Outcome{Status: hunt.Held, Detail: "no"}); o.Detail != "no" || o.Task.Round != 2 {
		t.Errorf("Once = %+v, want the second round held, no more said", o)
	}
}

func TestALaterRoundWhoseKeyIsTooLong(t *testing.T) {
	t.Parallel()
	l := ledger(t, new(dedupe.Memory), "o")
	long := seen(7, 1, "a")
	long.Target = strings.Repeat("7", dedupe.MaxKey-len("isolate/device/"))
	ends(t, l, long, done())
	more := seen(7, 2, "b")
	more.Target = long.Target
	outcomes, err := l.Once(t.Context(), "run", []hunt.Task{more, seen(8, 1, "a")}, new(action).do)
	if err != nil || !errors.Is(outcomes[0].Err, dedupe.ErrInvalid) || outcomes[1].Status != hunt.Done {
		t.Errorf("Once = %+v, %v; want ErrInvalid, and the other done", outcomes, err)
	}
	if err := l.Hold(t.Context(), "run", hunt.Outcome{Task: more}, hunt.Outcome{Task: seen(9, 1, "a")}); err != nil {
		t.Errorf("Hold = %v, want what cannot be kept left out", err)
	}
}

// What an action left out on the way was not done, and is new the next time.
func TestOnlyWhatWasDoneIsCovered(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	if _, err := l.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "a", 2, "b")}, func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
		return []hunt.Outcome{{Task: seen(7, 1, "a"), Status: hunt.Done}}
	}); err != nil {
		t.Fatal(err)
	}
	if o := ends(t, l, seen(7, 1, "a", 2, "b"), done()); o.Task.Round != 2 || len(o.Task.Sightings) != 1 {
		t.Errorf("Once = %+v, want a second round for what was left out", o.Task)
	}
}

// Many hunters on one store, each with findings of its own on the same machine: no finding is handled twice or forgotten.
func TestManyHuntersCountRoundsTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		var mu sync.Mutex
		handled := make(map[string]int)
		busy := 0
		var all sync.WaitGroup
		for i := range 6 {
			l := ledger(t, store, fmt.Sprintf("hunter %d", i))
			all.Go(func() {
				task := seen(7, byte(1+i/2), "a", 9, fmt.Sprintf("p%d", i))
				outcomes, err := l.Once(t.Context(), "run", []hunt.Task{task}, func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
					mu.Lock()
					for _, r := range reasons(tasks[0]) {
						handled[r]++
					}
					if busy++; busy > 1 {
						t.Error("two hunters are at one machine at once")
					}
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					busy--
					mu.Unlock()
					return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done}}
				})
				if err != nil || outcomes[0].Status != hunt.Done && outcomes[0].Status != hunt.Already {
					t.Errorf("Once = %+v, %v", outcomes, err)
				}
			})
		}
		all.Wait()
		want := map[string]int{"01 in a": 1, "02 in a": 1, "03 in a": 1, "09 in p0": 1, "09 in p1": 1, "09 in p2": 1, "09 in p3": 1, "09 in p4": 1, "09 in p5": 1}
		if diff := cmp.Diff(want, handled); diff != "" {
			t.Errorf("how often each finding was handled mismatch (-want +got):\n%s", diff)
		}
	})
}

// The same machine twice in one call, for different findings.
func TestTwoTasksOnOneMachine(t *testing.T) {
	t.Parallel()
	l := ledger(t, new(dedupe.Memory), "o")
	second := seen(7, 2, "b")
	second.Round = 2
	work := new(action)
	outcomes, err := l.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "a"), second}, work.do)
	if err != nil || len(work.did) != 2 {
		t.Fatalf("Once = %+v, %v, having done %v; want two tasks, one after the other", outcomes, err, work.did)
	}
	if a, b := outcomes[0].Task.Key(), outcomes[1].Task.Key(); a != "isolate/device/7" || b != "isolate/device/7/2" || work.calls != 2 {
		t.Errorf("the tasks were %s and %s in %d calls, want two rounds in two", a, b, work.calls)
	}
}

package dedupehunt_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// undone takes tasks back and counts them.
func undone(n *int) hunt.DoFunc {
	return func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
		var outcomes []hunt.Outcome
		for _, t := range tasks {
			*n++
			outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Undone, Detail: "released"})
		}
		return outcomes
	}
}

func TestTakenBackOnce(t *testing.T) {
	t.Parallel()
	now, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	ends(t, l, seen(7, 1, "a"), done())
	ends(t, l, seen(7, 2, "b"), done())
	back := seen(7, 2, "b")
	back.Round, back.Undo = 2, true
	now = now.Add(time.Hour)

	// Neither a failure nor somebody's no is the end of it, and neither waits.
	for _, o := range []hunt.Outcome{failure(true), failure(false), failure(false), {Status: hunt.Held, Detail: "moved again since"}} {
		if got := ends(t, l, back, o); got.Status != o.Status || got.Task.Key() != "undo/isolate/device/7/2" {
			t.Errorf("Once = %+v, want %s", got, o.Status)
		}
		if r := records(t, l)[1]; !r.Undone.IsZero() {
			t.Errorf("after %s the record is %+v, want it not undone", o.Status, r)
		}
	}
	now = now.Add(30 * 24 * time.Hour)
	if o := ends(t, l, back, hunt.Outcome{Status: hunt.Undone, Detail: "released"}); o.Status != hunt.Undone {
		t.Errorf("Once = %+v, want undone", o)
	}
	if o := rests(t, l, back); o.Status != hunt.Already || o.Detail != "taken back before, on 2026-04-01 11:00:00 UTC: released" {
		t.Errorf("Once = %+v, want already", o)
	}
	got := make(map[string]time.Time)
	for _, r := range records(t, l) {
		got[r.Task.Key()] = r.Undone
	}
	want := map[string]time.Time{"isolate/device/7": {}, "isolate/device/7/2": now, "undo/isolate/device/7/2": {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("when the records were undone mismatch (-want +got):\n%s", diff)
	}
	// What was taken back is not done again for the same finding, but for a new one.
	o := rests(t, l, seen(7, 2, "b"))
	if o.Status != hunt.Already {
		t.Errorf("Once = %+v, want already", o)
	}
	if want := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC); !o.Earlier.Equal(want) {
		t.Errorf("Earlier is %s, want %s", o.Earlier, want)
	}
	if o := ends(t, l, seen(7, 3, "c"), done()); o.Task.Round != 3 {
		t.Errorf("Once = %+v, want a third round", o)
	}
}

func TestTwoWhoTakeBackAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		ends(t, ledger(t, store, "o"), seen(7, 1, "a"), done())
		back := seen(7, 1, "a")
		back.Undo = true
		calls := 0
		var all sync.WaitGroup
		for _, owner := range []string{"first", "second", "third"} {
			l := ledger(t, store, owner)
			all.Go(func() {
				outcomes, err := l.Once(t.Context(), "undo", []hunt.Task{back}, func(ctx context.Context, tasks []hunt.Task, note hunt.NoteFunc) []hunt.Outcome {
					time.Sleep(time.Second)
					return undone(&calls)(ctx, tasks, note)
				})
				if err != nil || outcomes[0].Status != hunt.Undone && outcomes[0].Status != hunt.Already {
					t.Errorf("Once = %+v, %v", outcomes, err)
				}
			})
		}
		all.Wait()
		if calls != 1 {
			t.Errorf("it was taken back %d times, want once", calls)
		}
	})
}

// What is done again, after the ledger had forgotten it, is not undone because it was so once.
func TestUndoneIsTheTaskThatStoodThen(t *testing.T) {
	t.Parallel()
	now, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	task := seen(7, 1, "a")
	task.Scope, task.Target = hunt.ScopeProcess, "a/"+hunt.SHA256{1}.String()
	ends(t, l, task, done())
	now = now.Add(20 * 24 * time.Hour)
	back := task
	back.Undo = true
	ends(t, l, back, hunt.Outcome{Status: hunt.Undone})
	now = now.Add(11 * 24 * time.Hour)
	if n, err := store.Forget(t.Context(), now.Add(-30*24*time.Hour)); n != 1 || err != nil {
		t.Fatalf("Forget = %d, %v; want the task", n, err)
	}
	ends(t, l, task, done())
	if r := records(t, l)[0]; !r.Undone.IsZero() {
		t.Errorf("the record is %+v, want it to stand", r)
	}
	// It can be taken back again, once, as everything else.
	now = now.Add(time.Hour)
	if o := ends(t, l, back, failure(false)); o.Status != hunt.Failed {
		t.Errorf("Once = %+v, want the action's failure", o)
	}
	if o := ends(t, l, back, hunt.Outcome{Status: hunt.Undone}); o.Status != hunt.Undone || o.Task.Key() != back.Key() {
		t.Errorf("Once = %+v, want it taken back a second time", o)
	}
	if o := rests(t, l, back); o.Status != hunt.Already {
		t.Errorf("Once = %+v, want already", o)
	}
	all := records(t, l)
	if !all[0].Undone.Equal(now) || len(all) != 3 || all[2].Task.Key() != back.Key() || all[2].Attempts != 2 {
		t.Errorf("the records are %+v, want the task undone now, and who took it back both times", all)
	}
}

// What had come of a failed attempt is taken back. Whoever does so does not want it tried again, unless something new is found.
func TestTakenBackAfterAFailure(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]hunt.Outcome{"failed": failure(false), "held": {Status: hunt.Held, Detail: "no"}} {
		now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
		l := clockwork(t, new(dedupe.Memory), &now)
		lost := failure(false)
		lost.Before = []byte(`{"on":false}`)
		ends(t, l, seen(7, 1, "a"), lost)
		now = now.Add(time.Hour)
		ends(t, l, seen(7, 1, "a"), last)
		now = now.Add(time.Hour)
		back := seen(7, 1, "a")
		back.Undo = true
		if got := ends(t, l, back, hunt.Outcome{Status: hunt.Undone}); got.Status != hunt.Undone {
			t.Errorf("%s: Once = %+v, want undone", name, got)
		}
		if r := records(t, l)[0]; !r.Undone.Equal(now) || r.Status != hunt.Already || string(r.Task.Before) != `{"on":false}` {
			t.Errorf("%s: the record is %+v, want it undone", name, r)
		}
		now = now.Add(time.Hour)
		if got := rests(t, l, seen(7, 1, "a")); got.Status != hunt.Already {
			t.Errorf("%s: Once = %+v, want already", name, got)
		}
		if got := rests(t, l, back); got.Status != hunt.Already {
			t.Errorf("%s: Once = %+v, want already", name, got)
		}
		if got := ends(t, l, seen(7, 1, "a", 2, "b"), done()); got.Task.Round != 2 || len(got.Task.Sightings) != 1 {
			t.Errorf("%s: Once = %+v, want a second round for what is new", name, got)
		}
	}
}

// What is taken back is being tried again at the same moment: that comes to its own end, and can be taken back itself.
func TestTakenBackWhileItIsTriedAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	lost := failure(false)
	lost.Before = []byte(`{"on":false}`)
	ends(t, l, seen(7, 1, "a"), lost)
	now = now.Add(time.Hour)
	back := seen(7, 1, "a")
	back.Undo = true
	if _, err := l.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "a")}, func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
		ends(t, l, back, hunt.Outcome{Status: hunt.Undone})
		now = now.Add(time.Second)
		return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done, Before: []byte(`{"on":false}`)}}
	}); err != nil {
		t.Fatal(err)
	}
	if r := records(t, l)[0]; !r.Undone.IsZero() || r.Status != hunt.Done {
		t.Errorf("the record is %+v, want it done and not undone", r)
	}
	if got := ends(t, l, back, hunt.Outcome{Status: hunt.Undone}); got.Status != hunt.Undone {
		t.Errorf("Once = %+v, want undone", got)
	}
	if r := records(t, l)[0]; !r.Undone.Equal(now) {
		t.Errorf("the record is %+v, want it undone", r)
	}
}

// The process died after it had noted the state before. Whether it made its call, the action finds out when it is taken back.
func TestTakenBackAfterACrash(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	store := new(dedupe.Memory)
	l := clockwork(t, store, &now)
	func() {
		defer func() { _ = recover() }()
		_, _ = l.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "a")}, func(ctx context.Context, tasks []hunt.Task, note hunt.NoteFunc) []hunt.Outcome {
			tasks[0].Before = []byte(`{"on":false}`)
			if err := note(ctx, tasks...); err != nil {
				t.Error(err)
			}
			panic("as good as dead")
		})
	}()
	if r := records(t, l)[0]; r.Status != "" {
		t.Errorf("the record is %+v, want it under way as long as the lease", r)
	}
	now = now.Add(2 * time.Minute)
	if r := records(t, l)[0]; r.Status != hunt.Failed || string(r.Task.Before) != `{"on":false}` {
		t.Errorf("the record is %+v, want it failed, with the state before", r)
	}
	back := seen(7, 1, "a")
	back.Undo = true
	if got := ends(t, l, back, hunt.Outcome{Status: hunt.Already}); got.Status != hunt.Already {
		t.Errorf("Once = %+v, want already", got)
	}
	if r := records(t, l)[0]; r.Undone.IsZero() || r.Status != hunt.Already {
		t.Errorf("the record is %+v, want it undone", r)
	}
	if got := rests(t, l, seen(7, 1, "a")); got.Status != hunt.Already {
		t.Errorf("Once = %+v, want already", got)
	}
}

// A person takes back what may have come of one attempt. What is held on the same machine for another file goes on waiting.
func TestTakenBackNotWhatIsHeldBesides(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	lost := failure(false)
	lost.Before = []byte(`{"on":false}`)
	ends(t, l, seen(7, 1, "a"), lost)
	now = now.Add(time.Hour)
	hold(t, l, "no", seen(7, 1, "a", 2, "b"))
	back := seen(7, 1, "a")
	back.Undo = true
	ends(t, l, back, hunt.Outcome{Status: hunt.Undone})
	if r := records(t, l)[0]; r.Status != hunt.Held || r.Undone.IsZero() {
		t.Errorf("the record is %+v, want it held still, and nothing left of it", r)
	}
}

package dedupehunt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

func TestOnceDoesEachTaskOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		work := new(action)
		l := ledger(t, store, "first")
		given := append(tasks(7, 3, 5), task(3)) // the same target twice
		outcomes, err := l.Once(t.Context(), "run", given, work.do)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"7", "3", "5"}, work.did); diff != "" {
			t.Errorf("tasks that were done mismatch (-want +got):\n%s", diff)
		}
		for i, o := range outcomes {
			if o.Task.Target != given[i].Target || o.Status != hunt.Done || o.Detail != "isolated" {
				t.Errorf("outcome %d = %+v, want done for %s", i, o, given[i].Target)
			}
		}
		r := state(t, store, 7)
		if r.State != dedupe.Done || r.Owner != "first" || r.Detail != "isolated" {
			t.Errorf("the record is %+v, want done by first", r)
		}

		again, err := ledger(t, store, "second").Once(t.Context(), "run", tasks(7, 3, 5), never(t))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]hunt.Status{hunt.Already, hunt.Already, hunt.Already}, statuses(again)); diff != "" {
			t.Errorf("second run mismatch (-want +got):\n%s", diff)
		}
		if want := "done before, on 2000-01-01 00:00:00 UTC: isolated"; again[0].Detail != want {
			t.Errorf("the second run says %q, want %q", again[0].Detail, want)
		}
	})
}

func TestOnceOfNothing(t *testing.T) {
	t.Parallel()
	outcomes, err := ledger(t, new(dedupe.Memory), "o").Once(t.Context(), "run", nil, never(t))
	if len(outcomes) > 0 || err != nil {
		t.Errorf("Once of nothing = %v, %v", outcomes, err)
	}
}

func TestManyHuntersDoEachTaskOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		work := &action{took: time.Second}
		var devices []int
		for i := range 40 {
			devices = append(devices, i)
		}
		var all sync.WaitGroup
		for i := range 6 {
			l := ledger(t, store, fmt.Sprintf("hunter %d", i))
			mine := append(append([]int{}, devices[i*6:]...), devices[:i*6]...)
			all.Go(func() {
				for n := range 4 { // each asks for its tasks in four batches
					outcomes, err := l.Once(t.Context(), "run", tasks(mine[n*10:n*10+10]...), work.do)
					if err != nil {
						t.Error(err)
					}
					for _, o := range outcomes {
						if o.Status != hunt.Done && o.Status != hunt.Already {
							t.Errorf("%s ended %s: %v", o.Task, o.Status, o.Err)
						}
					}
				}
			})
		}
		all.Wait()
		var want []string
		for _, task := range tasks(devices...) {
			want = append(want, task.Target)
		}
		if diff := cmp.Diff(sorted(want), sorted(work.did)); diff != "" {
			t.Errorf("tasks that were done mismatch (-want +got):\n%s", diff)
		}
	})
}

// The claims outlast work that takes longer than the lease, and whoever waits for it learns that it is done.
func TestOnceRenewsWhileTheWorkGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(faulty)
		begun := time.Now()
		work := &action{took: 5 * time.Minute}
		var waited sync.WaitGroup
		waited.Go(func() {
			time.Sleep(time.Second)
			outcomes, err := ledger(t, store, "second").Once(t.Context(), "run", tasks(7), never(t))
			if err != nil || outcomes[0].Status != hunt.Already {
				t.Errorf("who waited got %+v, %v; want already", outcomes, err)
			}
			if took := time.Since(begun); took < 5*time.Minute || took > 5*time.Minute+2*time.Second {
				t.Errorf("who waited was told after %v, want 5 minutes", took)
			}
		})
		if _, err := ledger(t, store, "first").Once(t.Context(), "run", tasks(7), work.do); err != nil {
			t.Error(err)
		}
		waited.Wait()
		for i, at := range store.renewals {
			if want := time.Duration(i+1) * 20 * time.Second; at.Sub(begun) != want {
				t.Errorf("renewal %d came after %v, want %v", i, at.Sub(begun), want)
			}
		}
		if n := len(store.renewals); n < 14 || n > 15 {
			t.Errorf("%d renewals in 5 minutes, want 14 or 15", n)
		}
	})
}

func TestOnceTakesOverFromTheDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		begun := time.Now()
		if _, err := store.Claim(t.Context(), "dead", begun, time.Minute, dedupe.Key(task(7).Key())); err != nil {
			t.Fatal(err)
		}
		work := new(action)
		var before time.Duration
		outcomes, err := ledger(t, store, "heir").Once(t.Context(), "run", tasks(6, 7, 8), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			if work.calls == 0 {
				before = time.Since(begun)
			}
			return work.do(ctx, tasks, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"6", "8", "7"}, work.did); diff != "" || before != 0 {
			t.Errorf("order mismatch, first after %v (-want +got):\n%s", before, diff)
		}
		if diff := cmp.Diff([]hunt.Status{hunt.Done, hunt.Done, hunt.Done}, statuses(outcomes)); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("it took %v, want the lease of a minute", took)
		}
		if r := state(t, store, 7); r.Attempt != 2 || r.State != dedupe.Done {
			t.Errorf("the record is %+v, want done at the second attempt", r)
		}
	})
}

// The leases of the dead end at different times, and nobody waits longer than for his.
func TestOnceWaitsForTheSoonest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		begun := time.Now()
		for device, lease := range map[int]time.Duration{7: time.Minute, 8: 5250 * time.Millisecond, 9: time.Minute} {
			if _, err := store.Claim(t.Context(), "dead", begun, lease, dedupe.Key(task(device).Key())); err != nil {
				t.Fatal(err)
			}
		}
		var after []time.Duration
		if _, err := ledger(t, store, "heir").Once(t.Context(), "run", tasks(7, 8, 9), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			after = append(after, time.Since(begun))
			return new(action).do(ctx, tasks, nil)
		}); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]time.Duration{5250 * time.Millisecond, time.Minute}, after); diff != "" {
			t.Errorf("times mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestOnceClaimsWhatWasForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		grants, err := store.Claim(t.Context(), "other", time.Now(), time.Minute, dedupe.Key(task(7).Key()))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(5*time.Second, func() {
			if _, err := store.Finish(t.Context(), time.Now(), dedupe.Result{Claim: grants[0].Claim, State: dedupe.Done}); err != nil {
				t.Error(err)
			}
			if n, err := store.Forget(t.Context(), time.Now().Add(time.Second)); n != 1 || err != nil {
				t.Errorf("Forget = %d, %v", n, err)
			}
		})
		work := new(action)
		if _, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), work.do); err != nil || work.calls != 1 {
			t.Errorf("Once did it %d times, %v; want once", work.calls, err)
		}
	})
}

func TestOnceClaimsAtOnceWhatAnotherGivesUp(t *testing.T) {
	t.Parallel()
	for _, end := range []dedupe.State{dedupe.Failed, dedupe.Released} {
		t.Run(string(end), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := new(dedupe.Memory)
				begun := time.Now()
				grants, err := store.Claim(t.Context(), "other", begun, time.Minute, dedupe.Key(task(7).Key()))
				if err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(10*time.Second, func() {
					if _, err := store.Finish(t.Context(), time.Now(), dedupe.Result{Claim: grants[0].Claim, State: end}); err != nil {
						t.Error(err)
					}
				})
				work := new(action)
				if _, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), work.do); err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); len(work.did) != 1 || took < 10*time.Second || took > 11*time.Second {
					t.Errorf("did %v after %v, want it once, within a second after the other gave up", work.did, took)
				}
			})
		})
	}
}

func TestWhatTheStoreIsTold(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	tried := func(r hunt.Record) hunt.Record {
		r.Task, r.Run, r.Attempts, r.First, r.Last = seen(7, 1, "g"), "run", 1, now, now
		return r
	}
	before := tried(hunt.Record{Status: hunt.Done, Detail: "d"})
	before.Task.Before = []byte(`{"on":false}`)
	odd := tried(hunt.Record{Status: hunt.Done})
	odd.Task.Before = []byte(`"no JSON"`)
	held := tried(hunt.Record{Status: hunt.Held, Detail: "allow-listed"})
	held.Attempts = 0
	for name, c := range map[string]struct {
		outcome *hunt.Outcome
		state   dedupe.State
		want    hunt.Record
		status  hunt.Status
	}{
		"done":               {&hunt.Outcome{Status: hunt.Done, Detail: "d", Before: []byte(`{"on":false}`)}, dedupe.Done, before, hunt.Done},
		"a state of no JSON": {&hunt.Outcome{Status: hunt.Done, Before: []byte("no JSON")}, dedupe.Done, odd, hunt.Done},
		"already":            {&hunt.Outcome{Status: hunt.Already, Detail: "so"}, dedupe.Done, tried(hunt.Record{Status: hunt.Already, Detail: "so"}), hunt.Already},
		"failed": {
			&hunt.Outcome{Status: hunt.Failed, Detail: "d", Err: errors.New("503")}, dedupe.Failed,
			tried(hunt.Record{Status: hunt.Failed, Detail: "503"}), hunt.Failed,
		},
		"refused": {
			&hunt.Outcome{Status: hunt.Failed, Detail: "d", Refused: true}, dedupe.Failed,
			tried(hunt.Record{Status: hunt.Failed, Detail: "d", Refused: true, Next: now.Add(6 * time.Hour)}), hunt.Failed,
		},
		"held":      {&hunt.Outcome{Status: hunt.Held, Detail: "allow-listed"}, dedupe.Released, held, hunt.Held},
		"not begun": {nil, dedupe.Released, hunt.Record{Task: seen(7, 1, "g"), Run: "run"}, hunt.Failed},
		"said to be not begun": {
			&hunt.Outcome{Status: hunt.Failed, Err: fmt.Errorf("%w: no", hunt.ErrNotBegun)}, dedupe.Released,
			hunt.Record{Task: seen(7, 1, "g"), Run: "run"},
			hunt.Failed,
		},
		"a word that is none": {&hunt.Outcome{Status: "splendid"}, dedupe.Released, hunt.Record{Task: seen(7, 1, "g"), Run: "run"}, "splendid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := new(dedupe.Memory)
			l := clockwork(t, store, &now)
			outcomes, err := l.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "g")}, func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
				if c.outcome == nil {
					return nil
				}
				o := *c.outcome
				o.Task = tasks[0]
				return []hunt.Outcome{o, {Task: task(99), Status: hunt.Done}, {Task: tasks[0], Status: hunt.Planned}}
			})
			if err != nil || len(outcomes) != 1 || outcomes[0].Status != c.status {
				t.Errorf("Once = %+v, %v; want one outcome, %s", outcomes, err, c.status)
			}
			if c.outcome == nil && !errors.Is(outcomes[0].Err, hunt.ErrNotBegun) {
				t.Errorf("the error is %v, want ErrNotBegun", outcomes[0].Err)
			}
			if r := state(t, store, 7); r.State != c.state {
				t.Errorf("the store has it as %s, want %s", r.State, c.state)
			}
			if diff := cmp.Diff([]hunt.Record{c.want}, records(t, l), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("records mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// Ctrl-C: what was done is recorded, what was not begun is given back, and nobody is waited for any longer.
func TestOnceRecordsAfterItsContextHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		ctx, cancel := context.WithCancel(t.Context())
		begun := time.Now()
		if _, err := store.Claim(ctx, "other", begun, time.Minute, dedupe.Key(task(9).Key())); err != nil {
			t.Fatal(err)
		}
		outcomes, err := ledger(t, store, "o").Once(ctx, "run", tasks(7, 8, 9), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			cancel()
			<-ctx.Done()
			return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done}}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Once = %v, want context.Canceled", err)
		}
		if diff := cmp.Diff([]hunt.Status{hunt.Done, hunt.Failed, hunt.Failed}, statuses(outcomes)); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
		for _, o := range outcomes[1:] {
			if !errors.Is(o.Err, hunt.ErrNotBegun) || !errors.Is(o.Err, context.Canceled) {
				t.Errorf("%s: %v, want ErrNotBegun because of context.Canceled", o.Task, o.Err)
			}
		}
		if a, b := state(t, store, 7), state(t, store, 8); a.State != dedupe.Done || b.State != dedupe.Released {
			t.Errorf("7 is %s and 8 is %s, want done and released", a.State, b.State)
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("it took %v to stop", took)
		}
	})
}

func TestOnceStopsWaitingWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		if _, err := store.Claim(t.Context(), "other", time.Now(), time.Hour, dedupe.Key(task(7).Key())); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		begun := time.Now()
		outcomes, err := ledger(t, store, "o").Once(ctx, "run", tasks(7), never(t))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "other") {
			t.Errorf("Once = %v, want DeadlineExceeded and who is waited for", err)
		}
		if !errors.Is(outcomes[0].Err, hunt.ErrNotBegun) || time.Since(begun) > 11*time.Second {
			t.Errorf("the outcome is %+v after %v", outcomes[0], time.Since(begun))
		}
	})
}

func TestOneBadKeyStopsNoOther(t *testing.T) {
	t.Parallel()
	bad := hunt.Task{Action: "script", Scope: hunt.ScopeProcess, Target: strings.Repeat("x", 600)}
	work := new(action)
	outcomes, err := ledger(t, new(dedupe.Memory), "o").Once(t.Context(), "run", []hunt.Task{bad, task(7)}, work.do)
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(outcomes[0].Err, dedupe.ErrInvalid) || outcomes[1].Status != hunt.Done {
		t.Errorf("outcomes = %+v, want ErrInvalid and done", outcomes)
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	store := new(dedupe.Memory)
	l := ledger(t, store, "o")
	if _, err := l.Once(t.Context(), "run", tasks(7), new(action).do); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Claim(t.Context(), "other", time.Now(), time.Hour, dedupe.Key(task(8).Key())); err != nil {
		t.Fatal(err)
	}
	outcomes, err := l.Look(t.Context(), tasks(9, 8, 7))
	if err != nil || len(outcomes) != 1 || outcomes[0].Status != hunt.Already || outcomes[0].Task.Target != "7" {
		t.Errorf("Look = %+v, %v; want already for 7 alone", outcomes, err)
	}
	if records, err := store.Lookup(t.Context(), dedupe.Key(task(9).Key())); err != nil || len(records) > 0 {
		t.Errorf("looking left %v, %v", records, err)
	}
}

func TestNewSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := dedupehunt.New(dedupehunt.Config{Lease: time.Minute, Renew: 40 * time.Second, Poll: -1, Owner: strings.Repeat("o", 300)})
	for _, want := range []string{"Store", "negative", "too seldom", "Owner"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want an error with %q", err, want)
		}
	}
}

func TestOwnersDiffer(t *testing.T) {
	t.Parallel()
	store := new(dedupe.Memory)
	for device := range 2 {
		if _, err := ledger(t, store, "").Once(t.Context(), "run", tasks(device), new(action).do); err != nil {
			t.Fatal(err)
		}
	}
	a, b := state(t, store, 0).Owner, state(t, store, 1).Owner
	if a == b || strings.Count(a, "/") != 2 {
		t.Errorf("two ledgers have the owners %q and %q", a, b)
	}
}

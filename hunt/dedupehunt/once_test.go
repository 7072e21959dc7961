package dedupehunt_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
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

package dedupehunt_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

var errStore = errors.New("the disk is on fire")

// While the store cannot be reached the claim runs out. The work must have ended before anybody else can begin.
func TestWorkEndsBeforeAnUnrenewedLeaseDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{renew: func() error { return errStore }}
		begun := time.Now()
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			<-ctx.Done()
			if took := time.Since(begun); took < 50*time.Second || took >= time.Minute {
				t.Errorf("the work was stopped after %v, want shortly before the lease of a minute ended", took)
			}
			if !errors.Is(context.Cause(ctx), dedupehunt.ErrClaimLost) || !errors.Is(context.Cause(ctx), errStore) {
				t.Errorf("the cause is %v, want ErrClaimLost because of the store", context.Cause(ctx))
			}
			return []hunt.Outcome{{Task: tasks[0], Status: hunt.Failed, Err: ctx.Err()}}
		})
		if err != nil || outcomes[0].Status != hunt.Failed || state(t, store, 7).State != dedupe.Failed {
			t.Errorf("Once = %+v, %v; want failed, and recorded so: nobody took the claim over", outcomes, err)
		}
	})
}

func TestRenewalSurvivesAStoreThatFailsForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{renew: times(10, errStore)}
		work := &action{took: 3 * time.Minute}
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			defer func() {
				if ctx.Err() != nil {
					t.Errorf("the work was stopped: %v", context.Cause(ctx))
				}
			}()
			return work.do(ctx, tasks, nil)
		})
		if err != nil || outcomes[0].Status != hunt.Done {
			t.Errorf("Once = %+v, %v; want done", outcomes, err)
		}
	})
}

// steal makes another hunter the holder of a task, as if this process had slept for longer than the lease.
func steal(t *testing.T, store dedupe.Store, device int) dedupe.Claim {
	t.Helper()
	grants, err := store.Claim(t.Context(), "thief", time.Now().Add(time.Hour), time.Minute, dedupe.Key(task(device).Key()))
	if err != nil || !grants[0].Won {
		t.Fatalf("stealing %d: %+v, %v", device, grants, err)
	}
	return grants[0].Claim
}

func TestWorkEndsWhenAnotherTookTheTaskOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		begun := time.Now()
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7, 8), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			steal(t, store, 7)
			<-ctx.Done()
			if took := time.Since(begun); took != 20*time.Second {
				t.Errorf("the work was stopped after %v, want the first renewal", took)
			}
			if !errors.Is(context.Cause(ctx), dedupehunt.ErrClaimLost) {
				t.Errorf("the cause is %v, want ErrClaimLost", context.Cause(ctx))
			}
			time.Sleep(2 * time.Minute) // 8 is still ours, and is kept while the work winds up
			return []hunt.Outcome{
				{Task: tasks[0], Status: hunt.Failed, Err: context.Cause(ctx)},
				{Task: tasks[1], Status: hunt.Done},
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if outcomes[0].Status != hunt.Failed || !errors.Is(outcomes[0].Err, dedupehunt.ErrClaimLost) {
			t.Errorf("the outcome of the stolen task is %+v, want failed with ErrClaimLost", outcomes[0])
		}
		if r := state(t, store, 7); r.Owner != "thief" || r.State != dedupe.Claimed {
			t.Errorf("the stolen task's record is %+v, want the thief's claim", r)
		}
		if r := state(t, store, 8); outcomes[1].Status != hunt.Done || r.State != dedupe.Done || r.Attempt != 1 {
			t.Errorf("the other task is %+v with the record %+v, want done at the first attempt", outcomes[1], r)
		}
	})
}

// What was not begun when the claim was lost is not given up: whoever has it is waited for, and the rest is claimed anew.
func TestTasksNotBegunAreClaimedAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		work := new(action)
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7, 8), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			if len(tasks) == 1 {
				return work.do(ctx, tasks, nil)
			}
			c := steal(t, store, 7)
			<-ctx.Done()
			time.AfterFunc(time.Second, func() {
				if _, err := store.Finish(t.Context(), time.Now(), dedupe.Result{Claim: c, State: dedupe.Done, Detail: "stolen"}); err != nil {
					t.Error(err)
				}
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]hunt.Status{hunt.Already, hunt.Done}, statuses(outcomes)); diff != "" || len(work.did) != 1 {
			t.Errorf("did %v, outcomes mismatch (-want +got):\n%s", work.did, diff)
		}
	})
}

// A store that does not answer is as bad as one that answers with an error.
func TestWorkEndsBeforeTheLeaseDoesWhenTheStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &hanging{Store: new(dedupe.Memory)}
		calls := 0
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), func(ctx context.Context, _ []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			calls++
			begun := time.Now()
			<-ctx.Done()
			if took := time.Since(begun); took < 50*time.Second || took >= time.Minute {
				t.Errorf("the work was stopped after %v, want shortly before the lease of a minute ended", took)
			}
			return nil
		})
		if err != nil || !errors.Is(outcomes[0].Err, dedupehunt.ErrClaimLost) || calls != 3 {
			t.Errorf("Once = %+v, %v after %d calls; want ErrClaimLost after three: it is not tried for ever", outcomes, err, calls)
		}
	})
}

func TestNothingGoesOnAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &hanging{Store: new(dedupe.Memory), slowly: time.Second}
		if _, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), (&action{took: 25 * time.Second}).do); err != nil {
			t.Error(err)
		}
		if n := store.inside.Load(); n != 0 {
			t.Errorf("%d renewals are going on after the end", n)
		}
	})
}

// hanging answers a renewal only when its context ends, and then slowly.
type hanging struct {
	dedupe.Store
	slowly time.Duration
	inside atomic.Int32
}

func (h *hanging) Renew(ctx context.Context, _ time.Time, _ time.Duration, _ ...dedupe.Claim) ([]dedupe.Key, error) {
	h.inside.Add(1)
	defer h.inside.Add(-1)
	<-ctx.Done()
	time.Sleep(h.slowly)
	return nil, ctx.Err()
}

// Work that winds up after Ctrl-C keeps its claims until it has ended.
func TestClaimsAreKeptAfterTheContextHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		ctx, cancel := context.WithCancel(t.Context())
		var waited sync.WaitGroup
		waited.Go(func() {
			time.Sleep(time.Second)
			outcomes, err := ledger(t, store, "second").Once(t.Context(), "run", tasks(7), never(t))
			if err != nil || outcomes[0].Status != hunt.Already {
				t.Errorf("who waited got %+v, %v; want already", outcomes, err)
			}
		})
		if _, err := ledger(t, store, "first").Once(ctx, "run", tasks(7), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			cancel()
			return (&action{took: 5 * time.Minute}).do(ctx, tasks, nil)
		}); err != nil {
			t.Error(err)
		}
		waited.Wait()
	})
}

func TestNothingIsBegunAfterTheContextHasEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	store := &meanwhile{Store: new(dedupe.Memory), claimed: cancel}
	outcomes, err := ledger(t, store, "o").Once(ctx, "run", tasks(7), never(t))
	if err != nil || !errors.Is(outcomes[0].Err, hunt.ErrNotBegun) || !errors.Is(outcomes[0].Err, context.Canceled) {
		t.Errorf("Once = %+v, %v; want not begun because of context.Canceled", outcomes, err)
	}
	if r := state(t, store, 7); r.State != dedupe.Released {
		t.Errorf("the task is %s, want released", r.State)
	}
}

// meanwhile does something when a claim has been won.
type meanwhile struct {
	dedupe.Store
	claimed func()
}

func (m *meanwhile) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) ([]dedupe.Grant, error) {
	grants, err := m.Store.Claim(ctx, owner, now, lease, keys...)
	m.claimed()
	return grants, err
}

func TestNotBegunAndNotGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{finish: func() error { return errStore }}
		begun := time.Now()
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), func(ctx context.Context, _ []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			steal(t, store, 7)
			<-ctx.Done()
			return nil
		})
		if !errors.Is(err, dedupehunt.ErrNotRecorded) || !errors.Is(outcomes[0].Err, hunt.ErrNotBegun) || time.Since(begun) > time.Minute {
			t.Errorf("Once = %+v, %v after %v; want not begun, soon", outcomes, err, time.Since(begun))
		}
	})
}

func TestDoneAlthoughTheClaimWasLost(t *testing.T) {
	t.Parallel()
	store := new(dedupe.Memory)
	outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
		steal(t, store, 7)
		return new(action).do(ctx, tasks, nil)
	})
	if err != nil || outcomes[0].Status != hunt.Done || !strings.Contains(outcomes[0].Detail, "another hunter may have done it too") {
		t.Errorf("Once = %+v, %v; want done, and what may have happened", outcomes, err)
	}
}

func TestRecordingIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{finish: times(4, errStore)}
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), new(action).do)
		if err != nil || outcomes[0].Status != hunt.Done || state(t, store, 7).State != dedupe.Done {
			t.Errorf("Once = %+v, %v; want done and recorded", outcomes, err)
		}
	})
}

// The answer to a write may be lost after the write. That is no lost claim.
func TestRecordedAlthoughTheAnswerWasLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{after: times(1, errStore)}
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), new(action).do)
		if err != nil || outcomes[0].Status != hunt.Done || outcomes[0].Detail != "isolated" {
			t.Errorf("Once = %+v, %v; want done without a word about a lost claim", outcomes, err)
		}
	})
}

func TestDoneButNotRecordedIsToldAsFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{finish: func() error { return errStore }}
		begun := time.Now()
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), new(action).do)
		if !errors.Is(err, dedupehunt.ErrNotRecorded) || !errors.Is(err, errStore) {
			t.Errorf("Once = %v, want ErrNotRecorded because of the store", err)
		}
		o := outcomes[0]
		if o.Status != hunt.Failed || !errors.Is(o.Err, dedupehunt.ErrNotRecorded) || !strings.HasPrefix(o.Detail, "isolated; but") {
			t.Errorf("the outcome is %+v, want failed, with what was done and what will happen", o)
		}
		if took := time.Since(begun); took > 11*time.Second {
			t.Errorf("it tried for %v, want 10 s", took)
		}
	})
}

// What was taken back and could not be recorded is taken back again, so that it must not be told as over.
func TestTakenBackButNotRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := task(7)
		back.Undo = true
		outcomes, err := ledger(t, &faulty{finish: func() error { return errStore }}, "o").Once(t.Context(), "run", []hunt.Task{back}, undone(new(int)))
		if !errors.Is(err, dedupehunt.ErrNotRecorded) || outcomes[0].Status != hunt.Failed {
			t.Errorf("Once = %+v, %v; want failed with ErrNotRecorded", outcomes, err)
		}
	})
}

func TestStoreThatCannotClaim(t *testing.T) {
	t.Parallel()
	store := refusing{new(dedupe.Memory)}
	outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7, 8), never(t))
	if !errors.Is(err, errStore) || len(outcomes) != 2 || !errors.Is(outcomes[1].Err, hunt.ErrNotBegun) || !errors.Is(outcomes[1].Err, errStore) {
		t.Errorf("Once = %+v, %v; want every task not begun because of the store", outcomes, err)
	}
	if _, err := ledger(t, store, "o").Look(t.Context(), tasks(7)); err != nil {
		t.Errorf("Look = %v", err)
	}
}

type refusing struct{ dedupe.Store }

func (refusing) Claim(context.Context, string, time.Time, time.Duration, ...dedupe.Key) ([]dedupe.Grant, error) {
	return nil, errStore
}

// A claim that comes back late may be over before the work has begun.
func TestSlowClaimIsNotTrusted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: new(dedupe.Memory), pauses: []time.Duration{50 * time.Second}}
		begun := time.Now()
		work := new(action)
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", tasks(7), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			if took := time.Since(begun); took < 50*time.Second {
				t.Errorf("the work began after %v", took)
			}
			return work.do(ctx, tasks, nil)
		})
		if err != nil || outcomes[0].Status != hunt.Done || work.calls != 1 {
			t.Errorf("Once = %+v, %v after %d calls; want done by a second claim", outcomes, err, work.calls)
		}
		if r := state(t, store, 7); r.Attempt != 2 {
			t.Errorf("the record is %+v, want a second attempt", r)
		}
	})
}

// slow answers claims late.
type slow struct {
	dedupe.Store
	pauses []time.Duration
}

func (s *slow) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) ([]dedupe.Grant, error) {
	grants, err := s.Store.Claim(ctx, owner, now, lease, keys...)
	if len(s.pauses) > 0 {
		time.Sleep(s.pauses[0])
		s.pauses = s.pauses[1:]
	}
	return grants, err
}

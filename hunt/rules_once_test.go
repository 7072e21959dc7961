package hunt_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

func openStore(t *testing.T, path string) *sqlitededupe.Store {
	t.Helper()
	store, err := sqlitededupe.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func closeStore(t *testing.T, store *sqlitededupe.Store) {
	t.Helper()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func TestRule3Once(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.sql")
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, plainWorld())
		here := openStore(t, path)
		first := o.run(t, crew{store: here})
		if got := first.Count(hunt.Done); got != len(first.Outcomes) {
			t.Errorf("the first run did %d of %d tasks", got, len(first.Outcomes))
		}
		_, console, _ := o.clients(t, crew{})
		if err := console.Devices.Release(t.Context(), ranIt); err != nil { // an analyst is through with it
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		want := sortedWith(contained(), "QUARANTINE 7") // the release is a device action of that name too

		again := o.run(t, crew{store: here})
		closeStore(t, here)
		elsewhere := openStore(t, path)
		defer closeStore(t, elsewhere)
		other := o.run(t, crew{store: elsewhere})
		for _, r := range []*hunt.Report{again, other} {
			if got := r.Count(hunt.Already); got != len(r.Outcomes) || got != len(first.Outcomes) {
				t.Errorf("a later run has %d of %d tasks as done before, want all %d", got, len(r.Outcomes), len(first.Outcomes))
			}
		}
		if diff := cmp.Diff(want, o.changes(t)); diff != "" {
			t.Errorf("changes after three runs mismatch (-want +got):\n%s", diff)
		}
		if o.device(t, ranIt).Quarantined {
			t.Error("the device that an analyst released was isolated again")
		}

		if _, err := elsewhere.Forget(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		o.run(t, crew{store: elsewhere, actions: []string{"isolate"}})
		if !o.device(t, ranIt).Quarantined {
			t.Error("the device was not isolated again, although the ledger had forgotten")
		}
	})
}

func TestRule4WhatFailedIsDoneByTheNextRun(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable, 0} {
		t.Run(fmt.Sprintf("status %d", status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, plainWorld())
				var broken atomic.Bool
				broken.Store(true)
				o.breakWrites(&broken, status)
				bad, err := o.hunter(t, crew{}).Run(t.Context(), o.window)
				if err == nil || bad.Count(hunt.Failed) != len(bad.Outcomes) {
					t.Errorf("the run in which every write fails: %d of %d tasks failed, error %v", bad.Count(hunt.Failed), len(bad.Outcomes), err)
				}
				if diff := cmp.Diff([]string(nil), o.changes(t)); diff != "" {
					t.Errorf("changes while every write fails (-want +got):\n%s", diff)
				}
				broken.Store(false)
				o.hook.status = 0
				time.Sleep(10 * time.Minute)
				if status == http.StatusForbidden { // a refusal is not tried again with every run
					time.Sleep(6 * time.Hour)
				}
				good := o.run(t, crew{})
				if got := good.Count(hunt.Done); got != len(bad.Outcomes) {
					t.Errorf("the next run did %d of %d tasks", got, len(bad.Outcomes))
				}
				if diff := cmp.Diff(contained(), o.changes(t)); diff != "" {
					t.Errorf("changes mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// breakWrites lets every call fail that is not a read, as long as broken is set. Without a status the connection breaks off.
func (o *office) breakWrites(broken *atomic.Bool, status int) {
	isWrite := func(r *http.Request) bool {
		return broken.Load() && r.Method != http.MethodGet && !slices.Contains(readingOperations, r.Pattern) && !strings.HasSuffix(r.URL.Path, "_search") && !strings.HasSuffix(r.URL.Path, "/search_jobs")
	}
	fault := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
		})
	}
	o.cbc.Inject(isWrite, -1, fault)
	o.nsx.Inject(isWrite, -1, fault)
	o.hook.status = http.StatusInternalServerError
}

// TestRule4NothingLost kills the first process at every call that it makes, before and after the call takes effect, and lets a
// second one run when the lease has passed.
func TestRule4NothingLost(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("after the call took effect %t", late), func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				through := false
				synctest.Test(t, func(t *testing.T) { through = killedAt(t, n, late) })
				if through || t.Failed() {
					t.Logf("killed at %d calls", n-1)
					return
				}
			}
		})
	}
}

// killedAt kills the first run at its nth call and checks the second one. It tells whether the first run was through before.
func killedAt(t *testing.T, n int, late bool) (through bool) {
	o := newOffice(t, plainWorld())
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	mortal := &life{steps: n, late: late, end: kill}
	_, _ = o.hunter(t, crew{life: mortal}).Run(ctx, o.window) // a dead process reports to nobody
	if !mortal.ended() {
		return true
	}
	recorded := o.doneKeys(t)
	time.Sleep(61 * time.Second)
	r := o.run(t, crew{})
	for _, outcome := range r.Outcomes {
		if outcome.Status != hunt.Done && outcome.Status != hunt.Already {
			t.Errorf("killed at call %d: %s ended %s: %s", n, outcome.Task, outcome.Status, outcome.Detail)
		}
	}
	if got := len(o.doneKeys(t)); got != len(r.Outcomes) {
		t.Errorf("killed at call %d: %d of %d tasks are recorded as done", n, got, len(r.Outcomes))
	}
	repeated := make(map[string]int)
	for _, f := range o.hook.received() {
		repeated[f.EventID]++
	}
	for _, outcome := range r.Outcomes {
		task := outcome.Task
		if task.Action != "webhook" {
			continue
		}
		switch got := repeated[task.EventID()]; {
		case got == 1:
		case got == 2 && !recorded[task.Key()]: // the crash fell between the call and its record
		default:
			t.Errorf("killed at call %d: %s was posted %d times; recorded before: %t", n, task, got, recorded[task.Key()])
		}
		delete(repeated, task.EventID())
	}
	if len(repeated) > 0 {
		t.Errorf("killed at call %d: posts with unknown event ids: %v", n, repeated)
	}
	// What sets a state may be done twice. Together it must be the same as once.
	if diff := cmp.Diff(contained(), slices.Compact(o.changes(t))); diff != "" {
		t.Errorf("killed at call %d: changes mismatch (-want +got):\n%s", n, diff)
	}
	if bans, lists := len(o.cbc.Overrides()), len(o.cbc.Watchlists()); bans != 1 || lists != 1 || len(o.cbc.Feeds()) != 1 {
		t.Errorf("killed at call %d: %d bans, %d feeds and %d watchlists, want one of each", n, bans, len(o.cbc.Feeds()), lists)
	}
	if d := o.device(t, ranIt); !d.Quarantined || d.PolicyID != containing {
		t.Errorf("killed at call %d: device = %+v, want it isolated and in the other policy", n, d)
	}
	return false
}

// doneKeys are the tasks that the ledger has as done.
func (o *office) doneKeys(t *testing.T) map[string]bool {
	t.Helper()
	var keys []dedupe.Key
	for _, task := range o.hunter(t, crew{}).Plan(t.Context(), o.window).Tasks {
		keys = append(keys, dedupe.Key(task.Key()))
	}
	records, err := o.store.Lookup(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	done := make(map[string]bool)
	for _, r := range records {
		if r.State == dedupe.Done {
			done[string(r.Key)] = true
		}
	}
	return done
}

// deaf is a store that does not take in the end of any task.
type deaf struct{ dedupe.Store }

func (deaf) Finish(context.Context, time.Time, ...dedupe.Result) ([]dedupe.Key, error) {
	return nil, errors.New("disk full")
}

func TestRule4WhatCannotBeRecordedIsNotCalledDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, plainWorld())
		r, err := o.hunter(t, crew{store: deaf{&o.store}, actions: []string{"webhook"}}).Run(t.Context(), o.window)
		if !errors.Is(err, dedupehunt.ErrNotRecorded) || r.Count(hunt.Failed) != 2 {
			t.Errorf("Run = %d failed tasks, error %v; want 2 and %v", r.Count(hunt.Failed), err, dedupehunt.ErrNotRecorded)
		}
		time.Sleep(61 * time.Second)
		o.run(t, crew{actions: []string{"webhook"}})
		o.run(t, crew{actions: []string{"webhook"}})
		times := make(map[string]int)
		for _, f := range o.hook.received() {
			times[f.EventID]++
		}
		want := map[string]int{r.Outcomes[0].Task.EventID(): 2, r.Outcomes[1].Task.EventID(): 2}
		if diff := cmp.Diff(want, times); diff != "" {
			t.Errorf("posts by event id mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestRule4TwoHuntersDoEachTaskOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.sql")
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, plainWorld())
		var machines sync.WaitGroup
		reports := make([]*hunt.Report, 3)
		for i := range reports {
			store := openStore(t, path)
			defer closeStore(t, store)
			machines.Go(func() {
				r, err := o.hunter(t, crew{store: store}).Run(t.Context(), o.window)
				if err != nil {
					t.Errorf("Run: %v", err)
				}
				reports[i] = r
			})
		}
		machines.Wait()
		if diff := cmp.Diff(contained(), o.changes(t)); diff != "" {
			t.Errorf("changes mismatch (-want +got):\n%s", diff)
		}
		done := 0
		for _, r := range reports {
			done += r.Count(hunt.Done)
		}
		if want := len(reports[0].Outcomes); done != want {
			t.Errorf("three hunters did %d tasks, want %d", done, want)
		}
	})
}

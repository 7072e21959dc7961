package dedupehunt_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

func task(device int) hunt.Task {
	return hunt.Task{Action: "isolate", Scope: hunt.ScopeDevice, Target: strconv.Itoa(device)}
}

func tasks(devices ...int) []hunt.Task {
	all := make([]hunt.Task, len(devices))
	for i, d := range devices {
		all[i] = task(d)
	}
	return all
}

func ledger(t *testing.T, store dedupe.Store, owner string) *dedupehunt.Ledger {
	t.Helper()
	l, err := dedupehunt.New(dedupehunt.Config{Store: store, Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// action does tasks, each taking some time, and remembers which.
type action struct {
	took  time.Duration
	mu    sync.Mutex
	did   []string
	calls int
}

func (a *action) do(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
	a.mu.Lock()
	a.calls++
	a.mu.Unlock()
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		time.Sleep(a.took)
		a.mu.Lock()
		a.did = append(a.did, t.Target)
		a.mu.Unlock()
		outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Done, Detail: "isolated", Before: []byte("{}")})
	}
	return outcomes
}

func never(t *testing.T) hunt.DoFunc {
	return func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
		t.Errorf("the work was called with %v", tasks)
		return nil
	}
}

func statuses(outcomes []hunt.Outcome) []hunt.Status {
	var all []hunt.Status
	for _, o := range outcomes {
		all = append(all, o.Status)
	}
	return all
}

func state(t *testing.T, s dedupe.Store, device int) dedupe.Record {
	t.Helper()
	records, err := s.Lookup(context.WithoutCancel(t.Context()), dedupe.Key(task(device).Key()))
	if err != nil || len(records) != 1 {
		t.Fatalf("Lookup(%d) = %v, %v; want one record", device, records, err)
	}
	return records[0]
}

// faulty is a store that fails when it is told to.
type faulty struct {
	dedupe.Memory
	renew, finish func() error
	after         func() error // what Finish answers after it has recorded
	mu            sync.Mutex
	renewals      []time.Time
}

func (f *faulty) Renew(ctx context.Context, now time.Time, lease time.Duration, claims ...dedupe.Claim) ([]dedupe.Key, error) {
	f.mu.Lock()
	f.renewals = append(f.renewals, now)
	f.mu.Unlock()
	if f.renew != nil {
		if err := f.renew(); err != nil {
			return nil, err
		}
	}
	return f.Memory.Renew(ctx, now, lease, claims...)
}

func (f *faulty) Finish(ctx context.Context, now time.Time, results ...dedupe.Result) ([]dedupe.Key, error) {
	if f.finish != nil {
		if err := f.finish(); err != nil {
			return nil, err
		}
	}
	lost, err := f.Memory.Finish(ctx, now, results...)
	if err == nil && f.after != nil {
		if err := f.after(); err != nil {
			return nil, err
		}
	}
	return lost, err
}

// times fails the first n calls.
func times(n int, err error) func() error {
	return func() error {
		if n--; n >= 0 {
			return err
		}
		return nil
	}
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

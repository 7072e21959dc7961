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

// seen is a task on a device because of a file in a process, and further pairs of both.
func seen(device int, file byte, guid string, more ...any) hunt.Task {
	t := task(device)
	add := func(file byte, guid string) {
		ind := openIndicator(file, "mail")
		ind.Mails[0].Raw = nil
		if !slices.ContainsFunc(t.Indicators, func(have hunt.Indicator) bool { return have.SHA256 == ind.SHA256 }) {
			t.Indicators = append(t.Indicators, ind)
		}
		t.Sightings = append(t.Sightings, hunt.Sighting{
			SHA256: ind.SHA256, Evidence: hunt.Executed, Process: hunt.Process{GUID: guid}, Device: hunt.Device{ID: int64(device), Name: "LAB"},
		})
	}
	add(file, guid)
	for i := 0; i+1 < len(more); i += 2 {
		add(byte(more[i].(int)), more[i+1].(string))
	}
	return t
}

// records is everything that a ledger remembers of tasks.
func records(t *testing.T, l *dedupehunt.Ledger) []hunt.Record {
	t.Helper()
	var all []hunt.Record
	for r, err := range l.Records(context.WithoutCancel(t.Context()), time.Time{}) {
		if err != nil {
			t.Fatalf("Records: %v", err)
		}
		all = append(all, r)
	}
	return all
}

// ends lets a ledger do one task, which ends with an outcome.
func ends(t *testing.T, l *dedupehunt.Ledger, task hunt.Task, o hunt.Outcome) hunt.Outcome {
	t.Helper()
	outcomes, err := l.Once(t.Context(), "run", []hunt.Task{task}, func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
		o.Task = tasks[0]
		return []hunt.Outcome{o}
	})
	if err != nil || len(outcomes) != 1 {
		t.Fatalf("Once(%s) = %+v, %v", task.Key(), outcomes, err)
	}
	return outcomes[0]
}

// rests asks a ledger for one task that must not be done now.
func rests(t *testing.T, l *dedupehunt.Ledger, task hunt.Task) hunt.Outcome {
	t.Helper()
	outcomes, err := l.Once(t.Context(), "run", []hunt.Task{task}, never(t))
	if err != nil || len(outcomes) != 1 {
		t.Fatalf("Once(%s) = %+v, %v", task.Key(), outcomes, err)
	}
	looked, err := l.Look(t.Context(), []hunt.Task{task})
	if err != nil || len(looked) != 1 || looked[0].Detail != outcomes[0].Detail || looked[0].Status != outcomes[0].Status {
		t.Errorf("Look = %+v, %v; want the same as Once, which said %+v", looked, err, outcomes[0])
	}
	return outcomes[0]
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

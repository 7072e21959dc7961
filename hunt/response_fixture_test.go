package hunt_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// memory is a ledger in memory that remembers whole tasks.
type memory struct {
	mu      sync.Mutex
	records map[string]hunt.Record
	// notes are the states before that were recorded, in order.
	notes []string
	// deaf fails every note.
	deaf bool
}

func (m *memory) Look(_ context.Context, tasks []hunt.Task) ([]hunt.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var known []hunt.Outcome
	for _, t := range tasks {
		rec, ok := m.records[t.Key()]
		switch {
		case ok && (rec.Status == hunt.Done || rec.Status == hunt.Already):
			known = append(known, hunt.Outcome{Task: t, Status: hunt.Already, Detail: "done before"})
		case ok && rec.GivenUp && !t.Released:
			known = append(known, hunt.Outcome{Task: t, Status: hunt.Failed, Err: hunt.ErrGivenUp, Acknowledged: rec.Acknowledged})
		case ok && rec.Status == hunt.Held:
			known = append(known, hunt.Outcome{Task: t, Status: hunt.Held, Detail: rec.Detail, Acknowledged: rec.Acknowledged})
		}
	}
	return known, nil
}

func (m *memory) Once(ctx context.Context, run string, tasks []hunt.Task, do hunt.DoFunc) ([]hunt.Outcome, error) {
	known, _ := m.Look(ctx, tasks)
	ends := make(map[string]hunt.Outcome)
	for _, o := range known {
		if o.Status != hunt.Held {
			ends[o.Task.Key()] = o
		}
	}
	open := slices.DeleteFunc(slices.Clone(tasks), func(t hunt.Task) bool { return ends[t.Key()].Status != "" })
	if len(open) > 0 {
		for _, o := range do(ctx, open, m.note) {
			ends[o.Task.Key()] = o
			m.record(run, o)
		}
	}
	outcomes := make([]hunt.Outcome, len(tasks))
	for i, t := range tasks {
		o, ok := ends[t.Key()]
		if !ok {
			o = hunt.Outcome{Task: t, Status: hunt.Failed, Err: hunt.ErrNotBegun}
		}
		outcomes[i] = o
	}
	return outcomes, nil
}

func (m *memory) note(_ context.Context, tasks ...hunt.Task) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deaf {
		return errors.New("the disk is full")
	}
	for _, t := range tasks {
		m.notes = append(m.notes, t.Key()+" "+string(t.Before))
	}
	return nil
}

func (m *memory) record(run string, o hunt.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = make(map[string]hunt.Record)
	}
	rec := hunt.Record{Task: o.Task, Run: run, Status: o.Status, Detail: o.Detail, Last: now()}
	rec.Task.Before = o.Before
	m.records[o.Task.Key()] = rec
	if o.Task.Undo && o.Status == hunt.Undone {
		undone := o.Task
		undone.Undo = false
		rec = m.records[undone.Key()]
		rec.Undone = now()
		m.records[undone.Key()] = rec
	}
}

func (m *memory) Hold(_ context.Context, run string, held ...hunt.Outcome) error {
	for _, o := range held {
		m.mu.Lock()
		old := m.records[o.Task.Key()]
		m.mu.Unlock()
		if old.Status != hunt.Held || old.Detail != o.Detail {
			m.record(run, o)
		}
	}
	return nil
}

func (m *memory) Records(context.Context, time.Time) iter.Seq2[hunt.Record, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []hunt.Record
	for _, key := range slices.Sorted(maps.Keys(m.records)) {
		all = append(all, m.records[key])
	}
	return sequence(nil, all...)
}

// lamps is an action with a state: each device has a lamp that it switches on, and off again.
type lamps struct {
	name string
	mu   sync.Mutex
	on   map[string]bool
	// odd is a device whose state reads otherwise.
	odd string
	// log is what was called, in order.
	log []string
}

func (l *lamps) Spec() hunt.Spec {
	return hunt.Spec{Name: l.name, Scope: hunt.ScopeDevice, Impact: hunt.Contains, Evidence: hunt.Executed, Undo: "it can be switched off"}
}

func (l *lamps) Look(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		o := hunt.Outcome{Task: t, Status: hunt.Planned, Before: fmt.Appendf(nil, `{"on":%t}`, l.on[t.Target])}
		if t.Target == l.odd {
			o.Before = []byte(`{"on":"flickering"}`)
		}
		if l.on[t.Target] != t.Undo {
			o.Status, o.Detail = hunt.Already, "it is so already"
		}
		l.log = append(l.log, "look "+t.Key())
		outcomes = append(outcomes, o)
	}
	return outcomes
}

func (l *lamps) Do(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
	return l.set(tasks, true, hunt.Done)
}

func (l *lamps) Undo(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
	return l.set(tasks, false, hunt.Undone)
}

func (l *lamps) set(tasks []hunt.Task, on bool, end hunt.Status) []hunt.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on == nil {
		l.on = make(map[string]bool)
	}
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		l.log = append(l.log, fmt.Sprintf("set %s %t from %s", t.Key(), on, t.Before))
		l.on[t.Target] = on
		outcomes = append(outcomes, hunt.Outcome{Task: t, Status: end})
	}
	return outcomes
}

// lit lists the devices whose lamp is on.
func (l *lamps) lit() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for target, on := range l.on {
		if on {
			all = append(all, target)
		}
	}
	slices.Sort(all)
	return all
}

// court gives verdicts: files that are not in it are condemned.
type court struct {
	mu      sync.Mutex
	cleared map[hunt.SHA256]bool
	err     error
	asked   int
}

func (c *court) Verify(_ context.Context, ind hunt.Indicator) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return !c.cleared[ind.SHA256], c.err
}

func (c *court) clear(hashes ...hunt.SHA256) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cleared == nil {
		c.cleared = make(map[hunt.SHA256]bool)
	}
	for _, h := range hashes {
		c.cleared[h] = true
	}
}

// response wires a hunt of two files on three devices: file 1 ran on 7 and 8, file 2 on 8 and 9.
func response(ledger *memory, verdicts *court, list ...hunt.Action) hunt.Config {
	cfg := hunt.Config{
		Source: source(nil, indicator(1), indicator(2)), Ledger: ledger, Archive: ledger, Actions: list, Now: now,
		Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(1, 8, hunt.Executed), sighting(2, 8, hunt.Executed), sighting(2, 9, hunt.Executed)),
	}
	if verdicts != nil {
		cfg.Verifier = verdicts
	}
	return cfg
}

func run(t *testing.T, cfg hunt.Config) *hunt.Report {
	t.Helper()
	r, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	return r
}

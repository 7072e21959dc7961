package hunt_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// hash makes a SHA-256 that is easy to tell apart.
func hash(n byte) hunt.SHA256 { return hunt.SHA256{0: n, 31: n} }

func indicator(n byte, mails ...hunt.Mail) hunt.Indicator {
	return hunt.Indicator{SHA256: hash(n), Threat: hunt.Threat{ID: hash(n).String(), Type: "attachment", Status: "active", Classification: "malware"}, Mails: mails}
}

func sighting(n byte, device int64, e hunt.Evidence) hunt.Sighting {
	return hunt.Sighting{
		SHA256: hash(n), Evidence: e,
		Process: hunt.Process{GUID: "ORG-" + string('a'+rune(n)) + "-" + string('0'+rune(device)), Path: `c:\a.exe`},
		Device:  hunt.Device{ID: device, Name: "HOST-" + string('0'+rune(device))},
	}
}

// source yields indicators and then, if it is not nil, the error.
func source(err error, all ...hunt.Indicator) hunt.Source {
	return hunt.SourceFunc(func(context.Context, hunt.Ask) iter.Seq2[hunt.Indicator, error] {
		return sequence(err, all...)
	})
}

func sequence[T any](err error, all ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
		if err != nil {
			var zero T
			yield(zero, err)
		}
	}
}

// searcher answers with the sightings of the files that are asked for.
func searcher(all ...hunt.Sighting) hunt.Searcher {
	return hunt.SearcherFunc(func(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
		var hits []hunt.Sighting
		for _, s := range all {
			if slices.ContainsFunc(batch, func(i hunt.Indicator) bool { return i.SHA256 == s.SHA256 }) {
				hits = append(hits, s)
			}
		}
		return sequence(nil, hits...)
	})
}

// ledger is a ledger in memory.
type ledger struct {
	mu   sync.Mutex
	done map[string]bool
	err  error
}

func (l *ledger) Look(_ context.Context, tasks []hunt.Task) ([]hunt.Outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var known []hunt.Outcome
	for _, t := range tasks {
		if l.done[t.Key()] {
			known = append(known, hunt.Outcome{Task: t, Status: hunt.Already})
		}
	}
	return known, l.err
}

func (l *ledger) Once(ctx context.Context, _ string, tasks []hunt.Task, do hunt.DoFunc) ([]hunt.Outcome, error) {
	outcomes, err := l.Look(ctx, tasks)
	if err != nil {
		return nil, err
	}
	var mine []hunt.Task
	for _, t := range tasks {
		if !slices.ContainsFunc(outcomes, func(o hunt.Outcome) bool { return o.Task.Key() == t.Key() }) {
			mine = append(mine, t)
		}
	}
	if len(mine) == 0 {
		return outcomes, nil
	}
	note := func(context.Context, ...hunt.Task) error { return nil }
	for _, o := range do(ctx, mine, note) {
		l.mu.Lock()
		if l.done == nil {
			l.done = make(map[string]bool)
		}
		l.done[o.Task.Key()] = o.Status == hunt.Done
		l.mu.Unlock()
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// recorder is an action that does everything that it is given, and remembers it.
type recorder struct {
	spec hunt.Spec
	mu   sync.Mutex
	did  []string
	fail map[string]error
	// see is shown each task, if it is not nil.
	see func(hunt.Task)
}

func (r *recorder) Spec() hunt.Spec { return r.spec }

func (r *recorder) Do(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		if err := r.fail[t.Target]; err != nil {
			outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Failed, Err: err})
			continue
		}
		if r.see != nil {
			r.see(t)
		}
		r.did = append(r.did, t.Target)
		outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Done})
	}
	return outcomes
}

func isolate() *recorder {
	return &recorder{spec: hunt.Spec{Name: "isolate", Scope: hunt.ScopeDevice, Evidence: hunt.Executed}}
}

func newHunter(t *testing.T, cfg hunt.Config) *hunt.Hunter {
	t.Helper()
	h, err := hunt.New(cfg)
	if err != nil {
		t.Fatalf("hunt.New: %v", err)
	}
	return h
}

func statuses(r *hunt.Report) map[string]hunt.Status {
	all := make(map[string]hunt.Status)
	for _, o := range r.Outcomes {
		all[o.Task.Key()] = o.Status
	}
	return all
}

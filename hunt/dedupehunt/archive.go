package dedupehunt

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

const (
	// ackPrefix begins the keys of marks that a person has taken note of something done. See [hunt.Spec] on why no action can have
	// the name.
	ackPrefix = "audit/acknowledged/"
)

// Records implements [hunt.Archive]. What takes a task back is a record of its own too, behind the others.
//
// The zero time reads everything. With another one the cost is that of the store's Scan, plus about 10 µs for each record that is not
// left out.
func (l *Ledger) Records(ctx context.Context, since time.Time) iter.Seq2[hunt.Record, error] {
	return func(yield func(hunt.Record, error) bool) {
		marks, err := l.marks(ctx)
		for r, scanErr := range l.cfg.Store.Scan(ctx, "") {
			if err = errors.Join(err, scanErr); err != nil {
				break
			}
			if r.State == dedupe.Done && r.Updated.Before(since) {
				continue
			}
			if rec, ours := l.remembered(r); ours && !yield(marked(rec, r, marks), nil) {
				return
			}
		}
		if err != nil {
			yield(hunt.Record{}, fmt.Errorf("dedupehunt: records: %w", err))
		}
	}
}

// marks are when tasks were taken back, and when a person took note of what is done, by the keys of these marks. There are few.
func (l *Ledger) marks(ctx context.Context) (map[dedupe.Key]time.Time, error) {
	marks := make(map[dedupe.Key]time.Time)
	for _, prefix := range []dedupe.Key{undoPrefix, ackPrefix} {
		for r, err := range l.cfg.Store.Scan(ctx, prefix) {
			if err != nil {
				return nil, err
			}
			if r.State == dedupe.Done {
				marks[r.Key] = r.Updated
			}
		}
	}
	return marks, nil
}

// marked adds what stands under keys of its own, unless it is about an earlier life of the task.
func marked(rec hunt.Record, r dedupe.Record, marks map[dedupe.Key]time.Time) hunt.Record {
	if rec.Task.Undo || r.State != dedupe.Done && len(rec.Task.Before) == 0 {
		return rec
	}
	for _, key := range []dedupe.Key{undoPrefix + r.Key, againKey(r)} {
		if at := marks[key]; !at.Before(r.Updated) {
			rec.Undone = at
		}
	}
	if r.State == dedupe.Done {
		_, rec.Acknowledged = marks[ackKey(r)]
	}
	return rec
}

// ackKey is under what it stands that a person has taken note of something done. Done again, it is another thing to take note of.
func ackKey(r dedupe.Record) dedupe.Key {
	return ackPrefix + r.Key + dedupe.Key("/"+strconv.FormatInt(r.Updated.UnixNano(), 10))
}

// remembered is what a record tells of a task, false if it is about none.
func (l *Ledger) remembered(r dedupe.Record) (hunt.Record, bool) {
	t, ours := taskOf(r.Key)
	if !ours {
		return hunt.Record{}, false
	}
	p := newPast(1, r)
	e := p.entry
	// An entry about another task than its key is not believed.
	if kept, err := hunt.DecodeTask(e.Task); err == nil && kept.Base() == t.Base() && kept.Undo == t.Undo {
		kept.Round = t.Round
		t = kept
	}
	t.Before = slices.Clone(e.Before)
	rec := hunt.Record{
		Task: t, Run: e.Run, Status: e.Status, Detail: e.Detail, First: e.First, Last: e.Last, Attempts: e.Attempts,
		Refused: e.Refused, Acknowledged: e.Acknowledged, GivenUp: l.givenUp(p),
	}
	if e.Version == 0 {
		rec.Detail, rec.First, rec.Last, rec.Attempts = r.Detail, r.Created, r.Updated, r.Attempt
		rec.Status = map[dedupe.State]hunt.Status{dedupe.Done: hunt.Done, dedupe.Failed: hunt.Failed}[r.State]
	}
	switch {
	case r.State != dedupe.Claimed:
	case !l.orphaned(r):
		rec.Status = ""
	case e.Status == "" && len(e.Before) > 0:
		rec.Status, rec.Detail = hunt.Failed, "its process died over it, so that it may have been done"
	}
	if rec.Status == hunt.Failed && !rec.GivenUp && e.Next.After(l.cfg.Now()) {
		rec.Next = e.Next
	}
	return rec, true
}

// orphaned tells whether nobody is doing what is claimed. Clocks differ.
func (l *Ledger) orphaned(r dedupe.Record) bool {
	return r.State == dedupe.Claimed && r.Until.Add(l.margin()).Before(l.cfg.Now())
}

// atRest tells whether a task waits for the next who wants it. One whose process died over its claim, and not over the task, is as it was.
func (l *Ledger) atRest(r dedupe.Record) bool {
	return r.State == dedupe.Failed || r.State == dedupe.Released || l.orphaned(r)
}

// taskOf reads the key of a task.
func taskOf(key dedupe.Key) (hunt.Task, bool) {
	text, undo := strings.CutPrefix(string(key), undoPrefix)
	if undo {
		text, _, _ = strings.Cut(text, againInfix)
	}
	parts := strings.SplitN(text, "/", 3)
	if len(parts) < 3 || parts[0] == "" || parts[2] == "" {
		return hunt.Task{}, false
	}
	t := hunt.Task{Action: parts[0], Scope: hunt.Scope(parts[1]), Target: parts[2], Undo: undo}
	switch t.Scope {
	case hunt.ScopeDevice:
		if target, last, ok := strings.Cut(t.Target, "/"); ok {
			t.Target = target
			if t.Round, ok = roundOf(last); !ok {
				return hunt.Task{}, false
			}
		}
	case hunt.ScopeHash, hunt.ScopeProcess, hunt.ScopeHold:
	default:
		return hunt.Task{}, false
	}
	switch t.Action {
	case "indicator", "legacy", "cursor", "audit", "run":
		return hunt.Task{}, false // legacy/process/… marks what an older program has done
	}
	return t, true
}

package dedupehunt

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

const (
	// ackPrefix begins the keys of marks that a person has taken note of something done. See [hunt.Spec] on why no action can have
	// the name.
	ackPrefix = "audit/acknowledged/"
)

// pageSize is how many records are read together with their marks.
const pageSize = 200

// Records implements [hunt.Archive]. What takes a task back is a record of its own too, behind the others.
func (l *Ledger) Records(ctx context.Context) iter.Seq2[hunt.Record, error] {
	return func(yield func(hunt.Record, error) bool) {
		var page []hunt.Record
		var kept []dedupe.Record
		flush := func() (bool, error) {
			if err := l.mark(ctx, page, kept); err != nil {
				return false, err
			}
			for _, r := range page {
				if !yield(r, nil) {
					return false, nil
				}
			}
			page, kept = page[:0], kept[:0]
			return true, nil
		}
		for r, err := range l.cfg.Store.Scan(ctx, "") {
			more := true
			if err == nil {
				rec, ours := l.remembered(r)
				if !ours {
					continue
				}
				if page, kept = append(page, rec), append(kept, r); len(page) == pageSize {
					more, err = flush()
				}
			}
			if err != nil {
				yield(hunt.Record{}, fmt.Errorf("dedupehunt: records: %w", err))
			}
			if err != nil || !more {
				return
			}
		}
		if _, err := flush(); err != nil {
			yield(hunt.Record{}, fmt.Errorf("dedupehunt: records: %w", err))
		}
	}
}

// mark adds what stands under keys of its own: when tasks were taken back, and what is acknowledged of what is done.
func (l *Ledger) mark(ctx context.Context, page []hunt.Record, kept []dedupe.Record) error {
	index := make(map[dedupe.Key]int)
	for i, r := range kept {
		if page[i].Task.Undo || r.State != dedupe.Done && len(page[i].Task.Before) == 0 {
			continue
		}
		for _, key := range []dedupe.Key{undoPrefix + r.Key, againKey(r), ackPrefix + r.Key} {
			if key.Check() == nil {
				index[key] = i
			}
		}
	}
	keys := make([]dedupe.Key, 0, len(index))
	for key := range index {
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil
	}
	marks, err := l.cfg.Store.Lookup(ctx, keys...)
	if err != nil {
		return err
	}
	for _, m := range marks {
		i := index[m.Key]
		if m.State != dedupe.Done || precedes(m, kept[i]) {
			continue
		}
		if strings.HasPrefix(string(m.Key), undoPrefix) {
			page[i].Undone = m.Updated
		} else {
			page[i].Acknowledged = true
		}
	}
	return nil
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
	if r.State == dedupe.Claimed {
		rec.Status = ""
	}
	if rec.Status == hunt.Failed && !rec.GivenUp && e.Next.After(l.cfg.Now()) {
		rec.Next = e.Next
	}
	return rec, true
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
	case "indicator", "legacy", "cursor", "audit":
		return hunt.Task{}, false // legacy/process/… marks what an older program has done
	}
	return t, true
}

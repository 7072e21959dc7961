package dedupehunt

import (
	"context"
	"strconv"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

const (
	undoPrefix = "undo/"
	againInfix = "/again/"
)

// againKey is under what a task is taken back that was taken back before, forgotten, and done again since: the store never changes
// what is done, which here is that it was taken back the first time.
func againKey(stands dedupe.Record) dedupe.Key {
	return undoPrefix + stands.Key + againInfix + dedupe.Key(strconv.FormatInt(stands.Created.UnixNano(), 10))
}

// precedes tells whether a mark is older than what the record that it seems to be about stands for: both are from the moment of their
// end.
func precedes(mark, record dedupe.Record) bool { return mark.Updated.Before(record.Updated) }

// takenBackAnew puts, in the place of a mark that is about an earlier life of a task, what is known of the present one.
func (l *Ledger) takenBackAnew(ctx context.Context, tasks []hunt.Task, all map[dedupe.Key][]past) error {
	marks := make(map[dedupe.Key]dedupe.Key)
	var keys []dedupe.Key
	for _, t := range tasks {
		key := firstKey(t)
		if known := all[key]; t.Undo && len(known) > 0 && known[0].record.State == dedupe.Done {
			t.Undo = false
			marks[dedupe.Key(t.Key())] = key
			keys = append(keys, dedupe.Key(t.Key()))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	stand, err := l.cfg.Store.Lookup(ctx, keys...)
	if err != nil {
		return err
	}
	for _, r := range stand {
		mark := marks[r.Key]
		if !precedes(all[mark][0].record, r) {
			continue
		}
		again := past{round: 1, key: againKey(r)}
		if again.key.Check() == nil {
			records, err := l.cfg.Store.Lookup(ctx, again.key)
			if err != nil {
				return err
			}
			for _, r := range records {
				again = newPast(1, r)
				again.key = r.Key
			}
		}
		all[mark] = []past{again}
	}
	return nil
}

// conclude ends tasks that had failed, were held, or whose process had died, when what had come of them is taken back: whoever takes it back does not want it
// done for the same findings. One that is being tried again at this moment comes to its own end.
func (l *Ledger) conclude(ctx context.Context, jobs []*job, results []dedupe.Result) error {
	var keys []dedupe.Key
	for i, j := range jobs {
		if t := j.task; t.Undo && results[i].State == dedupe.Done {
			t.Undo = false
			keys = append(keys, dedupe.Key(t.Key()))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.Record)
	defer cancel()
	records, err := l.cfg.Store.Lookup(ctx, keys...)
	if err != nil {
		return err
	}
	var open []dedupe.Key
	for _, r := range records {
		if l.atRest(r) {
			open = append(open, r.Key)
		}
	}
	_, err = l.close(ctx, open, func(g dedupe.Grant) dedupe.Result {
		r := asItWas(job{verdict: verdict{past: newPast(1, g.Record)}, claim: g.Claim})
		e := readEntry(g.Record)
		if len(e.Before) == 0 || e.Status != hunt.Failed && e.Status != hunt.Held && g.Record.State != dedupe.Claimed {
			return r
		}
		if t, err := hunt.DecodeTask(e.Task); err == nil && e.untried(t) {
			return r // more is held than was tried
		}
		e = e.settled()
		e.Status, e.Detail = hunt.Already, join("taken back", e.Detail)
		return dedupe.Result{Claim: g.Claim, State: dedupe.Done, Detail: e.Detail, Before: e.bytes()}
	})
	return err
}

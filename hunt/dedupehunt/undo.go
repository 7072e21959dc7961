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

// againKey is under what a task is taken back that was taken back before and done again since: after the store had forgotten it, or
// after it had failed and what had come of that was taken back. The store never changes what is done, which here is that it was taken
// back the first time.
func againKey(stands dedupe.Record) dedupe.Key {
	return undoPrefix + stands.Key + againInfix + dedupe.Key(strconv.FormatInt(stands.Updated.UnixNano(), 10))
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

package dedupehunt

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// ErrNothingToAcknowledge is the error for a key that stands for nothing a person could take note of: an unknown one, one that is being
// done at this moment, and one that is going to be tried again anyway.
var ErrNothingToAcknowledge = errors.New("dedupehunt: nothing to acknowledge")

// Acknowledge notes that a person knows of tasks, by their keys: those that are held, as long as the reason stays the same
// and nothing new is found, those that are given up, as long as nothing new is found, and those that are done and whose verdict turned around. It does not let any of them be done. The error joins one for each
// key that could not be acknowledged; the others are.
func (l *Ledger) Acknowledge(ctx context.Context, keys ...string) error {
	var problems []error
	var valid []dedupe.Key
	for _, text := range keys {
		key := dedupe.Key(text)
		if _, ours := taskOf(key); !ours || ackKey(dedupe.Record{Key: key, Updated: l.cfg.Now()}).Check() != nil {
			problems = append(problems, fmt.Errorf("%w: %q is the key of no task", ErrNothingToAcknowledge, text))
			continue
		}
		valid = append(valid, key)
	}
	if err := l.acknowledge(ctx, valid, &problems); err != nil {
		problems = append(problems, fmt.Errorf("dedupehunt: acknowledge: %w", err))
	}
	return errors.Join(problems...)
}

func (l *Ledger) acknowledge(ctx context.Context, keys []dedupe.Key, problems *[]error) error {
	records, err := l.cfg.Store.Lookup(ctx, keys...)
	if err != nil {
		return err
	}
	var open, marks []dedupe.Key
	for _, r := range records {
		keys = slices.DeleteFunc(keys, func(k dedupe.Key) bool { return k == r.Key })
		switch p := newPast(1, r); {
		case r.State == dedupe.Done:
			marks = append(marks, ackKey(r))
		case l.acknowledgeable(p):
			open = append(open, r.Key)
		default:
			*problems = append(*problems, fmt.Errorf("%w: %s", ErrNothingToAcknowledge, r.Key))
		}
	}
	for _, key := range keys {
		*problems = append(*problems, fmt.Errorf("%w: %s is unknown", ErrNothingToAcknowledge, key))
	}
	if err := l.settle(ctx, marks, "acknowledged"); err != nil {
		return err
	}
	noted := make(map[dedupe.Key]bool, len(open))
	_, err = l.close(ctx, open, func(g dedupe.Grant) dedupe.Result {
		j := job{verdict: verdict{past: newPast(1, g.Record)}, claim: g.Claim}
		r := asItWas(j)
		if l.acknowledgeable(j.past) {
			j.past.entry.Acknowledged = true
			r.Before = j.past.entry.bytes()
			noted[g.Claim.Key] = true
		}
		return r
	})
	for _, key := range open {
		if err == nil && !noted[key] {
			*problems = append(*problems, fmt.Errorf("%w: %s does not wait any more: somebody has just begun or tried it", ErrNothingToAcknowledge, key))
		}
	}
	return err
}

// acknowledgeable tells whether a task waits for a person.
func (l *Ledger) acknowledgeable(p past) bool {
	return p.entry.Status == hunt.Held && l.atRest(p.record) || l.givenUp(p)
}

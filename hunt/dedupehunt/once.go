package dedupehunt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// Once implements [hunt.Ledger]. It calls do, possibly several times and never twice at once, with the tasks that it has claimed.
// It returns one outcome for each task, in their order, and an error when the store or the context kept it from its work. The
// outcomes count also then.
func (l *Ledger) Once(ctx context.Context, _ string, tasks []hunt.Task, do hunt.DoFunc) ([]hunt.Outcome, error) {
	b := newBatch(tasks)
	err := l.once(ctx, b, do)
	if err != nil {
		err = fmt.Errorf("dedupehunt: once: %w", err)
	}
	return b.outcomes(err), err
}

func (l *Ledger) once(ctx context.Context, b *batch, do hunt.DoFunc) error {
	var problems []error
	for {
		keys := b.open()
		if len(keys) == 0 {
			return errors.Join(problems...)
		}
		grants, err := l.cfg.Store.Claim(ctx, l.cfg.Owner, l.cfg.Now(), l.cfg.Lease, keys...)
		if err != nil {
			return errors.Join(append(problems, err)...)
		}
		var won []dedupe.Claim
		var busy []dedupe.Record
		for _, g := range grants {
			switch {
			case g.Won:
				won = append(won, g.Claim)
			case g.Record.State == dedupe.Done:
				b.ends[g.Claim.Key] = already(b.tasks[g.Claim.Key], g.Record)
			default:
				busy = append(busy, g.Record)
			}
		}
		if len(won) > 0 {
			if err := l.carryOut(ctx, b, won, do); err != nil {
				problems = append(problems, err)
			}
		}
		if len(busy) > 0 {
			if err := l.wait(ctx, busy); err != nil {
				return errors.Join(append(problems, err)...)
			}
		}
	}
}

// mostLosses is how often a task that was not begun is claimed anew after its claim was lost.
const mostLosses = 2

// carryOut does the tasks of claims and records what became of them.
func (l *Ledger) carryOut(ctx context.Context, b *batch, claims []dedupe.Claim, do hunt.DoFunc) error {
	ours := make(map[dedupe.Key]dedupe.Claim, len(claims))
	for _, c := range claims {
		ours[c.Key] = c
	}
	var tasks []hunt.Task
	for _, key := range b.order {
		if _, ok := ours[key]; ok {
			tasks = append(tasks, b.tasks[key])
		}
	}
	outcomes, cause := l.work(ctx, claims, tasks, do)
	ends := make(map[dedupe.Key]hunt.Outcome, len(outcomes))
	for _, o := range outcomes {
		key := dedupe.Key(o.Task.Key())
		if _, known := ends[key]; !known {
			ends[key] = o
		}
	}
	results := make([]dedupe.Result, 0, len(tasks))
	for _, t := range tasks {
		key := dedupe.Key(t.Key())
		o, begun := ends[key]
		if !begun {
			o = notBegun(t, cause)
		}
		results = append(results, result(ours[key], o, begun))
		if begun || !errors.Is(cause, ErrClaimLost) || b.losses[key] == mostLosses {
			b.ends[key] = o
			continue
		}
		b.losses[key]++ // the task stays open: it is claimed anew, or another hunter has it and is waited for
	}
	lost, err := l.record(ctx, results)
	for _, key := range lost {
		if o, ended := b.ends[key]; ended {
			b.ends[key] = afterLoss(o)
		}
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %w", ErrNotRecorded, err)
	for _, t := range tasks {
		key := dedupe.Key(t.Key())
		o, ended := b.ends[key]
		switch {
		case !ended:
			b.ends[key] = notBegun(t, err) // it is not given back either, so that claiming it anew would be waiting for oneself
		case o.Status == hunt.Done || o.Status == hunt.Already:
			b.ends[key] = unrecorded(o, err)
		}
	}
	return err
}

// work calls do while the claims are kept, and returns why its context ended, if it did.
func (l *Ledger) work(ctx context.Context, claims []dedupe.Claim, tasks []hunt.Task, do hunt.DoFunc) ([]hunt.Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if claims[0].Until.Sub(l.cfg.Now()) < l.cfg.Renew+l.margin() {
		return nil, fmt.Errorf("%w: the store took most of the lease to answer", ErrClaimLost)
	}
	stop := l.keep(ctx, claims, cancel)
	defer stop()
	outcomes := do(ctx, tasks, func(context.Context, ...hunt.Task) error { return nil })
	return outcomes, context.Cause(ctx)
}

// result is what the store is told about a task.
func result(c dedupe.Claim, o hunt.Outcome, begun bool) dedupe.Result {
	r := dedupe.Result{Claim: c, State: dedupe.Released, Detail: o.Detail}
	if !begun {
		return r
	}
	r.Before = o.Before
	if o.Status == hunt.Already && o.Again {
		return r
	}
	switch o.Status {
	case hunt.Done, hunt.Already:
		// What is so already is done: an analyst who changes it later is not overruled.
		r.State = dedupe.Done
	case hunt.Failed:
		r.State = dedupe.Failed
		if o.Err != nil {
			r.Detail = o.Err.Error()
		}
	case hunt.Held, hunt.Planned:
	}
	return r
}

func afterLoss(o hunt.Outcome) hunt.Outcome {
	switch o.Status {
	case hunt.Done, hunt.Already:
		o.Detail = join(o.Detail, "the claim on it was lost meanwhile, so that another hunter may have done it too")
	case hunt.Failed:
		o.Detail = join(o.Detail, "the claim on it was lost meanwhile")
		o.Err = errors.Join(o.Err, ErrClaimLost)
	case hunt.Held, hunt.Planned:
	}
	return o
}

func unrecorded(o hunt.Outcome, err error) hunt.Outcome {
	o.Status, o.Err = hunt.Failed, err
	o.Detail = join(o.Detail, "but the ledger could not record it: the next run does it again")
	return o
}

func join(detail, more string) string {
	if detail == "" {
		return more
	}
	return detail + "; " + more
}

// wait returns as soon as any of the tasks may be claimed, or is done.
func (l *Ledger) wait(ctx context.Context, busy []dedupe.Record) error {
	pause := l.cfg.Poll / 16
	for {
		keys := make([]dedupe.Key, len(busy))
		soonest := busy[0].Until
		for i, r := range busy {
			keys[i] = r.Key
			if r.Until.Before(soonest) {
				soonest = r.Until
			}
		}
		timer := time.NewTimer(max(0, min(pause, soonest.Sub(l.cfg.Now()))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w, while waiting for %d tasks that %s is doing", ctx.Err(), len(busy), busy[0].Owner)
		}
		pause = min(2*pause, l.cfg.Poll)
		records, err := l.cfg.Store.Lookup(ctx, keys...)
		if err != nil {
			return err
		}
		now := l.cfg.Now()
		for _, r := range records {
			if r.State != dedupe.Claimed || !r.Until.After(now) {
				return nil
			}
		}
		if len(records) < len(keys) {
			return nil
		}
		busy = records
	}
}

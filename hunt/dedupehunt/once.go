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
func (l *Ledger) Once(ctx context.Context, run string, tasks []hunt.Task, do hunt.DoFunc) ([]hunt.Outcome, error) {
	b := newBatch(run, tasks)
	err := l.once(ctx, b, do)
	if err != nil {
		err = fmt.Errorf("dedupehunt: once: %w", err)
	}
	return b.outcomes(err), err
}

// job is a task that is to be done, under the claim on its round.
type job struct {
	given hunt.Task
	verdict
	claim dedupe.Claim
	// noted is the state that was recorded before the task changed it.
	noted []byte
}

func (l *Ledger) once(ctx context.Context, b *batch, do hunt.DoFunc) error {
	var problems []error
	for {
		due, err := l.due(ctx, b)
		if err != nil {
			return errors.Join(append(problems, err)...)
		}
		if len(due) == 0 {
			return errors.Join(problems...)
		}
		won, busy, err := l.claim(ctx, b, due)
		if err != nil {
			return errors.Join(append(problems, err)...)
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

// due ends the tasks with which there is nothing to do, and returns the others. Of two tasks that are the same in the store one
// waits until the other has come to its end.
func (l *Ledger) due(ctx context.Context, b *batch) ([]job, error) {
	open := b.open()
	if len(open) == 0 {
		return nil, nil
	}
	pasts, err := l.pasts(ctx, open)
	if err != nil {
		return nil, err
	}
	var due []job
	taken := make(map[dedupe.Key]bool, len(open))
	for _, t := range open {
		v := l.judge(t, pasts[firstKey(t)])
		if v.ended {
			b.end(t, v.end)
			continue
		}
		if err := v.key().Check(); err != nil {
			b.end(t, notBegun(t, err))
			continue
		}
		if !taken[v.key()] {
			taken[v.key()] = true
			due = append(due, job{given: t, verdict: v})
		}
	}
	return due, nil
}

// claim asks for the tasks that are due. What somebody has done meanwhile is judged anew when the loop comes round, and what
// somebody has tried meanwhile, and is not to be tried again so soon, is given back as it was.
func (l *Ledger) claim(ctx context.Context, b *batch, due []job) (won []job, busy []dedupe.Record, err error) {
	keys := make([]dedupe.Key, len(due))
	for i, j := range due {
		keys[i] = j.key()
	}
	answers, err := l.cfg.Store.Claim(ctx, l.cfg.Owner, l.cfg.Now(), l.cfg.Lease, keys...)
	if err != nil {
		return nil, nil, err
	}
	grants := make(map[dedupe.Key]dedupe.Grant, len(answers))
	for _, g := range answers {
		grants[g.Claim.Key] = g
	}
	var back []dedupe.Result
	for _, j := range due {
		g := grants[j.key()]
		if !g.Won {
			if g.Record.State == dedupe.Claimed {
				busy = append(busy, g.Record)
			}
			continue
		}
		j.claim, j.past = g.Claim, newPast(j.past.round, g.Record)
		if o, rests := l.rests(j.task, j.past); rests {
			b.end(j.given, o)
			back = append(back, asItWas(j))
			continue
		}
		won = append(won, j)
	}
	if len(back) > 0 {
		_, _ = l.record(ctx, back) // should it fail, the lease gives them back
	}
	return won, busy, nil
}

// asItWas gives a claim back without a trace in its record.
func asItWas(j job) dedupe.Result {
	r := dedupe.Result{Claim: j.claim, State: dedupe.Released, Detail: j.past.record.Detail, Before: j.past.record.Before}
	if j.past.record.State == dedupe.Failed {
		r.State = dedupe.Failed
	}
	return r
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

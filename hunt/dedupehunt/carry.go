package dedupehunt

import (
	"context"
	"errors"
	"fmt"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// mostLosses is how often a task that was not begun is claimed anew after its claim was lost.
const mostLosses = 2

// carryOut does the tasks of claims and records what became of them.
func (l *Ledger) carryOut(ctx context.Context, b *batch, jobs []job, do hunt.DoFunc) error {
	w := newWork(l, b.run, jobs)
	outcomes, cause := w.do(ctx, do)
	ends := make(map[string]hunt.Outcome, len(outcomes))
	for _, o := range outcomes {
		key := o.Task.Key()
		if _, known := ends[key]; !known {
			ends[key] = o
		}
	}
	results := make([]dedupe.Result, 0, len(jobs))
	given := make(map[dedupe.Key]dedupe.Key, len(jobs))
	for _, j := range w.jobs {
		o, begun := ends[j.task.Key()]
		why := cause
		switch {
		case !begun:
			o = notBegun(j.task, cause)
		case errors.Is(o.Err, hunt.ErrNotBegun):
			begun, why = false, errors.Join(o.Err, cause)
		}
		var result dedupe.Result
		o, result = l.result(b.run, *j, o, begun)
		results = append(results, result)
		key := dedupe.Key(j.given.Key())
		given[j.claim.Key] = key
		if begun || !errors.Is(why, ErrClaimLost) || b.losses[key] == mostLosses {
			b.ends[key] = o
			continue
		}
		b.losses[key]++ // the task stays open: it is claimed anew, or another hunter has it and is waited for
	}
	unended := l.conclude(ctx, w.jobs, results)
	if unended != nil {
		unended = fmt.Errorf("what was taken back may be tried again: %w", unended)
		for key, o := range b.ends {
			if o.Status == hunt.Undone {
				o.Detail = join(o.Detail, unended.Error())
				b.ends[key] = o
			}
		}
	}
	lost, err := l.record(ctx, results)
	for _, key := range lost {
		if o, ended := b.ends[given[key]]; ended {
			b.ends[given[key]] = afterLoss(o)
		}
	}
	if err == nil {
		return unended
	}
	err = fmt.Errorf("%w: %w", ErrNotRecorded, err)
	for _, j := range w.jobs {
		key := dedupe.Key(j.given.Key())
		o, ended := b.ends[key]
		switch {
		case !ended:
			b.ends[key] = notBegun(j.task, err) // it is not given back either, so that claiming it anew would be waiting for oneself
		case o.Status == hunt.Done || o.Status == hunt.Already || o.Status == hunt.Undone:
			b.ends[key] = unrecorded(o, err)
		}
	}
	return err
}

// result is what the caller and the store are told about a task.
func (l *Ledger) result(run string, j job, o hunt.Outcome, begun bool) (hunt.Outcome, dedupe.Result) {
	now, t := l.cfg.Now(), asDone(j.task, o.Task)
	r := dedupe.Result{Claim: j.claim, State: dedupe.Released, Detail: o.Detail}
	if begun && j.before.round > 0 && o.Status != hunt.Held {
		o.Detail = join("a new finding on a machine that was handled before, on "+clock(j.before.record.Updated), o.Detail)
		r.Detail = o.Detail
	}
	e := j.past.entry
	switch status := o.Status; {
	case begun && status == hunt.Held:
		all := e.withHeld(t)
		e = e.unmoved(j.noted).held(t, o.Detail, now).told(o.Before) // a part may have been done before a person was needed
		t = all
		o.Acknowledged = e.Acknowledged
	case begun && status == hunt.Failed:
		if o.Err != nil {
			r.Detail = o.Err.Error()
		}
		r.State = dedupe.Failed
		if o.Refused {
			e = e.unmoved(j.noted)
		} else {
			e = e.before(j.noted) // the call may have got there
		}
		e = e.tried(t, now).told(o.Before).failed(o, now, l.cfg.Retry)
		e.Detail = r.Detail
	case begun && (status == hunt.Done || status == hunt.Already || status == hunt.Undone):
		// What is so already is done: an analyst who changes it later is not overruled.
		if status != hunt.Already || !o.Again {
			r.State = dedupe.Done
		}
		e = e.tried(t, now).told(o.Before).settled()
		if status != hunt.Already || len(e.Before) == 0 { // otherwise it may be so because of an earlier attempt
			e = e.only(t)
		}
		e.Status, e.Detail = status, o.Detail
	default:
		// Nothing was tried, so that what is known of earlier attempts stays. What was noted before this one has not come about.
		if e.Version > 0 {
			r.Before = e.unmoved(j.noted).bytes()
			return o, r
		}
	}
	r.Before = e.about(run, t).bytes()
	return o, r
}

// asDone is the task as it was done: on the way some of what it rested on may have been left out.
func asDone(given, done hunt.Task) hunt.Task {
	if len(done.Sightings) == 0 {
		return given
	}
	return done
}

func afterLoss(o hunt.Outcome) hunt.Outcome {
	switch o.Status {
	case hunt.Done, hunt.Already, hunt.Undone:
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
	switch {
	case detail == "":
		return more
	case more == "":
		return detail
	}
	return detail + "; " + more
}

package dedupehunt

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// Hold implements [hunt.Archive]. What is remembered just so stays untouched, and acknowledged if it was. A held task is no obstacle:
// a run in which no guard objects does it.
func (l *Ledger) Hold(ctx context.Context, run string, held ...hunt.Outcome) error {
	if err := l.hold(ctx, run, held); err != nil {
		return fmt.Errorf("dedupehunt: hold: %w", err)
	}
	return nil
}

// hold judges anew a machine that somebody else is at until that has come to its end: under which round it is to be held shows only
// then. What has no rounds is the same finding always, so that whoever is at it sees to it.
func (l *Ledger) hold(ctx context.Context, run string, held []hunt.Outcome) error {
	for {
		missed, err := l.holdOnce(ctx, run, held)
		if err != nil || len(missed) == 0 {
			return err
		}
		var busy []dedupe.Record
		for _, g := range missed {
			if g.Record.State == dedupe.Claimed {
				busy = append(busy, g.Record)
			}
		}
		if len(busy) > 0 {
			err = l.wait(ctx, busy)
		} else {
			err = ctx.Err() // it was done at this moment
		}
		if err != nil {
			return err
		}
	}
}

func (l *Ledger) holdOnce(ctx context.Context, run string, held []hunt.Outcome) (missed []dedupe.Grant, err error) {
	var tasks []hunt.Task
	reasons := make(map[dedupe.Key]string, len(held))
	for _, o := range held {
		if dedupe.Key(o.Task.Key()).Check() == nil { // no store can keep the others, and nobody can claim them
			tasks = append(tasks, o.Task)
			reasons[dedupe.Key(o.Task.Key())] = o.Detail
		}
	}
	pasts, err := l.pasts(ctx, tasks)
	if err != nil {
		return nil, err
	}
	var keys []dedupe.Key
	due := make(map[dedupe.Key]job, len(tasks))
	for _, t := range tasks {
		// Whether it is due is nobody's question here.
		t.Released = true
		v := l.judge(t, pasts[firstKey(t)])
		reason := reasons[dedupe.Key(t.Key())]
		if v.ended || v.key().Check() != nil || isHeld(v, reason) {
			continue
		}
		keys = append(keys, v.key())
		due[v.key()] = job{given: t, verdict: v}
	}
	missed, err = l.close(ctx, keys, func(g dedupe.Grant) dedupe.Result {
		j := due[g.Claim.Key]
		e := newPast(j.past.round, g.Record).entry
		t := e.withHeld(j.task)
		e = e.held(j.task, reasons[dedupe.Key(j.given.Key())], l.cfg.Now()).about(run, t)
		return dedupe.Result{Claim: g.Claim, State: dedupe.Released, Detail: e.Detail, Before: e.bytes()}
	})
	return slices.DeleteFunc(missed, func(g dedupe.Grant) bool { return !rounded(due[g.Claim.Key].task) }), err
}

// isHeld tells whether a task is remembered as held for a reason, and for the same findings.
func isHeld(v verdict, reason string) bool {
	e := v.past.entry
	if v.past.record.State != dedupe.Released || e.Status != hunt.Held || e.Detail != strings.ToValidUTF8(reason, "\uFFFD") {
		return false
	}
	kept, err := hunt.DecodeTask(e.Task)
	return err == nil && containsAll(findings(kept), findings(v.task))
}

// mostHeld bounds the findings that are kept of a held task: what is new comes first.
const mostHeld = 200

// withHeld adds to a task that is held what the entry has as held for earlier findings: a person decides on all of it.
func (e entry) withHeld(t hunt.Task) hunt.Task {
	kept, err := hunt.DecodeTask(e.Task)
	if err != nil || e.Status != hunt.Held || !rounded(t) {
		return t
	}
	mine := findings(t)
	t.Sightings = slices.Clone(t.Sightings)
	for _, s := range kept.Sightings {
		if len(t.Sightings) < mostHeld && !slices.Contains(mine, finding(s)) {
			t.Sightings = append(t.Sightings, s)
		}
	}
	t.Indicators = append(slices.Clone(t.Indicators), slices.DeleteFunc(kept.Indicators, func(ind hunt.Indicator) bool {
		return slices.ContainsFunc(t.Indicators, func(i hunt.Indicator) bool { return i.SHA256 == ind.SHA256 })
	})...)
	return narrowed(t, t.Sightings)
}

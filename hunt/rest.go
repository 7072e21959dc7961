package hunt

import (
	"context"
	"errors"
	"slices"
)

// leftOut is what was left out of tasks because guards hold it, and what earlier runs held on the same targets. Once a task is done it
// waits for a person under the next round. Until then the ledger has no place for it, so that its files stay open instead: these are in
// the second list. What the ledger knows of them is added to what is known.
func (x *run) leftOut(ctx context.Context, tasks []Task, outcomes []Outcome, rests, known map[string]Outcome) (held, open []Outcome) {
	var parts []Task
	for _, r := range rests {
		parts = append(parts, r.Task)
	}
	pasts := x.known(ctx, parts)
	for i, o := range outcomes {
		r, ok := rests[tasks[i].Key()]
		past := pasts[r.Task.Key()]
		switch {
		case !ok || past.Status == Already:
			continue
		case r.Status == Held:
			r.Acknowledged = past.Status == Held && past.Detail == r.Detail && past.Acknowledged
		}
		r.Task.Round = max(1, o.Task.Round) + 1
		known[r.Task.Key()] = past
		if o.Status == Done || o.Status == Already || x.dry {
			held = append(held, r)
			continue
		}
		open = append(open, r)
		x.keepOpen(r.Task.Indicators)
	}
	if x.dry {
		return held, open
	}
	for _, d := range x.displaced(ctx, tasks, outcomes) {
		i := slices.IndexFunc(held, func(o Outcome) bool { return o.Task.Key() == d.Task.Key() })
		if i < 0 {
			held = append(held, d)
			continue
		}
		held[i].Task = held[i].Task.plus(d.Task)
		held[i].Acknowledged = false
	}
	return held, open
}

// displaced is what earlier runs held in the rounds that tasks were done in now for something else. What this run knew of is not part
// of it: that was done, left out by a guard, or is condemned no longer. What failed in these rounds has its files stay open.
func (x *run) displaced(ctx context.Context, tasks []Task, outcomes []Outcome) (held []Outcome) {
	byKey := make(map[string]Record)
	for _, rec := range x.records {
		if (rec.Status == Held || rec.Status == Failed && !rec.GivenUp) && rec.Task.Scope == ScopeDevice && !rec.Task.Undo {
			byKey[rec.Task.Key()] = rec
		}
	}
	var open []Indicator
	for i, o := range outcomes {
		rec, ok := byKey[o.Task.Key()]
		if !ok {
			continue
		}
		rest := rec.Task.minus(tasks[i])
		switch {
		case len(rest.Sightings) == 0:
		case rec.Status == Failed:
			x.keepOpen(rest.Indicators)
		case o.Status == Done || o.Status == Already:
			rest.Round, rest.Before = max(1, o.Task.Round)+1, nil
			held = append(held, Outcome{Task: rest, Status: Held, Detail: rec.Detail})
		case o.Status == Failed && !errors.Is(o.Err, ErrNotBegun) && !errors.Is(o.Err, ErrUndecided):
			x.keepOpen(rest.Indicators)
			open = append(open, rest.Indicators...)
		}
	}
	if x.h.cfg.Backlog != nil && len(open) > 0 {
		ctx, cancel := lasting(ctx)
		defer cancel()
		if err := x.h.cfg.Backlog.Keep(ctx, x.id, open...); err != nil {
			x.problem(Problem{Stage: "ledger", Err: err})
		}
	}
	return held
}

// keepOpen has files stay open.
func (x *run) keepOpen(files []Indicator) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, ind := range files {
		x.keep[ind.SHA256] = true
	}
}

// plus is the task with what another one rests on as well, as far as they share nothing.
func (t Task) plus(other Task) Task {
	t.Sightings = slices.Concat(t.Sightings, other.Sightings)
	t.Indicators = slices.Clone(t.Indicators)
	for _, ind := range other.Indicators {
		if !slices.ContainsFunc(t.Indicators, func(i Indicator) bool { return i.SHA256 == ind.SHA256 }) {
			t.Indicators = append(t.Indicators, ind)
		}
	}
	return t
}

// minus is the task without what another one rests on.
func (t Task) minus(other Task) Task {
	t.Sightings = slices.DeleteFunc(slices.Clone(t.Sightings), func(s Sighting) bool {
		return slices.ContainsFunc(other.Sightings, func(o Sighting) bool { return o.SHA256 == s.SHA256 && o.Process.GUID == s.Process.GUID })
	})
	t.Indicators = slices.DeleteFunc(slices.Clone(t.Indicators), func(i Indicator) bool {
		return !slices.ContainsFunc(t.Sightings, func(s Sighting) bool { return s.SHA256 == i.SHA256 })
	})
	return t
}

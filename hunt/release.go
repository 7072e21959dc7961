package hunt

import (
	"cmp"
	"context"
	"slices"
)

// Release does tasks that are held, given up or not due, because a person wants it: by says who, for the audit. Guards are not asked
// about them. Everything else is as always: the verdict is asked again, what is done stays done once, and the state is recorded
// before it is changed. Their files are open again for the next run, should they fail. A dry run looks and changes nothing. What takes
// something back is held: that is for [Hunter.Undo]. The report is never nil.
func (h *Hunter) Release(ctx context.Context, by string, dry bool, records ...Record) (*Report, error) {
	begun := h.cfg.Now().UTC()
	p := &Plan{Run: h.cfg.NewRunID(begun), Begun: begun, by: by, partial: true}
	h.observe(p.Run, Event{Step: StepBegin})
	known := make(map[SHA256]bool)
	var open []Indicator
	var held []Outcome
	for _, rec := range records {
		t := rec.Task
		if t.Undo {
			held = append(held, Outcome{Task: t, Status: Held, Detail: "it takes something back, which only an undo does"})
			continue
		}
		t.Released, t.Before, t.Expect = true, nil, nil
		p.Tasks = append(p.Tasks, t)
		p.Sightings = append(p.Sightings, t.Sightings...)
		for _, ind := range t.Indicators {
			if !known[ind.SHA256] {
				known[ind.SHA256] = true
				p.Indicators = append(p.Indicators, ind)
			}
			if rec.Status != Done && rec.Status != Already && !slices.ContainsFunc(open, func(have Indicator) bool { return have.SHA256 == ind.SHA256 }) {
				open = append(open, ind)
			}
		}
	}
	slices.SortStableFunc(p.Tasks, func(a, b Task) int { return cmp.Compare(h.place(a.Action), h.place(b.Action)) })
	slices.SortFunc(p.Sightings, compareSightings)
	p.Sightings = slices.CompactFunc(p.Sightings, func(a, b Sighting) bool {
		return a.SHA256 == b.SHA256 && a.Process.GUID == b.Process.GUID
	})
	if h.cfg.Backlog != nil && !dry && len(open) > 0 {
		if err := h.cfg.Backlog.Keep(ctx, p.Run, open...); err != nil {
			p.Problems = append(p.Problems, Problem{Stage: "ledger", Err: err})
		}
	}
	p.refused = held
	return h.finish(ctx, p, dry)
}

// place is where an action stands in the order.
func (h *Hunter) place(action string) int {
	return slices.IndexFunc(h.cfg.Actions, func(a Action) bool { return a.Spec().Name == action })
}

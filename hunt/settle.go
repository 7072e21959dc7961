package hunt

import (
	"context"
	"errors"
	"slices"
	"time"
)

// settle tells the backlog which files are finished with, for good or until they are due again: searched for without a failure, without a task that failed, and not among
// those that are open anyway.
func (h *Hunter) settle(ctx context.Context, p *Plan, r *Report, open, verified map[SHA256]bool) {
	if h.cfg.Backlog == nil {
		return
	}
	for _, problem := range r.Problems {
		// What the ledger could not be asked or told shows in the outcomes, or names its files.
		if len(problem.Hashes) == 0 && problem.Stage != "intake" && problem.Stage != "ledger" {
			return // it may concern any of them
		}
		for _, hash := range problem.Hashes {
			open[hash] = true
		}
	}
	for _, o := range r.Outcomes {
		for _, ind := range o.Task.Indicators {
			open[ind.SHA256] = open[ind.SHA256] || o.Status == Failed && !errors.Is(o.Err, ErrGivenUp)
		}
	}
	settled := slices.Clone(p.withdrawn)
	var watched []OpenIndicator
	for _, ind := range p.Indicators {
		if open[ind.SHA256] {
			continue
		}
		o := p.opened(ind)
		o.Searched = p.Begun
		if verified[ind.SHA256] {
			o.Verified = p.Begun
			delete(verified, ind.SHA256)
		}
		if h.huntedUntil(o).After(p.Begun) {
			watched = append(watched, o)
		} else {
			settled = append(settled, ind.SHA256)
		}
	}
	for hash := range verified { // of those that rest, nothing else has changed
		if o, ok := p.known[hash]; ok && !o.Searched.IsZero() && !open[hash] {
			o.Verified = p.Begun
			watched = append(watched, o)
		}
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	if len(watched) > 0 {
		if err := h.cfg.Backlog.Watch(ctx, p.Run, watched...); err != nil {
			h.problem(r, Problem{Stage: "ledger", Err: err})
		}
	}
	if len(settled) > 0 {
		if err := h.cfg.Backlog.Settle(ctx, settled...); err != nil {
			h.problem(r, Problem{Stage: "ledger", Err: err})
		}
	}
}

// opened is an indicator of the plan as the backlog has it.
func (p *Plan) opened(ind Indicator) OpenIndicator {
	o, ok := p.open[ind.SHA256]
	if !ok {
		o.Since = p.Begun
	}
	o.Indicator = ind
	o.Seen = p.seen[ind.SHA256]
	return o
}

// untils tells until when the indicators of the plan are hunted on.
func (h *Hunter) untils(p *Plan) map[SHA256]time.Time {
	var all map[SHA256]time.Time
	for _, ind := range p.Indicators {
		if until := h.huntedUntil(p.opened(ind)); until.After(p.Begun) {
			if all == nil {
				all = make(map[SHA256]time.Time)
			}
			all[ind.SHA256] = until
		}
	}
	return all
}

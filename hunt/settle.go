package hunt

import (
	"context"
	"errors"
	"slices"
)

// settle tells the backlog which files are finished with: searched for without a failure, without a task that failed, and not among
// those that are open anyway.
func (h *Hunter) settle(ctx context.Context, p *Plan, r *Report, open map[SHA256]bool) {
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
	for _, ind := range p.Indicators {
		if !open[ind.SHA256] {
			settled = append(settled, ind.SHA256)
		}
	}
	if len(settled) == 0 {
		return
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	if err := h.cfg.Backlog.Settle(ctx, settled...); err != nil {
		h.problem(r, Problem{Stage: "ledger", Err: err})
	}
}

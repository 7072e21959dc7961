package dedupehunt

import (
	"context"
	"fmt"
	"slices"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// work is one call of a [hunt.DoFunc] with the tasks of claims.
type work struct {
	l    *Ledger
	run  string
	jobs []*job
	// byKey has the jobs by the key of their claim.
	byKey map[string]*job
}

func newWork(l *Ledger, run string, jobs []job) *work {
	w := &work{l: l, run: run, byKey: make(map[string]*job, len(jobs))}
	for i := range jobs {
		w.jobs = append(w.jobs, &jobs[i])
		w.byKey[jobs[i].task.Key()] = &jobs[i]
	}
	return w
}

// do calls do while the claims are kept, and returns why its context ended, if it did.
func (w *work) do(ctx context.Context, do hunt.DoFunc) ([]hunt.Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.jobs[0].claim.Until.Sub(w.l.cfg.Now()) < w.l.cfg.Renew+w.l.margin() {
		return nil, fmt.Errorf("%w: the store took most of the lease to answer", ErrClaimLost)
	}
	claims := make([]dedupe.Claim, len(w.jobs))
	tasks := make([]hunt.Task, len(w.jobs))
	for i, j := range w.jobs {
		claims[i], tasks[i] = j.claim, j.task
	}
	stop := w.l.keep(ctx, claims, cancel)
	defer stop()
	outcomes := do(ctx, tasks, w.note)
	return outcomes, context.Cause(ctx)
}

// note is the [hunt.NoteFunc] of the work. It records an attempt too: should the process die over it, it was one.
func (w *work) note(ctx context.Context, tasks ...hunt.Task) error {
	now := w.l.cfg.Now()
	notes := make([]dedupe.Note, 0, len(tasks))
	for _, t := range tasks {
		j, ours := w.byKey[t.Key()]
		if !ours {
			return fmt.Errorf("dedupehunt: note: nobody has claimed %s", t.Key())
		}
		e := j.past.entry.about(w.run, asDone(j.task, t)).tried(asDone(j.task, t), now).before(t.Before)
		e.Status = ""
		notes = append(notes, dedupe.Note{Claim: j.claim, Before: e.bytes()})
	}
	lost, err := w.l.cfg.Store.Note(ctx, now, notes...)
	switch {
	case err != nil:
		return fmt.Errorf("dedupehunt: note: %w", err)
	case len(lost) > 0:
		return fmt.Errorf("%w: %d of %d were taken over before anything was changed", ErrClaimLost, len(lost), len(notes))
	}
	for _, t := range tasks {
		w.byKey[t.Key()].noted = slices.Clone(t.Before)
	}
	return nil
}

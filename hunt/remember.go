package hunt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// mayBegin is why nothing more may be begun, or nil.
func (x *run) mayBegin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.broken
}

// remember has held tasks kept, and audits what became of tasks that were not in an action's hands, or became something else when
// the ledger was told.
func (x *run) remember(ctx context.Context, outcomes []Outcome, known map[string]Outcome) {
	if x.dry {
		return
	}
	var held []Outcome
	var tasks []Task
	var decided []int
	for i, o := range outcomes {
		if o.Status == Held && o.Task.Impact != Tells && !o.Task.Undo && !x.unsure {
			held = append(held, o)
			tasks = append(tasks, o.Task)
		}
		if x.decided(o, known) {
			decided = append(decided, i)
		}
	}
	if x.h.cfg.Archive != nil && len(held) > 0 {
		ctx, cancel := lasting(ctx)
		defer cancel()
		if err := x.h.cfg.Archive.Hold(ctx, x.id, held...); err != nil {
			x.problem(Problem{Stage: "ledger", Hashes: filesOf(tasks), Err: err}) // the next run holds them again
		} else {
			x.underRound(ctx, tasks, outcomes)
		}
	}
	decisions := make([]Outcome, len(decided))
	for n, i := range decided {
		decisions[n] = outcomes[i]
	}
	x.audit(ctx, decisions)
}

// underRound gives tasks that are held the round under which the ledger has them: by its key a person releases them.
func (x *run) underRound(ctx context.Context, tasks []Task, outcomes []Outcome) {
	known := x.known(ctx, slices.DeleteFunc(tasks, func(t Task) bool { return t.Scope != ScopeDevice }))
	for i, o := range outcomes {
		if past := known[o.Task.Key()]; o.Status == Held && past.Status == Held {
			outcomes[i].Task.Round = past.Task.Round
		}
	}
}

// decided tells whether an outcome is a decision of this run that was not audited yet. What was so before is none.
func (x *run) decided(o Outcome, known map[string]Outcome) bool {
	before := known[o.Task.Key()]
	x.mu.Lock()
	told, ok := x.told[o.Task.Key()]
	x.mu.Unlock()
	switch {
	case ok:
		return told != o.Status
	case o.Status == Held:
		return before.Status != Held || before.Detail != o.Detail
	case o.Status == Failed:
		return !errors.Is(o.Err, ErrNotBegun) && !errors.Is(o.Err, ErrNotDue) && !errors.Is(o.Err, ErrGivenUp)
	}
	return false
}

// audit has decisions kept. When it cannot, nothing more is begun.
func (x *run) audit(ctx context.Context, outcomes []Outcome) {
	if x.h.cfg.Auditor == nil || len(outcomes) == 0 {
		return
	}
	decisions := make([]Decision, len(outcomes))
	now := x.h.cfg.Now().UTC()
	for i, o := range outcomes {
		decisions[i] = Decision{Time: now, Run: x.id, Outcome: o, By: x.by}
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	err := x.h.cfg.Auditor.Audit(ctx, decisions...)
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, o := range outcomes {
		x.told[o.Task.Key()] = o.Status
	}
	if err != nil && x.broken == nil {
		x.broken = fmt.Errorf("the decisions cannot be kept: %w", err)
		x.h.problem(x.r, Problem{Stage: "audit", Err: err})
	}
}

// mostHeld bounds what a notice of held tasks lists.
const mostHeld = 50

// tellOfHolds has the actions for it tell of what is held: once for each file and reason, however many tasks that are.
func (x *run) tellOfHolds(ctx context.Context) {
	if x.unsure {
		return
	}
	held := slices.Clone(x.r.Outcomes)
	for _, a := range x.h.cfg.Actions {
		spec := a.Spec()
		if spec.Scope != ScopeHold {
			continue
		}
		if tasks := holdTasks(spec, held); len(tasks) > 0 {
			x.r.Outcomes = append(x.r.Outcomes, x.group(ctx, tasks, verdicts{}, x.known(ctx, tasks))...)
		}
	}
}

func holdTasks(spec Spec, outcomes []Outcome) []Task {
	index := make(map[string]int)
	var tasks []Task
	for _, o := range outcomes {
		if o.Status != Held || o.Task.Impact == Tells || len(o.Task.Indicators) == 0 {
			continue
		}
		sum := sha256.Sum256([]byte(o.Detail))
		for _, ind := range o.Task.Indicators {
			target := ind.SHA256.String() + "/" + hex.EncodeToString(sum[:8])
			i, ok := index[target]
			if !ok {
				i = len(tasks)
				index[target] = i
				tasks = append(tasks, Task{
					Action: spec.Name, Scope: spec.Scope, Impact: spec.Impact, Target: target, Reason: o.Detail,
					Indicators: []Indicator{ind},
				})
			}
			t := &tasks[i]
			if len(t.Held) == mostHeld {
				continue
			}
			t.Held = append(t.Held, o.Task.EventID())
			if s := slices.IndexFunc(o.Task.Sightings, func(s Sighting) bool { return s.SHA256 == ind.SHA256 }); s >= 0 {
				t.Sightings = append(t.Sightings, o.Task.Sightings[s])
			}
		}
	}
	return tasks
}

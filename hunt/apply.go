package hunt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrNotBegun is the error of a task that was planned and not begun, because the run was stopped or an earlier step failed.
var ErrNotBegun = errors.New("hunt: not begun")

// Preview is a dry run: the report of a plan whose tasks are not done. The ledger, the guards and the present state of the targets
// are asked, so that what is done already, or would be held, is told apart from what would be done now.
func (h *Hunter) Preview(ctx context.Context, p *Plan) (*Report, error) {
	return h.finish(ctx, p, true)
}

// Apply does the tasks of a plan in their order and reports on each. A task that fails stops no other. When ctx ends, tasks in
// flight are brought to an end, and those not begun are reported as failed with [ErrNotBegun].
func (h *Hunter) Apply(ctx context.Context, p *Plan) (*Report, error) {
	return h.finish(ctx, p, false)
}

// run is what the steps of one report share.
type run struct {
	h    *Hunter
	id   string
	dry  bool
	by   string
	r    *Report
	fair *fairness
	mu   sync.Mutex // of r.Problems, told, broken and keep
	// told are the decisions that were audited, by key.
	told map[string]Status
	// broken is why nothing more may be begun.
	broken error
	// deaf means that the ledger did not say what is done.
	deaf bool
	// unsure means that a guard failed, or did not know what is done: what it held is no person's affair.
	unsure bool
	// keep are files that stay open, although no outcome says so.
	keep map[SHA256]bool
	// verified are the files whose verdict was asked about because of what was done, and stands.
	verified map[SHA256]bool
	// records are what the archive remembered before anything was done. If it is torn there was more.
	records []Record
	torn    bool
	// undone is when tasks were taken back, by key.
	undone map[string]time.Time
}

func (h *Hunter) newRun(r *Report, by string) *run {
	return &run{h: h, id: r.Run, dry: r.DryRun, by: by, r: r, fair: newFairness(h, r.Run), told: make(map[string]Status), keep: make(map[SHA256]bool), verified: make(map[SHA256]bool), undone: make(map[string]time.Time)}
}

func (h *Hunter) finish(ctx context.Context, p *Plan, dry bool) (*Report, error) {
	r := &Report{
		Run: p.Run, Window: p.Window, Begun: p.Begun, DryRun: dry,
		Indicators: p.Indicators, Sightings: p.Sightings, Problems: slices.Clone(p.Problems),
		LeftAlone: p.left.entries, LeftAloneTotal: p.left.total, HuntedUntil: h.untils(p), Resting: p.resting, Rehunted: p.rehunted, Holes: p.holes,
		BadRecords: p.bad,
	}
	x := h.newRun(r, p.by)
	if p.fair != nil {
		x.fair = p.fair
	}
	known := x.known(ctx, p.Tasks)
	v := h.review(ctx, p, r, known)
	x.recall(ctx, h.since())
	if !p.partial {
		x.turn(ctx, p)
	}
	x.unsure = v.unsure != "" || x.deaf || slices.ContainsFunc(p.Problems, func(p Problem) bool { return p.Stage == "guard" })
	r.Outcomes = append(r.Outcomes, x.groups(ctx, byAction(p.Tasks), v, known)...)
	x.leave(ctx, p.rest)
	r.Outcomes = append(r.Outcomes, p.refused...)
	x.tellOfHolds(ctx)
	x.waiting()
	if !dry && !p.partial {
		x.keepFailed()
		h.settle(ctx, p, r, x.keep, x.verified)
	}
	r.Ended = h.cfg.Now().UTC()
	r.Interrupted = ctx.Err() != nil
	return h.ended(ctx, r)
}

// known is what the ledger knows of the tasks, by key. A ledger that does not answer is a problem; nothing is known then.
func (x *run) known(ctx context.Context, tasks []Task) map[string]Outcome {
	if x.h.cfg.Ledger == nil || len(tasks) == 0 {
		return nil
	}
	outcomes, err := x.h.cfg.Ledger.Look(ctx, tasks)
	if err != nil {
		x.problem(Problem{Stage: "ledger", Hashes: filesOf(tasks), Err: err})
		x.deaf = true
	}
	return match(tasks, outcomes)
}

// filesOf lists the files that tasks are about.
func filesOf(tasks []Task) []SHA256 {
	seen := make(map[SHA256]bool)
	var files []SHA256
	for _, t := range tasks {
		for _, ind := range t.Indicators {
			if !seen[ind.SHA256] {
				seen[ind.SHA256] = true
				files = append(files, ind.SHA256)
			}
		}
	}
	return files
}

// match files outcomes under the keys of the tasks that were given: the ledger may have put a task in a later round, also than the one
// that a saved plan or a record names.
func match(tasks []Task, outcomes []Outcome) map[string]Outcome {
	given := make(map[string]string, 2*len(tasks))
	for _, t := range tasks {
		if !t.Undo {
			given[t.Base()] = t.Key()
		}
	}
	for _, t := range tasks {
		given[t.Key()] = t.Key()
	}
	all := make(map[string]Outcome, len(outcomes))
	for _, o := range outcomes {
		key, ok := given[o.Task.Key()]
		if !ok && !o.Task.Undo {
			key, ok = given[o.Task.Base()]
		}
		if ok {
			all[key] = o
		}
	}
	return all
}

// groups brings the tasks of all actions to an end, in their order. What merely tells is begun in its turn, and nobody waits for it:
// containing a machine is more urgent than that its receiver answers.
func (x *run) groups(ctx context.Context, groups [][]Task, v verdicts, known map[string]Outcome) []Outcome {
	outcomes := make([][]Outcome, len(groups))
	var telling sync.WaitGroup
	for i, tasks := range groups {
		own := make(map[string]Outcome, len(tasks))
		for _, t := range tasks {
			if o, ok := known[t.Key()]; ok {
				own[t.Key()] = o
			}
		}
		do := func() { outcomes[i] = x.group(ctx, tasks, v, own) }
		if tasks[0].Impact == Tells && !x.dry {
			telling.Go(do)
		} else {
			do()
		}
	}
	telling.Wait()
	return slices.Concat(outcomes...)
}

// group brings the tasks of one action to an end and returns an outcome for each, in their order, and behind them those of what was left
// out.
func (x *run) group(ctx context.Context, tasks []Task, v verdicts, known map[string]Outcome) []Outcome {
	begun := x.h.cfg.Now()
	ends := make(map[string]Outcome, len(tasks))
	var free, cut []Task
	rests, unsure := make(map[string]Outcome), make(map[SHA256]bool)
	for _, t := range tasks {
		may, rest, why := v.judge(t)
		o := known[t.Key()]
		if o.Status == Already {
			ends[t.Key()] = x.sinceTakenBack(o) // what is done cannot be held any more
			continue
		}
		partly := why.text != "" && may.Action != ""
		if partly {
			x.undecided(t, v, unsure)
			if len(rest.Indicators) > 0 {
				rests[t.Key()] = why.end(rest, Outcome{})
			}
		}
		switch {
		case why.text != "" && !partly:
			end := why.end(t, o)
			if x.dry && o.Status == Held {
				end.Task.Round = o.Task.Round
			}
			ends[t.Key()] = end
		case x.dry && o.Status == Failed:
			ends[t.Key()] = o
		case partly:
			cut = append(cut, may)
		default:
			free = append(free, may)
		}
	}
	free = append(free, x.notDone(ctx, cut, ends)...)
	var cause error
	if len(free) > 0 {
		if x.dry {
			x.preview(ctx, free, ends)
		} else if cause = ctx.Err(); cause == nil {
			cause = x.doOnce(ctx, free, ends)
		}
	}
	outcomes := make([]Outcome, 0, len(tasks))
	for _, t := range tasks {
		o, ok := ends[t.Key()]
		if !ok {
			o = notBegun(t, cause)
		}
		outcomes = append(outcomes, o)
	}
	left, open := x.leftOut(ctx, tasks, outcomes, rests, known)
	outcomes = append(outcomes, left...)
	x.remember(ctx, outcomes, known)
	outcomes = append(outcomes, open...)
	x.h.observe(x.id, Event{Step: StepAction, Name: tasks[0].Action, Count: len(tasks), Took: x.h.cfg.Now().Sub(begun), Err: cause})
	return outcomes
}

// leave reports what an approved plan did not have as planned: as done, if it is by now, and otherwise as the plan says.
func (x *run) leave(ctx context.Context, rest []Outcome) {
	tasks := make([]Task, len(rest))
	for i, o := range rest {
		tasks[i] = o.Task
	}
	known := x.known(ctx, tasks)
	outcomes := slices.Clone(rest)
	for i, o := range outcomes {
		switch past := known[o.Task.Key()]; {
		case past.Status == Already:
			outcomes[i] = past
		case o.Status == Held:
			outcomes[i] = reason{text: o.Detail}.end(o.Task, past)
		}
	}
	x.remember(ctx, outcomes, known)
	x.r.Outcomes = append(x.r.Outcomes, outcomes...)
}

// notDone leaves out the tasks that are done once what is held is left out of them.
func (x *run) notDone(ctx context.Context, tasks []Task, ends map[string]Outcome) []Task {
	known := x.known(ctx, tasks)
	return slices.DeleteFunc(tasks, func(t Task) bool {
		o := known[t.Key()]
		if o.Status == Already {
			ends[t.Key()] = o
		}
		return o.Status == Already
	})
}

// preview asks for the verdicts and for the state of the targets, where the action can.
func (x *run) preview(ctx context.Context, tasks []Task, ends map[string]Outcome) {
	open := tasks
	if tasks[0].Impact != Tells && !tasks[0].Undo {
		open = x.fair.weigh(ctx, tasks, ends)
	}
	for _, t := range open {
		ends[t.Key()] = Outcome{Task: t, Status: Planned}
	}
	looker, ok := x.h.action(tasks[0].Action).(Looker)
	if !ok || len(open) == 0 {
		return
	}
	for _, o := range ownOutcomes(open, looker.Look(ctx, open)) {
		ends[o.Task.Key()] = expected(o)
	}
}

// byAction cuts the tasks where the action changes. A plan keeps those of one action together.
func byAction(tasks []Task) [][]Task {
	var groups [][]Task
	for i, t := range tasks {
		if i == 0 || tasks[i-1].Action != t.Action {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], t)
	}
	return groups
}

func (h *Hunter) action(name string) Action {
	for _, a := range h.cfg.Actions {
		if a.Spec().Name == name {
			return a
		}
	}
	return nil
}

func notBegun(t Task, cause error) Outcome {
	err := ErrNotBegun
	if cause != nil {
		err = fmt.Errorf("%w: %w", ErrNotBegun, cause)
	}
	return Outcome{Task: t, Status: Failed, Detail: "not begun", Err: err}
}

// problem adds to the report.
func (x *run) problem(p Problem) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.h.problem(x.r, p)
}

func (h *Hunter) problem(r *Report, p Problem) {
	r.Problems = append(r.Problems, p)
	h.observe(r.Run, Event{Step: StepProblem, Name: p.Stage, Err: p.Err})
}

// patience is for what has to be written down also by a run that is being stopped.
const patience = 5 * time.Second

func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}

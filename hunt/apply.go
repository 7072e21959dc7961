package hunt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// ErrNotBegun is the error of a task that was planned and not begun, because the run was stopped or an earlier step failed.
var ErrNotBegun = errors.New("hunt: not begun")

// Preview is a dry run: the report of a plan whose tasks are not done. The ledger and the guards are asked, so that what is done
// already, and what would be held, is told apart from what would be done now.
func (h *Hunter) Preview(ctx context.Context, p *Plan) (*Report, error) {
	return h.finish(ctx, p, true)
}

// Apply does the tasks of a plan in their order and reports on each. A task that fails stops no other. When ctx ends, tasks in
// flight are brought to an end, and those not begun are reported as failed with [ErrNotBegun].
func (h *Hunter) Apply(ctx context.Context, p *Plan) (*Report, error) {
	return h.finish(ctx, p, false)
}

func (h *Hunter) finish(ctx context.Context, p *Plan, dry bool) (*Report, error) {
	r := &Report{
		Run: p.Run, Window: p.Window, Begun: p.Begun, DryRun: dry,
		Indicators: p.Indicators, Sightings: p.Sightings, Problems: p.Problems,
		LeftAlone: p.left.entries, LeftAloneTotal: p.left.total,
	}
	held := h.review(ctx, p, r)
	for _, group := range byAction(p.Tasks) {
		if dry {
			r.Outcomes = append(r.Outcomes, h.preview(ctx, p.Run, r, group, held)...)
		} else {
			r.Outcomes = append(r.Outcomes, h.act(ctx, p.Run, group, held)...)
		}
	}
	if !dry {
		h.settle(ctx, p, r)
	}
	r.Ended = h.cfg.Now().UTC()
	r.Interrupted = ctx.Err() != nil
	return r, r.Err()
}

// settle tells the backlog which files are finished with: searched for without a failure, and without a task that failed.
func (h *Hunter) settle(ctx context.Context, p *Plan, r *Report) {
	if h.cfg.Backlog == nil {
		return
	}
	open := make(map[SHA256]bool)
	for _, problem := range r.Problems {
		if len(problem.Hashes) == 0 && problem.Stage != "intake" {
			return // it may concern any of them
		}
		for _, hash := range problem.Hashes {
			open[hash] = true
		}
	}
	for _, o := range r.Outcomes {
		for _, ind := range o.Task.Indicators {
			open[ind.SHA256] = open[ind.SHA256] || o.Status == Failed
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := h.cfg.Backlog.Settle(ctx, settled...); err != nil {
		r.Problems = append(r.Problems, Problem{Stage: "ledger", Err: err})
	}
}

// review asks every guard about all tasks at once, so that a ceiling can see the whole.
func (h *Hunter) review(ctx context.Context, p *Plan, r *Report) map[string]string {
	held := make(map[string]string)
	if len(p.Tasks) == 0 {
		return held
	}
	for _, guard := range h.cfg.Guards {
		holds, err := guard.Review(ctx, p.Tasks)
		if err != nil {
			r.Problems = append(r.Problems, Problem{Stage: "guard", Err: err})
			for _, t := range p.Tasks {
				held[t.Key()] = "a guard could not decide: " + err.Error()
			}
			continue
		}
		for _, hold := range holds {
			if held[hold.Key] == "" {
				held[hold.Key] = hold.Reason
			}
		}
	}
	return held
}

// byAction cuts the tasks where the action changes. The plan keeps those of one action together.
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

func (h *Hunter) preview(ctx context.Context, run string, r *Report, tasks []Task, held map[string]string) []Outcome {
	known := make(map[string]Outcome)
	done, err := h.look(ctx, tasks)
	if err != nil {
		r.Problems = append(r.Problems, Problem{Stage: "ledger", Err: err})
		h.observe(run, Event{Step: StepProblem, Name: "ledger", Err: err})
	}
	for _, o := range done {
		known[o.Task.Key()] = o
	}
	outcomes := make([]Outcome, len(tasks))
	for i, t := range tasks {
		if o, ok := known[t.Key()]; ok {
			outcomes[i] = o
		} else if reason, ok := held[t.Key()]; ok {
			outcomes[i] = Outcome{Task: t, Status: Held, Detail: reason}
		} else {
			outcomes[i] = Outcome{Task: t, Status: Planned}
		}
	}
	return outcomes
}

func (h *Hunter) look(ctx context.Context, tasks []Task) ([]Outcome, error) {
	if h.cfg.Ledger == nil || len(tasks) == 0 {
		return nil, nil
	}
	return h.cfg.Ledger.Look(ctx, tasks)
}

// act does the tasks of one action that no guard holds, and returns an outcome for every task in the given order.
func (h *Hunter) act(ctx context.Context, run string, tasks []Task, held map[string]string) []Outcome {
	begun := h.cfg.Now()
	ends := make(map[string]Outcome, len(tasks))
	var free, stopped []Task
	for _, t := range tasks {
		if reason, ok := held[t.Key()]; ok {
			ends[t.Key()] = Outcome{Task: t, Status: Held, Detail: reason}
			stopped = append(stopped, t)
		} else {
			free = append(free, t)
		}
	}
	cause := ctx.Err()
	if cause == nil && len(free) > 0 {
		cause = h.doOnce(ctx, free, ends)
	}
	// What is done cannot be held any more. Should the ledger not answer, held is the more careful word.
	if done, err := h.look(ctx, stopped); err == nil {
		for _, o := range done {
			ends[o.Task.Key()] = o
		}
	}
	outcomes := make([]Outcome, len(tasks))
	for i, t := range tasks {
		o, ok := ends[t.Key()]
		if !ok {
			o = notBegun(t, cause)
		}
		outcomes[i] = o
	}
	h.observe(run, Event{Step: StepAction, Name: tasks[0].Action, Count: len(tasks), Took: h.cfg.Now().Sub(begun), Err: cause})
	return outcomes
}

// doOnce has the ledger choose which tasks are ours to do, and does them.
func (h *Hunter) doOnce(ctx context.Context, tasks []Task, ends map[string]Outcome) error {
	action := h.action(tasks[0].Action)
	if action == nil {
		return fmt.Errorf("hunt: the plan has the action %s, which is not configured", tasks[0].Action)
	}
	spec := action.Spec()
	var mu sync.Mutex
	var problems []error
	do := func(batch []Task) {
		outcomes, err := h.cfg.Ledger.Once(ctx, batch, func(ctx context.Context, won []Task) []Outcome {
			return ownOutcomes(won, action.Do(ctx, won))
		})
		mu.Lock()
		defer mu.Unlock()
		for _, o := range outcomes {
			ends[o.Task.Key()] = o
		}
		problems = append(problems, err)
	}
	inFlight := spec.InFlight
	if inFlight <= 0 {
		inFlight = 8
	}
	slots := make(chan struct{}, inFlight)
	var workers sync.WaitGroup
	for _, batch := range batches(tasks, spec.Batch) {
		slots <- struct{}{}
		if ctx.Err() != nil {
			mu.Lock()
			problems = append(problems, ctx.Err())
			mu.Unlock()
			break
		}
		workers.Go(func() {
			defer func() { <-slots }()
			do(batch)
		})
	}
	workers.Wait()
	return errors.Join(problems...)
}

// batches puts tasks together that are handed over together, in the order of the first of each.
func batches(tasks []Task, by Batch) [][]Task {
	index := make(map[string]int)
	var all [][]Task
	for _, t := range tasks {
		name := ""
		switch by {
		case BatchTask:
			name = t.Target
		case BatchDevice:
			if d, ok := t.Device(); ok {
				name = strconv.FormatInt(d.ID, 10)
			}
		default:
		}
		i, ok := index[name]
		if !ok {
			i = len(all)
			index[name] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], t)
	}
	return all
}

func (h *Hunter) action(name string) Action {
	for _, a := range h.cfg.Actions {
		if a.Spec().Name == name {
			return a
		}
	}
	return nil
}

// ownOutcomes drops what an action says about tasks that it was not given, and gives a failure the error it forgot.
func ownOutcomes(tasks []Task, outcomes []Outcome) []Outcome {
	given := make(map[string]bool, len(tasks))
	for _, t := range tasks {
		given[t.Key()] = true
	}
	var own []Outcome
	for _, o := range outcomes {
		if !given[o.Task.Key()] {
			continue
		}
		given[o.Task.Key()] = false
		if o.Status == Failed && o.Err == nil {
			o.Err = errors.New(o.Detail)
		}
		own = append(own, o)
	}
	return own
}

func notBegun(t Task, cause error) Outcome {
	err := ErrNotBegun
	if cause != nil {
		err = fmt.Errorf("%w: %w", ErrNotBegun, cause)
	}
	return Outcome{Task: t, Status: Failed, Detail: "not begun", Err: err}
}

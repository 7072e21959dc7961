package hunt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// doOnce has the ledger choose which tasks are ours to do, and does them.
func (x *run) doOnce(ctx context.Context, tasks []Task, ends map[string]Outcome) error {
	action := x.h.action(tasks[0].Action)
	if action == nil {
		return fmt.Errorf("hunt: the plan has the action %s, which is not configured", tasks[0].Action)
	}
	spec := action.Spec()
	var mu sync.Mutex
	var problems []error
	inFlight := spec.InFlight
	if inFlight <= 0 {
		inFlight = 8
	}
	slots := make(chan struct{}, inFlight)
	var workers sync.WaitGroup
	for _, batch := range batches(tasks, spec.Batch) {
		slots <- struct{}{}
		if err := x.mayBegin(ctx); err != nil {
			mu.Lock()
			problems = append(problems, err)
			mu.Unlock()
			break
		}
		workers.Go(func() {
			defer func() { <-slots }()
			outcomes, err := x.h.cfg.Ledger.Once(ctx, x.id, batch, func(ctx context.Context, won []Task, note NoteFunc) []Outcome {
				return x.carryOut(ctx, action, won, note)
			})
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(ends, match(batch, outcomes))
			problems = append(problems, err)
		})
	}
	workers.Wait()
	return errors.Join(problems...)
}

// carryOut does tasks that are ours: it asks for the verdict again, looks at the targets, has their state recorded, and only then
// acts.
func (x *run) carryOut(ctx context.Context, action Action, tasks []Task, note NoteFunc) []Outcome {
	ctx, requests := withRequests(ctx)
	ends := make(map[string]Outcome, len(tasks))
	open := tasks
	if action.Spec().Impact != Tells && !tasks[0].Undo {
		open = x.fair.weigh(ctx, open, ends)
	}
	if looker, ok := action.(Looker); ok && len(open) > 0 {
		open = look(ctx, looker, open, ends)
	}
	open = x.noteBefore(ctx, open, note, ends)
	if len(open) > 0 && ctx.Err() == nil {
		act := action.Do
		if tasks[0].Undo {
			act = undoing(action)
		}
		for _, o := range ownOutcomes(open, act(ctx, open)) {
			ends[o.Task.Key()] = o
		}
	}
	var outcomes []Outcome
	for _, t := range tasks {
		if o, ok := ends[t.Key()]; ok {
			o.Requests = requests()
			outcomes = append(outcomes, o)
		}
	}
	x.audit(ctx, slices.DeleteFunc(slices.Clone(outcomes), func(o Outcome) bool { return errors.Is(o.Err, ErrNotBegun) }))
	return outcomes
}

// look leaves out the tasks with which there is nothing to do and gives the others the state of their targets.
func look(ctx context.Context, looker Looker, tasks []Task, ends map[string]Outcome) (open []Task) {
	seen := make(map[string]Outcome, len(tasks))
	for _, o := range ownOutcomes(tasks, looker.Look(ctx, tasks)) {
		seen[o.Task.Key()] = expected(o)
	}
	for _, t := range tasks {
		o, ok := seen[t.Key()]
		switch {
		case !ok:
			open = append(open, t)
		case o.Status == Planned:
			if !t.Undo { // it has the state that it is to be brought back to
				t.Before = o.Before
			}
			open = append(open, t)
		default:
			ends[t.Key()] = o
		}
	}
	return open
}

// expected holds a task whose target is not as the approved plan saw it.
func expected(o Outcome) Outcome {
	if o.Status != Planned || len(o.Task.Expect) == 0 || bytes.Equal(o.Before, o.Task.Expect) {
		return o
	}
	return Outcome{
		Task: o.Task, Status: Held,
		Detail: "not as the plan saw it: " + difference(o.Task.Expect, o.Before),
	}
}

// difference says in which members two states differ.
func difference(was, is []byte) string {
	var before, now map[string]json.RawMessage
	if json.Unmarshal(was, &before) != nil || json.Unmarshal(is, &now) != nil {
		return fmt.Sprintf("it was %s and is %s", was, is)
	}
	names := make(map[string]bool)
	for name := range before {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !bytes.Equal(before[name], now[name]) {
			all = append(all, fmt.Sprintf("%s was %s and is %s", strings.ReplaceAll(name, "_", " "), stated(before[name]), stated(now[name])))
		}
	}
	return strings.Join(all, ", ")
}

func stated(value []byte) string {
	if len(value) == 0 {
		return "nothing"
	}
	return string(value)
}

// noteBefore has the state recorded. Where that fails nothing is done.
func (x *run) noteBefore(ctx context.Context, tasks []Task, note NoteFunc, ends map[string]Outcome) []Task {
	var changing []Task
	for _, t := range tasks {
		if len(t.Before) > 0 && !t.Undo {
			changing = append(changing, t)
		}
	}
	if len(changing) == 0 {
		return tasks
	}
	if err := note(ctx, changing...); err != nil {
		for _, t := range tasks {
			ends[t.Key()] = notBegun(t, fmt.Errorf("the state before could not be recorded: %w", err))
		}
		return nil
	}
	return tasks
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

// ownOutcomes drops what an action says about tasks that it was not given, gives a failure the error it forgot, and a change the
// state before it.
func ownOutcomes(tasks []Task, outcomes []Outcome) []Outcome {
	given := make(map[string]Task, len(tasks))
	for _, t := range tasks {
		given[t.Key()] = t
	}
	var own []Outcome
	for _, o := range outcomes {
		t, ok := given[o.Task.Key()]
		if !ok {
			continue
		}
		delete(given, t.Key())
		o.Task = t
		if o.Status == Failed && o.Err == nil {
			o.Err = errors.New(o.Detail)
		}
		switch {
		case o.Status == Already:
			o.Before = nil // what was so before is not ours to take back
		case o.Status == Done && len(o.Before) == 0:
			o.Before = t.Before
		}
		own = append(own, o)
	}
	return own
}

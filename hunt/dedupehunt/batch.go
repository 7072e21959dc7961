package dedupehunt

import (
	"fmt"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// batch is what one call of Once has to bring to an end. Its keys are those of the tasks as they were given; a task can be claimed
// under the key of a later round.
type batch struct {
	run   string
	all   []hunt.Task
	order []dedupe.Key
	tasks map[dedupe.Key]hunt.Task
	ends  map[dedupe.Key]hunt.Outcome
	// losses counts how often the claim on a task was lost before it was begun.
	losses map[dedupe.Key]int
}

// newBatch ends tasks whose key no store can keep at once: one of them must not stop the others.
func newBatch(run string, tasks []hunt.Task) *batch {
	b := &batch{
		run: run, all: tasks, tasks: make(map[dedupe.Key]hunt.Task, len(tasks)), ends: make(map[dedupe.Key]hunt.Outcome, len(tasks)),
		losses: make(map[dedupe.Key]int),
	}
	for _, t := range tasks {
		key := dedupe.Key(t.Key())
		if _, twice := b.tasks[key]; twice {
			continue
		}
		b.tasks[key] = t
		b.order = append(b.order, key)
		if err := key.Check(); err != nil {
			b.ends[key] = notBegun(t, err)
		}
	}
	return b
}

// open lists the tasks without an end, in the order in which they were given.
func (b *batch) open() []hunt.Task {
	var tasks []hunt.Task
	for _, key := range b.order {
		if _, ended := b.ends[key]; !ended {
			tasks = append(tasks, b.tasks[key])
		}
	}
	return tasks
}

// end ends a task that was given.
func (b *batch) end(t hunt.Task, o hunt.Outcome) { b.ends[dedupe.Key(t.Key())] = o }

// outcomes has one for each task that was given. Those without an end were not begun, for the cause.
func (b *batch) outcomes(cause error) []hunt.Outcome {
	outcomes := make([]hunt.Outcome, len(b.all))
	for i, t := range b.all {
		o, ended := b.ends[dedupe.Key(t.Key())]
		if !ended {
			o = notBegun(t, cause)
		}
		outcomes[i] = o
	}
	return outcomes
}

func notBegun(t hunt.Task, cause error) hunt.Outcome {
	err := hunt.ErrNotBegun
	if cause != nil {
		err = fmt.Errorf("%w: %w", hunt.ErrNotBegun, cause)
	}
	return hunt.Outcome{Task: t, Status: hunt.Failed, Detail: "not begun", Err: err}
}

package actions

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/pphunt/pphunt/hunt"
)

// inFlight is how many calls an action makes at once where Config does not say otherwise.
const inFlight = 8

// each does the tasks one by one, at most n at a time, and begins none once ctx has ended: those get no outcome.
func each(ctx context.Context, tasks []hunt.Task, n int, do func(context.Context, hunt.Task) hunt.Outcome) []hunt.Outcome {
	groups := make([][]hunt.Task, len(tasks))
	for i, t := range tasks {
		groups[i] = []hunt.Task{t}
	}
	return eachGroup(ctx, groups, n, func(ctx context.Context, group []hunt.Task) []hunt.Outcome {
		return []hunt.Outcome{do(ctx, group[0])}
	})
}

// eachGroup is each for tasks that belong together, such as those on one device.
func eachGroup(ctx context.Context, groups [][]hunt.Task, n int, do func(context.Context, []hunt.Task) []hunt.Outcome) []hunt.Outcome {
	results := make([][]hunt.Outcome, len(groups))
	slots := make(chan struct{}, n)
	var workers sync.WaitGroup
	for i, group := range groups {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		workers.Go(func() {
			defer func() { <-slots }()
			results[i] = do(ctx, group)
		})
	}
	workers.Wait()
	var outcomes []hunt.Outcome
	for _, r := range results {
		outcomes = append(outcomes, r...)
	}
	return outcomes
}

func done(t hunt.Task, detail string) hunt.Outcome {
	return hunt.Outcome{Task: t, Status: hunt.Done, Detail: detail}
}

func already(t hunt.Task, detail string) hunt.Outcome {
	return hunt.Outcome{Task: t, Status: hunt.Already, Detail: detail}
}

func held(t hunt.Task, detail string) hunt.Outcome {
	return hunt.Outcome{Task: t, Status: hunt.Held, Detail: detail}
}

func failed(t hunt.Task, err error) hunt.Outcome {
	return hunt.Outcome{Task: t, Status: hunt.Failed, Detail: err.Error(), Err: err, Refused: refused(err)}
}

// refusal is a failure that will be the same the next time.
func refusal(t hunt.Task, err error) hunt.Outcome {
	o := failed(t, err)
	o.Refused = true
	return o
}

func undone(t hunt.Task, detail string) hunt.Outcome {
	return hunt.Outcome{Task: t, Status: hunt.Undone, Detail: detail}
}

func planned(t hunt.Task, before any, detail string) hunt.Outcome {
	return hunt.Outcome{Task: t, Status: hunt.Planned, Detail: detail, Before: state(before)}
}

// state is a state as JSON: the members in the order of the struct, so that equal states are equal bytes.
func state(of any) []byte {
	raw, _ := json.Marshal(of) // numbers, words and lists of them cannot fail
	return raw
}

// looked tells the tasks whose targets were looked at from the others.
func looked(tasks []hunt.Task) (known, fresh []hunt.Task) {
	for _, t := range tasks {
		if len(t.Before) > 0 {
			known = append(known, t)
		} else {
			fresh = append(fresh, t)
		}
	}
	return known, fresh
}

// lookFirst looks at the targets that nobody has looked at, as an importer who calls Do alone wants it. It returns the tasks that can
// be done, with their state before, and the outcomes of the others.
func lookFirst(ctx context.Context, tasks []hunt.Task, look func(context.Context, []hunt.Task) []hunt.Outcome) (open []hunt.Task, ended []hunt.Outcome) {
	open, fresh := looked(tasks)
	if len(fresh) == 0 {
		return open, nil
	}
	for _, o := range look(ctx, fresh) {
		if o.Status != hunt.Planned {
			ended = append(ended, o)
			continue
		}
		t := o.Task
		t.Before = o.Before
		open = append(open, t)
	}
	return open, ended
}

// backwards parts tasks that are to be taken back from those that are to be done.
func backwards(tasks []hunt.Task) (back, forth []hunt.Task) {
	for _, t := range tasks {
		if t.Undo {
			back = append(back, t)
		} else {
			forth = append(forth, t)
		}
	}
	return back, forth
}

// same gives every task the outcome that make makes.
func same(tasks []hunt.Task, one func(hunt.Task) hunt.Outcome) []hunt.Outcome {
	outcomes := make([]hunt.Outcome, len(tasks))
	for i, t := range tasks {
		outcomes[i] = one(t)
	}
	return outcomes
}

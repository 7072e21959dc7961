package actions

import (
	"context"
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
	return hunt.Outcome{Task: t, Status: hunt.Failed, Detail: err.Error(), Err: err}
}

// same gives every task the outcome that make makes.
func same(tasks []hunt.Task, one func(hunt.Task) hunt.Outcome) []hunt.Outcome {
	outcomes := make([]hunt.Outcome, len(tasks))
	for i, t := range tasks {
		outcomes[i] = one(t)
	}
	return outcomes
}

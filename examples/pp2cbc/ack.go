package main

import (
	"context"
	"fmt"

	"github.com/pphunt/pphunt/hunt"
)

// acknowledge takes note of tasks for a person.
func (j *job) acknowledge(ctx context.Context, l *ledger, all []hunt.Record, ids []string) int {
	chosen, err := choose(all, ids)
	if err != nil {
		return j.refuse(err)
	}
	keys := make([]string, len(chosen))
	for i, rec := range chosen {
		keys[i] = rec.Task.Key()
	}
	if err := l.Acknowledge(ctx, keys...); err != nil {
		j.complain("%v", err)
		return exitFailed
	}
	by := operator()
	for _, rec := range chosen {
		j.logger.Info("acknowledged", "key", rec.Task.Key(), "event_id", rec.Task.EventID(), "by", by)
		if !j.json {
			fmt.Fprintf(j.out, "Acknowledged: %s  %s\n", taskID(rec.Task), harmless(rec.Task.String()))
		}
	}
	return exitDone
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

// acknowledge takes note of tasks for a person.
func (j *job) acknowledge(ctx context.Context, l *ledger, all []hunt.Record, ids []string) int {
	chosen, err := chooseAny(all, ids)
	if err != nil {
		return j.refuse(err)
	}
	keys := make([]string, len(chosen))
	var problems []error
	for i, rec := range chosen {
		keys[i] = rec.Task.Key()
		switch how := situationOf(rec); how {
		case isFailed, isRunning, isLeft:
			problems = append(problems, fmt.Errorf("%s (%s) is %s: there is nothing to acknowledge", taskID(rec.Task), rec.Task, how))
		case isHeld, isGivenUp, isNoted, isDone: // what is done can rest on a verdict that was taken back
		}
	}
	if err := errors.Join(problems...); err != nil {
		return j.refuse(err)
	}
	log, err := openAudit(j.cfg)
	if err != nil {
		return j.refuse(err)
	}
	if log != nil {
		defer log.Close() //nolint:errcheck // what was appended is on the disk
	}
	if err := l.Acknowledge(ctx, keys...); err != nil {
		j.complain("%v", err)
		return exitFailed
	}
	by := operator()
	if log != nil {
		if err := log.Append(ctx, acknowledgements(chosen, by, j.now())...); err != nil {
			j.complain("it is acknowledged, but the audit log does not say so: %v", err)
			return exitFailed
		}
	}
	const most = 40
	for i, rec := range chosen {
		j.logger.Info("acknowledged", "key", rec.Task.Key(), "event_id", rec.Task.EventID(), "by", by)
		if !j.json && i < most {
			fmt.Fprintf(j.out, "Acknowledged: %s  %s\n", taskID(rec.Task), harmless(rec.Task.String()))
		}
	}
	if more := len(chosen) - most; !j.json && more > 0 {
		fmt.Fprintf(j.out, "and %d more\n", more)
	}
	return exitDone
}

// acknowledgements are what the audit log tells of it.
func acknowledgements(chosen []hunt.Record, by string, now time.Time) []audit.Entry {
	entries := make([]audit.Entry, len(chosen))
	for i, rec := range chosen {
		t := rec.Task
		t.Before = nil
		entries[i] = audit.Decision(hunt.Decision{Time: now, Run: rec.Run, By: by, Outcome: hunt.Outcome{Task: t, Detail: rec.Detail}})
		entries[i].Event = audit.EventAcknowledged
	}
	return entries
}

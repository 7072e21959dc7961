package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pphunt/pphunt/hunt"
)

// releaseOptions are the flags of the subcommand apply.
type releaseOptions struct {
	common
	held   []string
	dryRun bool
}

func parseReleaseFlags(args []string) (releaseOptions, error) {
	var o releaseOptions
	fs := newFlags(&o.common)
	o.reportFlag(fs)
	o.voiceFlags(fs)
	fs.BoolVar(&o.dryRun, "dry-run", false, "")
	fs.Func("held", "", func(id string) error {
		o.held = append(o.held, list(id)...)
		return nil
	})
	rest, err := o.parse(fs, args)
	switch {
	case err != nil || o.help:
		return o, err
	case len(o.held) == 0:
		return o, errors.New("apply needs --held and the ids of tasks; to carry out a plan: pp2cbc --apply FILE")
	}
	o.held = append(o.held, rest...)
	return o, nil
}

// release does tasks that are held, given up or not due, because a person wants it.
func (p program) release(ctx context.Context, args []string) int {
	o, err := parseReleaseFlags(args)
	if code, over := p.flagged(err, o.help); over {
		return code
	}
	j, all, end, code := p.beginWithRecords(ctx, o.common)
	if j == nil {
		return code
	}
	defer end()
	chosen, err := releasable(all, o.held)
	if err != nil {
		return j.refuse(err)
	}
	w, code := j.wire(ctx, purpose{dry: o.dryRun})
	if w == nil {
		return code
	}
	defer w.close()
	for _, rec := range chosen {
		if _, on := w.specs[rec.Task.Action]; !on {
			return j.refuse(fmt.Errorf("%s (%s): the action %s is switched off in the configuration", taskID(rec.Task), rec.Task, rec.Task.Action))
		}
	}
	report, err := w.hunter.Release(ctx, operator(), o.dryRun, chosen...)
	report.Open = nil // the others are not asked about
	if err != nil {
		err = report.Err()
	}
	return j.end(ctx, w, report, err, "Release")
}

// releasable finds what a person wants done: tasks by their ids, or all that wait of a file by its whole hash.
func releasable(all []hunt.Record, wanted []string) ([]hunt.Record, error) {
	chosen, err := chooseAny(all, wanted)
	problems := []error{err}
	for _, rec := range chosen {
		switch how := situationOf(rec); {
		case rec.Task.Undo:
			problems = append(problems, fmt.Errorf("%s takes something back: use pp2cbc undo", taskID(rec.Task)))
		case rec.Task.Scope == hunt.ScopeHold:
			problems = append(problems, fmt.Errorf("%s only tells of what is held", taskID(rec.Task)))
		case how == isDone || how == isRunning:
			problems = append(problems, fmt.Errorf("%s (%s) is %s: there is nothing to release", taskID(rec.Task), rec.Task, how))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return chosen, nil
}

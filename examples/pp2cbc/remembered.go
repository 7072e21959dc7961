package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// records opens the ledger for a command that only makes sense where there is one, and reads what it remembers.
func (j *job) records(ctx context.Context) (l *ledger, all []hunt.Record, end func(), err error) {
	if _, err := os.Stat(j.cfg.ledger); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil, fmt.Errorf("there is no ledger %s: either nothing was ever done with this configuration, or sqlite3.filename leads to the wrong place", j.cfg.ledger)
	}
	l, end, err = openLedger(ctx, j.cfg, true, j.now, j.logger)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("sqlite3.filename: %w", err)
	}
	all, err = l.all(ctx)
	if err != nil {
		end()
		return nil, nil, nil, err
	}
	return l, all, end, nil
}

// remembering begins a command that works on what the ledger remembers and asks no service.
func (p program) remembering(ctx context.Context, o common, do func(j *job, l *ledger, all []hunt.Record) int) int {
	j, end, err := p.begin(o)
	if err != nil {
		return p.refuse(err)
	}
	defer end()
	l, all, closeLedger, err := j.records(ctx)
	if err != nil {
		j.complain("%v", err)
		return exitFailed
	}
	defer closeLedger()
	return do(j, l, all)
}

// all is everything that the ledger remembers of tasks.
func (l *ledger) all(ctx context.Context) ([]hunt.Record, error) {
	var all []hunt.Record
	for rec, err := range l.Records(ctx, time.Time{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, rec)
	}
	return all, nil
}

// chooseAny finds what a person means: tasks by their ids, or all that wait of a file by its whole hash.
func chooseAny(all []hunt.Record, wanted []string) ([]hunt.Record, error) {
	var chosen []hunt.Record
	var problems []error
	var ids []string
	for _, text := range wanted {
		hash, err := hunt.ParseSHA256(text)
		if err != nil {
			ids = append(ids, text)
			continue
		}
		found := waitingOf(all, hash)
		if len(found) == 0 {
			problems = append(problems, fmt.Errorf("nothing about the file %s is held or given up", hash))
		}
		chosen = append(chosen, found...)
	}
	byID, err := choose(all, ids)
	chosen = append(chosen, byID...)
	known := make(map[string]bool, len(chosen))
	chosen = slices.DeleteFunc(chosen, func(r hunt.Record) bool {
		again := known[r.Task.Key()]
		known[r.Task.Key()] = true
		return again
	})
	return chosen, errors.Join(append(problems, err)...)
}

// waitingOf are the tasks about a file that wait for a person, without those that somebody has taken note of. A task on a machine can be
// about other files too.
func waitingOf(all []hunt.Record, hash hunt.SHA256) []hunt.Record {
	var found []hunt.Record
	for _, rec := range all {
		how := situationOf(rec)
		waits := how == isHeld || how == isGivenUp
		about := slices.ContainsFunc(rec.Task.Indicators, func(i hunt.Indicator) bool { return i.SHA256 == hash })
		if waits && about && !rec.Task.Undo && rec.Task.Scope != hunt.ScopeHold {
			found = append(found, rec)
		}
	}
	return found
}

// choose finds the records of event ids that a person typed, each by its beginning or as a whole, and tells all that is wrong.
func choose(all []hunt.Record, ids []string) ([]hunt.Record, error) {
	var chosen []hunt.Record
	var problems []error
	for _, id := range ids {
		found, err := chooseOne(all, strings.ToLower(id))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if !slices.ContainsFunc(chosen, func(r hunt.Record) bool { return r.Task.Key() == found.Task.Key() }) {
			chosen = append(chosen, found)
		}
	}
	return chosen, errors.Join(problems...)
}

func chooseOne(all []hunt.Record, id string) (hunt.Record, error) {
	if len(id) < idLength {
		return hunt.Record{}, fmt.Errorf("%q is too short for an id: at least %d characters of it are needed", id, idLength)
	}
	var found []hunt.Record
	for _, rec := range all {
		if strings.HasPrefix(rec.Task.EventID(), id) {
			found = append(found, rec)
		}
	}
	switch len(found) {
	case 0:
		return hunt.Record{}, fmt.Errorf("no task with the id %q is remembered; see pp2cbc status --all", id)
	case 1:
		return found[0], nil
	}
	candidates := make([]string, len(found))
	for i, rec := range found {
		candidates[i] = rec.Task.EventID() + " (" + rec.Task.String() + ")"
	}
	return hunt.Record{}, fmt.Errorf("the id %q is not clear, it could be %s", id, strings.Join(candidates, " or "))
}

// situation is how a task stands, for the eyes of an operator.
type situation string

const (
	isHeld    situation = "held"
	isGivenUp situation = "given up"
	isFailed  situation = "failed"
	isRunning situation = "being done"
	isNoted   situation = "acknowledged"
	isDone    situation = "done"
	// isLeft is what could not be taken back. Whoever wanted it was told, and can try again.
	isLeft situation = "not taken back"
)

// situationOf sorts a record into one of them. Nothing that is acknowledged waits for anybody.
func situationOf(r hunt.Record) situation {
	switch {
	case r.Status == "":
		return isRunning
	case r.Status == hunt.Done || r.Status == hunt.Already || r.Status == hunt.Undone:
		return isDone
	case r.Task.Undo:
		return isLeft
	case r.Acknowledged:
		return isNoted
	case r.GivenUp:
		return isGivenUp
	case r.Status == hunt.Held:
		return isHeld
	}
	return isFailed
}

package cbc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// How a job is watched.
const (
	// searchLife is how long the vendor works on a job. After it nothing more comes.
	searchLife = 3 * time.Minute
	// firstPoll is when to look for the first time: no job is ready sooner.
	firstPoll = 300 * time.Millisecond
	// shortestPoll is the least time between two looks.
	shortestPoll = 100 * time.Millisecond
)

// JobID identifies a job of the search services: a search, its details, facets or a summary. It is opaque.
type JobID string

// Status is how far a job is.
type Status struct {
	// Contacted is how many of the vendor's searchers were asked; zero means that the job has not begun. Completed is how
	// many of them have answered. For the events of a process, which are no job, these are segments of its events.
	Contacted, Completed int
	// Found is how many records match. It counts records of events, of which a process has many.
	Found int
	// Aggregated is how many processes match. Zero if the vendor does not say.
	Aggregated int
	// Available is how many rows can be read.
	Available int
	// Message is the vendor's remark, usually empty.
	Message string
	// Finished tells that the job is over and that its rows are all there are, but for Truncated and Warnings.
	Finished bool
	// Truncated tells that more was found than the rows that the job keeps, which may be fewer than it was asked to: search for less at
	// a time.
	Truncated bool
	// Warnings say why something may be missing although the job counts as finished.
	Warnings []string
}

// progress is what each answer about a job says of how far it is.
type progress struct {
	Found      int    `json:"num_found"`
	Available  int    `json:"num_available"`
	Aggregated int    `json:"num_aggregated"`
	Contacted  int    `json:"contacted"`
	Completed  int    `json:"completed"`
	Message    string `json:"message"`
}

// status reads the numbers of an answer.
func (p progress) status() Status {
	s := Status{Contacted: p.Contacted, Completed: p.Completed, Found: p.Found, Aggregated: p.Aggregated, Available: p.Available, Message: p.Message}
	// Nothing asked and nothing answered is how every job begins, so that 0 of 0 means finished only with the vendor's word.
	nothing := s.Contacted == 0 && s.Completed == 0 && s.Found == 0 && s.Available == 0
	s.Finished = s.Contacted > 0 && s.Completed >= s.Contacted || nothing && strings.HasPrefix(s.Message, "No data available")
	return s
}

// jobKind tells one kind of jobs from another: the names of its operations and where its results are.
type jobKind struct {
	prefix string // of operations, such as "processes." or "processes.facet_"
	route  string // of results
}

func (k jobKind) op(verb string) string { return k.prefix + verb }

// startJob starts a job. Starting twice costs a second job and harms nothing, so that the call is repeated.
func (c *core) startJob(ctx context.Context, op, route string, body any) (JobID, error) {
	call := c.call(op, http.MethodPost, route)
	call.Body, call.Repeatable = body, true
	var answer struct {
		JobID JobID `json:"job_id"`
	}
	if err := c.do(ctx, call, &answer); err != nil {
		return "", err
	}
	if answer.JobID == "" {
		return "", answerError(op, http.StatusOK, nil, errors.New("no job_id"))
	}
	return answer.JobID, nil
}

// waiting is how a job is waited for, whatever it brings.
type waiting struct {
	fresh  bool      // started by us just now
	began  time.Time // when it was started or first looked at
	status Status
}

// started is the waiting for a job that was started just now.
func started() waiting { return waiting{fresh: true, began: time.Now()} }

// until looks until the job is finished, or past all hope.
func (w *waiting) until(ctx context.Context, op string, id JobID, look func(context.Context) (Status, error)) (Status, error) {
	if w.status.Finished {
		return w.status, nil
	}
	var pause time.Duration
	if w.began.IsZero() {
		w.began = time.Now()
	} else if w.fresh {
		pause, w.fresh = firstPoll, false
	}
	for {
		if err := sleep(ctx, pause); err != nil {
			return w.status, &IncompleteError{Op: op, Job: id, Status: w.status, Err: err}
		}
		status, err := look(ctx)
		if err != nil {
			if ctx.Err() != nil {
				err = &IncompleteError{Op: op, Job: id, Status: w.status, Err: err}
			}
			return w.status, err
		}
		elapsed := time.Since(w.began)
		if !status.Finished && elapsed >= searchLife && status.Completed > 0 && status.Completed == status.Contacted-1 {
			status.Finished = true
			status.Warnings = append(status.Warnings, fmt.Sprintf("one of %d searchers did not answer within %v", status.Contacted, searchLife))
		}
		w.status = status
		switch {
		case status.Finished:
			return status, nil
		case elapsed >= searchLife:
			return status, &IncompleteError{Op: op, Job: id, Status: status}
		}
		pause = min(nextPoll(elapsed, status.Contacted, status.Completed), searchLife-elapsed)
	}
}

// flaw is why a job that finished does not have everything: more was found than it keeps, or a searcher did not answer. It is for
// callers who are not told the Status and would take what came for all there is.
func (w *waiting) flaw(op string, id JobID) error {
	if !w.status.Truncated && len(w.status.Warnings) == 0 {
		return nil
	}
	return &IncompleteError{Op: op, Job: id, Status: w.status}
}

// hopeless tells an error of until after which there is nothing to read from one that leaves partial results. It is the latter
// for a job that came to no end by itself.
func hopeless(err error) bool {
	incomplete, ok := errors.AsType[*IncompleteError](err)
	return err != nil && (!ok || incomplete.Err != nil)
}

// nextPoll is the time after which a job should be ready if it goes on as it did, within bounds that let neither a slow last
// searcher nor a slow start be overlooked, and a little different each time so that many jobs are not looked at in step.
func nextPoll(elapsed time.Duration, contacted, completed int) time.Duration {
	longest := elapsed/3 + 250*time.Millisecond
	pause := longest
	if completed > 0 {
		pause = time.Duration(float64(elapsed) * float64(contacted-completed) / float64(completed))
	}
	pause = max(shortestPoll, min(pause, longest))
	return time.Duration(float64(pause) * (0.95 + rand.Float64()/10)) //nolint:gosec // spreads load, guards nothing
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

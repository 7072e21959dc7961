package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// RemediationJobID identifies a job of the vendor's appliance. It is opaque; the job service does not know it.
type RemediationJobID string

// RemediationStatus is how far a job of the appliance is.
type RemediationStatus struct {
	// State is UNASSIGNED, SCHEDULED, RUNNING or RUNNING_UNDELIVERED while the job goes on, and SUCCESSFUL, FAILED or another word at
	// its end.
	State string `json:"status"`
	// Reason and Code say why a job failed, as far as the vendor does.
	Reason string `json:"reason,omitzero"`
	Code   string `json:"error_code,omitzero"`
}

// Finished tells that the job is over, well or not.
func (s RemediationStatus) Finished() bool {
	switch strings.ToUpper(s.State) {
	case "UNASSIGNED", "SCHEDULED", "RUNNING", "RUNNING_UNDELIVERED":
		return false
	}
	return true
}

// Successful tells that the job is over and did what it was for.
func (s RemediationStatus) Successful() bool { return strings.EqualFold(s.State, "SUCCESSFUL") }

// JobStatus looks at a job, [ErrNotFound] if there is none. It needs the permission appliances.registration (READ).
//
//api:op GET /applianceservice/v1/orgs/{org_key}/jobs/{job_id}/status
func (w *Workloads) JobStatus(ctx context.Context, id RemediationJobID) (RemediationStatus, error) {
	return w.status(ctx, "workloads.job_status", id)
}

func (w *Workloads) status(ctx context.Context, op string, id RemediationJobID) (RemediationStatus, error) {
	if id == "" {
		return RemediationStatus{}, fmt.Errorf("cbc: %s: the job id is empty", op)
	}
	call := w.c.call(op, http.MethodGet, "/applianceservice/v1/orgs/{org_key}/jobs/{job_id}/status", string(id))
	call.Repeatable = true
	var status RemediationStatus
	if err := w.c.do(ctx, call, &status); err != nil {
		return RemediationStatus{}, err
	}
	if status.State == "" {
		return RemediationStatus{}, answerError(op, http.StatusOK, nil, errors.New("a job without a status"))
	}
	return status, nil
}

// Jobs picks up jobs by the ids that [RemediationJobs.IDs] told, in this process or in another. It calls nobody.
func (w *Workloads) Jobs(ids ...RemediationJobID) *RemediationJobs {
	return &RemediationJobs{IDs: ids, c: w.c}
}

// RemediationJobs are the jobs of one change of tags. They belong to one goroutine.
type RemediationJobs struct {
	// IDs pick the jobs up again with [Workloads.Jobs].
	IDs []RemediationJobID

	c *core
}

// How jobs of the appliance are watched. The vendor's SDK looks every second.
const (
	firstRemediationPause   = time.Second
	longestRemediationPause = 15 * time.Second
)

// Wait looks until all jobs are over, at once and then with growing pauses, one second to fifteen. The appliance may be out of reach for long:
// give ctx a deadline. A job that ended without success is a [*RemediationError] and an [ErrJobFailed], several of them joined after all are
// over. When ctx ends first, the error is its error and a [*RemediationError] that is an [ErrIncomplete] for each job that goes on. Wait
// needs appliances.registration (READ).
func (j *RemediationJobs) Wait(ctx context.Context) error {
	const op = "workloads.wait"
	w := &Workloads{j.c}
	var problems []error
	running := j.IDs
	last := make(map[RemediationJobID]RemediationStatus, len(running))
	over := func(err error) error {
		for _, id := range running {
			problems = append(problems, &RemediationError{Op: op, Job: id, Status: last[id], Err: err})
		}
		return errors.Join(problems...)
	}
	for pause := time.Duration(0); len(running) > 0; pause = nextPause(pause, firstRemediationPause, longestRemediationPause) {
		if err := sleep(ctx, spread(pause)); err != nil {
			return over(err)
		}
		var next []RemediationJobID
		for i, id := range running {
			status, err := w.status(ctx, op, id)
			switch {
			case ctx.Err() != nil && err != nil:
				running = append(next, running[i:]...)
				return over(err)
			case err != nil:
				problems = append(problems, &RemediationError{Op: op, Job: id, Status: last[id], Err: err})
			case !status.Finished():
				last[id] = status
				next = append(next, id)
			case !status.Successful():
				problems = append(problems, &RemediationError{Op: op, Job: id, Status: status})
			}
		}
		running = next
	}
	return errors.Join(problems...)
}

// RemediationError says that a job of the appliance has no good end: it failed, it could not be looked at, or the wait for it ended first.
type RemediationError struct {
	// Op is the operation, such as "workloads.wait".
	Op string
	// Job is the job.
	Job RemediationJobID
	// Status is the job as it was seen last. Zero if it never was.
	Status RemediationStatus
	// Err is why nobody waits any more. Nil if the job failed.
	Err error
}

// Error tells the state of the job and the vendor's reason.
func (e *RemediationError) Error() string {
	parts := []string{"cbc: " + e.Op + ": job " + printable(string(e.Job))}
	for _, part := range []string{e.Status.State, e.Status.Code, e.Status.Reason} {
		if part != "" {
			parts = append(parts, printable(part))
		}
	}
	if e.Err != nil {
		parts = append(parts, unprefixed(e.Op, e.Err))
	}
	return strings.Join(parts, ": ")
}

// Is makes the error an [ErrJobFailed], or an [ErrIncomplete] if the job is not known to have ended.
func (e *RemediationError) Is(target error) bool {
	return target == ErrJobFailed && e.Err == nil || target == ErrIncomplete && e.Err != nil
}

// Unwrap returns Err.
func (e *RemediationError) Unwrap() error { return e.Err }

// Retryable tells whether it may help to wait again. A job that failed stays so.
func (e *RemediationError) Retryable() bool { return e.Err != nil }

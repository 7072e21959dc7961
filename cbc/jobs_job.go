package cbc

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// How a job is watched. The vendor asks for no more than a look or two a second, and exports take minutes.
const (
	firstJobPause   = 500 * time.Millisecond
	longestJobPause = 30 * time.Second
)

// ServiceJob is a job that was started. It belongs to one goroutine.
type ServiceJob struct {
	// ID picks the job up again with [Jobs.Job].
	ID ServiceJobID

	c    *core
	last ServiceJobInfo
}

// newServiceJob is for the services that start jobs.
func newServiceJob(c *core, id ServiceJobID) *ServiceJob { return &ServiceJob{ID: id, c: c} }

// Wait looks until the job is finished, at once and then with growing pauses, half a second to half a minute. It decides on the status
// alone; a status that is not known counts as unfinished, so give ctx a deadline. A job that failed is a [*ServiceJobError] and an
// [ErrJobFailed]. When ctx ends first, the error is its error and a [*ServiceJobError] with what was known last; the job goes on. Wait
// needs jobs.status (READ).
func (j *ServiceJob) Wait(ctx context.Context) (ServiceJobInfo, error) {
	const op = "jobs.wait"
	jobs := &Jobs{j.c}
	for pause := time.Duration(0); !j.last.Finished(); pause = nextPause(pause, firstJobPause, longestJobPause) {
		if err := sleep(ctx, spread(pause)); err != nil {
			return j.last, j.unfinished(op, err)
		}
		info, err := jobs.get(ctx, op, j.ID)
		if err != nil {
			if ctx.Err() != nil {
				err = j.unfinished(op, err)
			}
			return j.last, err
		}
		j.last = info
	}
	if j.last.Status == ServiceJobFailed {
		return j.last, &ServiceJobError{Op: op, Job: j.last}
	}
	return j.last, nil
}

func (j *ServiceJob) unfinished(op string, err error) error {
	last := j.last
	last.ID = j.ID
	return &ServiceJobError{Op: op, Job: last, Err: err}
}

// nextPause grows by half, from first to longest. The first look needs no pause.
func nextPause(pause, first, longest time.Duration) time.Duration {
	return min(max(pause*3/2, first), longest)
}

// spread makes a pause a little different each time, so that many waiters do not look in step.
func spread(pause time.Duration) time.Duration {
	return time.Duration(float64(pause) * (0.9 + rand.Float64()/5)) //nolint:gosec // spreads load, guards nothing
}

// Download streams the output of the job, after waiting for its end if nobody has yet: CSV or JSON, as the job was told. What the vendor
// compressed, arrives as it was before. There may be no output at all. The stream lasts for as long as ctx lives and bytes arrive; it is
// never taken up again in the middle. The caller closes it. It needs jobs.status (READ) and the permission of the service that made the
// job.
//
//api:op GET /jobs/v1/orgs/{org_key}/jobs/{job_id}/download
func (j *ServiceJob) Download(ctx context.Context) (io.ReadCloser, error) {
	if _, err := j.Wait(ctx); err != nil {
		return nil, err
	}
	call := j.c.call("jobs.download", http.MethodGet, "/jobs/v1/orgs/{org_key}/jobs/{job_id}/download", formatID(j.ID))
	call.Repeatable = true // it only reads
	body, err := j.c.rest.Stream(ctx, call)
	if err != nil {
		return nil, err
	}
	return newOutput(call.Op, body.Status, body.Header, body)
}

// ServiceJobError says that a job has no good end: it failed, or the wait for it ended first.
type ServiceJobError struct {
	// Op is the operation, such as "jobs.wait".
	Op string
	// Job is the job as it was seen last. Only its ID is set if it was never seen.
	Job ServiceJobInfo
	// Err is why nobody waits any more. Nil if the job failed.
	Err error
}

// Error tells how far the job got.
func (e *ServiceJobError) Error() string {
	p := e.Job.Progress
	state := "not seen yet"
	if e.Job.Status != "" {
		state = fmt.Sprintf("%s, %d of %d", printable(string(e.Job.Status)), p.Completed, p.Total)
	}
	text := fmt.Sprintf("cbc: %s: job %d (%s)", e.Op, e.Job.ID, state)
	if p.Message != "" {
		text += ": " + printable(p.Message)
	}
	if e.Err != nil {
		text += ": " + unprefixed(e.Op, e.Err)
	}
	return text
}

// Is makes the error an [ErrJobFailed], or an [ErrIncomplete] if the job had not ended.
func (e *ServiceJobError) Is(target error) bool {
	return target == ErrJobFailed && e.Err == nil || target == ErrIncomplete && e.Err != nil
}

// Unwrap returns Err.
func (e *ServiceJobError) Unwrap() error { return e.Err }

// Retryable tells whether it may help to wait again. A job that failed stays so.
func (e *ServiceJobError) Retryable() bool { return e.Err != nil }

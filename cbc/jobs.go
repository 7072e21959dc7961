package cbc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ServiceJobID identifies a job of the job service. Valid ids are above zero. A search has a [JobID] instead.
type ServiceJobID int64

// ServiceJobStatus is how far a job is. The set is open.
type ServiceJobStatus string

// The states of a job. Completed and failed ones change no more.
const (
	ServiceJobCreated    ServiceJobStatus = "CREATED"
	ServiceJobInProgress ServiceJobStatus = "IN_PROGRESS"
	ServiceJobCompleted  ServiceJobStatus = "COMPLETED"
	ServiceJobFailed     ServiceJobStatus = "FAILED"
)

// ServiceJobProgress is what a job says of its progress. The numbers are for people: they may reach their total before the job is
// completed, or never.
type ServiceJobProgress struct {
	Total     int    `json:"num_total"`
	Completed int    `json:"num_completed"`
	Message   string `json:"message,omitzero"`
}

// ServiceJobInfo is a job as the vendor describes it. Everything but ID and Status may be missing.
type ServiceJobInfo struct {
	ID ServiceJobID `json:"id"`
	// Type is what the job does, such as ENDPOINTS for an export of devices. The set is open.
	Type     string             `json:"type,omitzero"`
	Status   ServiceJobStatus   `json:"status"`
	Progress ServiceJobProgress `json:"progress,omitzero"`
	// Parameters is the request that the job works on, as JSON.
	Parameters []byte `json:"-"`
	// Connector is the id of the API key that made the job.
	Connector string    `json:"connector_id,omitzero"`
	OrgKey    string    `json:"org_key,omitzero"`
	Created   time.Time `json:"create_time,omitzero"`
	Updated   time.Time `json:"last_update_time,omitzero"`
}

// Finished tells that the job changes no more, well or not.
func (i ServiceJobInfo) Finished() bool {
	return i.Status == ServiceJobCompleted || i.Status == ServiceJobFailed
}

type wireServiceJob struct {
	ServiceJobInfo
	Parameters jsontext.Value `json:"job_parameters"`
}

func (w wireServiceJob) info(op string) (ServiceJobInfo, error) {
	info := w.ServiceJobInfo
	switch {
	case info.ID <= 0:
		return ServiceJobInfo{}, answerError(op, http.StatusOK, nil, errors.New("a job without an id"))
	case info.Status == "":
		return ServiceJobInfo{}, answerError(op, http.StatusOK, nil, fmt.Errorf("job %d has no status", info.ID))
	}
	if len(w.Parameters) > 0 && w.Parameters.Kind() != 'n' {
		info.Parameters = bytes.Clone(w.Parameters)
	}
	return info, nil
}

// Jobs reads the job service, where exports and bulk changes of other services are worked off. A job can be seen only by the key
// that made it, and is kept for 30 days.
type Jobs struct{ c *core }

// Job picks up a job by its id. It calls nobody.
func (j *Jobs) Job(id ServiceJobID) *ServiceJob { return newServiceJob(j.c, id) }

// List returns the jobs that the key may see. An answer with fewer jobs than it counts comes with an [ErrTruncated], since the vendor
// documents no further pages. It needs jobs.status (READ).
//
//api:op GET /jobs/v1/orgs/{org_key}/jobs
func (j *Jobs) List(ctx context.Context) ([]ServiceJobInfo, error) {
	call := j.c.call("jobs.list", http.MethodGet, "/jobs/v1/orgs/{org_key}/jobs")
	call.Repeatable = true
	var answer listAnswer[wireServiceJob]
	if err := j.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	rows, total, err := answer.page(call.Op)
	if err != nil {
		return nil, err
	}
	jobs := make([]ServiceJobInfo, 0, len(rows))
	for _, w := range rows {
		info, err := w.info(call.Op)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, info)
	}
	if len(jobs) < total {
		return jobs, fmt.Errorf("cbc: jobs.list: %d of %d jobs came: %w", len(jobs), total, ErrTruncated)
	}
	return jobs, nil
}

// Get reads one job, [ErrNotFound] if there is none or another key made it. It needs jobs.status (READ).
//
//api:op GET /jobs/v1/orgs/{org_key}/jobs/{job_id}
func (j *Jobs) Get(ctx context.Context, id ServiceJobID) (ServiceJobInfo, error) {
	return j.get(ctx, "jobs.get", id)
}

func (j *Jobs) get(ctx context.Context, op string, id ServiceJobID) (ServiceJobInfo, error) {
	if err := checkServiceJobID(op, id); err != nil {
		return ServiceJobInfo{}, err
	}
	call := j.c.call(op, http.MethodGet, "/jobs/v1/orgs/{org_key}/jobs/{job_id}", formatID(id))
	call.Repeatable = true
	var w wireServiceJob
	if err := j.c.do(ctx, call, &w); err != nil {
		return ServiceJobInfo{}, err
	}
	info, err := w.info(op)
	if err == nil && info.ID != id {
		err = answerError(op, http.StatusOK, nil, fmt.Errorf("it is about job %d, not %d", info.ID, id))
	}
	if err != nil {
		return ServiceJobInfo{}, err
	}
	return info, nil
}

// Progress reads the numbers of a job alone, which say nothing about its end: see [ServiceJobProgress]. It needs jobs.status (READ).
//
//api:op GET /jobs/v1/orgs/{org_key}/jobs/{job_id}/progress
func (j *Jobs) Progress(ctx context.Context, id ServiceJobID) (ServiceJobProgress, error) {
	const op = "jobs.progress"
	if err := checkServiceJobID(op, id); err != nil {
		return ServiceJobProgress{}, err
	}
	call := j.c.call(op, http.MethodGet, "/jobs/v1/orgs/{org_key}/jobs/{job_id}/progress", formatID(id))
	call.Repeatable = true
	var progress ServiceJobProgress
	if err := j.c.do(ctx, call, &progress); err != nil {
		return ServiceJobProgress{}, err
	}
	return progress, nil
}

func checkServiceJobID(op string, id ServiceJobID) error {
	if id <= 0 {
		return fmt.Errorf("cbc: %s: %d is no job id", op, id)
	}
	return nil
}

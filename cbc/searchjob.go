package cbc

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// SearchJob is a search for processes that was started. It belongs to one goroutine. [Processes.Job] picks it up again.
type SearchJob struct{ RowJob[Process] }

// searchJob is a search that nobody has looked at yet.
//
//api:op GET /api/investigate/v2/orgs/{org_key}/processes/search_jobs/{job_id}/results
func (p *Processes) searchJob(id JobID, rows int) *SearchJob {
	return &SearchJob{RowJob[Process]{
		ID: id, Rows: rows, c: p.c, decode: decodeProcess,
		kind: jobKind{"processes.", "/api/investigate/v2/orgs/{org_key}/processes/search_jobs/{job_id}/results"},
	}}
}

// Cancel ends the search at the vendor's, where few may run at once. One that is gone already is no error. It needs
// org.search.events (DELETE).
//
//api:op DELETE /api/investigate/v1/orgs/{org_key}/processes/search_jobs/{job_id}
func (j *SearchJob) Cancel(ctx context.Context) error {
	call := j.c.call("processes.cancel", http.MethodDelete, "/api/investigate/v1/orgs/{org_key}/processes/search_jobs/{job_id}", string(j.ID))
	call.Repeatable = true
	if err := j.c.do(ctx, call, nil); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// abandon cancels a search that nobody waits for any more. Its result changes nothing for the caller, who may be about to end: the
// vendor drops the search by itself within minutes.
func (j *SearchJob) abandon(ctx context.Context) {
	patience := 5 * time.Second
	if ctx.Err() != nil {
		patience = 500 * time.Millisecond
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer stop()
	_ = j.Cancel(ctx)
}

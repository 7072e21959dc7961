package cbc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// retention is longer than the vendor holds anything: about 180 days for what belongs to alerts, 30 for the rest. To ask for more than
// there is finds what there is.
const retention = 180 * 24 * time.Hour

// SummaryQuery says around which process to look. GUID is required.
type SummaryQuery struct {
	GUID ProcessGUID
	// ParentGUID is the parent, if it is known.
	ParentGUID ProcessGUID
	// Window is how far to look back from now, in whole seconds. Defaults to everything that the vendor holds if Start and End are
	// zero too.
	Window time.Duration
	// Start and End bound the activity instead of Window. Give both or none.
	Start, End time.Time
}

// StartSummary begins to look for the processes around one, and returns the job. It is repeated when its answer is lost, like
// [Processes.Start]. It needs org.search.events (CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/processes/summary_jobs
func (p *Processes) StartSummary(ctx context.Context, q SummaryQuery) (*SummaryJob, error) {
	const op = "processes.summary_start"
	if err := checkID(op, "process GUID", q.GUID); err != nil {
		return nil, err
	}
	span, err := selection{window: q.Window, start: q.Start, end: q.End}.orAll().timeRange()
	if err != nil {
		return nil, err
	}
	body := struct {
		GUID       ProcessGUID `json:"process_guid"`
		ParentGUID ProcessGUID `json:"parent_guid,omitzero"`
		TimeRange  timeRange   `json:"time_range"`
	}{q.GUID, q.ParentGUID, span}
	id, err := p.c.startJob(ctx, op, "/api/investigate/v2/orgs/{org_key}/processes/summary_jobs", body)
	if err != nil {
		return nil, err
	}
	return &SummaryJob{ID: id, c: p.c, waiting: started()}, nil
}

// SummaryJob picks up a job of [Processes.StartSummary] by its id. It calls nobody.
func (p *Processes) SummaryJob(id JobID) *SummaryJob { return &SummaryJob{ID: id, c: p.c} }

// Summary is a process with its parent, its children and its siblings: [Processes.StartSummary] and [SummaryJob.Summary] in one. What
// came of a job that one searcher did not answer comes with an [*IncompleteError]. It needs org.search.events (CREATE, READ).
func (p *Processes) Summary(ctx context.Context, guid ProcessGUID) (ProcessSummary, error) {
	job, err := p.StartSummary(ctx, SummaryQuery{GUID: guid})
	if err != nil {
		return ProcessSummary{}, err
	}
	summary, err := job.Summary(ctx)
	if err == nil {
		err = job.waiting.flaw("processes.summary", job.ID)
	}
	return summary, err
}

// Tree is a process with all that it started, directly or not: [Processes.StartSummary] and [SummaryJob.Tree] in one, like
// [Processes.Summary] in all else. It needs org.search.events (CREATE, READ).
func (p *Processes) Tree(ctx context.Context, guid ProcessGUID) (ProcessNode, error) {
	job, err := p.StartSummary(ctx, SummaryQuery{GUID: guid})
	if err != nil {
		return ProcessNode{}, err
	}
	tree, err := job.Tree(ctx)
	if err == nil {
		err = job.waiting.flaw("processes.tree", job.ID)
	}
	return tree, err
}

// SummaryJob is a job that looks for the processes around one. It belongs to one goroutine.
type SummaryJob struct {
	// ID picks the job up again with [Processes.SummaryJob].
	ID JobID

	c       *core
	waiting waiting
	last    summaryAnswer
	format  string // that last has
}

// Wait looks until the job is finished, as [RowJob.Wait] does. A process that the vendor does not know is an [ErrNotFound], and
// so is a job that it has forgotten. It needs org.search.events (READ).
func (j *SummaryJob) Wait(ctx context.Context) (Status, error) {
	return j.waiting.until(ctx, "processes.summary_wait", j.ID, func(ctx context.Context) (Status, error) { return j.look(ctx, "summary") })
}

// look reads the job in one of its formats.
//
//api:op GET /api/investigate/v2/orgs/{org_key}/processes/summary_jobs/{job_id}/results
func (j *SummaryJob) look(ctx context.Context, format string) (Status, error) {
	const op = "processes.summary_results"
	call := j.c.call(op, http.MethodGet, "/api/investigate/v2/orgs/{org_key}/processes/summary_jobs/{job_id}/results", string(j.ID))
	call.Query = url.Values{"format": {format}}
	call.Repeatable = true
	var answer summaryAnswer
	if err := j.c.do(ctx, call, &answer); err != nil {
		return Status{}, err
	}
	switch answer.Exception {
	case "":
	case "NOT_FOUND":
		return Status{}, fmt.Errorf("cbc: %s: the process is not known: %w", op, ErrNotFound)
	default:
		return Status{}, &APIError{Op: op, StatusCode: http.StatusOK, Code: answer.Exception, Message: "the summary could not be made"}
	}
	status := answer.status()
	if status.Finished && status.Contacted == 0 {
		return Status{}, fmt.Errorf("cbc: %s: the vendor has no data: %w", op, ErrNotFound)
	}
	j.last, j.format = answer, format
	return status, nil
}

// read waits for the job in a format.
func (j *SummaryJob) read(ctx context.Context, format string) error {
	if j.format != format {
		// The other format is another answer, which may be behind.
		j.waiting.status = Status{}
	}
	_, err := j.waiting.until(ctx, "processes.summary_wait", j.ID, func(ctx context.Context) (Status, error) { return j.look(ctx, format) })
	return err
}

// Summary is the process with its parent, its children and its siblings, after waiting for the job if nobody has yet. What came of
// a job that comes to no end is returned together with the [*IncompleteError] that says so; the Warnings of one that finished are told
// by Wait alone. A process that the vendor does not know
// is an [ErrNotFound]. It needs org.search.events (READ).
func (j *SummaryJob) Summary(ctx context.Context) (ProcessSummary, error) {
	incomplete := j.read(ctx, "summary")
	if hopeless(incomplete) {
		return ProcessSummary{}, incomplete
	}
	return partial(decodeSummary, j.last.Summary, incomplete)
}

// Tree is the process with all that it started, directly or not, like [SummaryJob.Summary] in all else.
func (j *SummaryJob) Tree(ctx context.Context) (ProcessNode, error) {
	incomplete := j.read(ctx, "tree")
	if hopeless(incomplete) {
		return ProcessNode{}, incomplete
	}
	return partial(decodeTree, j.last.Tree, incomplete)
}

// partial decodes what came. That of an incomplete job may be nothing at all.
func partial[T any](decode func(string, jsontext.Value) (T, error), raw jsontext.Value, incomplete error) (T, error) {
	var none T
	if len(raw) == 0 {
		raw = jsontext.Value("null")
	}
	v, err := decode("processes.summary_results", raw)
	switch {
	case incomplete == nil && err != nil:
		return none, err
	case err != nil:
		return none, incomplete
	}
	return v, incomplete
}

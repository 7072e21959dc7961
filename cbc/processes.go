package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"
)

// MaxRows is the largest number of rows that a search keeps.
const MaxRows = 10000

// Processes searches recorded processes.
type Processes struct{ c *core }

// ProcessQuery says what to search for. Query or Criteria is required; what both say must hold.
type ProcessQuery struct {
	// Query is a search expression.
	Query Expr
	// Criteria are fields with the values that they may have, taken literally. All fields must match.
	Criteria map[string][]string
	// Exclusions are fields with values that they must not have.
	Exclusions map[string][]string
	// Window is how far to look back from now, in whole seconds. Defaults to DefaultWindow if Start and End are zero too. What the
	// vendor no longer holds (about 30 days) is not found, without an error.
	Window time.Duration
	// Start and End bound the newest activity of a process instead of Window. Give both or none.
	Start, End time.Time
	// Rows is how many rows the search keeps. Defaults to MaxRows, which is the most.
	Rows int
	// Fields are what each row has; "*" stands for the vendor's default set. Defaults to that set and what else [Process] has
	// room for among process_cmdline, process_start_time, device_os and device_policy.
	Fields []string
	// CollapseGUID asks for one row for each process. Without it a process that was analyzed, or that hit several watchlists,
	// has several rows.
	CollapseGUID bool
	// Sort is the order of the rows. Defaults to the vendor's, which is not documented. What is sorted by is added to Fields: rows
	// are sorted reliably only by what they have.
	Sort []Sort
}

// defaultFields are asked for when nothing else is.
func defaultFields() []string {
	return []string{"*", "process_cmdline", "process_start_time", "device_os", "device_policy"}
}

type searchBody struct {
	selectionBody
	Fields   []string `json:"fields"`
	Rows     int      `json:"rows"`
	Start    int      `json:"start"`
	Sort     []sortBy `json:"sort,omitzero"`
	Collapse []string `json:"collapse_field,omitzero"`
}

// searchRows checks what is asked of the rows of a search and writes it. What is sorted by is added to the fields.
func searchRows(rows int, fields []string, order []Sort) (searchBody, error) {
	body := searchBody{Fields: fields, Rows: rows}
	if body.Rows == 0 {
		body.Rows = MaxRows
	}
	var problems []error
	if body.Rows < 0 || body.Rows > MaxRows {
		problems = append(problems, fmt.Errorf("cbc: query: Rows is %d: want 1 to %d", rows, MaxRows))
	}
	var err error
	body.Sort, err = sortBody(order)
	for _, s := range body.Sort {
		if !slices.Contains(body.Fields, s.Field) {
			body.Fields = append(slices.Clone(body.Fields), s.Field)
		}
	}
	return body, errors.Join(append(problems, err)...)
}

// body checks the query and writes it as the vendor wants it.
func (q ProcessQuery) body() (searchBody, error) {
	fields := q.Fields
	if len(fields) == 0 {
		fields = defaultFields()
	}
	body, rowsErr := searchRows(q.Rows, fields, q.Sort)
	if q.CollapseGUID {
		body.Collapse = []string{"process_guid"}
	}
	var err error
	body.selectionBody, err = selection{q.Query, q.Criteria, q.Exclusions, q.Window, q.Start, q.End}.body(anchor)
	return body, errors.Join(err, rowsErr)
}

// Start begins a search and returns its job. A job lives for about three minutes. Starting twice costs a second job and harms
// nothing, so that the call is repeated when its answer is lost. It needs org.search.events (CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/processes/search_jobs
func (p *Processes) Start(ctx context.Context, q ProcessQuery) (*SearchJob, error) {
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	id, err := p.c.startJob(ctx, "processes.start", "/api/investigate/v2/orgs/{org_key}/processes/search_jobs", body)
	if err != nil {
		return nil, err
	}
	job := p.searchJob(id, body.Rows)
	job.waiting = started()
	return job, nil
}

// Job picks up a search by the id that its job told, in this process or in another. It calls nobody.
func (p *Processes) Job(id JobID) *SearchJob { return p.searchJob(id, 0) }

// Jobs lists the searches of the organization that run. It needs org.search.events (READ).
//
//api:op GET /api/investigate/v1/orgs/{org_key}/processes/search_jobs
func (p *Processes) Jobs(ctx context.Context) ([]JobID, error) {
	call := p.c.call("processes.jobs", http.MethodGet, "/api/investigate/v1/orgs/{org_key}/processes/search_jobs")
	call.Repeatable = true
	var answer struct {
		IDs []string `json:"query_ids"`
	}
	if err := p.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	ids := make([]JobID, len(answer.IDs))
	for i, id := range answer.IDs {
		ids[i] = JobID(id)
	}
	return ids, nil
}

// Validate asks the vendor whether it can read an expression; the error is an [ErrQuerySyntax] if not. Expressions made without
// [Raw] need no asking. Some organizations find nothing for an expression that they cannot read, and do not say so: ask before
// searching for what a person wrote. It needs org.search.events (READ).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/processes/search_validation
func (p *Processes) Validate(ctx context.Context, e Expr) error {
	return p.c.validate(ctx, "processes.validate", "/api/investigate/v2/orgs/{org_key}/processes/search_validation", e, anchor)
}

// Search starts a search, waits for it and yields its rows. It yields at most one error, last. An [*IncompleteError] means that
// the rows before it are good and that there may be more: what was searched for cannot be called unseen. That includes a search
// that found more than ProcessQuery.Rows, which [errors.Is] with [ErrTruncated] tells apart, and one that a single searcher did not
// answer. A loop that stops early cancels the search at the vendor's. Who wants the numbers, or takes a missing searcher for a mere
// warning, uses [Processes.Start], Wait and Results of the job. It needs org.search.events (CREATE, READ, DELETE).
func (p *Processes) Search(ctx context.Context, q ProcessQuery) iter.Seq2[Process, error] {
	return func(yield func(Process, error) bool) {
		job, err := p.Start(ctx, q)
		if err != nil {
			yield(Process{}, err)
			return
		}
		done := false
		defer func() {
			if !done {
				job.abandon(ctx)
			}
		}()
		done = job.all(ctx, "processes.search", yield)
	}
}

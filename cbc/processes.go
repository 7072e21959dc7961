package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// MaxRows is the largest number of rows that a search keeps.
const MaxRows = 10000

// DefaultWindow is how far back a search looks that does not say it.
const DefaultWindow = 14 * 24 * time.Hour

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
}

// defaultFields are asked for when nothing else is.
func defaultFields() []string {
	return []string{"*", "process_cmdline", "process_start_time", "device_os", "device_policy"}
}

type searchBody struct {
	Query      string              `json:"query,omitzero"`
	Criteria   map[string][]string `json:"criteria,omitzero"`
	Exclusions map[string][]string `json:"exclusions,omitzero"`
	Fields     []string            `json:"fields"`
	Rows       int                 `json:"rows"`
	Start      int                 `json:"start"`
	TimeRange  timeRange           `json:"time_range"`
	Collapse   []string            `json:"collapse_field,omitzero"`
}

type timeRange struct {
	Window string `json:"window,omitzero"`
	Start  string `json:"start,omitzero"`
	End    string `json:"end,omitzero"`
}

// body checks the query and writes it as the vendor wants it.
func (q ProcessQuery) body() (searchBody, error) {
	body := searchBody{Fields: q.Fields, Rows: q.Rows, Criteria: q.Criteria, Exclusions: q.Exclusions}
	var problems []error
	if q.Query.IsZero() && len(q.Criteria) == 0 {
		problems = append(problems, errors.New("cbc: query: neither Query nor Criteria says what to search for"))
	}
	if !q.Query.IsZero() {
		text, err := q.Query.build()
		problems = append(problems, err)
		body.Query = text
	}
	problems = append(problems, checkCriteria(q.Criteria), checkCriteria(q.Exclusions))
	if body.Rows == 0 {
		body.Rows = MaxRows
	}
	if body.Rows < 0 || body.Rows > MaxRows {
		problems = append(problems, fmt.Errorf("cbc: query: Rows is %d: want 1 to %d", q.Rows, MaxRows))
	}
	if len(body.Fields) == 0 {
		body.Fields = defaultFields()
	}
	if q.CollapseGUID {
		body.Collapse = []string{"process_guid"}
	}
	var err error
	body.TimeRange, err = q.timeRange()
	return body, errors.Join(append(problems, err)...)
}

// checkCriteria refuses criteria that restrict nothing: an empty list may count as no list.
func checkCriteria(criteria map[string][]string) error {
	for _, field := range slices.Sorted(maps.Keys(criteria)) {
		if !isFieldName(field) {
			return fmt.Errorf("cbc: query: %q is no field name", field)
		}
		if len(criteria[field]) == 0 || slices.Contains(criteria[field], "") {
			return fmt.Errorf("cbc: query: field %q: an empty value", field)
		}
	}
	return nil
}

func (q ProcessQuery) timeRange() (timeRange, error) {
	window := q.Window
	switch {
	case q.Start.IsZero() != q.End.IsZero():
		return timeRange{}, errors.New("cbc: query: Start and End go together")
	case !q.Start.IsZero() && window != 0:
		return timeRange{}, errors.New("cbc: query: Window and Start exclude each other")
	case !q.Start.IsZero() && !q.Start.Before(q.End):
		return timeRange{}, errors.New("cbc: query: Start is not before End")
	case !q.Start.IsZero():
		return timeRange{Start: formatTime(q.Start), End: formatTime(q.End)}, nil
	case window == 0:
		window = DefaultWindow
	}
	if window < time.Second || window%time.Second != 0 {
		return timeRange{}, fmt.Errorf("cbc: query: Window is %v: want whole seconds, at least one", q.Window)
	}
	return timeRange{Window: formatWindow(window)}, nil
}

// formatWindow writes a length of time as one number with the largest unit that fits, and the minus that the vendor wants.
func formatWindow(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		letter string
	}{{7 * 24 * time.Hour, "w"}, {24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d%unit.length == 0 {
			return "-" + strconv.FormatInt(int64(d/unit.length), 10) + unit.letter
		}
	}
	return "-" + strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Start begins a search and returns its job. A job lives for about three minutes. Starting twice costs a second job and harms
// nothing, so that the call is repeated when its answer is lost. It needs org.search.events (CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/processes/search_jobs
func (p *Processes) Start(ctx context.Context, q ProcessQuery) (*SearchJob, error) {
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	call := p.c.call("processes.start", http.MethodPost, "/api/investigate/v2/orgs/{org_key}/processes/search_jobs")
	call.Body, call.Repeatable = body, true
	var answer struct {
		JobID JobID `json:"job_id"`
	}
	if err := p.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.JobID == "" {
		return nil, answerError(call.Op, http.StatusOK, nil, errors.New("no job_id"))
	}
	return &SearchJob{ID: answer.JobID, Rows: body.Rows, c: p.c, began: time.Now(), fresh: true}, nil
}

// Job picks up a search by the id that [SearchJob.ID] told, in this process or in another. It calls nobody.
func (p *Processes) Job(id JobID) *SearchJob { return &SearchJob{ID: id, c: p.c} }

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
	text, err := e.build()
	if err != nil {
		return err
	}
	call := p.c.call("processes.validate", http.MethodPost, "/api/investigate/v2/orgs/{org_key}/processes/search_validation")
	call.Body = struct {
		Query string `json:"query"`
	}{text}
	call.Repeatable = true
	var answer struct {
		Valid   *bool  `json:"valid"`
		Message string `json:"invalid_message"`
		Offset  int    `json:"invalid_trigger_offset"`
	}
	switch err := p.c.do(ctx, call, &answer); {
	case err != nil:
		return err
	case answer.Valid == nil:
		return answerError(call.Op, http.StatusOK, nil, errors.New("it does not say whether the expression is valid"))
	case !*answer.Valid:
		return fmt.Errorf("cbc: %s: %w at character %d: %s", call.Op, ErrQuerySyntax, answer.Offset, printable(answer.Message))
	}
	return nil
}

// Search starts a search, waits for it and yields its rows. It yields at most one error, last. An [*IncompleteError] means that
// the rows before it are good and that there may be more: what was searched for cannot be called unseen. That includes a search
// that found more than ProcessQuery.Rows; [errors.Is] with [ErrTruncated] tells it apart. A loop that stops early cancels the
// search at the vendor's. Who wants the numbers of a complete search uses [Processes.Start], [SearchJob.Wait] and
// [SearchJob.Results]. It needs org.search.events (CREATE, READ, DELETE).
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
		for row, err := range job.Results(ctx) {
			if !yield(row, err) || err != nil {
				return
			}
		}
		done = true
		if job.status.Truncated {
			yield(Process{}, &IncompleteError{Op: "processes.search", Job: job.ID, Status: job.status})
		}
	}
}

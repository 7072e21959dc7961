package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// observationAnchor is what every observation has.
const observationAnchor = "observation_id:*"

// Observations searches what the vendor found remarkable on devices.
type Observations struct{ c *core }

// ObservationQuery says what to search for. Query or Criteria is required; all fields are as in [ProcessQuery].
type ObservationQuery struct {
	Query      Expr
	Criteria   map[string][]string
	Exclusions map[string][]string
	// Window is how far to look back from now, in whole seconds. Defaults to DefaultWindow if Start and End are zero too.
	Window     time.Duration
	Start, End time.Time
	// Rows is how many rows the search keeps. Defaults to MaxRows, which is the most.
	Rows int
	// Fields are what each row has; "*" stands for the vendor's default set. Defaults to that set and what else [Process] has room
	// for.
	Fields []string
	Sort   []Sort
}

func (q ObservationQuery) body() (searchBody, error) {
	fields := q.Fields
	if len(fields) == 0 {
		fields = defaultFields()
	}
	body, rowsErr := searchRows(q.Rows, fields, q.Sort)
	var err error
	body.selectionBody, err = selection{q.Query, q.Criteria, q.Exclusions, q.Window, q.Start, q.End}.body(observationAnchor)
	return body, errors.Join(err, rowsErr)
}

// ObservationJob is a search for observations that was started. It belongs to one goroutine. [Observations.Job] picks it up again.
// The vendor documents no way to cancel it; it ends within minutes by itself.
type ObservationJob struct{ RowJob[Observation] }

// Start begins a search and returns its job. It is repeated when its answer is lost, like [Processes.Start]. It needs
// org.search.events (CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/observations/search_jobs
func (o *Observations) Start(ctx context.Context, q ObservationQuery) (*ObservationJob, error) {
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	id, err := o.c.startJob(ctx, "observations.start", "/api/investigate/v2/orgs/{org_key}/observations/search_jobs", body)
	if err != nil {
		return nil, err
	}
	job := o.Job(id)
	job.Rows, job.waiting = body.Rows, started()
	return job, nil
}

// Job picks up a search by the id that its job told. It calls nobody.
//
//api:op GET /api/investigate/v2/orgs/{org_key}/observations/search_jobs/{job_id}/results
func (o *Observations) Job(id JobID) *ObservationJob {
	return &ObservationJob{RowJob[Observation]{
		ID: id, c: o.c, decode: decodeObservation,
		kind: jobKind{"observations.", "/api/investigate/v2/orgs/{org_key}/observations/search_jobs/{job_id}/results"},
	}}
}

// Search starts a search, waits for it and yields its rows. It yields at most one error, last; an [*IncompleteError] means the same
// as that of [Processes.Search]. It needs org.search.events (CREATE, READ).
func (o *Observations) Search(ctx context.Context, q ObservationQuery) iter.Seq2[Observation, error] {
	return func(yield func(Observation, error) bool) {
		job, err := o.Start(ctx, q)
		if err != nil {
			yield(Observation{}, err)
			return
		}
		job.all(ctx, "observations.search", yield)
	}
}

// Validate is [Processes.Validate] for expressions that search observations. It needs org.search.events (READ).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/observations/search_validation
func (o *Observations) Validate(ctx context.Context, e Expr) error {
	return o.c.validate(ctx, "observations.validate", "/api/investigate/v2/orgs/{org_key}/observations/search_validation", e, observationAnchor)
}

// Suggest is [Processes.Suggest] for observations. It needs org.search.events (READ).
//
//api:op GET /api/investigate/v2/orgs/{org_key}/observations/search_suggestions
func (o *Observations) Suggest(ctx context.Context, prefix string, count int) ([]Suggestion, error) {
	return o.c.suggest(ctx, "observations.suggest", "/api/investigate/v2/orgs/{org_key}/observations/search_suggestions", prefix, count)
}

// GroupQuery says how to put the rows of a search into groups. Fields is required.
type GroupQuery struct {
	// Fields are those whose values make groups, such as "device_name".
	Fields []string
	// Rows is how many groups to tell. Defaults to 500.
	Rows int
	// MaxEvents is how many observations of each group to tell. Defaults to the vendor's number, which is not documented.
	MaxEvents int
}

// ObservationGroup are observations that have a value in common.
type ObservationGroup struct {
	// Field and Value are what they have in common.
	Field, Value string
	// Start and End are the times of the oldest and the newest of them.
	Start, End time.Time
	// Total is how many there are, of which Observations may be a part.
	Total        int
	Observations []Observation
}

type wireGroup struct {
	Field   string           `json:"group_key"`
	Value   string           `json:"group_value"`
	Start   time.Time        `json:"group_start_timestamp"`
	End     time.Time        `json:"group_end_timestamp"`
	Total   int              `json:"total_events"`
	Results []jsontext.Value `json:"results"`
}

// Groups puts the rows of the search into groups, after waiting for it if nobody has yet. Groups of a search that comes to no end,
// groups with rows that cannot be read, and fewer groups than there are come together with the [*IncompleteError] that says so; the
// last is also an [ErrTruncated]. It needs org.search.events (READ).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/observations/search_jobs/{job_id}/group_results
func (j *ObservationJob) Groups(ctx context.Context, q GroupQuery) ([]ObservationGroup, error) {
	const op = "observations.groups"
	body := struct {
		Fields    []string `json:"fields"`
		Rows      int      `json:"rows"`
		MaxEvents int      `json:"max_events_per_group,omitzero"`
	}{q.Fields, q.Rows, q.MaxEvents}
	switch {
	case len(q.Fields) == 0:
		return nil, errors.New("cbc: observations.groups: no field to group by")
	case checkFacetFields(q.Fields, 0) != nil:
		return nil, checkFacetFields(q.Fields, 0)
	case q.Rows < 0 || q.Rows > MaxRows || q.MaxEvents < 0:
		return nil, fmt.Errorf("cbc: observations.groups: Rows is %d and MaxEvents %d: want 1 to %d, and not below zero", q.Rows, q.MaxEvents, MaxRows)
	case q.Rows == 0:
		body.Rows = pageRows
	}
	_, incomplete := j.Wait(ctx)
	if hopeless(incomplete) {
		return nil, incomplete
	}
	call := j.c.call(op, http.MethodPost, "/api/investigate/v2/orgs/{org_key}/observations/search_jobs/{job_id}/group_results", string(j.ID))
	call.Body, call.Repeatable = body, true
	var answer struct {
		Groups    *[]wireGroup `json:"group_results"`
		Available int          `json:"groups_num_available"`
	}
	if err := j.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Groups == nil {
		return nil, answerError(op, http.StatusOK, nil, errors.New("no group_results"))
	}
	groups, unreadable, err := decodeGroups(*answer.Groups)
	last := &IncompleteError{Op: op, Job: j.ID, Status: j.waiting.status, Unreadable: unreadable, Err: err}
	switch {
	case err != nil:
		return groups, last
	case incomplete != nil:
		return groups, incomplete
	case len(groups) < answer.Available:
		last.Truncated, last.Found, last.Available = true, answer.Available, len(groups)
		return groups, last
	}
	return groups, nil
}

// decodeGroups reads groups. Rows that cannot be read are left out and counted.
func decodeGroups(wire []wireGroup) (groups []ObservationGroup, unreadable int, err error) {
	options := forgiving()
	for _, w := range wire {
		group := ObservationGroup{Field: w.Field, Value: w.Value, Start: w.Start, End: w.End, Total: w.Total}
		for _, raw := range w.Results {
			o, problem := decodeObservation(raw, options)
			if problem != nil {
				unreadable++
				err = fmt.Errorf("%d rows could not be read, the last one because: %w", unreadable, problem)
				continue
			}
			group.Observations = append(group.Observations, o)
		}
		groups = append(groups, group)
	}
	return groups, unreadable, err
}

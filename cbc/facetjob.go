package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// FacetQuery says what to count in which records. Query or Criteria is required, except for the events of one process, and Terms or
// Ranges.
type FacetQuery struct {
	// Query, Criteria, Exclusions, Window, Start and End choose the records as in [ProcessQuery].
	Query      Expr
	Criteria   map[string][]string
	Exclusions map[string][]string
	Window     time.Duration
	Start, End time.Time
	// Terms are fields whose values are counted, such as "device_id".
	Terms []string
	// Values is how many values of each field are told, the most frequent. Defaults to the vendor's number, which is not
	// documented.
	Values int
	// Ranges are fields that are counted in buckets.
	Ranges []FacetRange
}

// FacetRange is a field that is counted in buckets of one size. Make one with [TimeBuckets] or [NumberBuckets].
type FacetRange struct {
	field            string
	start, end, size any
	err              error
}

// TimeBuckets counts a field of times, such as "backend_timestamp", in buckets of whole seconds, minutes, hours or days. Of these
// the vendor documents days alone.
func TimeBuckets(field string, start, end time.Time, size time.Duration) FacetRange {
	r := FacetRange{field: field, start: formatTime(start), end: formatTime(end)}
	switch {
	case !start.Truncate(time.Millisecond).Before(end.Truncate(time.Millisecond)):
		r.err = errors.New("the start is not before the end")
	case size < time.Second || size%time.Second != 0:
		r.err = fmt.Errorf("the size is %v: want whole seconds, at least one", size)
	}
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "DAY"}, {time.Hour, "HOUR"}, {time.Minute, "MINUTE"}, {time.Second, "SECOND"}} {
		if size%unit.length == 0 {
			r.size = "+" + strconv.FormatInt(int64(size/unit.length), 10) + unit.name
			break
		}
	}
	return r
}

// NumberBuckets counts a field of numbers, such as "netconn_count", in buckets of size numbers each.
func NumberBuckets(field string, start, end, size int64) FacetRange {
	r := FacetRange{field: field, start: start, end: end, size: size}
	switch {
	case start >= end:
		r.err = errors.New("the start is not before the end")
	case size <= 0:
		r.err = fmt.Errorf("the size is %d: want one or more", size)
	}
	return r
}

type facetBody struct {
	selectionBody
	Terms  *facetTerms  `json:"terms,omitzero"`
	Ranges []facetRange `json:"ranges,omitzero"`
}

type facetTerms struct {
	Fields []string `json:"fields"`
	Rows   int      `json:"rows,omitzero"`
}

type facetRange struct {
	Field string `json:"field"`
	Start any    `json:"start"`
	End   any    `json:"end"`
	Size  any    `json:"bucket_size"`
}

// body checks the query and writes it.
func (q FacetQuery) body(anchor string) (facetBody, error) {
	var body facetBody
	var err error
	body.selectionBody, err = selection{q.Query, q.Criteria, q.Exclusions, q.Window, q.Start, q.End}.body(anchor)
	problems := []error{err, checkFacetFields(q.Terms, q.Values)}
	if len(q.Terms) == 0 && len(q.Ranges) == 0 {
		problems = append(problems, errors.New("cbc: query: neither Terms nor Ranges says what to count"))
	}
	if len(q.Terms) > 0 {
		body.Terms = &facetTerms{q.Terms, q.Values}
	}
	for _, r := range q.Ranges {
		if !isFieldName(r.field) {
			problems = append(problems, fmt.Errorf("cbc: query: %q is no field name", r.field))
		}
		if r.err != nil {
			problems = append(problems, fmt.Errorf("cbc: query: buckets of %q: %w", r.field, r.err))
		}
		body.Ranges = append(body.Ranges, facetRange{r.field, r.start, r.end, r.size})
	}
	return body, errors.Join(problems...)
}

// checkFacetFields checks which fields are counted and how many values of each.
func checkFacetFields(fields []string, values int) error {
	for _, field := range fields {
		if !isFieldName(field) {
			return fmt.Errorf("cbc: query: %q is no field name", field)
		}
	}
	if values < 0 {
		return fmt.Errorf("cbc: query: Values is %d: want one or more", values)
	}
	return nil
}

// Facets are the counts of a job.
type Facets struct {
	Terms  []Facet
	Ranges []RangeFacet
	// Found is how many records were counted.
	Found int
}

// RangeFacet counts a field in buckets.
type RangeFacet struct {
	Field string `json:"field"`
	// Start, End and BucketSize are the vendor's echo of what was asked for.
	Start      string `json:"start"`
	End        string `json:"end"`
	BucketSize string `json:"bucket_size"`
	// Buckets are those with anything in them.
	Buckets []FacetBucket `json:"values"`
}

// FacetBucket is one bucket with its count.
type FacetBucket struct {
	// Name is where the bucket begins: a number, or a time that [FacetBucket.Time] reads.
	Name string `json:"name"`
	// Total is how many records are in the bucket.
	Total int64 `json:"total"`
}

// Time is where a bucket of times begins.
func (b FacetBucket) Time() (t time.Time, ok bool) { return parseTime(b.Name) }

// facetAnswer is an answer with counts, which services write as far as they have got.
type facetAnswer struct {
	Terms  []jsontext.Value `json:"terms"`
	Ranges []jsontext.Value `json:"ranges"`
	progress
}

// result reads the counts together with why they are incomplete, if they are. A complete answer without any is none, unless the vendor
// says that there is no data: it must not pass for counts of zero.
func (a facetAnswer) result(op string, incomplete error) (Facets, error) {
	noData := a.Contacted == 0 && a.status().Finished
	if incomplete == nil && a.Terms == nil && a.Ranges == nil && !noData {
		return Facets{}, answerError(op, http.StatusOK, nil, errors.New("neither terms nor ranges"))
	}
	facets, err := a.facets(op)
	if err != nil {
		return Facets{}, err
	}
	return facets, incomplete
}

func (a facetAnswer) facets(op string) (Facets, error) {
	facets := Facets{Found: a.Found}
	for _, raw := range a.Terms {
		var f Facet
		if err := decodeFacet(op, raw, &f, &f.Field); err != nil {
			return Facets{}, err
		}
		facets.Terms = append(facets.Terms, f)
	}
	for _, raw := range a.Ranges {
		var f RangeFacet
		if err := decodeFacet(op, raw, &f, &f.Field); err != nil {
			return Facets{}, err
		}
		facets.Ranges = append(facets.Ranges, f)
	}
	return facets, nil
}

// decodeFacet reads the counts of one field. Counts that do not say of what are none.
func decodeFacet(op string, raw jsontext.Value, out any, field *string) error {
	if err := decodeValue(op, raw, out); err != nil {
		return err
	}
	if *field == "" {
		return answerError(op, http.StatusOK, raw, errors.New("counts without a field"))
	}
	return nil
}

// FacetJob is a job that counts. It belongs to one goroutine.
type FacetJob struct {
	// ID picks the job up again, with the method that its maker names.
	ID JobID

	c       *core
	kind    jobKind
	waiting waiting
	last    facetAnswer
}

// Wait looks until everything is counted, as [RowJob.Wait] does. It needs org.search.events (READ).
func (j *FacetJob) Wait(ctx context.Context) (Status, error) {
	return j.waiting.until(ctx, j.kind.op("wait"), j.ID, func(ctx context.Context) (Status, error) {
		call := j.c.call(j.kind.op("results"), http.MethodGet, j.kind.route, string(j.ID))
		call.Repeatable = true
		var answer facetAnswer
		if err := j.c.do(ctx, call, &answer); err != nil {
			return Status{}, err
		}
		j.last = answer
		return answer.status(), nil
	})
}

// Results are the counts, after waiting for the job if nobody has yet. Those of a job that comes to no end are returned together
// with the [*IncompleteError] that says so: they are too low. The Warnings of a job that finished are told by Wait alone. It needs
// org.search.events (READ).
func (j *FacetJob) Results(ctx context.Context) (Facets, error) {
	_, incomplete := j.Wait(ctx)
	if hopeless(incomplete) {
		return Facets{}, incomplete
	}
	return j.last.result(j.kind.op("results"), incomplete)
}

// counts are the results for callers who are not told the Status.
func (j *FacetJob) counts(ctx context.Context, op string) (Facets, error) {
	facets, err := j.Results(ctx)
	if err == nil {
		err = j.waiting.flaw(op, j.ID)
	}
	return facets, err
}

// facetJob starts a job that counts.
func (c *core) facetJob(ctx context.Context, kind jobKind, route string, q FacetQuery, anchor string) (*FacetJob, error) {
	body, err := q.body(anchor)
	if err != nil {
		return nil, err
	}
	id, err := c.startJob(ctx, kind.op("start"), route, body)
	if err != nil {
		return nil, err
	}
	return &FacetJob{ID: id, c: c, kind: kind, waiting: started()}, nil
}

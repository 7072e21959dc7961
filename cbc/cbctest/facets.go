package cbctest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// defaultFacets is how many values of a field are told unless the caller says otherwise.
const defaultFacets = 100

// maxBuckets is how many buckets a range can have.
const maxBuckets = 10_000

// facetBody is the body of a facet: what to count, and in what.
type facetBody struct {
	Terms       facetTerms           `json:"terms"`
	Ranges      []facetRange         `json:"ranges"`
	Query       *string              `json:"query"`
	Criteria    map[string][]literal `json:"criteria"`
	Exclusions  map[string][]literal `json:"exclusions"`
	TimeRange   *timeRange           `json:"time_range"`
	ProcessGUID string               `json:"process_guid"`
}

// facetTerms are the fields whose values are counted.
type facetTerms struct {
	Fields []string `json:"fields"`
	Rows   *int     `json:"rows"`
}

// facetRange is a field whose values are counted in buckets.
type facetRange struct {
	BucketSize json.RawMessage `json:"bucket_size"`
	Start      json.RawMessage `json:"start"`
	End        json.RawMessage `json:"end"`
	Field      string          `json:"field"`
}

// facets is a facet body that was understood.
type facets struct {
	fields []string
	rows   int
	ranges []buckets
}

// buckets is a range that was understood: numbers, or times in milliseconds.
type buckets struct {
	facetRange
	isTime           bool
	start, end, size float64
}

// understandFacet checks a facet body. Its search may leave out everything that is about rows.
func (s *Server) understandFacet(b facetBody, all func() []document) (facets, *search, error) {
	out := facets{fields: b.Terms.Fields, rows: defaultFacets}
	q, err := s.understand(searchBody{
		Query: b.Query, Criteria: b.Criteria, Exclusions: b.Exclusions, TimeRange: b.TimeRange, ProcessGUID: b.ProcessGUID,
	}, all)
	if err != nil {
		return out, nil, err
	}
	if len(b.Terms.Fields)+len(b.Ranges) == 0 {
		return out, nil, errors.New("terms.fields or ranges must be present")
	}
	for i, field := range b.Terms.Fields {
		if !isFieldName(field) {
			return out, nil, fmt.Errorf("terms.fields[%d] is not a field: %q", i, field)
		}
	}
	if b.Terms.Rows != nil {
		if out.rows = *b.Terms.Rows; out.rows < 0 || out.rows > maxRows {
			return out, nil, fmt.Errorf("terms.rows is not between 0 and %d", maxRows)
		}
	}
	for i, r := range b.Ranges {
		understood, err := r.understand()
		if err != nil {
			return out, nil, fmt.Errorf("ranges[%d]: %w", i, err)
		}
		out.ranges = append(out.ranges, understood)
	}
	return out, q, nil
}

// understand checks a range: numbers with a number as the size, or times with a size like +1DAY.
func (r facetRange) understand() (buckets, error) {
	out := buckets{facetRange: r}
	if !isFieldName(r.Field) {
		return out, fmt.Errorf("field is not a field: %q", r.Field)
	}
	var from, to string
	if json.Unmarshal(r.Start, &from) == nil && json.Unmarshal(r.End, &to) == nil && strings.Contains(from, "T") {
		start, err := time.Parse(time.RFC3339, from)
		end, err2 := time.Parse(time.RFC3339, to)
		if err != nil || err2 != nil {
			return out, errors.New("start and end are not of the form 2025-02-01T00:00:00Z")
		}
		size, err := bucketSpan(r.BucketSize)
		if err != nil {
			return out, err
		}
		out.isTime, out.size = true, float64(size.Milliseconds())
		out.start, out.end = float64(start.UnixMilli()), float64(end.UnixMilli())
	} else {
		for _, n := range []struct {
			name string
			raw  json.RawMessage
			into *float64
		}{{"start", r.Start, &out.start}, {"end", r.End, &out.end}, {"bucket_size", r.BucketSize, &out.size}} {
			text, err := strconv.ParseFloat(strings.Trim(string(n.raw), `"`), 64)
			if err != nil {
				return out, errors.New(n.name + " is neither a number nor a time")
			}
			*n.into = text
		}
	}
	if out.size <= 0 || out.end <= out.start || (out.end-out.start)/out.size > maxBuckets {
		return out, fmt.Errorf("there are not between 1 and %d buckets from start to end", maxBuckets)
	}
	return out, nil
}

// bucketSpan reads the size of a bucket of times: a plus, a number and a unit, as in "+1DAY".
func bucketSpan(raw json.RawMessage) (time.Duration, error) {
	bad := errors.New("bucket_size of times is not of the form +1DAY")
	var text string
	if json.Unmarshal(raw, &text) != nil || !strings.HasPrefix(text, "+") {
		return 0, bad
	}
	digits := strings.TrimRight(text[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 1 {
		return 0, bad
	}
	const day = 24 * time.Hour
	unit, ok := map[string]time.Duration{
		"SECOND": time.Second, "MINUTE": time.Minute, "HOUR": time.Hour, "DAY": day, "WEEK": 7 * day, "MONTH": 30 * day, "YEAR": 365 * day,
	}[strings.TrimSuffix(text[1+len(digits):], "S")]
	if !ok || n > int64(100*365*day/unit) {
		return 0, bad
	}
	return time.Duration(n) * unit, nil
}

// count is what an answer says about the documents; a limit above zero replaces the number of values that was asked for.
func (f facets) count(documents []document, limit int) map[string]any {
	if limit == 0 {
		limit = f.rows
	}
	terms := []map[string]any{}
	for _, field := range f.fields {
		terms = append(terms, map[string]any{"field": field, "values": termsOf(documents, field, limit)})
	}
	ranges := []map[string]any{}
	for _, r := range f.ranges {
		ranges = append(ranges, map[string]any{
			"field": r.Field, "start": r.Start, "end": r.End, "bucket_size": r.BucketSize, "values": r.count(documents),
		})
	}
	return map[string]any{"terms": terms, "ranges": ranges, "num_found": len(documents)}
}

// termsOf counts how many documents have each value of a field, the commonest first. A limit of 0 means all of them.
func termsOf(documents []document, field string, limit int) []map[string]any {
	totals := map[string]int{}
	for _, d := range documents {
		values := slices.Clone(d.values(field))
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			totals[v]++
		}
	}
	order := slices.SortedFunc(maps.Keys(totals), func(a, b string) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a, b))
	})
	if limit > 0 {
		order = order[:min(limit, len(order))]
	}
	values := []map[string]any{}
	for _, v := range order {
		values = append(values, map[string]any{"total": totals[v], "id": v, "name": v})
	}
	return values
}

// count tells how many documents have a value in each bucket. Buckets without any are left out.
func (b buckets) count(documents []document) []map[string]any {
	totals := map[int]int{}
	for _, d := range documents {
		in := map[int]bool{}
		for _, text := range d.values(b.Field) {
			if v, ok := b.number(text); ok && v >= b.start && v < b.end {
				in[int((v-b.start)/b.size)] = true
			}
		}
		for i := range in {
			totals[i]++
		}
	}
	values := []map[string]any{}
	for _, i := range slices.Sorted(maps.Keys(totals)) {
		values = append(values, map[string]any{"total": totals[i], "name": b.name(b.start + float64(i)*b.size)})
	}
	return values
}

// number is a document's value on the scale of the buckets.
func (b buckets) number(text string) (float64, bool) {
	if b.isTime {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return float64(t.UnixMilli()), true
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}

// name is what a bucket is called: where it begins.
func (b buckets) name(start float64) string {
	if b.isTime {
		return time.UnixMilli(int64(start)).UTC().Format(time.RFC3339)
	}
	return strconv.FormatFloat(start, 'f', -1, 64)
}

// startFacet starts a job that counts what a search would find.
func (s *Server) startFacet(kind string, find func(*search) []document, all func() []document) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in facetBody
		if !s.decode(w, r, &in) {
			return
		}
		counts, q, err := s.understandFacet(in, all)
		if err != nil {
			s.badSearch(w, err)
			return
		}
		j := s.newJob(kind, q.body.words())
		j.facets, j.counted = counts, find(q)
		s.reply(w, http.StatusOK, map[string]any{"job_id": j.id})
	}
}

// facetResults answers with what the searchers that have answered counted.
func (s *Server) facetResults(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		limit := 0
		values, err := fake.Query(r, "limit")
		if err == nil && values.Has("limit") {
			limit, err = strconv.Atoi(values.Get("limit"))
		}
		if err != nil || limit < 0 || limit > maxRows || values.Has("limit") && limit == 0 {
			s.badRequest(w, "limit is not between 1 and "+strconv.Itoa(maxRows))
			return
		}
		j, ok := s.job(w, r, kind)
		if !ok {
			return
		}
		seen := []document{}
		for i, d := range j.counted {
			if j.told(s.now(), i) {
				seen = append(seen, d)
			}
		}
		answer := j.status(s.now())
		maps.Copy(answer, j.facets.count(seen, limit))
		s.reply(w, http.StatusOK, answer)
	}
}

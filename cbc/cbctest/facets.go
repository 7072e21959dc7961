package cbctest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/pphunt/pphunt/internal/fake"
)

// defaultFacets is how many values of a field are told unless the caller says otherwise.
const defaultFacets = 100

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

// facets is a facet body that was understood.
type facets struct {
	fields []string
	rows   int
	ranges []buckets
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

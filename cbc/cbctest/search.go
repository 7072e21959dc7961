package cbctest

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
)

// The paths of process search: the two generations of one service.
const (
	investigateV1 = "/api/investigate/v1/orgs/{org_key}"
	investigateV2 = "/api/investigate/v2/orgs/{org_key}"
)

// What the search services ask of a key.
const (
	searchCreate = "org.search.events:CREATE"
	searchRead   = "org.search.events:READ"
)

// registerSearch adds the routes of process search and of the search within a process.
func (s *Server) registerSearch() {
	const processes = investigateV2 + "/processes"
	s.serve("POST "+processes+"/search_jobs", searchCreate, s.startSearch)
	s.serve("GET "+processes+"/search_jobs/{job_id}/results", searchRead, s.rowsOf(processSearch), "start", "rows")
	s.serve("GET "+investigateV1+"/processes/search_jobs", searchRead, s.listSearches)
	s.serve("DELETE "+investigateV1+"/processes/search_jobs/{job_id}", "", s.cancelSearch)
	s.serve("GET "+investigateV1+"/processes/limits", searchRead, s.searchLimits)
	s.serve("POST "+processes+"/search_validation", searchRead, s.validateSearch)
	s.serve("GET "+processes+"/search_suggestions", searchRead, s.suggest(s.processDocuments), "suggest.q", "suggest.count")
	s.serve("POST "+processes+"/facet_jobs", searchCreate, s.startFacet(processFacet, s.findProcesses, s.processDocuments))
	s.serve("GET "+processes+"/facet_jobs/{job_id}/results", searchRead, s.facetResults(processFacet), "limit")
	s.serve("POST "+processes+"/detail_jobs", searchCreate, s.startDetail)
	s.serve("GET "+processes+"/detail_jobs/{job_id}/results", searchRead, s.rowsOf(processDetail), "start", "rows")
	s.serve("POST "+processes+"/summary_jobs", searchCreate, s.startSummary)
	s.serve("GET "+processes+"/summary_jobs/{job_id}/results", searchRead, s.summaryResults, "format")
	s.serve("POST "+investigateV2+"/events/{process_guid}/_search", "", s.searchEvents)
	s.serve("POST "+investigateV2+"/events/{process_guid}/_facet", "", s.facetEvents)
	s.serve("POST "+investigateV1+"/events/search_validation", searchRead, s.validateSearch)
	s.serve("GET "+investigateV1+"/events/search_validation", searchRead, s.validateByQuery, "q", "query", "process_guid",
		"rows", "start", "fields...", "criteria...", "exclusions...", "time_range...", "collapse_field...")
}

// startSearch starts a job. What it finds is settled then; the job's life only says how much of that is told.
func (s *Server) startSearch(w http.ResponseWriter, r *http.Request) {
	var in searchBody
	if !s.decode(w, r, &in) {
		return
	}
	q, err := s.understand(in, s.processDocuments)
	if err != nil {
		s.badSearch(w, err)
		return
	}
	j := s.newJob(processSearch, in.words())
	j.fill(s.findProcesses(q), q, defaultFields())
	s.reply(w, http.StatusOK, map[string]any{"job_id": j.id})
}

// findProcesses are the rows of all processes that a search wants. The caller holds the lock.
func (s *Server) findProcesses(q *search) []document {
	var found []document
	for _, p := range s.processes {
		if !q.covers(p.Time) || p.Searchable.After(s.now()) {
			continue
		}
		if only := q.body.guid(); only != "" && only != p.GUID {
			continue
		}
		for _, d := range s.documents(p) {
			if d.stored = p.Documents; q.wants(d, s.switches.Search) {
				found = append(found, d)
			}
		}
	}
	return found
}

// processDocuments are the rows of all processes that can be found now. The caller holds the lock.
func (s *Server) processDocuments() []document {
	var all []document
	for _, p := range s.processes {
		if !p.Searchable.After(s.now()) {
			all = append(all, s.documents(p)...)
		}
	}
	return all
}

// job finds the job of the path, or answers 404. The caller holds the lock.
func (s *Server) job(w http.ResponseWriter, r *http.Request, kind string) (*searchJob, bool) {
	id := r.PathValue("job_id")
	for _, j := range s.jobs {
		if j.id == id && j.kind == kind && j.readable(s.now()) {
			return j, true
		}
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "search job not found")
	return nil, false
}

// rowsOf answers with a page of the rows of a job of that kind.
func (s *Server) rowsOf(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start, rows, err := page(r)
		if err != nil {
			s.badRequest(w, err.Error())
			return
		}
		if j, ok := s.job(w, r, kind); ok {
			s.reply(w, http.StatusOK, j.results(s.now(), start, rows))
		}
	}
}

// page reads which rows are asked for: the first 10 unless the query says otherwise.
func page(r *http.Request) (start, rows int, err error) {
	values, err := fake.Query(r, "start", "rows")
	if err != nil {
		return 0, 0, err
	}
	rows = 10
	for name, into := range map[string]*int{"start": &start, "rows": &rows} {
		if !values.Has(name) {
			continue
		}
		n, err := strconv.Atoi(values.Get(name))
		if err != nil || n < 0 || n > maxRows {
			return 0, 0, errors.New(name + " is not between 0 and " + strconv.Itoa(maxRows))
		}
		*into = n
	}
	return start, rows, nil
}

// listSearches lists the jobs that are not finished.
func (s *Server) listSearches(w http.ResponseWriter, _ *http.Request) {
	ids := []string{}
	for _, j := range s.jobs {
		if j.kind == processSearch && j.readable(s.now()) && !j.finished(s.now()) {
			ids = append(ids, j.id)
		}
	}
	s.reply(w, http.StatusOK, map[string]any{"query_ids": ids})
}

// cancelSearch ends a job. Which operation that needs is not known; those that have to do with it will do.
func (s *Server) cancelSearch(w http.ResponseWriter, r *http.Request) {
	if !s.allow(w, r, "org.search.events:DELETE", "org.search.events:CREATE") {
		return
	}
	if s.switches.Search.CancelUnknown {
		w.WriteHeader(http.StatusNoContent)
		for _, j := range s.jobs {
			j.canceled = j.canceled || j.id == r.PathValue("job_id")
		}
		return
	}
	if j, ok := s.job(w, r, processSearch); ok {
		j.canceled = true
		w.WriteHeader(http.StatusNoContent)
	}
}

// searchLimits tells the span of time that is retained.
func (s *Server) searchLimits(w http.ResponseWriter, _ *http.Request) {
	now := s.now()
	s.reply(w, http.StatusOK, map[string]any{
		"status_code": http.StatusOK,
		"time_bounds": map[string]int64{
			"lower": now.Add(-s.switches.Search.Retention).UnixMilli(), "upper": now.UnixMilli(),
		},
	})
}

// validateSearch says whether a query is well formed. The rest of a search body is tolerated and not looked at.
func (s *Server) validateSearch(w http.ResponseWriter, r *http.Request) {
	var in searchBody
	if !s.decode(w, r, &in) {
		return
	}
	switch {
	case in.Query == nil && len(in.Criteria) == 0:
		s.badRequest(w, "query is missing")
		return
	case in.words() == "":
		// Whoever searches by criteria alone has nothing that could be malformed.
		s.reply(w, http.StatusOK, map[string]any{"valid": true, "value_search_query": false})
		return
	}
	s.validity(w, *in.Query)
}

// validateByQuery is how the vendor's SDK has the query of an event search validated: with everything that it is about to
// send as parameters.
func (s *Server) validateByQuery(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	text := cmp.Or(values.Get("q"), values.Get("query"))
	if strings.TrimSpace(text) == "" {
		s.badRequest(w, "the parameter q is missing")
		return
	}
	s.validity(w, text)
}

// validity answers whether a query is well formed.
func (s *Server) validity(w http.ResponseWriter, text string) {
	q, err := parseQuery(text, dialect{phrases: true})
	if malformed, ok := errors.AsType[*syntaxError](err); ok {
		s.reply(w, http.StatusOK, map[string]any{
			"valid": false, "value_search_query": false, "invalid_message": "Invalid Query Parameter",
			"invalid_trigger_offset": malformed.offset,
		})
		return
	}
	s.reply(w, http.StatusOK, map[string]any{"valid": true, "value_search_query": q.values})
}

// SetSearch changes how the jobs of the search services behave that start from now on. Zero fields mean the defaults.
func (s *Server) SetSearch(switches SearchSwitches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switches.fill()
	s.switches.Search = switches
}

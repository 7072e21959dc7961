package cbctest

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/pphunt/pphunt/internal/fake"
)

// The paths of process search: the two generations of one service.
const (
	investigateV1 = "/api/investigate/v1/orgs/{org_key}"
	investigateV2 = "/api/investigate/v2/orgs/{org_key}"
)

// registerSearch adds the routes of process search and of the search within a process.
func (s *Server) registerSearch() {
	const (
		create = "org.search.events:CREATE"
		read   = "org.search.events:READ"
	)
	s.serve("POST "+investigateV2+"/processes/search_jobs", create, s.startSearch)
	s.serve("GET "+investigateV2+"/processes/search_jobs/{job_id}/results", read, s.searchResults, "start", "rows")
	s.serve("GET "+investigateV1+"/processes/search_jobs", read, s.listSearches)
	s.serve("DELETE "+investigateV1+"/processes/search_jobs/{job_id}", "", s.cancelSearch)
	s.serve("GET "+investigateV1+"/processes/limits", read, s.searchLimits)
	s.serve("POST "+investigateV2+"/processes/search_validation", read, s.validateSearch)
	s.serve("POST "+investigateV2+"/events/{process_guid}/_search", "", s.searchEvents)
	s.serve("POST "+investigateV1+"/events/search_validation", read, s.validateSearch)
}

// startSearch starts a job. What it finds is settled then; the job's life only says how much of that is told.
func (s *Server) startSearch(w http.ResponseWriter, r *http.Request) {
	var in searchBody
	if !s.decode(w, r, &in) {
		return
	}
	q, err := s.understand(in)
	if err != nil {
		s.badSearch(w, err)
		return
	}
	// What nobody can read anymore is let go, so that a fake can run for days.
	for _, old := range s.jobs {
		if !old.readable(s.now()) {
			old.rows, old.documents = nil, nil
		}
	}
	j := s.newJob(q)
	s.jobs = append(s.jobs, j)
	s.reply(w, http.StatusOK, map[string]any{"job_id": j.id})
}

// job finds the job of the path, or answers 404. The caller holds the lock.
func (s *Server) job(w http.ResponseWriter, r *http.Request) (*searchJob, bool) {
	id := r.PathValue("job_id")
	for _, j := range s.jobs {
		if j.id == id && j.readable(s.now()) {
			return j, true
		}
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "search job not found")
	return nil, false
}

func (s *Server) searchResults(w http.ResponseWriter, r *http.Request) {
	start, rows, err := page(r)
	if err != nil {
		s.badRequest(w, err.Error())
		return
	}
	if j, ok := s.job(w, r); ok {
		s.reply(w, http.StatusOK, j.results(s.now(), start, rows))
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
		if j.readable(s.now()) && !j.finished(s.now()) {
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
	if j, ok := s.job(w, r); ok {
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
	q, err := parseQuery(*in.Query, dialect{phrases: true})
	if malformed, ok := errors.AsType[*syntaxError](err); ok {
		s.reply(w, http.StatusOK, map[string]any{
			"valid": false, "value_search_query": false, "invalid_message": "Invalid Query Parameter",
			"invalid_trigger_offset": malformed.offset,
		})
		return
	}
	s.reply(w, http.StatusOK, map[string]any{"valid": true, "value_search_query": q.values})
}

// SetSearch changes how the search jobs behave that start from now on. Zero fields mean the defaults.
func (s *Server) SetSearch(switches SearchSwitches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switches.fill()
	s.switches.Search = switches
}

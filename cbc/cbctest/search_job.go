package cbctest

import (
	"maps"
	"slices"
	"time"
)

// maxActive is how long a job makes progress at most.
const maxActive = 3 * time.Minute

// The kinds of jobs, as they stand in paths.
const (
	processSearch  = "processes/search_jobs"
	processFacet   = "processes/facet_jobs"
	processDetail  = "processes/detail_jobs"
	processSummary = "processes/summary_jobs"
	observedSearch = "observations/search_jobs"
	observedFacet  = "observations/facet_jobs"
	observedDetail = "observations/detail_jobs"
)

// SearchJob is what became of a search, or of another job that lives as searches do.
type SearchJob struct {
	// ID is the job's identifier.
	ID string `json:"id"`
	// Kind is where the job belongs: "processes/facet_jobs", "processes/detail_jobs", "processes/summary_jobs",
	// "observations/search_jobs" and so on. Empty for a process search.
	Kind string `json:"kind,omitempty"`
	// Query is the query as it was sent.
	Query string `json:"query,omitempty"`
	// Started is when the job was asked for.
	Started time.Time `json:"started"`
	// Rows is how many rows the finished job has to offer.
	Rows int `json:"rows"`
	// Finished says that all is told.
	Finished bool `json:"finished"`
	// Canceled says that somebody ended it.
	Canceled bool `json:"canceled"`
	// Polls counts the calls that asked for results or status.
	Polls int `json:"polls"`
}

// searchJob is a search with all it found.
type searchJob struct {
	id        string
	kind      string
	query     string
	sw        SearchSwitches
	created   time.Time
	canceled  bool
	polls     int
	keep      int              // how many rows the caller wants to be kept
	skip      int              // how many rows the caller wants to be passed over
	offers    int              // how many rows the finished job has to offer
	rows      []map[string]any // as they are sent, in order; nil once nobody can read them
	documents []int            // how many stored events each of them stands for
	counted   []document       // what a facet job counts, and what a search's rows were made of
	facets    facets           // how a facet job counts them
	family    *family          // what a summary job tells; nil if the process is not there
}

// newJob starts a job that has nothing to offer yet. The caller holds the lock.
func (s *Server) newJob(kind, query string) *searchJob {
	// What nobody can read anymore is let go, so that a fake can run for days.
	for _, old := range s.jobs {
		if !old.readable(s.now()) {
			old.rows, old.documents, old.counted, old.family = nil, nil, nil, nil
		}
	}
	s.serial++
	id := madeUp("search job", s.serial)
	j := &searchJob{
		id:   id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:] + "-sqs",
		kind: kind, query: query, sw: s.switches.Search, created: s.now(),
	}
	s.jobs = append(s.jobs, j)
	return j
}

// fill settles what a job has to offer: the rows of the documents in the order of the search.
func (j *searchJob) fill(found []document, q *search, standard []string) {
	ordered(found, q.body.Sort, "device_timestamp")
	j.keep, j.skip = q.body.rows(), q.body.Start
	j.counted = collapsed(found, q.body.CollapseField)
	for _, d := range j.counted {
		j.documents = append(j.documents, max(1, d.stored))
		j.rows = append(j.rows, project(d.wire, q.body.Fields, standard, j.sw))
	}
	j.offers = min(j.keep, max(0, len(j.rows)-j.skip))
}

// fillWhole offers the documents with all members that there are.
func (j *searchJob) fillWhole(found []document) {
	j.keep = len(found)
	for _, d := range found {
		j.documents = append(j.documents, 1)
		j.rows = append(j.rows, scalars(d.wire, j.sw))
	}
	j.offers = len(j.rows)
}

// collapsed keeps the first row of each distinct value of the fields.
func collapsed(rows []document, fields []string) []document {
	for _, field := range fields {
		seen := map[string]bool{}
		rows = slices.DeleteFunc(rows, func(d document) bool {
			values := d.values(field)
			if len(values) == 0 {
				return false
			}
			again := seen[values[0]]
			seen[values[0]] = true
			return again
		})
	}
	return rows
}

// project picks the members that are asked for; those of the standard are what an asterisk stands for. The three that say
// which process and device it is are always there.
func project(wire map[string]any, fields, standard []string, sw SearchSwitches) map[string]any {
	wanted := slices.Concat(fields, []string{"process_guid", "device_id", "device_name"})
	if len(fields) == 0 || slices.Contains(fields, "*") {
		wanted = append(wanted, standard...)
	}
	row := map[string]any{}
	for _, field := range wanted {
		if v, ok := wire[field]; ok {
			row[field] = v
		}
	}
	return scalars(row, sw)
}

// scalars writes arrays of one string as that string, where the switches say so.
func scalars(wire map[string]any, sw SearchSwitches) map[string]any {
	row := maps.Clone(wire)
	for field, v := range row {
		list, isList := v.([]string)
		if isList && len(list) == 1 && (sw.Scalars || sw.ScalarEnriched && (field == "event_type" || field == "enriched_event_type")) {
			row[field] = list[0]
		}
	}
	return row
}

// defaultFields are the members of a row that need not be asked for.
func defaultFields() []string {
	return []string{
		"process_guid", "process_pid", "process_hash", "process_name", "process_username", "process_effective_reputation",
		"process_reputation", "process_terminated", "parent_guid", "parent_pid", "device_id", "device_name",
		"device_policy_id", "device_group_id", "device_timestamp", "backend_timestamp", "ingress_time", "childproc_count",
		"crossproc_count", "filemod_count", "modload_count", "netconn_count", "regmod_count", "scriptload_count", "org_id",
		"legacy", "event_type", "enriched", "enriched_event_type", "alert_id", "alert_category", "sensor_action",
		"watchlist_hit",
	}
}

// readable says whether the service still knows the job.
func (j *searchJob) readable(now time.Time) bool {
	return !j.canceled && now.Sub(j.created) < j.sw.Lifetime
}

// progress is how many searchers were asked and how many have answered.
func (j *searchJob) progress(now time.Time) (contacted, completed int) {
	sw := j.sw
	elapsed := min(now.Sub(j.created), maxActive)
	if sw.NeverStarts || sw.NoData || elapsed < sw.StartDelay {
		return 0, 0
	}
	completed = sw.Searchers
	if elapsed < sw.Duration {
		completed = int(int64(sw.Searchers) * int64(elapsed-sw.StartDelay) / int64(sw.Duration-sw.StartDelay))
	}
	switch {
	case sw.StuckHalfway:
		completed = min(completed, sw.Searchers/2)
	case sw.StuckOneShort:
		completed = min(completed, sw.Searchers-1)
	case sw.Overrun && completed == sw.Searchers:
		completed++
	}
	return sw.Searchers, completed
}

// finished says whether the job has told all that it ever will.
func (j *searchJob) finished(now time.Time) bool {
	contacted, completed := j.progress(now)
	return j.sw.NoData || contacted > 0 && completed >= contacted || now.Sub(j.created) >= maxActive
}

// told says whether the searcher that comes with row i has answered.
func (j *searchJob) told(now time.Time, i int) bool {
	contacted, completed := j.progress(now)
	return contacted > 0 && i%contacted < completed
}

// toldOf are the rows of the searchers that have answered.
func (j *searchJob) toldOf(now time.Time, rows []map[string]any) []map[string]any {
	seen := []map[string]any{}
	for i, row := range rows {
		if j.told(now, i) {
			seen = append(seen, row)
		}
	}
	return seen
}

// status is what the answers of all jobs have in common. Asking for it is a poll.
func (j *searchJob) status(now time.Time) map[string]any {
	j.polls++
	contacted, completed := j.progress(now)
	message := ""
	if j.sw.NoData {
		message = "No data available for the organization"
	}
	return map[string]any{"contacted": contacted, "completed": completed, "message": message}
}

// results is the answer of the results call: the rows of the searchers that have answered.
func (j *searchJob) results(now time.Time, start, rows int) map[string]any {
	answer := j.status(now)
	seen := j.toldOf(now, j.rows)
	documents := 0
	for i, n := range j.documents {
		if j.told(now, i) {
			documents += n
		}
	}
	available := seen[min(j.skip, len(seen)):]
	available = available[:min(j.keep, len(available))]
	from := min(start, len(available))
	maps.Copy(answer, map[string]any{
		"results": available[from:min(from+rows, len(available))], "num_found": documents, "num_available": len(available),
		"num_aggregated": len(seen), "approximate_unaggregated": documents,
	})
	return answer
}

// SearchJobs lists the searches and other jobs of the search services so far, in the order in which they were started.
func (s *Server) SearchJobs() []SearchJob {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobList()
}

func (s *Server) jobList() []SearchJob {
	now := s.now()
	list := make([]SearchJob, 0, len(s.jobs))
	for _, j := range s.jobs {
		kind := j.kind
		if kind == processSearch {
			kind = ""
		}
		list = append(list, SearchJob{
			ID: j.id, Kind: kind, Query: j.query, Started: j.created, Rows: j.offers,
			Finished: j.finished(now), Canceled: j.canceled, Polls: j.polls,
		})
	}
	return list
}

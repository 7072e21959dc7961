package cbctest

import (
	"slices"
	"time"
)

// maxActive is how long a job makes progress at most.
const maxActive = 3 * time.Minute

// SearchJob is what became of a process search.
type SearchJob struct {
	// ID is the job's identifier.
	ID string `json:"id"`
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
}

// newJob does a search. The caller holds the lock.
func (s *Server) newJob(q *search) *searchJob {
	sw := s.switches.Search
	s.serial++
	id := madeUp("search job", s.serial)
	j := &searchJob{
		id: id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:] + "-sqs", sw: sw, created: s.now(),
		query: q.body.words(), keep: q.body.rows(), skip: q.body.Start,
	}
	var found []document
	events := map[string]int{}
	for _, p := range s.processes {
		if !q.covers(p.Time) || p.Searchable.After(j.created) {
			continue
		}
		if only := q.body.guid(); only != "" && only != p.GUID {
			continue
		}
		events[p.GUID] = p.Documents
		for _, d := range s.documents(p) {
			if q.wants(d, sw) {
				found = append(found, d)
			}
		}
	}
	ordered(found, q.body.Sort, "device_timestamp")
	for _, d := range collapsed(found, q.body.CollapseField) {
		guid, _ := d.wire["process_guid"].(string)
		j.documents = append(j.documents, max(1, events[guid]))
		j.rows = append(j.rows, project(d.wire, q.body.Fields, sw))
	}
	j.offers = min(j.keep, max(0, len(j.rows)-j.skip))
	return j
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

// project picks the members that are asked for. The three that say which process and device it is are always there.
func project(wire map[string]any, fields []string, sw SearchSwitches) map[string]any {
	wanted := slices.Concat(fields, []string{"process_guid", "device_id", "device_name"})
	if len(fields) == 0 || slices.Contains(fields, "*") {
		wanted = append(wanted, defaultFields()...)
	}
	row := map[string]any{}
	for _, field := range wanted {
		v, ok := wire[field]
		if !ok {
			continue
		}
		list, isList := v.([]string)
		scalar := sw.Scalars || sw.ScalarEnriched && (field == "event_type" || field == "enriched_event_type")
		if isList && len(list) == 1 && scalar {
			v = list[0]
		}
		row[field] = v
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

// results is the answer of the results call: the rows of the searchers that have answered.
func (j *searchJob) results(now time.Time, start, rows int) map[string]any {
	j.polls++
	contacted, completed := j.progress(now)
	seen := []map[string]any{}
	documents := 0
	for i, row := range j.rows {
		if contacted > 0 && i%contacted < completed {
			seen = append(seen, row)
			documents += j.documents[i]
		}
	}
	available := seen[min(j.skip, len(seen)):]
	available = available[:min(j.keep, len(available))]
	from := min(start, len(available))
	message := ""
	if j.sw.NoData {
		message = "No data available for the organization"
	}
	return map[string]any{
		"results": available[from:min(from+rows, len(available))], "num_found": documents, "num_available": len(available),
		"num_aggregated": len(seen), "approximate_unaggregated": documents, "contacted": contacted, "completed": completed,
		"message": message,
	}
}

// SearchJobs lists the process searches so far, in the order in which they were started.
func (s *Server) SearchJobs() []SearchJob {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobList()
}

func (s *Server) jobList() []SearchJob {
	now := s.now()
	list := make([]SearchJob, 0, len(s.jobs))
	for _, j := range s.jobs {
		list = append(list, SearchJob{
			ID: j.id, Query: j.query, Started: j.created, Rows: j.offers,
			Finished: j.finished(now), Canceled: j.canceled, Polls: j.polls,
		})
	}
	return list
}

package cbctest

import (
	"cmp"
	"compress/gzip"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// firstServiceJob is the id of the first job.
const firstServiceJob = 12077

// jobRetention is how long a job can be read, counted from its start.
const jobRetention = 30 * 24 * time.Hour

// The words for how a job stands.
const (
	jobCreated   = "CREATED"
	jobRunning   = "IN_PROGRESS"
	jobCompleted = "COMPLETED"
	jobFailed    = "FAILED"
)

// serviceJob is a job of the job service: an export, or a change of very many things. The server's lock guards it.
type serviceJob struct {
	JobSwitches
	id         int64
	kind       string
	total      int
	owner      string // the API ID that alone sees it; "" shows it to everybody
	parameters any
	created    time.Time
	output     func() (contentType string, body []byte)
	done       []func(at time.Time)
	failure    string // why it fails; "" if it does not

	ended       bool // what follows from its end has happened
	contentType string
	body        []byte
}

// jobOption says more about a job that is started.
type jobOption func(*serviceJob)

// ownedBy lets the caller of a request alone see the job.
func ownedBy(r *http.Request) jobOption {
	return func(j *serviceJob) { j.owner = callerID(r) }
}

// withParameters sets what the job tells as job_parameters.
func withParameters(parameters any) jobOption {
	return func(j *serviceJob) { j.parameters = parameters }
}

// whenDone is called once, with the server's lock, when somebody looks at or after the moment at which the job completes; at is
// that moment. A job that fails never calls it.
func whenDone(f func(at time.Time)) jobOption {
	return func(j *serviceJob) { j.done = append(j.done, f) }
}

// startServiceJob starts a job and returns its id. kind is the type that the job tells, total how many things it goes through.
// output, which may be nil, is asked once, when the job has completed, for what can be downloaded. Without [ownedBy] every key
// sees the job. The caller holds the lock, and calls advanceServiceJobs before it reads what whenDone changes.
func (s *Server) startServiceJob(kind string, total int, output func() (contentType string, body []byte), opts ...jobOption) int64 {
	j := &serviceJob{
		JobSwitches: s.switches.Jobs, id: firstServiceJob + int64(len(s.serviceJobs)), kind: kind, total: total,
		parameters: map[string]any{}, created: s.now(), output: output,
	}
	if j.Fail {
		j.failure = "the job failed"
	}
	for _, o := range opts {
		o(j)
	}
	s.serviceJobs = append(s.serviceJobs, j)
	return j.id
}

// advanceServiceJobs lets happen what follows from the end of jobs, in the order in which they ended. The caller holds the lock.
func (s *Server) advanceServiceJobs() {
	now := s.now()
	var due []*serviceJob
	for _, j := range s.serviceJobs {
		if !j.ended && !now.Before(j.end()) {
			due = append(due, j)
		}
	}
	slices.SortStableFunc(due, func(a, b *serviceJob) int { return a.end().Compare(b.end()) })
	for _, j := range due {
		j.ended = true
		if j.failure != "" {
			continue
		}
		for _, f := range j.done {
			f(j.end())
		}
		if j.output != nil {
			j.contentType, j.body = j.output()
		}
		j.done, j.output = nil, nil
	}
}

// end is when the job completes or fails.
func (j *serviceJob) end() time.Time { return j.created.Add(j.Duration) }

// status is how the job stands.
func (j *serviceJob) status(now time.Time) string {
	switch {
	case now.Before(j.created.Add(min(j.StartDelay, j.Duration))):
		return jobCreated
	case now.Before(j.end()):
		return jobRunning
	case j.failure != "":
		return jobFailed
	default:
		return jobCompleted
	}
}

// progress are the job's numbers. Those of an unfinished job are never both 0: whoever goes by them would take it for finished.
func (j *serviceJob) progress(now time.Time) map[string]any {
	total, completed, status := j.total, 0, j.status(now)
	switch {
	case status == jobCompleted:
		completed = total
	case status == jobRunning && j.Duration > 0:
		completed = int(int64(total) * int64(now.Sub(j.created)) / int64(j.Duration))
	default:
	}
	if status == jobCreated || status == jobRunning {
		total = max(total, 1)
	}
	switch j.Progress {
	case "early":
		completed = total
	case "stuck":
		completed = 0
		total = max(total, 1)
	}
	var message any
	if status == jobFailed {
		message = j.failure
	}
	return map[string]any{"num_total": total, "num_completed": completed, "message": message}
}

// json is the job on the wire.
func (j *serviceJob) json(orgKey string, now time.Time) map[string]any {
	updated := j.end()
	switch j.status(now) {
	case jobCreated:
		updated = j.created
	case jobRunning:
		updated = now
	}
	return map[string]any{
		"id": j.id, "type": j.kind, "status": j.status(now), "progress": j.progress(now), "job_parameters": j.parameters,
		"connector_id": orNull(j.owner), "org_key": orgKey, "create_time": stamp(j.created), "last_update_time": stamp(updated),
	}
}

// registerJobs adds the routes of the job service.
func (s *Server) registerJobs() {
	const (
		jobs = "/jobs/v1/orgs/{org_key}/jobs"
		read = "jobs.status:READ"
	)
	s.serve("GET "+jobs, read, s.listServiceJobs)
	s.serve("GET "+jobs+"/{job_id}", read, s.getServiceJob)
	s.serve("GET "+jobs+"/{job_id}/progress", read, s.serviceJobProgress)
	s.serve("GET "+jobs+"/{job_id}/download", read, s.serviceJobOutput)
}

// visible says whether the caller of a request is shown a job.
func (s *Server) visible(j *serviceJob, r *http.Request) bool {
	return (j.owner == "" || j.owner == callerID(r)) && s.now().Before(j.created.Add(jobRetention))
}

func (s *Server) listServiceJobs(w http.ResponseWriter, r *http.Request) {
	s.advanceServiceJobs()
	list := []map[string]any{}
	for _, j := range s.serviceJobs {
		if s.visible(j, r) {
			list = append(list, j.json(s.orgKey, s.now()))
		}
	}
	s.reply(w, http.StatusOK, map[string]any{"num_found": len(list), "results": list})
}

// serviceJob finds the job of the path, or answers 404; somebody else's job is not there. The caller holds the lock.
func (s *Server) serviceJob(w http.ResponseWriter, r *http.Request) (*serviceJob, bool) {
	s.advanceServiceJobs()
	id, err := strconv.ParseInt(r.PathValue("job_id"), 10, 64)
	if err != nil {
		s.badRequest(w, "the job id is not a number")
		return nil, false
	}
	for _, j := range s.serviceJobs {
		if j.id == id && s.visible(j, r) {
			return j, true
		}
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "job not found")
	return nil, false
}

func (s *Server) getServiceJob(w http.ResponseWriter, r *http.Request) {
	if j, ok := s.serviceJob(w, r); ok {
		s.reply(w, http.StatusOK, j.json(s.orgKey, s.now()))
	}
}

func (s *Server) serviceJobProgress(w http.ResponseWriter, r *http.Request) {
	if j, ok := s.serviceJob(w, r); ok {
		s.reply(w, http.StatusOK, j.progress(s.now()))
	}
}

// serviceJobOutput sends what a job made; before the job has completed, and of one that failed, there is none.
func (s *Server) serviceJobOutput(w http.ResponseWriter, r *http.Request) {
	j, ok := s.serviceJob(w, r)
	switch {
	case !ok:
		return
	case j.status(s.now()) != jobCompleted:
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "the job has no output: it is "+j.status(s.now()))
		return
	case len(j.body) == 0 && j.EmptyNoContent:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", cmp.Or(j.contentType, "application/octet-stream"))
	w.Header().Set("Vary", "Accept-Encoding")
	// Whoever asked may have gone away meanwhile; there is nobody left to tell.
	if !takesGzip(r) {
		_, _ = w.Write(j.body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = z.Write(j.body)
	_ = z.Close()
}

// takesGzip says whether the caller of a request can read gzip.
func takesGzip(r *http.Request) bool {
	for _, value := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(value, ",") {
			name, params, _ := strings.Cut(coding, ";")
			weight, ok := strings.CutPrefix(strings.TrimSpace(params), "q=")
			if q, err := strconv.ParseFloat(weight, 64); strings.TrimSpace(name) == "gzip" && (!ok || err == nil && q > 0) {
				return true
			}
		}
	}
	return false
}

// SetJobs changes how the jobs behave that start from now on. Zero fields mean the defaults.
func (s *Server) SetJobs(switches JobSwitches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switches.fill()
	s.switches.Jobs = switches
}

// ServiceJob is a job of the job service, for those who look on.
type ServiceJob struct {
	// ID identifies the job.
	ID int64 `json:"id"`
	// Type is what it does: ENDPOINTS for an export of devices.
	Type string `json:"type"`
	// Status is CREATED, IN_PROGRESS, COMPLETED or FAILED.
	Status string `json:"status"`
	// Owner is the API ID of the key that sees it; empty if every key does.
	Owner string `json:"owner,omitempty"`
	// Created is when it started.
	Created time.Time `json:"created"`
}

// ServiceJobs lists the jobs of the job service so far, oldest first.
func (s *Server) ServiceJobs() []ServiceJob {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.serviceJobList()
}

func (s *Server) serviceJobList() []ServiceJob {
	s.advanceServiceJobs()
	list := make([]ServiceJob, 0, len(s.serviceJobs))
	for _, j := range s.serviceJobs {
		list = append(list, ServiceJob{ID: j.id, Type: j.kind, Status: j.status(s.now()), Owner: j.owner, Created: j.created})
	}
	return list
}

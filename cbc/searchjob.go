package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// How a search is watched.
const (
	// searchLife is how long the vendor works on a search. After it nothing more comes.
	searchLife = 3 * time.Minute
	// firstPoll is when to look for the first time: no search is ready sooner.
	firstPoll = 300 * time.Millisecond
	// shortestPoll is the least time between two looks.
	shortestPoll = 100 * time.Millisecond
	// pageRows is the size of a page. The largest that the vendor accepts is not documented; this is what its own SDK asks for.
	pageRows = 500
)

// JobID identifies a search. It is opaque.
type JobID string

// Status is how far a search is.
type Status struct {
	// Contacted is how many of the vendor's searchers were asked; zero means that the search has not begun. Completed is how
	// many of them have answered.
	Contacted, Completed int
	// Found is how many records match. It counts records of events, of which a process has many.
	Found int
	// Aggregated is how many processes match. Zero if the vendor does not say.
	Aggregated int
	// Available is how many rows can be read.
	Available int
	// Message is the vendor's remark, usually empty.
	Message string
	// Finished tells that the search is over and that its rows are all there are, but for Truncated and Warnings.
	Finished bool
	// Truncated tells that more was found than the rows that the search keeps: search for less at a time.
	Truncated bool
	// Warnings say why rows may be missing although the search counts as finished.
	Warnings []string
}

// SearchJob is a search that was started. It belongs to one goroutine.
type SearchJob struct {
	// ID picks the search up again with [Processes.Job].
	ID JobID
	// Rows is how many rows the search keeps, which Status.Truncated is told by. Zero if not known: Truncated then errs towards
	// true.
	Rows int

	c      *core
	fresh  bool      // started by us just now
	began  time.Time // when it was started or first looked at
	status Status
	first  searchPage // what the last look brought
}

// searchPage is an answer with rows.
type searchPage struct {
	Results    []jsontext.Value `json:"results"`
	Found      int              `json:"num_found"`
	Available  int              `json:"num_available"`
	Aggregated int              `json:"num_aggregated"`
	Contacted  int              `json:"contacted"`
	Completed  int              `json:"completed"`
	Message    string           `json:"message"`
}

// Wait looks until the search is finished and returns its numbers. The pauses follow the progress that the vendor tells. A search
// that comes to no end within three minutes of its start is an [*IncompleteError], unless one single searcher out of several is
// missing, which happens under load: it counts as finished with a warning. Rows of an incomplete search can still be read with
// [SearchJob.Results]. When ctx ends first, the error is both its error and an [*IncompleteError]; the search goes on at the vendor's until
// [SearchJob.Cancel]. Wait needs org.search.events (READ).
func (j *SearchJob) Wait(ctx context.Context) (Status, error) {
	if j.status.Finished {
		return j.status, nil
	}
	var pause time.Duration
	if j.began.IsZero() {
		j.began = time.Now()
	} else if j.fresh {
		pause, j.fresh = firstPoll, false
	}
	for {
		if err := sleep(ctx, pause); err != nil {
			return j.status, &IncompleteError{Op: "processes.wait", Job: j.ID, Status: j.status, Err: err}
		}
		page, err := j.page(ctx, 0, pageRows)
		if err != nil {
			if ctx.Err() != nil {
				err = &IncompleteError{Op: "processes.wait", Job: j.ID, Status: j.status, Err: err}
			}
			return j.status, err
		}
		elapsed := time.Since(j.began)
		j.first, j.status = page, page.status(j.Rows)
		if !j.status.Finished && elapsed >= searchLife && j.status.Completed > 0 && j.status.Completed == j.status.Contacted-1 {
			j.status.Finished = true
			j.status.Warnings = append(j.status.Warnings, fmt.Sprintf("one of %d searchers did not answer within %v", j.status.Contacted, searchLife))
		}
		switch {
		case j.status.Finished:
			return j.status, nil
		case elapsed >= searchLife:
			return j.status, &IncompleteError{Op: "processes.wait", Job: j.ID, Status: j.status}
		}
		pause = min(nextPoll(elapsed, j.status.Contacted, j.status.Completed), searchLife-elapsed)
	}
}

// nextPoll is the time after which a search should be ready if it goes on as it did, within bounds that let neither a slow last
// searcher nor a slow start be overlooked, and a little different each time so that many searches do not look in step.
func nextPoll(elapsed time.Duration, contacted, completed int) time.Duration {
	longest := elapsed/3 + 250*time.Millisecond
	pause := longest
	if completed > 0 {
		pause = time.Duration(float64(elapsed) * float64(contacted-completed) / float64(completed))
	}
	pause = max(shortestPoll, min(pause, longest))
	return time.Duration(float64(pause) * (0.95 + rand.Float64()/10)) //nolint:gosec // spreads load, guards nothing
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// status reads the numbers of an answer.
func (p searchPage) status(rows int) Status {
	s := Status{Contacted: p.Contacted, Completed: p.Completed, Found: p.Found, Aggregated: p.Aggregated, Available: p.Available, Message: p.Message}
	// Nothing asked and nothing answered is how every search begins, so that 0 of 0 means finished only with the vendor's word.
	nothing := s.Contacted == 0 && s.Completed == 0 && s.Found == 0 && s.Available == 0
	s.Finished = s.Contacted > 0 && s.Completed >= s.Contacted || nothing && strings.HasPrefix(s.Message, "No data available")
	matching := s.Found
	if s.Aggregated > 0 {
		matching = s.Aggregated
	}
	s.Truncated = s.Available >= rows && matching > s.Available
	return s
}

// Status looks once. It needs org.search.events (READ).
func (j *SearchJob) Status(ctx context.Context) (Status, error) {
	page, err := j.page(ctx, 0, 0)
	return page.status(j.Rows), err
}

// Results yields the rows of the search, after waiting for it if nobody has yet. It yields at most one error, last. Rows of a
// search that comes to no end are yielded too, before the [*IncompleteError] that says so; rows that cannot be read are left out,
// counted and reported the same way. It needs org.search.events (READ).
func (j *SearchJob) Results(ctx context.Context) iter.Seq2[Process, error] {
	return func(yield func(Process, error) bool) {
		last := &IncompleteError{Op: "processes.results", Job: j.ID}
		if _, err := j.Wait(ctx); err != nil {
			incomplete, ok := errors.AsType[*IncompleteError](err)
			if !ok || incomplete.Err != nil {
				yield(Process{}, err)
				return
			}
		}
		last.Status = j.status
		seen, promised, page, options := 0, 0, j.first, forgiving()
		for {
			for _, raw := range page.Results {
				row, err := decodeProcess(raw, options)
				if err != nil {
					last.Unreadable++
					last.Err = fmt.Errorf("%d rows could not be read, the last one because: %w", last.Unreadable, err)
					continue
				}
				if !yield(row, nil) {
					return
				}
			}
			seen += len(page.Results)
			promised = max(promised, page.Available)
			if seen >= page.Available || len(page.Results) == 0 || seen >= MaxRows {
				break
			}
			next, err := j.page(ctx, seen, pageRows)
			if err != nil {
				yield(Process{}, err)
				return
			}
			if len(next.Results) > 0 && slices.EqualFunc(next.Results, page.Results, equalRaw) {
				last.Err = errors.New("the same page came twice")
				break
			}
			page = next
		}
		if seen < promised && last.Err == nil {
			last.Err = fmt.Errorf("%d rows came where %d were promised", seen, promised)
		}
		if last.Err != nil || !j.status.Finished {
			yield(Process{}, last)
		}
	}
}

func equalRaw(a, b jsontext.Value) bool { return string(a) == string(b) }

// page reads rows of the search; none if rows is zero.
//
//api:op GET /api/investigate/v2/orgs/{org_key}/processes/search_jobs/{job_id}/results
func (j *SearchJob) page(ctx context.Context, start, rows int) (searchPage, error) {
	call := j.c.call("processes.results", http.MethodGet, "/api/investigate/v2/orgs/{org_key}/processes/search_jobs/{job_id}/results", string(j.ID))
	call.Query = url.Values{"start": {strconv.Itoa(start)}, "rows": {strconv.Itoa(rows)}}
	call.Repeatable = true
	var page searchPage
	err := j.c.do(ctx, call, &page)
	return page, err
}

// Cancel ends the search at the vendor's, where few may run at once. One that is gone already is no error. It needs
// org.search.events (DELETE).
//
//api:op DELETE /api/investigate/v1/orgs/{org_key}/processes/search_jobs/{job_id}
func (j *SearchJob) Cancel(ctx context.Context) error {
	call := j.c.call("processes.cancel", http.MethodDelete, "/api/investigate/v1/orgs/{org_key}/processes/search_jobs/{job_id}", string(j.ID))
	call.Repeatable = true
	if err := j.c.do(ctx, call, nil); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// abandon cancels a search that nobody waits for any more. Its result changes nothing for the caller, who may be about to end: the
// vendor drops the search by itself within minutes.
func (j *SearchJob) abandon(ctx context.Context) {
	patience := 5 * time.Second
	if ctx.Err() != nil {
		patience = 500 * time.Millisecond
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer stop()
	_ = j.Cancel(ctx)
}

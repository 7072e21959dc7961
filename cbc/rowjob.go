package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// pageRows is the size of a page. The largest that the vendor accepts is not documented; this is what its own SDK asks for.
const pageRows = 500

// RowJob is a job whose results are rows: processes or observations, found by a search or asked for in detail. It belongs to one
// goroutine.
type RowJob[T any] struct {
	// ID picks the job up again, with the method that its maker names.
	ID JobID
	// Rows is how many rows the job keeps, which Status.Truncated is told by. Zero if not known: Truncated then errs towards
	// true.
	Rows int

	c       *core
	kind    jobKind
	decode  func(jsontext.Value, json.Options) (T, error)
	waiting waiting
	first   searchPage // what the last look brought
}

// searchPage is an answer with rows.
type searchPage struct {
	Results []jsontext.Value `json:"results"`
	progress
}

func (p searchPage) status(rows int) Status {
	s := p.progress.status()
	full := s.Available >= rows
	if s.Aggregated > 0 {
		// A job that is over and has fewer rows than there are processes kept less than it was asked to.
		s.Truncated = s.Aggregated > s.Available && (full || s.Finished)
	} else {
		s.Truncated = s.Found > s.Available && full
	}
	return s
}

// Wait looks until the job is finished and returns its numbers. The pauses follow the progress that the vendor tells. A job that
// comes to no end within three minutes of its start is an [*IncompleteError], unless one single searcher out of several is
// missing, which happens under load: it counts as finished with a warning. Rows of an incomplete job can still be read with
// Results. When ctx ends first, the error is both its error and an [*IncompleteError]; the job goes on at the vendor's. Wait needs
// org.search.events (READ).
func (j *RowJob[T]) Wait(ctx context.Context) (Status, error) {
	return j.waiting.until(ctx, j.kind.op("wait"), j.ID, func(ctx context.Context) (Status, error) {
		page, err := j.page(ctx, 0, pageRows)
		if err != nil {
			return Status{}, err
		}
		j.first = page
		return page.status(j.Rows), nil
	})
}

// Status looks once. It needs org.search.events (READ).
func (j *RowJob[T]) Status(ctx context.Context) (Status, error) {
	page, err := j.page(ctx, 0, 0)
	return page.status(j.Rows), err
}

// Results yields the rows of the job, after waiting for it if nobody has yet. It yields at most one error, last. Rows of a job
// that comes to no end are yielded too, before the [*IncompleteError] that says so; rows that cannot be read are left out,
// counted and reported the same way. What Wait says of a job that finished, Truncated and Warnings, is no error here. It needs
// org.search.events (READ).
func (j *RowJob[T]) Results(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if _, err := j.Wait(ctx); hopeless(err) {
			var none T
			yield(none, err)
			return
		}
		r := rowReader[T]{decode: j.decode, next: func(seen int) (searchPage, error) { return j.page(ctx, seen, pageRows) }}
		if !r.read(j.first, yield) {
			return
		}
		if r.trouble != nil || !j.waiting.status.Finished {
			var none T
			yield(none, &IncompleteError{Op: j.kind.op("results"), Job: j.ID, Status: j.waiting.status, Unreadable: r.unreadable, Err: r.trouble})
		}
	}
}

// all yields the rows of the job and, if that is not everything, the error that says so. It reports whether nobody stopped it and
// nothing failed on the way.
func (j *RowJob[T]) all(ctx context.Context, op string, yield func(T, error) bool) bool {
	for row, err := range j.Results(ctx) {
		if !yield(row, err) || err != nil {
			return false
		}
	}
	if err := j.waiting.flaw(op, j.ID); err != nil {
		var none T
		yield(none, err)
	}
	return true
}

// page reads rows of the job; none if rows is zero. Once searchers have answered, an answer that does not say how many rows there are
// is none: it would pass for nothing found.
func (j *RowJob[T]) page(ctx context.Context, start, rows int) (searchPage, error) {
	call := j.c.call(j.kind.op("results"), http.MethodGet, j.kind.route, string(j.ID))
	call.Query = url.Values{"start": {strconv.Itoa(start)}, "rows": {strconv.Itoa(rows)}}
	call.Repeatable = true
	var answer struct {
		searchPage
		Available *int `json:"num_available"`
	}
	if err := j.c.do(ctx, call, &answer); err != nil {
		return searchPage{}, err
	}
	page := answer.searchPage
	switch {
	case answer.Available != nil:
		page.Available = *answer.Available
	case page.Completed > 0:
		return searchPage{}, answerError(call.Op, http.StatusOK, nil, errors.New("no num_available"))
	}
	return page, nil
}

// rowReader reads rows page by page and keeps account of what is missing.
type rowReader[T any] struct {
	decode func(jsontext.Value, json.Options) (T, error)
	next   func(seen int) (searchPage, error)

	seen       int
	unreadable int
	trouble    error // why rows may be missing; nil if none are
}

// read yields the rows of page and of those after it. It reports whether the loop may go on: nobody stopped it, and no page
// failed.
func (r *rowReader[T]) read(page searchPage, yield func(T, error) bool) bool {
	promised, options := 0, forgiving()
	for {
		for _, raw := range page.Results {
			row, err := r.decode(raw, options)
			if err != nil {
				r.unreadable++
				r.trouble = fmt.Errorf("%d rows could not be read, the last one because: %w", r.unreadable, err)
				continue
			}
			if !yield(row, nil) {
				return false
			}
		}
		r.seen += len(page.Results)
		promised = max(promised, page.Available)
		if r.seen >= page.Available || len(page.Results) == 0 || r.seen >= MaxRows {
			break
		}
		next, err := r.next(r.seen)
		if err != nil {
			var none T
			yield(none, err)
			return false
		}
		if len(next.Results) > 0 && slices.EqualFunc(next.Results, page.Results, equalRaw) {
			r.trouble = errors.New("the same page came twice")
			break
		}
		page = next
	}
	if r.seen < promised && r.trouble == nil {
		r.trouble = fmt.Errorf("%d rows came where %d were promised", r.seen, promised)
	}
	return true
}

// verdict is the error of what was read of a search without a job, nil if that is everything.
func (r *rowReader[T]) verdict(op string, last searchPage) error {
	status := last.progress.status()
	status.Finished, status.Truncated = true, r.seen < status.Found
	if r.trouble == nil && !status.Truncated {
		return nil
	}
	return &IncompleteError{Op: op, Status: status, Unreadable: r.unreadable, Err: r.trouble}
}

func equalRaw(a, b jsontext.Value) bool { return string(a) == string(b) }

package cbc

import (
	"context"
	"errors"
	"iter"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// listing is a synchronous search, read page by page.
type listing[T any] struct {
	op     string
	decode func(jsontext.Value, json.Options) (T, error)
	// call asks for the rows after those seen.
	call func(seen int) rest.Call
	// known tells a row that came before, on a page that has moved on since. Nil if rows cannot be told apart.
	known func(T) bool
}

// listingPage is an answer of such a search.
type listingPage struct {
	Results   []jsontext.Value `json:"results"`
	Found     *int             `json:"num_found"`
	Available *int             `json:"num_available"`
}

// page checks an answer. One that does not say how many there are is none: it must not pass for nothing found.
func (a listingPage) page(op string) (searchPage, error) {
	if a.Found == nil {
		return searchPage{}, answerError(op, http.StatusOK, nil, errors.New("no num_found"))
	}
	page := searchPage{Results: a.Results, progress: progress{Found: *a.Found, Available: min(*a.Found, MaxRows)}}
	if a.Available != nil {
		page.Available = *a.Available
	}
	return page, nil
}

// status is what an answer says of how much there is.
func (a listingPage) status() Status {
	page, _ := a.page("")
	return page.progress.status()
}

// all yields the rows of all pages, and at most one error, last.
func (l listing[T]) all(ctx context.Context, c *core) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var last searchPage
		next := func(seen int) (searchPage, error) {
			var answer listingPage
			err := c.do(ctx, l.call(seen), &answer)
			if err == nil {
				last, err = answer.page(l.op)
			}
			return last, err
		}
		first, err := next(0)
		if err != nil {
			yield(none, err)
			return
		}
		r := rowReader[T]{decode: l.decode, next: next}
		whole := r.read(first, func(row T, err error) bool {
			return err == nil && l.known != nil && l.known(row) || yield(row, err)
		})
		if whole {
			if err := r.verdict(l.op, last); err != nil {
				yield(none, err)
			}
		}
	}
}

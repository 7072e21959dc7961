package cbc

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
)

// listAnswer is an answer of a synchronous search.
type listAnswer[T any] struct {
	Results []T  `json:"results"`
	Found   *int `json:"num_found"`
}

// page is the rows and their total. An answer that says neither is none: it must not pass for nothing found.
func (a listAnswer[T]) page(op string) ([]T, int, error) {
	switch {
	case a.Found == nil && a.Results == nil:
		return nil, 0, answerError(op, http.StatusOK, nil, errors.New("neither results nor num_found"))
	case a.Found == nil:
		return nil, 0, answerError(op, http.StatusOK, nil, errors.New("no num_found"))
	}
	return a.Results, *a.Found, nil
}

// pages yields the rows of all pages. fetch gets the number of rows seen so far, and returns the next ones and how many there
// are in all. A page that is empty too early, or that came before, is an error: going on would skip rows or never end.
func pages[T any, K comparable](op string, id func(T) K, fetch func(seen int) ([]T, int, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		known := make(map[K]bool)
		for seen := 0; ; {
			rows, total, err := fetch(seen)
			if err != nil {
				yield(none, err)
				return
			}
			news := 0
			for _, row := range rows {
				if known[id(row)] {
					continue // moved on between two pages
				}
				known[id(row)] = true
				news++
				if !yield(row, nil) {
					return
				}
			}
			seen += len(rows)
			switch {
			case seen >= total:
				return
			case news == 0 && len(rows) > 0:
				yield(none, fmt.Errorf("cbc: %s: the same page came twice after %d of %d: %w", op, seen, total, ErrIncomplete))
				return
			case news == 0:
				yield(none, fmt.Errorf("cbc: %s: %d of %d came: %w", op, seen, total, ErrIncomplete))
				return
			}
		}
	}
}

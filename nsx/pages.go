package nsx

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/internal/rest"
)

// maxPageSize is the largest page, and the size of one where nothing is asked for.
const maxPageSize = 1000

// page is one answer of a list.
type page[T any] struct {
	Results []T    `json:"results"`
	Cursor  string `json:"cursor"`
	// Count is how many rows the whole list has. Most lists tell it with the first page alone, and one never.
	Count *int `json:"result_count"`
}

// paging is what one kind of list has of its own.
type paging[T any] struct {
	// what a row is, in errors, and whether it can be one.
	what  string
	valid func(T) bool
	// last tells that the list ends with this page, of which read rows were read so far, though its cursor may say otherwise.
	last func(p page[T], read int) bool
	// size is how many rows to ask for at a time; zero leaves it to the manager.
	size int
}

// rows reads a list page by page.
func rows[T any](ctx context.Context, c *core, call rest.Call, how paging[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		if how.size < 0 || how.size > maxPageSize {
			yield(zero, fmt.Errorf("nsx: %s: a page size of %d: it must be from 1 to %d", call.Op, how.size, maxPageSize))
			return
		}
		cursor, read := "", 0
		used := make(map[string]bool)
		for {
			p, err := onePage(ctx, c, call, how, cursor)
			if err != nil {
				yield(zero, err)
				return
			}
			for _, row := range p.Results {
				if !yield(row, nil) {
					return
				}
			}
			read += len(p.Results)
			if p.Cursor == "" || len(p.Results) == 0 || how.last != nil && how.last(p, read) {
				return
			}
			used[cursor] = true
			if cursor = p.Cursor; used[cursor] {
				yield(zero, odd(call.Op, "the manager sent a cursor for the second time: the list is not complete"))
				return
			}
		}
	}
}

// onePage asks for the page at cursor and looks at its form.
func onePage[T any](ctx context.Context, c *core, call rest.Call, how paging[T], cursor string) (page[T], error) {
	query := url.Values{}
	maps.Copy(query, call.Query)
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if how.size > 0 {
		query.Set("page_size", strconv.Itoa(how.size))
	}
	call.Method, call.Query, call.Repeatable = http.MethodGet, query, true
	var p page[T]
	if err := c.do(ctx, call, &p); err != nil {
		return p, err
	}
	if p.Results == nil { // not even an empty list: that is no answer to the question
		return p, odd(call.Op, "not the documented answer: no results")
	}
	for _, row := range p.Results {
		if !how.valid(row) {
			return p, odd(call.Op, "not the documented answer: "+how.what+" without an id")
		}
	}
	return p, nil
}

// odd is the error of an answer of success that is not what the vendor documents.
func odd(op, message string) error {
	return &APIError{Op: op, StatusCode: http.StatusOK, Message: message}
}

// endsWithZeros tells the cursor by which the lists of the manager API can say that there is no more.
func endsWithZeros[T any](p page[T], _ int) bool { return strings.HasPrefix(p.Cursor, "0000") }

// setNonEmpty sets the parameters that have a value; pairs are a name and a value each.
func setNonEmpty(query url.Values, pairs ...string) url.Values {
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			query.Set(pair[0], pair[1])
		}
	}
	return query
}

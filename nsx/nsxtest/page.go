package nsxtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
)

// maxPage is the largest page, and the size of one where none is asked for.
const maxPage = 1000

// list is the envelope of an answer with rows.
type list[T any] struct {
	Results []T    `json:"results"`
	Count   *int   `json:"result_count,omitempty"`
	Cursor  string `json:"cursor,omitempty"`
}

// pagingParameters are accepted by every list. Included_fields is ignored, and may be repeated.
func pagingParameters(more ...string) []string {
	return append([]string{"cursor", "page_size", "sort_by", "sort_ascending", "included_fields..."}, more...)
}

// query parses the parameters of a call and refuses others.
func query(r *http.Request, allowed ...string) (url.Values, *problem) {
	q, err := fake.Query(r, allowed...)
	if err != nil {
		return nil, invalid("Invalid request: " + err.Error() + ".")
	}
	return q, nil
}

// paging is how a caller wants a list cut and sorted.
type paging struct {
	cursor     string
	size       int
	sortBy     string
	descending bool
}

// parsePaging reads the parameters that all lists share.
func parsePaging(q url.Values, sortable ...string) (paging, *problem) {
	p := paging{cursor: q.Get("cursor"), size: maxPage, sortBy: q.Get("sort_by")}
	if q.Has("page_size") {
		n, err := strconv.Atoi(q.Get("page_size"))
		if err != nil || n < 0 || n > maxPage {
			return p, invalid(fmt.Sprintf("The page_size must be between 0 and %d.", maxPage))
		}
		if n > 0 {
			p.size = n
		}
	}
	if p.sortBy != "" && !slices.Contains(sortable, p.sortBy) {
		return p, invalid("The list cannot be sorted by " + p.sortBy + ".")
	}
	switch q.Get("sort_ascending") {
	case "", "true":
	case "false":
		p.descending = true
	default:
		return p, invalid("The parameter sort_ascending must be true or false.")
	}
	return p, nil
}

// cut returns one page of rows, whose keys tell them apart and make their cursors. With endCursor the last page ends with a
// cursor that means there is no more.
func cut[T any](rows []T, p paging, key func(T) string, endCursor bool) (list[T], *problem) {
	from := 0
	if p.cursor != "" {
		from = slices.IndexFunc(rows, func(row T) bool { return cursorOf(key(row)) == p.cursor }) + 1
		if from == 0 {
			return list[T]{}, invalid("Invalid cursor.")
		}
	}
	to := min(from+p.size, len(rows))
	out := list[T]{Results: slices.Clone(rows[from:to])}
	if out.Results == nil {
		out.Results = []T{}
	}
	if p.cursor == "" {
		n := len(rows)
		out.Count = &n
	}
	switch {
	case to < len(rows):
		out.Cursor = cursorOf(key(rows[to-1]))
	case endCursor:
		out.Cursor = "0000"
	}
	return out, nil
}

// cursorOf is a key with the length of the id in front of it, as the manager makes them.
func cursorOf(key string) string {
	id, _, _ := strings.Cut(key, "\x00")
	return fmt.Sprintf("%04d%s", len(id), strings.ReplaceAll(key, "\x00", ""))
}

// answerList answers with one page of rows.
func answerList[T any](w http.ResponseWriter, rows []T, pg paging, key func(T) string, endCursor bool) {
	answer, p := cut(rows, pg, key, endCursor)
	if p != nil {
		refuse(w, p)
		return
	}
	fake.WriteJSON(w, http.StatusOK, answer)
}

package cbctest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The limits of a search's rows.
const (
	defaultRows = 500
	maxRows     = 10_000
)

// searchBody is the body of a process or event search.
type searchBody struct {
	Query         *string              `json:"query"`
	Q             *string              `json:"q"` // the vendor's SDK repeats the query here; the service takes no notice
	Criteria      map[string][]literal `json:"criteria"`
	Exclusions    map[string][]literal `json:"exclusions"`
	Fields        []string             `json:"fields"`
	Rows          *int                 `json:"rows"`
	Start         int                  `json:"start"`
	Sort          []sortBy             `json:"sort"`
	TimeRange     *timeRange           `json:"time_range"`
	CollapseField []string             `json:"collapse_field"`
	ProcessGUID   string               `json:"process_guid"`
}

// sortBy is one key of an order.
type sortBy struct {
	Field string `json:"field"`
	Order string `json:"order"`
}

// timeRange is the time that a search looks at.
type timeRange struct {
	Window *string `json:"window"`
	Start  *string `json:"start"`
	End    *string `json:"end"`
}

// search is a search body that was understood.
type search struct {
	body    searchBody
	match   filter
	from    time.Time // zero: no limit
	to      time.Time // zero: no limit
	nothing bool      // the query is malformed and finds nothing
}

// words is what was typed: blank counts as nothing.
func (b searchBody) words() string {
	if b.Query == nil {
		return ""
	}
	return strings.TrimSpace(*b.Query)
}

// guid is the process that the search is about, if it is about one. The SDK cuts it out of the query as it stands there, with
// escapes and what follows it.
func (b searchBody) guid() string {
	return strings.NewReplacer(`\`, "", `"`, "", ")", "").Replace(b.ProcessGUID)
}

// understand checks a body; all is what there is to be searched. A syntaxError is a malformed query; other errors are
// malformed bodies. The caller holds the lock.
func (s *Server) understand(b searchBody, all func() []document) (*search, error) {
	sw := s.switches.Search
	out := &search{body: b, match: func(document) bool { return true }}
	if b.words() == "" && len(b.Criteria) == 0 {
		return nil, errors.New("either criteria or query must be present")
	}
	if err := b.check(sw); err != nil {
		return nil, err
	}
	if err := out.span(b.TimeRange, s.now(), sw); err != nil {
		return nil, err
	}
	if b.words() != "" {
		q, err := parseQuery(*b.Query, dialect{phrases: true, exactCase: sw.ExactCase})
		switch {
		case err != nil && sw.BadQueryEmpty:
			out.nothing = true
		case err != nil:
			return nil, err
		default:
			out.match = q.match
			if !sw.RefuseUnknownFields {
				break
			}
			if name := unknownField(q.fields, all()); name != "" {
				return nil, &syntaxError{text: "the field " + name + " is not known"}
			}
		}
	}
	return out, nil
}

// unknownField is the first field that none of the documents has and that no process search knows.
func unknownField(fields []string, all []document) string {
	known := []string{}
	for _, d := range all {
		for name := range d.wire {
			known = append(known, name)
		}
		for name := range d.hidden {
			known = append(known, name)
		}
	}
	for _, f := range fields {
		if kind, ok := kindOfField(f); !slices.Contains(known, f) && (!ok || kind == fieldHash) && !slices.Contains(hashFields(), f) {
			return f
		}
	}
	return ""
}

// hashFields are the fields that the process search finds hashes in.
func hashFields() []string {
	return []string{
		"hash", "process_hash", "parent_hash", "childproc_hash", "modload_hash", "filemod_hash", "crossproc_hash",
		"scriptload_hash", "fileless_scriptload_hash", "blocked_hash", "container_image_hash",
	}
}

func (b searchBody) check(sw SearchSwitches) error {
	if b.Rows != nil && (*b.Rows < 0 || *b.Rows > maxRows) {
		return fmt.Errorf("rows is not between 0 and %d", maxRows)
	}
	if b.Start < 0 || b.Start > maxRows {
		return fmt.Errorf("start is not between 0 and %d", maxRows)
	}
	for _, by := range b.Sort {
		ok := by.Order == "ASC" || by.Order == "DESC" || sw.LowerOrder && (by.Order == "asc" || by.Order == "desc")
		if !ok || !isFieldName(by.Field) {
			return errors.New("sort takes a field and the order ASC or DESC")
		}
	}
	for _, f := range slices.Concat(b.Fields, b.CollapseField) {
		if f != "*" && !isFieldName(f) {
			return fmt.Errorf("%q is not a field", f)
		}
	}
	return nil
}

// isFieldName says whether a text looks like the name of a field.
func isFieldName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// rows is how many rows a job keeps.
func (b searchBody) rows() int {
	if b.Rows == nil {
		return defaultRows
	}
	return *b.Rows
}

// span reads the time that the search looks at. A window wins over start and end.
func (q *search) span(t *timeRange, now time.Time, sw SearchSwitches) error {
	held := now.Add(-sw.Retention)
	switch {
	case t == nil || *t == timeRange{}:
		if sw.DefaultWindow > 0 {
			q.from = now.Add(-sw.DefaultWindow)
		}
	case t.Window != nil:
		d, err := parseWindow(*t.Window)
		if err != nil {
			return err
		}
		q.from = now.Add(-d)
	case t.Start == nil || t.End == nil:
		return errors.New("time_range needs both start and end, or window")
	default:
		var err, err2 error
		q.from, err = time.Parse(time.RFC3339, *t.Start)
		q.to, err2 = time.Parse(time.RFC3339, *t.End)
		if err != nil || err2 != nil {
			return errors.New("start and end of time_range are of the form 2025-02-01T00:00:00Z")
		}
		if q.to.Before(q.from) {
			return errors.New("time_range ends before it starts")
		}
	}
	if q.from.Before(held) {
		q.from = held
	}
	return nil
}

// covers says whether a time is in the search's span.
func (q *search) covers(t time.Time) bool {
	return !t.Before(q.from) && (q.to.IsZero() || !t.After(q.to))
}

// wants says whether a document is one that the search asks for.
func (q *search) wants(d document, sw SearchSwitches) bool {
	return !q.nothing && q.match(d) && anyOf(q.body.Criteria, sw.ExactCase)(d) && noneOf(q.body.Exclusions, sw.ExactCase)(d)
}

// parseWindow reads a window: a minus, a number and a unit.
func parseWindow(s string) (time.Duration, error) {
	bad := fmt.Errorf("the window %q is not a minus, a number and one of y, w, d, h, m and s", s)
	rest, ok := strings.CutPrefix(s, "-")
	if !ok || len(rest) < 2 || strings.Trim(rest[:len(rest)-1], "0123456789") != "" {
		return 0, bad
	}
	n, err := strconv.ParseInt(rest[:len(rest)-1], 10, 32)
	if err != nil {
		return 0, bad
	}
	const day = 24 * time.Hour
	units := map[byte]time.Duration{'y': 365 * day, 'w': 7 * day, 'd': day, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
	unit, ok := units[rest[len(rest)-1]]
	if !ok {
		return 0, bad
	}
	// A longer window than that holds all there ever was.
	const most = 100 * 365 * day
	if n > int64(most/unit) {
		return most, nil
	}
	return time.Duration(n) * unit, nil
}

// ordered sorts rows by the keys; the newest activity comes first unless there are keys.
func ordered(rows []document, by []sortBy, newest string) {
	if len(by) == 0 {
		by = []sortBy{{Field: newest, Order: "DESC"}}
	}
	slices.SortStableFunc(rows, func(a, b document) int {
		for _, key := range by {
			c := compareValues(a, b, key.Field)
			if strings.EqualFold(key.Order, "DESC") {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

func compareValues(a, b document, field string) int {
	x, y := a.values(field), b.values(field)
	if len(x) == 0 || len(y) == 0 {
		return cmp.Compare(len(x), len(y))
	}
	return order3(a.kind(field), x[0], y[0])
}

// badSearch answers to a search that was not understood.
func (s *Server) badSearch(w http.ResponseWriter, err error) {
	if malformed, ok := errors.AsType[*syntaxError](err); ok {
		s.reply(w, http.StatusBadRequest, map[string]any{
			"reason": "query_malformed_syntax", "message": malformed.Error(),
		})
		return
	}
	s.badRequest(w, err.Error())
}

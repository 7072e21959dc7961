package cbc

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// DefaultWindow is how far back a search looks that does not say it.
const DefaultWindow = 14 * 24 * time.Hour

// Sort is an order of rows.
type Sort struct {
	// Field is what to sort by, such as "device_timestamp".
	Field string
	// Descending puts the largest or newest first.
	Descending bool
}

// sortBody checks an order and writes it as the vendor wants it.
func sortBody(order []Sort) ([]sortBy, error) {
	if len(order) == 0 {
		return nil, nil
	}
	body := make([]sortBy, len(order))
	for i, s := range order {
		if !isFieldName(s.Field) {
			return nil, fmt.Errorf("cbc: query: sort by %q, which is no field name", s.Field)
		}
		body[i] = sortBy{Field: s.Field, Order: "ASC"}
		if s.Descending {
			body[i].Order = "DESC"
		}
	}
	return body, nil
}

// selection is what the searches have in common: which records, and of what time.
type selection struct {
	query      Expr
	criteria   map[string][]string
	exclusions map[string][]string
	window     time.Duration
	start, end time.Time
}

// selectionBody is a selection on the wire of the search services.
type selectionBody struct {
	Query      string              `json:"query,omitzero"`
	Criteria   map[string][]string `json:"criteria,omitzero"`
	Exclusions map[string][]string `json:"exclusions,omitzero"`
	TimeRange  timeRange           `json:"time_range"`
}

type timeRange struct {
	Window string `json:"window,omitzero"`
	Start  string `json:"start,omitzero"`
	End    string `json:"end,omitzero"`
}

// body checks the selection and writes it. The anchor is what every record has: an expression that only excludes is given it to exclude from.
func (s selection) body(anchor string) (selectionBody, error) {
	body := selectionBody{Criteria: s.criteria, Exclusions: s.exclusions}
	var problems []error
	if s.query.IsZero() && len(s.criteria) == 0 {
		problems = append(problems, errors.New("cbc: query: neither Query nor Criteria says what to search for"))
	}
	if !s.query.IsZero() {
		text, err := s.query.buildFor(anchor)
		problems = append(problems, err)
		body.Query = text
	}
	problems = append(problems, checkCriteria(s.criteria), checkCriteria(s.exclusions))
	var err error
	body.TimeRange, err = s.timeRange()
	return body, errors.Join(append(problems, err)...)
}

// checkCriteria refuses criteria that restrict nothing: an empty list may count as no list.
func checkCriteria(criteria map[string][]string) error {
	for _, field := range slices.Sorted(maps.Keys(criteria)) {
		if !isFieldName(field) {
			return fmt.Errorf("cbc: query: %q is no field name", field)
		}
		if len(criteria[field]) == 0 || slices.Contains(criteria[field], "") {
			return fmt.Errorf("cbc: query: field %q: an empty value", field)
		}
	}
	return nil
}

// orAll is the selection that looks at everything that the vendor holds unless it says otherwise.
func (s selection) orAll() selection {
	if s.window == 0 && s.start.IsZero() && s.end.IsZero() {
		s.window = retention
	}
	return s
}

func (s selection) timeRange() (timeRange, error) {
	window := s.window
	switch {
	case s.start.IsZero() != s.end.IsZero():
		return timeRange{}, errors.New("cbc: query: Start and End go together")
	case !s.start.IsZero() && window != 0:
		return timeRange{}, errors.New("cbc: query: Window and Start exclude each other")
	case !s.start.IsZero() && !s.start.Truncate(time.Millisecond).Before(s.end.Truncate(time.Millisecond)):
		return timeRange{}, errors.New("cbc: query: Start is not before End, in milliseconds as they are sent")
	case !s.start.IsZero():
		return timeRange{Start: formatTime(s.start), End: formatTime(s.end)}, nil
	case window == 0:
		window = DefaultWindow
	}
	if window < time.Second || window%time.Second != 0 {
		return timeRange{}, fmt.Errorf("cbc: query: Window is %v: want whole seconds, at least one", s.window)
	}
	return timeRange{Window: formatWindow(window)}, nil
}

// formatWindow writes a length of time as one number with the largest unit that fits, and the minus that the vendor wants.
func formatWindow(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		letter string
	}{{7 * 24 * time.Hour, "w"}, {24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d%unit.length == 0 {
			return "-" + strconv.FormatInt(int64(d/unit.length), 10) + unit.letter
		}
	}
	return "-" + strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

package cbctest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// criteria are the members of criteria or exclusions as the newer services take them: lists of values for most fields, single
// values for some, and spans of time.
type criteria map[string]json.RawMessage

// fieldForm is how a field is given in criteria.
type fieldForm int

const (
	noField   fieldForm = iota // it is not known
	formList                   // a list of values
	formValue                  // one value that is no text
	formTime                   // a span of time
)

// understand makes filters of criteria, one for each field. What is wrong is told with the name of the field, which stands
// in where.
func (c criteria) understand(where string, form func(field string) fieldForm, now time.Time) (map[string]filter, error) {
	out := map[string]filter{}
	for _, field := range slices.Sorted(maps.Keys(c)) {
		raw, name := c[field], where+"."+field
		switch form(field) {
		case noField:
			return nil, errors.New(name + " is not known")
		case formTime:
			var t contactTime
			if err := fake.UnmarshalStrict(raw, &t); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			from, to, err := t.span(name, now)
			if err != nil {
				return nil, err
			}
			out[field] = func(d document) bool {
				return slices.ContainsFunc(d.values(field), func(v string) bool {
					at, err := time.Parse(time.RFC3339, v)
					return err == nil && !at.Before(from) && !at.After(to)
				})
			}
		case formValue:
			var v bool
			if err := json.Unmarshal(raw, &v); err != nil {
				return nil, errors.New(name + " is neither true nor false")
			}
			out[field] = func(d document) bool { return slices.Contains(d.values(field), fmt.Sprint(v)) }
		default:
			var values []literal
			if err := json.Unmarshal(raw, &values); err != nil || values == nil {
				return nil, errors.New(name + " is not a list of values")
			}
			out[field] = func(d document) bool { return len(values) == 0 || d.hasLiteral(field, values, false) }
		}
	}
	return out, nil
}

// span reads a span of time: from start to end, or the time up to now.
func (t contactTime) span(name string, now time.Time) (from, to time.Time, err error) {
	switch {
	case t.Range != nil && t.Start == nil && t.End == nil:
		d, err := parseWindow(*t.Range)
		return now.Add(-d), now, err
	case t.Range != nil || t.Start == nil || t.End == nil:
		return from, to, errors.New(name + " takes start and end, or range")
	}
	var err2 error
	from, err = looseTime(*t.Start)
	to, err2 = looseTime(*t.End)
	if err != nil || err2 != nil {
		return from, to, errors.New("start and end of " + name + " are of the form 2025-02-01T00:00:00Z")
	}
	if to.Before(from) {
		return from, to, errors.New(name + " ends before it starts")
	}
	return from, to, nil
}

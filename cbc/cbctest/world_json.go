package cbctest

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// span is a duration as the world file has it: "1m30s".
type span time.Duration

// MarshalText writes it.
func (s span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText reads it.
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = span(d)
	return err
}

// withSpans is the type of a struct with spans in place of durations.
func withSpans(t reflect.Type) reflect.Type {
	fields := make([]reflect.StructField, 0, t.NumField())
	for f := range t.Fields() {
		if f.Type == reflect.TypeFor[time.Duration]() {
			f.Type = reflect.TypeFor[span]()
		}
		fields = append(fields, reflect.StructField{Name: f.Name, Type: f.Type, Tag: f.Tag})
	}
	return reflect.StructOf(fields)
}

// convert copies the fields of one struct to another; durations and spans are the same number.
func convert(to, from reflect.Value) {
	for i := range from.NumField() {
		to.Field(i).Set(from.Field(i).Convert(to.Field(i).Type()))
	}
}

// marshalSpans writes a struct with its durations as text.
func marshalSpans(v any) ([]byte, error) {
	from := reflect.ValueOf(v)
	to := reflect.New(withSpans(from.Type())).Elem()
	convert(to, from)
	return json.Marshal(to.Interface())
}

// unmarshalSpans reads a struct with its durations as text. Members that the struct does not have are refused.
func unmarshalSpans(data []byte, into any) error {
	to := reflect.ValueOf(into).Elem()
	from := reflect.New(withSpans(to.Type()))
	if err := fake.UnmarshalStrict(data, from.Interface()); err != nil {
		return err
	}
	convert(to, from.Elem())
	return nil
}

// MarshalJSON writes durations as text.
func (d Device) MarshalJSON() ([]byte, error) { return marshalSpans(d) }

// UnmarshalJSON reads durations as text and refuses unknown members.
func (d *Device) UnmarshalJSON(data []byte) error { return unmarshalSpans(data, d) }

// MarshalJSON writes durations as text.
func (sw SearchSwitches) MarshalJSON() ([]byte, error) { return marshalSpans(sw) }

// UnmarshalJSON reads durations as text and refuses unknown members.
func (sw *SearchSwitches) UnmarshalJSON(data []byte) error { return unmarshalSpans(data, sw) }

// MarshalJSON writes durations as text.
func (sw JobSwitches) MarshalJSON() ([]byte, error) { return marshalSpans(sw) }

// UnmarshalJSON reads durations as text and refuses unknown members.
func (sw *JobSwitches) UnmarshalJSON(data []byte) error { return unmarshalSpans(data, sw) }

// MarshalJSON writes durations as text.
func (sw NSXSwitches) MarshalJSON() ([]byte, error) { return marshalSpans(sw) }

// UnmarshalJSON reads durations as text and refuses unknown members.
func (sw *NSXSwitches) UnmarshalJSON(data []byte) error { return unmarshalSpans(data, sw) }

// MarshalJSON writes durations as text.
func (sw AlertSwitches) MarshalJSON() ([]byte, error) { return marshalSpans(sw) }

// UnmarshalJSON reads durations as text and refuses unknown members.
func (sw *AlertSwitches) UnmarshalJSON(data []byte) error { return unmarshalSpans(data, sw) }

// MarshalJSON writes durations as text.
func (c CSP) MarshalJSON() ([]byte, error) { return marshalSpans(c) }

// UnmarshalJSON reads durations as text and refuses unknown members.
func (c *CSP) UnmarshalJSON(data []byte) error { return unmarshalSpans(data, c) }

// MarshalJSON writes durations as text.
func (l RateLimit) MarshalJSON() ([]byte, error) { return marshalSpans(l) }

// UnmarshalJSON reads durations as text and refuses unknown members.
func (l *RateLimit) UnmarshalJSON(data []byte) error { return unmarshalSpans(data, l) }

// MarshalJSON writes durations as text.
func (sw LiveResponseSwitches) MarshalJSON() ([]byte, error) { return marshalSpans(sw) }

// UnmarshalJSON reads durations as text and refuses unknown members.
func (sw *LiveResponseSwitches) UnmarshalJSON(data []byte) error { return unmarshalSpans(data, sw) }

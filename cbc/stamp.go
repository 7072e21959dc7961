package cbc

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// stamp is a time on the wire: ISO 8601, or a number since 1970 in seconds or, in other places, milliseconds, with or without a
// fraction. It is zero where there is none.
type stamp struct{ time.Time }

// UnmarshalJSONFrom reads any of the forms.
func (t *stamp) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	text, _ := scalar(raw)
	t.Time = parseStamp(strings.TrimSpace(text))
	return nil
}

func parseStamp(text string) time.Time {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t, ok := parseTime(text)
		if !ok {
			return time.Time{}
		}
		return t
	}
	// In seconds the bound lies in the year 5138, in milliseconds in 1973: no vendor means either.
	const bound = 1e11
	switch {
	case number > 0 && number < bound:
		whole, fraction := math.Modf(number)
		return time.Unix(int64(whole), int64(fraction*1e3)*1e6).UTC()
	case number >= bound && number < bound*1e3:
		return time.UnixMilli(int64(number)).UTC()
	}
	return time.Time{}
}

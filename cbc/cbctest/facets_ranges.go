package cbctest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBuckets is how many buckets a range can have.
const maxBuckets = 10_000

// facetRange is a field whose values are counted in buckets.
type facetRange struct {
	BucketSize json.RawMessage `json:"bucket_size"`
	Start      json.RawMessage `json:"start"`
	End        json.RawMessage `json:"end"`
	Field      string          `json:"field"`
}

// buckets is a range that was understood: numbers, or times in milliseconds.
type buckets struct {
	facetRange
	isTime           bool
	start, end, size float64
}

// understand checks a range: numbers with a number as the size, or times with a size like +1DAY.
func (r facetRange) understand() (buckets, error) {
	out := buckets{facetRange: r}
	if !isFieldName(r.Field) {
		return out, fmt.Errorf("field is not a field: %q", r.Field)
	}
	var from, to string
	if json.Unmarshal(r.Start, &from) == nil && json.Unmarshal(r.End, &to) == nil && strings.Contains(from, "T") {
		start, err := time.Parse(time.RFC3339, from)
		end, err2 := time.Parse(time.RFC3339, to)
		if err != nil || err2 != nil {
			return out, errors.New("start and end are not of the form 2025-02-01T00:00:00Z")
		}
		size, err := bucketSpan(r.BucketSize)
		if err != nil {
			return out, err
		}
		out.isTime, out.size = true, float64(size.Milliseconds())
		out.start, out.end = float64(start.UnixMilli()), float64(end.UnixMilli())
	} else {
		for _, n := range []struct {
			name string
			raw  json.RawMessage
			into *float64
		}{{"start", r.Start, &out.start}, {"end", r.End, &out.end}, {"bucket_size", r.BucketSize, &out.size}} {
			text, err := strconv.ParseFloat(strings.Trim(string(n.raw), `"`), 64)
			if err != nil {
				return out, errors.New(n.name + " is neither a number nor a time")
			}
			*n.into = text
		}
	}
	// Written so that what is not a number is refused as well.
	ok := out.size > 0 && out.end > out.start && (out.end-out.start)/out.size <= maxBuckets && !math.IsInf(out.size, 0)
	if !ok {
		return out, fmt.Errorf("there are not between 1 and %d buckets from start to end", maxBuckets)
	}
	return out, nil
}

// bucketSpan reads the size of a bucket of times: a plus, a number and a unit, as in "+1DAY".
func bucketSpan(raw json.RawMessage) (time.Duration, error) {
	bad := errors.New("bucket_size of times is not of the form +1DAY")
	var text string
	if json.Unmarshal(raw, &text) != nil || !strings.HasPrefix(text, "+") {
		return 0, bad
	}
	digits := strings.TrimRight(text[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 1 {
		return 0, bad
	}
	const day = 24 * time.Hour
	unit, ok := map[string]time.Duration{
		"SECOND": time.Second, "MINUTE": time.Minute, "HOUR": time.Hour, "DAY": day, "WEEK": 7 * day, "MONTH": 30 * day, "YEAR": 365 * day,
	}[strings.TrimSuffix(text[1+len(digits):], "S")]
	if !ok || n > int64(100*365*day/unit) {
		return 0, bad
	}
	return time.Duration(n) * unit, nil
}

// count tells how many documents have a value in each bucket. Buckets without any are left out.
func (b buckets) count(documents []document) []map[string]any {
	totals := map[int]int{}
	for _, d := range documents {
		in := map[int]bool{}
		for _, text := range d.values(b.Field) {
			if v, ok := b.number(text); ok && v >= b.start && v < b.end {
				in[int((v-b.start)/b.size)] = true
			}
		}
		for i := range in {
			totals[i]++
		}
	}
	values := []map[string]any{}
	for _, i := range slices.Sorted(maps.Keys(totals)) {
		values = append(values, map[string]any{"total": totals[i], "name": b.name(b.start + float64(i)*b.size)})
	}
	return values
}

// number is a document's value on the scale of the buckets.
func (b buckets) number(text string) (float64, bool) {
	if b.isTime {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return float64(t.UnixMilli()), true
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}

// name is what a bucket is called: where it begins.
func (b buckets) name(start float64) string {
	if b.isTime {
		return time.UnixMilli(int64(start)).UTC().Format(time.RFC3339)
	}
	return strconv.FormatFloat(start, 'f', -1, 64)
}

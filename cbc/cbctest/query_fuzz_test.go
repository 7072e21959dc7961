package cbctest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func FuzzParseQuery(f *testing.F) {
	for _, q := range []string{
		"process_hash:(a OR b)", `process_name:c\:\\users\\*`, `"x y" -z`, "a:[1 TO *} AND NOT b", `\`, "((", "é:ß*", "*:*",
		"device_timestamp:[2025-02-01T00:00:00Z TO *]", "a && !b || +c",
	} {
		f.Add(q)
	}
	doc := document{
		wire:   map[string]any{"a": "1", "process_pid": []int64{1, 2}, "device_timestamp": "2025-02-11T08:15:30.123Z"},
		hidden: map[string][]string{"process_hash": {"a"}}, bare: []string{"process_hash", "a"},
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, phrases := range []bool{false, true} {
			q, err := parseQuery(text, dialect{phrases: phrases})
			if err != nil {
				malformed, ok := errors.AsType[*syntaxError](err)
				if !ok || malformed.offset < 0 || malformed.offset > len(text) {
					t.Errorf("parseQuery(%q) = %v", text, err)
				}
				continue
			}
			// What a query wants, its negation does not.
			negated, err := parseQuery("NOT ("+text+")", dialect{phrases: phrases})
			if err != nil {
				t.Fatalf("parseQuery(NOT (%q)) = %v", text, err)
			}
			if q.match(doc) == negated.match(doc) {
				t.Errorf("%q and its negation agree", text)
			}
		}
	})
}

func FuzzParseWindow(f *testing.F) {
	for _, w := range []string{"-2w", "-3", "3d", "-99999999999y", "--1d", "-0s", ""} {
		f.Add(w)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := parseWindow(text); err == nil && (d < 0 || text[0] != '-') {
			t.Errorf("parseWindow(%q) = %v", text, d)
		}
	})
}

func FuzzFacetRange(f *testing.F) {
	for _, body := range []string{
		`{"field":"a","start":0,"end":10,"bucket_size":3}`, `{"field":"a","start":"1","end":"2","bucket_size":"0.1"}`,
		`{"field":"device_timestamp","start":"2025-02-01T00:00:00Z","end":"2025-02-11T00:00:00Z","bucket_size":"+1DAY"}`,
		`{"field":"a","start":1e300,"end":2e300,"bucket_size":1e299}`, `{"field":"a","start":"NaN","end":"Inf","bucket_size":"+1DAY"}`,
	} {
		f.Add(body)
	}
	documents := []document{{wire: map[string]any{"a": int64(4), "device_timestamp": "2025-02-03T08:15:30.123Z"}}}
	f.Fuzz(func(t *testing.T, body string) {
		var r facetRange
		if json.Unmarshal([]byte(body), &r) != nil {
			return
		}
		b, err := r.understand()
		if err != nil {
			return
		}
		if values := b.count(documents); len(values) > 1 {
			t.Errorf("one document is in %d buckets of %s", len(values), body)
		}
	})
}

func FuzzCriteria(f *testing.F) {
	for _, body := range []string{
		`{"create_time":{"range":"-5d"}}`, `{"create_time":{"start":"2025-02-01T00:00:00Z","end":"2025-02-11T00:00:00Z"}}`,
		`{"flagged":true}`, `{"actor":["a",1,true]}`, `{"actor":null}`, `{"create_time":[]}`,
	} {
		f.Add(body)
	}
	entry := document{wire: map[string]any{"actor": "a", "flagged": true, "create_time": "2025-02-03T08:15:30.123Z"}}
	f.Fuzz(func(t *testing.T, body string) {
		var c criteria
		if json.Unmarshal([]byte(body), &c) != nil {
			return
		}
		filters, err := c.understand("criteria", auditForm, time.Date(2025, 2, 11, 0, 0, 0, 0, time.UTC))
		if err == nil && len(filters) != len(c) {
			t.Errorf("%s made %d filters", body, len(filters))
		}
		for _, match := range filters {
			match(entry)
		}
	})
}

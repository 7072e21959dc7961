package cbctest

import (
	"errors"
	"testing"
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

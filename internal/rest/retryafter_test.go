package rest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"0", 0, true},
		{"1", time.Second, true},
		{" 120 ", 2 * time.Minute, true},
		{"007", 7 * time.Second, true},
		{"301", 5 * time.Minute, true},
		{"9223372036", 5 * time.Minute, true},
		{"9223372037", 0, false},
		{"9223372036854775807", 0, false},
		{"18446744073709551617", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1.5", 0, false},
		{"1e3", 0, false},
		{"", 0, false},
		{"soon", 0, false},
		{"Sat, 01 Mar 2025 12:01:30 GMT", 90 * time.Second, true},
		{"Saturday, 01-Mar-25 12:01:30 GMT", 90 * time.Second, true},
		{"Sat Mar  1 12:01:30 2025", 90 * time.Second, true},
		{"Sat, 01 Mar 2025 11:00:00 GMT", 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 5 * time.Minute, true},
		{"2025-03-01T12:01:30Z", 0, false},
	} {
		if got, ok := rest.ParseRetryAfter(tc.in, now); got != tc.want || ok != tc.ok {
			t.Errorf("ParseRetryAfter(%q) = %v, %v; want %v, %v", tc.in, got, ok, tc.want, tc.ok)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, seed := range []string{"0", "120", "-1", "9223372037", "99999999999999999999", "1.5", now.Add(time.Minute).Format(http.TimeFormat), "Sat Mar  1 12:01:30 2025"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, ok := rest.ParseRetryAfter(in, now)
		if got < 0 || got > 5*time.Minute || !ok && got != 0 {
			t.Errorf("ParseRetryAfter(%q) = %v, %v", in, got, ok)
		}
	})
}

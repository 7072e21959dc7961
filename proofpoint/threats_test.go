package proofpoint_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/proofpoint"
)

func TestSummaryInBothSpellings(t *testing.T) {
	t.Parallel()
	want := proofpoint.ThreatSummary{
		ID: offer, IdentifiedAt: time.Date(2026, 3, 5, 8, 31, 0, 0, time.UTC), Name: offer, Category: "malware",
		Severity: 610, AttackSpread: 9, Notable: true, VerticallyTargeted: true,
		Families: []proofpoint.NamedSubject{{ID: "f-1", Name: "Loader"}},
		Malware:  []proofpoint.NamedSubject{{ID: "m-1", Name: "ExampleLoader"}},
	}
	newer, first := want, want
	newer.Type, newer.Status, newer.DetectionType = "attachment", "active", "NONE"
	first.Type, first.Status = "ATTACHMENT", "falsePositive"
	for file, want := range map[string]proofpoint.ThreatSummary{"summary.json": newer, "summary_first.json": first} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			raw := string(sample(t, file))
			var path string
			client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				path = r.URL.EscapedPath()
				return response(r, http.StatusOK, strings.NewReader(raw)), nil
			}))
			got, err := client.Threats.Summary(t.Context(), offer)
			if err != nil {
				t.Fatalf("Summary() = %v", err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(proofpoint.ThreatSummary{}, "Raw")); diff != "" {
				t.Errorf("Summary() mismatch (-want +got):\n%s", diff)
			}
			if string(got.Raw) != strings.TrimSpace(raw) {
				t.Errorf("Raw = %s", got.Raw)
			}
			if path != "/v2/threat/summary/"+offer {
				t.Errorf("asked for %s", path)
			}
		})
	}
}

func TestSummaryOfNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		is     error
	}{
		{"an unknown id", http.StatusNotFound, "", proofpoint.ErrNotFound},
		{"a success without an answer", http.StatusNoContent, "", nil},
		{"a page", http.StatusOK, "<html>hello</html>", nil},
		{"an unreadable status", http.StatusOK, `{"status":7}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := newClient(t, saying(tt.status, tt.body)).Threats.Summary(t.Context(), offer)
			if err == nil || !strings.HasPrefix(err.Error(), "proofpoint: threats.summary: ") || got.Raw != nil {
				t.Errorf("Summary() = %+v, %v", got, err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("Summary() = %v, want %v", err, tt.is)
			}
		})
	}
}

// A hunt asks for the verdict on each file right before it acts: machines wait for the answers.
func TestSummariesAreNotHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		raw := string(sample(t, "summary.json"))
		client, err := proofpoint.New(proofpoint.Config{
			Credentials: proofpoint.Basic("principal", "s3cr3t-value"),
			HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				return response(r, http.StatusOK, strings.NewReader(raw)), nil
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 300 {
			if _, err := client.Threats.Summary(t.Context(), offer); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < 20*time.Second || took > 35*time.Second {
			t.Errorf("300 summaries took %s, want about half a minute", took)
		}
	})
}

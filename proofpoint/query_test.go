package proofpoint_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
)

func TestQueryBecomesParameters(t *testing.T) {
	t.Parallel()
	cet := time.FixedZone("CET", 3600)
	tests := []struct {
		name  string
		query proofpoint.MessageQuery
		want  url.Values
	}{
		{
			"a window in another zone, with fractions",
			proofpoint.MessageQuery{Window: proofpoint.Window{
				Start: time.Date(2026, 3, 5, 9, 0, 0, 999, cet), End: time.Date(2026, 3, 5, 10, 0, 0, 999, cet),
			}},
			url.Values{"format": {"JSON"}, "interval": {"2026-03-05T08:00:00Z/2026-03-05T09:00:00Z"}},
		},
		{"the last minutes", proofpoint.MessageQuery{Since: 15 * time.Minute}, url.Values{"format": {"JSON"}, "sinceSeconds": {"900"}}},
		{
			"since a time",
			proofpoint.MessageQuery{SinceTime: time.Date(2026, 3, 5, 10, 0, 0, 0, cet)},
			url.Values{"format": {"JSON"}, "sinceTime": {"2026-03-05T09:00:00Z"}},
		},
		{
			"types and statuses in any spelling, one parameter each",
			proofpoint.MessageQuery{
				Since:          time.Hour,
				ThreatTypes:    []proofpoint.ThreatType{"ATTACHMENT", proofpoint.TypeURL, "message"},
				ThreatStatuses: []proofpoint.ThreatStatus{proofpoint.StatusActive, "falsepositive", "Cleared"},
			},
			url.Values{
				"format": {"JSON"}, "sinceSeconds": {"3600"},
				"threatType": {"attachment", "url", "messageText"}, "threatStatus": {"active", "falsePositive", "cleared"},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got *http.Request
			client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				got = r
				return response(r, http.StatusOK, strings.NewReader(`{"messagesDelivered":[]}`)), nil
			}))
			if _, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), tt.query)); err != nil {
				t.Fatalf("MessagesDelivered() = %v", err)
			}
			if diff := cmp.Diff(tt.want, got.URL.Query()); diff != "" {
				t.Errorf("query mismatch (-want +got):\n%s", diff)
			}
			if got.Method != http.MethodGet || got.URL.Path != "/v2/siem/messages/delivered" {
				t.Errorf("sent %s %s", got.Method, got.URL.Path)
			}
			if user, secret, ok := got.BasicAuth(); !ok || user != "principal" || secret != "s3cr3t-value" {
				t.Errorf("BasicAuth() = %q, %q, %t", user, secret, ok)
			}
		})
	}
}

func TestQueriesThatBreakTheRulesAreNotSent(t *testing.T) {
	t.Parallel()
	before := func(start, end time.Duration) proofpoint.MessageQuery {
		return proofpoint.MessageQuery{Window: proofpoint.Window{Start: now.Add(-start), End: now.Add(-end)}}
	}
	tests := []struct {
		name  string
		query proofpoint.MessageQuery
		want  error  // nil: any
		text  string // part of the error; empty: the query is sent
	}{
		{"30 seconds", before(90*time.Second, time.Minute), nil, ""},
		{"29 seconds", before(89*time.Second, time.Minute), proofpoint.ErrTooShort, "it has 29s"},
		{"an hour", before(time.Hour+time.Minute, time.Minute), nil, ""},
		{"an hour and a second", before(time.Hour+61*time.Second, time.Minute), proofpoint.ErrTooLong, "it has 1h0m1s"},
		{"nothing", before(time.Hour, time.Hour), proofpoint.ErrTooShort, "it has 0s"},
		{"backwards", before(time.Hour, 2*time.Hour), nil, "ends 1h0m0s before it begins"},
		{"ended 59 seconds ago", before(time.Hour, 59*time.Second), proofpoint.ErrStillCurrent, "ended 59s ago"},
		{"not ended", before(time.Minute, -time.Minute), proofpoint.ErrStillCurrent, "ends in the future, at 2026-03-05T09:31:00Z"},
		{"seven days back", before(7*24*time.Hour, 7*24*time.Hour-time.Hour), nil, ""},
		{"more than seven days back", before(7*24*time.Hour+time.Second, 7*24*time.Hour-time.Hour+time.Second), proofpoint.ErrTooOld, "at 2026-02-26T09:29:59Z, and the service looks back 7 days"},
		{"no end", proofpoint.MessageQuery{Window: proofpoint.Window{Start: now}}, nil, "needs a start and an end"},
		{"no time at all", proofpoint.MessageQuery{}, nil, "exactly one of Window, Since and SinceTime, not 0"},
		{"two times", proofpoint.MessageQuery{Since: time.Hour, SinceTime: now.Add(-time.Hour)}, nil, "not 2"},
		{"the last 29 seconds", proofpoint.MessageQuery{Since: 29 * time.Second}, proofpoint.ErrTooShort, "it has 29s"},
		{"the last hour and a bit", proofpoint.MessageQuery{Since: time.Hour + time.Second}, proofpoint.ErrTooLong, "it has 1h0m1s"},
		{"half a second", proofpoint.MessageQuery{Since: time.Minute + time.Second/2}, nil, "counts in whole seconds"},
		{"a negative time", proofpoint.MessageQuery{Since: -time.Hour}, proofpoint.ErrTooShort, "it has -1h0m0s"},
		{"since an hour ago", proofpoint.MessageQuery{SinceTime: now.Add(-time.Hour)}, nil, ""},
		{"since more than an hour ago", proofpoint.MessageQuery{SinceTime: now.Add(-time.Hour - time.Second)}, proofpoint.ErrTooLong, "it has 1h0m1s"},
		{"since 29 seconds ago", proofpoint.MessageQuery{SinceTime: now.Add(-29 * time.Second)}, proofpoint.ErrTooShort, "it has 29s"},
		{"since a time to come", proofpoint.MessageQuery{SinceTime: now.Add(time.Hour)}, proofpoint.ErrStillCurrent, "begins in the future"},
		{"an unknown type", proofpoint.MessageQuery{Window: hour, ThreatTypes: []proofpoint.ThreatType{"file"}}, nil, `the threat type "file"`},
		{"an unknown status", proofpoint.MessageQuery{Window: hour, ThreatStatuses: []proofpoint.ThreatStatus{"any"}}, nil, `the threat status "any"`},
		{"two mistakes", proofpoint.MessageQuery{Since: time.Second, ThreatTypes: []proofpoint.ThreatType{"file"}}, proofpoint.ErrTooShort, `the threat type "file"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sent := false
			client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				sent = true
				return response(r, http.StatusOK, strings.NewReader(`{"messagesBlocked":[]}`)), nil
			}))
			_, err := collect(t, client.SIEM.MessagesBlocked(t.Context(), tt.query))
			if tt.text == "" {
				if err != nil || !sent {
					t.Errorf("sent: %t, error: %v", sent, err)
				}
				return
			}
			if sent {
				t.Error("the query was sent")
			}
			if err == nil || !strings.Contains(err.Error(), tt.text) || !strings.HasPrefix(err.Error(), "proofpoint: siem.messages_blocked: ") {
				t.Errorf("error = %v, want one with %q", err, tt.text)
			}
			for _, sentinel := range []error{proofpoint.ErrTooShort, proofpoint.ErrTooLong, proofpoint.ErrStillCurrent, proofpoint.ErrTooOld} {
				if got, want := errors.Is(err, sentinel), errors.Is(tt.want, sentinel); got != want {
					t.Errorf("errors.Is(%v, %v) = %t, want %t", err, sentinel, got, want)
				}
			}
		})
	}
}

func TestQueryIsCopied(t *testing.T) {
	t.Parallel()
	var got url.Values
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		got = r.URL.Query()
		return response(r, http.StatusOK, strings.NewReader(`{"messagesDelivered":[]}`)), nil
	}))
	q := proofpoint.MessageQuery{Window: hour, ThreatTypes: []proofpoint.ThreatType{proofpoint.TypeAttachment}}
	seq := client.SIEM.MessagesDelivered(t.Context(), q)
	q.ThreatTypes[0] = proofpoint.TypeURL
	if _, err := collect(t, seq); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"attachment"}, got["threatType"]); diff != "" {
		t.Errorf("threatType mismatch (-want +got):\n%s", diff)
	}
}

func TestWindowCheck(t *testing.T) {
	t.Parallel()
	if err := hour.Check(now); err != nil {
		t.Errorf("Check(%v) = %v", now, err)
	}
	long := proofpoint.Window{Start: now.Add(-8 * 24 * time.Hour), End: now.Add(time.Hour)}
	err := long.Check(now)
	for _, want := range []error{proofpoint.ErrTooLong, proofpoint.ErrStillCurrent, proofpoint.ErrTooOld} {
		if !errors.Is(err, want) {
			t.Errorf("Check() = %v, want also %v", err, want)
		}
	}
	if !strings.HasPrefix(err.Error(), "proofpoint: window: ") {
		t.Errorf("Check() = %v, want package and subject first", err)
	}
}

func TestLookBackCanBeChanged(t *testing.T) {
	t.Parallel()
	client, err := proofpoint.New(proofpoint.Config{
		Credentials: proofpoint.Basic("principal", "secret"), LookBack: 3 * 24 * time.Hour, Pace: unhurried{},
		HTTPClient: &http.Client{Transport: saying(http.StatusOK, `{"messagesDelivered":[]}`)}, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	start := now.Add(-4 * 24 * time.Hour)
	q := proofpoint.MessageQuery{Window: proofpoint.Window{Start: start, End: start.Add(time.Hour)}}
	if _, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), q)); !errors.Is(err, proofpoint.ErrTooOld) {
		t.Errorf("MessagesDelivered() = %v, want %v", err, proofpoint.ErrTooOld)
	}
}

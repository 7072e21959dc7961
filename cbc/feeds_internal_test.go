package cbc

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestDecodeFeeds(t *testing.T) {
	t.Parallel()
	wire, err := decodeList[wireFeed]("op", sample(t, "edr/feeds.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got []Feed
	for _, w := range wire {
		feed, err := w.feed("op")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, feed)
	}
	want := []Feed{
		{
			ID: "q7TnVd3kQyGm0sWb5LxRfA", Name: "Mail gateway detections", Owner: "A1B2C3D4", ProviderURL: "https://intel.example.net",
			Summary: "Hashes seen in blocked attachments", Category: "Partner", Access: "private", Muted: true,
		},
		{ID: "0sWb5LxRfAq7TnVd3kQyGm", Name: "Of old", Owner: "A1B2C3D4", Category: "None", SourceLabel: "lab", Access: "reserved"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("feeds mismatch (-want +got):\n%s", diff)
	}
	if feed, err := decode[wireFeed](t, sample(t, "edr/feed.json")).feed("op"); err != nil || feed.Muted {
		t.Errorf("feed = %+v, %v, want one that is not muted", feed, err)
	}
}

func TestDecodeReports(t *testing.T) {
	t.Parallel()
	at := time.Unix(1715678000, 0).UTC()
	want := []Report{
		{
			ID: "3f0c1c1e-6a0b-4f55-9d5c-0f2d1a7b9e10", Timestamp: at, Title: "active malware attachment", Description: "Seen in mail", Severity: 9,
			Link: "https://intel.example.net/t/991", Tags: []string{"malware", "attachment"}, Visibility: "visible",
			IOCs: []IOC{
				{ID: "sha256-1", MatchType: MatchEquality, Field: "process_hash", Values: []string{"60c8664340cd4a3c0d45923c8da7da762df7c1eb0b1a133a50dd55b7614655c2"}},
				{ID: "q", MatchType: MatchQuery, Values: []string{"process_name:invoice.exe"}},
			},
		},
		{ID: "bare", Timestamp: at, Title: "t", Severity: 3},
	}
	wire, err := decodeList[wireReport]("op", sample(t, "edr/reports.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got []Report
	for _, w := range wire {
		r, err := w.report("op")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reports mismatch (-want +got):\n%s", diff)
	}
	r, err := decode[wireReport](t, sample(t, "edr/report_wrapped.json")).report("op")
	wrapped := Report{
		ID: "bare", Timestamp: at, Title: "t", Description: "d", Severity: 3,
		IOCs: []IOC{{ID: "1", MatchType: MatchRegex, Field: "process_name", Values: []string{"inv.*"}}},
	}
	if diff := cmp.Diff(wrapped, r); diff != "" || err != nil {
		t.Errorf("wrapped report: %v, mismatch (-want +got):\n%s", err, diff)
	}
}

func TestDecodeWatchlists(t *testing.T) {
	t.Parallel()
	wire, err := decodeList[wireWatchlist]("op", sample(t, "edr/watchlists.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got []Watchlist
	for _, w := range wire {
		one, err := w.watchlist("op")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, one)
	}
	want := []Watchlist{
		{
			ID: "b3ZkT0mLSx6eN1yQvHc2Kg", Name: "Mail gateway detections", Description: "Subscribed by the connector", TagsEnabled: true, AlertsEnabled: true,
			Created: time.Unix(1715678100, 0).UTC(), Updated: time.Unix(1715678101, 0).UTC(), FeedID: "q7TnVd3kQyGm0sWb5LxRfA",
		},
		{
			ID: "x6eN1yQvHc2Kgb3ZkT0mLS", Name: "Mine", AlertClassificationEnabled: true,
			Created: time.Unix(1715678200, 0).UTC(), Updated: time.Unix(1715678200, 0).UTC(), ReportIDs: []WatchlistReportID{"q7TnVd3kQyGm0sWb5LxRfA-bare"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("watchlists mismatch (-want +got):\n%s", diff)
	}
}

// TestListForms checks that a list may be bare or wrapped, and that what is neither does not pass for an empty one.
func TestListForms(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`[]`: 0, `[{"id":"1"},{"id":"2"}]`: 2, `{"results":[{"id":"1"}]}`: 1, `{"results":[]}`: 0, `{"results":null}`: 0,
		`{}`: -1, `null`: -1, `{"error":"x"}`: -1, `{"results":"x"}`: -1, `{"results":{}}`: -1, `"x"`: -1, `[{"id":"1"},5]`: -1,
	} {
		list, err := decodeList[wireFeed]("op", jsontext.Value(body))
		got := len(list)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("length of %s = %d, %v, want %d", body, got, err, want)
		}
	}
}

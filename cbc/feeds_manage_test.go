package cbc_test

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestAFeedIsReadChangedAndDeleted(t *testing.T) {
	t.Parallel()
	world := intel()
	world.Feeds[0].Reports = []cbctest.Report{{ID: "r1", Timestamp: 1715678000, Title: "t", Description: "d", Severity: 1, IOCs: []cbctest.IOC{
		{ID: "1", MatchType: "equality", Field: "process_hash", Values: []string{evil}},
	}}}
	srv := cbctest.New(world)
	feeds := connect(t, srv.Client()).Feeds

	feed, reports, err := feeds.GetWithReports(t.Context(), "feedA")
	if err != nil || feed.Name != "Mail" || len(reports) != 1 || reports[0].ID != "r1" {
		t.Fatalf("GetWithReports(feedA) = %+v, %+v, %v", feed, reports, err)
	}
	if _, none, err := feeds.GetWithReports(t.Context(), "feedB"); err != nil || len(none) != 0 {
		t.Errorf("GetWithReports of a feed without reports = %+v, %v", none, err)
	}
	feed.Name, feed.Muted, feed.SourceLabel = "Mail gateway", true, "gateway"
	got, err := feeds.Update(t.Context(), feed)
	if diff := cmp.Diff(feed, got); diff != "" || err != nil {
		t.Errorf("Update: %v, mismatch (-want +got):\n%s", err, diff)
	}
	if again, reports, err := feeds.GetWithReports(t.Context(), "feedA"); err != nil || again != feed || len(reports) != 1 {
		t.Errorf("after Update the feed is %+v with %d reports, %v; want %+v with 1", again, len(reports), err, feed)
	}
	if err := feeds.Delete(t.Context(), "feedA"); err != nil {
		t.Error(err)
	}
	feed.ID = "feedA"
	_, _, missing := feeds.GetWithReports(t.Context(), "feedA")
	_, changed := feeds.Update(t.Context(), feed)
	for call, err := range map[string]error{"GetWithReports": missing, "Update": changed, "Delete": feeds.Delete(t.Context(), "feedA")} {
		if !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("%s of a deleted feed = %v, want ErrNotFound", call, err)
		}
	}
	if n := len(srv.Feeds()); n != 3 {
		t.Errorf("%d feeds are left, want 3", n)
	}
	if _, err := feeds.Update(t.Context(), cbc.Feed{ID: "feedB"}); err == nil || !strings.Contains(err.Error(), "Name is empty") {
		t.Errorf("Update with an empty feed = %v, want what is missing", err)
	}
}

func TestReportsAreReplaced(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(intel())
	feeds := connect(t, srv.Client()).Feeds
	if err := feeds.ReplaceReports(t.Context(), "feedA", []cbc.Report{report("a", [32]byte{1}), report("b", [32]byte{2})}); err != nil {
		t.Fatal(err)
	}
	if err := feeds.ReplaceReports(t.Context(), "feedA", []cbc.Report{report("c", [32]byte{3})}); err != nil {
		t.Fatal(err)
	}
	if got, err := feeds.Reports(t.Context(), "feedA"); err != nil || len(got) != 1 || got[0].ID != "c" {
		t.Errorf("after the second replacement: %+v, %v, want c alone", got, err)
	}
	before := len(srv.Requests())
	for name, err := range map[string]error{
		"no report":      feeds.ReplaceReports(t.Context(), "feedA", nil),
		"two of an id":   feeds.ReplaceReports(t.Context(), "feedA", []cbc.Report{report("a", [32]byte{1}), report("a", [32]byte{2})}),
		"a wrong report": feeds.ReplaceReports(t.Context(), "feedA", []cbc.Report{report("a")}),
	} {
		if err == nil || len(srv.Requests()) != before {
			t.Errorf("%s: %v, %d requests; want an error and none", name, err, len(srv.Requests())-before)
		}
	}
	if err := feeds.ClearReports(t.Context(), "feedA"); err != nil {
		t.Fatal(err)
	}
	if got, err := feeds.Reports(t.Context(), "feedA"); err != nil || len(got) != 0 {
		t.Errorf("after ClearReports: %+v, %v", got, err)
	}
	if err := feeds.ClearReports(t.Context(), "nowhere"); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("ClearReports of a feed that is not there = %v", err)
	}
}

func TestReplaceReportsIsNotRepeated(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(intel())
	srv.FailNext(1, http.StatusGatewayTimeout)
	client := connect(t, srv.Client())
	if err := client.Feeds.ReplaceReports(t.Context(), "feedA", []cbc.Report{report("a", [32]byte{1})}); err == nil {
		t.Error("a 504 was no error")
	}
	if n := requests(srv, "POST", reportsOp); n != 1 {
		t.Errorf("the reports were sent %d times after a 504, want once", n)
	}
	silent, _ := scripted(t, map[string][]string{"POST " + reportsOp: {"{}"}})
	if err := silent.Feeds.ReplaceReports(t.Context(), "feedA", []cbc.Report{report("a", [32]byte{1})}); err == nil {
		t.Error("an answer that does not speak of success was one")
	}
}

func TestTranslateAndHealth(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{
		"POST /threathunter/feedmgr/v2/query/translate": {`{"query":"process_name:a.exe"}`, `{}`, `400 {"message":"no"}`},
		"GET /threathunter/feedmgr/healthcheck":         {"204 ", "503 <html>"},
		"GET /threathunter/watchlistmgr/healthcheck":    {"204 "},
	})
	if got, err := client.Feeds.Translate(t.Context(), "process_name:a.exe"); got != "process_name:a.exe" || err != nil {
		t.Errorf("Translate = %q, %v", got, err)
	}
	for _, query := range []string{"q", "q", " "} {
		if got, err := client.Feeds.Translate(t.Context(), query); err == nil {
			t.Errorf("Translate = %q without an error", got)
		}
	}
	if err := errors.Join(client.Feeds.Healthy(t.Context()), client.Watchlists.Healthy(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestCheckQueries(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(cbctest.World{}).Client())
	r := report("r", [32]byte{1})
	r.IOCs = append(r.IOCs, cbc.QueryIOC("good", cbc.Field("process_name").AnyOf("a.exe")))
	if err := client.Feeds.CheckQueries(t.Context(), r); err != nil {
		t.Errorf("CheckQueries of a good report = %v", err)
	}
	r.IOCs = append(r.IOCs, cbc.IOC{ID: "bad", MatchType: cbc.MatchQuery, Values: []string{"netconn_port:[1 TO"}}, cbc.IOC{ID: "worse", MatchType: cbc.MatchQuery, Values: []string{"process_name:a OR OR b"}})
	err := client.Feeds.CheckQueries(t.Context(), r)
	if !errors.Is(err, cbc.ErrQuerySyntax) || strings.Contains(err.Error(), `"good"`) || !strings.Contains(err.Error(), `"bad"`) || !strings.Contains(err.Error(), `"worse"`) {
		t.Errorf("CheckQueries = %v, want it to name bad and worse", err)
	}
}

func TestIndicators(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ioc          cbc.IOC
		field, value string
	}{
		{cbc.HashIOC([32]byte{1}), "process_hash", "01" + strings.Repeat("00", 31)},
		{cbc.MD5IOC([16]byte{0xab}), "process_hash", "ab" + strings.Repeat("00", 15)},
		{cbc.AddrIOC(netip.MustParseAddr("203.0.113.9")), "netconn_ipv4", "203.0.113.9"},
		{cbc.AddrIOC(netip.MustParseAddr("::ffff:203.0.113.9")), "netconn_ipv4", "203.0.113.9"},
		{cbc.AddrIOC(netip.MustParseAddr("2001:db8::1%eth0")), "netconn_ipv6", "20010DB8000000000000000000000001"},
		{cbc.DomainIOC("Evil.Example."), "netconn_domain", "evil.example"},
		{cbc.FieldIOC("p", "process_publisher", "Evil Ltd"), "process_publisher", "Evil Ltd"},
	} {
		if tt.ioc.Field != tt.field || len(tt.ioc.Values) != 1 || tt.ioc.Values[0] != tt.value {
			t.Errorf("indicator %+v, want %s:%s", tt.ioc, tt.field, tt.value)
		}
		r := report("r")
		r.IOCs = []cbc.IOC{tt.ioc}
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, ioc := range []cbc.IOC{cbc.QueryIOC("q", cbc.Field("no field").AnyOf("x")), cbc.AddrIOC(netip.Addr{}), cbc.DomainIOC("")} {
		r := report("r")
		r.IOCs = []cbc.IOC{ioc}
		if err := r.Validate(); err == nil {
			t.Errorf("the indicator %+v, which has no meaning, was accepted", ioc)
		}
	}
}

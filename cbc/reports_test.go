package cbc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// TestReportsThatAreRefused names what the vendor would refuse, or take and never match.
func TestReportsThatAreRefused(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(intel())
	client := connect(t, srv.Client())
	ioc := func(matchType cbc.MatchType, field string, values ...string) cbc.IOC {
		return cbc.IOC{ID: "1", MatchType: matchType, Field: field, Values: values}
	}
	for name, change := range map[string]func(*cbc.Report){
		"no id":                   func(r *cbc.Report) { r.ID = "" },
		"an id with a slash":      func(r *cbc.Report) { r.ID = "a/b" },
		"an id with a space":      func(r *cbc.Report) { r.ID = "a b" },
		"an id that is a path":    func(r *cbc.Report) { r.ID = ".." },
		"no title":                func(r *cbc.Report) { r.Title = " " },
		"no description":          func(r *cbc.Report) { r.Description = "" },
		"severity 0":              func(r *cbc.Report) { r.Severity = 0 },
		"severity 11":             func(r *cbc.Report) { r.Severity = 11 },
		"a date before 1970":      func(r *cbc.Report) { r.Timestamp = time.Unix(-1, 0) },
		"no UTF-8":                func(r *cbc.Report) { r.Tags = []string{"\xff"} },
		"no indicator":            func(r *cbc.Report) { r.IOCs = nil },
		"too many indicators":     func(r *cbc.Report) { r.IOCs = make([]cbc.IOC, cbc.MaxIOCs+1) },
		"indicators with one id":  func(r *cbc.Report) { r.IOCs = append(r.IOCs, r.IOCs...) },
		"an indicator without id": func(r *cbc.Report) { r.IOCs[0].ID = "" },
		"no values":               func(r *cbc.Report) { r.IOCs[0].Values = nil },
		"an empty value":          func(r *cbc.Report) { r.IOCs[0].Values = []string{""} },
		"an unknown match":        func(r *cbc.Report) { r.IOCs[0] = ioc("like", "process_name", "x") },
		"no field":                func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchEquality, "", "x") },
		"no field name":           func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchRegex, "process name", "x") },
		"a query with a field":    func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchQuery, "process_name", "process_name:x") },
		"two queries in one":      func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchQuery, "", "a:b", "c:d") },
		"a line break":            func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchEquality, "process_name", "x\n") },
		"a space at the end":      func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchEquality, "process_name", "x ") },
		"an upper-case hash":      func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchEquality, "process_hash", strings.ToUpper(evil)) },
		"half a hash":             func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchEquality, "process_sha256", evil[:40]) },
		"a network":               func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchEquality, "netconn_ipv4", "192.0.2.0/24") },
		"an address with colons":  func(r *cbc.Report) { r.IOCs[0] = ioc(cbc.MatchEquality, "netconn_ipv6", "2001:db8::1") },
	} {
		r := report("r", hash(t, evil))
		change(&r)
		if err := r.Validate(); err == nil {
			t.Errorf("Validate of a report with %s found nothing", name)
		}
		if _, err := client.Feeds.PutReport(t.Context(), "feedA", r); err == nil {
			t.Errorf("PutReport with %s succeeded", name)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests for reports that cannot be", n)
	}
	for name, good := range map[string]cbc.IOC{
		"an MD5":        ioc(cbc.MatchEquality, "process_md5", evil[:32]),
		"an address":    ioc(cbc.MatchEquality, "netconn_ipv4", "192.0.2.7"),
		"a new address": ioc(cbc.MatchEquality, "netconn_ipv6", "20010DB8000000000000000000000001"),
		"a pattern":     ioc(cbc.MatchRegex, "process_hash", "^b5bb.*"),
		"a query":       ioc(cbc.MatchQuery, "", "process_name:invoice.exe"),
	} {
		r := report("r", hash(t, evil))
		r.IOCs = []cbc.IOC{good}
		if err := r.Validate(); err != nil {
			t.Errorf("Validate of a report with %s: %v", name, err)
		}
	}
}

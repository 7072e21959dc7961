package cbc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const (
	opAlerts   = "POST /api/alerts/v7/orgs/{org_key}/alerts/_search"
	opWorkflow = "POST /api/alerts/v7/orgs/{org_key}/alerts/workflow"
)

// alarmed is a world with n alerts of one threat, one a minute, the newest last, and one old alert.
func alarmed(n int) cbctest.World {
	world := fleet(1, cbctest.SearchSwitches{})
	now := time.Now()
	for i := range n {
		world.Alerts = append(world.Alerts, cbctest.Alert{
			ID: fmt.Sprintf("A-%05d", i), Severity: 1 + i%10, ThreatID: "T", ProcessGUID: "G-1001", Time: now.Add(-time.Duration(n-i) * time.Minute),
			Type: []string{"CB_ANALYTICS", "SOMETHING_NEW"}[i%2],
		})
	}
	world.Alerts = append(world.Alerts, cbctest.Alert{ID: "OLD", Severity: 10, ThreatID: "T", Time: now.AddDate(0, 0, -30)})
	world.Threats = []cbctest.Threat{{ID: "T", Tags: []string{"mail"}}}
	return world
}

func alertIDs(alerts []cbc.Alert) string {
	var all []string
	for _, a := range alerts {
		all = append(all, string(a.ID))
	}
	return strings.Join(all, " ")
}

func TestAlertSearch(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(alarmed(4))
	client := connect(t, srv.Client())
	for _, tt := range []struct {
		name  string
		query cbc.AlertQuery
		want  string
	}{
		{"all of two weeks, the newest first", cbc.AlertQuery{}, "A-00003 A-00002 A-00001 A-00000"},
		{"page by page", cbc.AlertQuery{Rows: 3}, "A-00003 A-00002 A-00001 A-00000"},
		{"one by one", cbc.AlertQuery{Rows: 1}, "A-00003 A-00002 A-00001 A-00000"},
		{"by id, however old", cbc.AlertQuery{IDs: []cbc.AlertID{"OLD", "A-00001"}}, "A-00001 OLD"},
		{"by a type that nobody knows", cbc.AlertQuery{Types: []cbc.AlertType{"SOMETHING_NEW"}}, "A-00003 A-00001"},
		{"by hash and severity", cbc.AlertQuery{ProcessSHA256: [][32]byte{hash(t, evil)}, MinimumSeverity: 3}, "A-00003 A-00002"},
		{"by another hash", cbc.AlertQuery{ProcessSHA256: [][32]byte{hash(t, other)}}, ""},
		{"by device, threat and status", cbc.AlertQuery{
			DeviceIDs: []cbc.DeviceID{1001}, ThreatIDs: []cbc.ThreatID{"T"}, Statuses: []cbc.WorkflowStatus{cbc.AlertOpen}, MinimumSeverity: 4,
		}, "A-00003"},
		{"further back", cbc.AlertQuery{Window: 60 * 24 * time.Hour, MinimumSeverity: 4}, "A-00003 OLD"},
		{"in a span", cbc.AlertQuery{Start: time.Now().AddDate(0, 0, -40), End: time.Now().AddDate(0, 0, -20)}, "OLD"},
		{"the other way round", cbc.AlertQuery{Sort: []cbc.Sort{{Field: "severity"}}}, "A-00000 A-00001 A-00002 A-00003"},
		{"by an expression and exclusions", cbc.AlertQuery{
			Query: cbc.Field("severity").Range(cbc.Number(2), cbc.Bound{}), Exclusions: map[string][]string{"type": {"CB_ANALYTICS"}},
		}, "A-00003 A-00001"},
		{"by another field", cbc.AlertQuery{Criteria: map[string][]string{"device_name": {"LAP-1001"}}, MinimumSeverity: 4}, "A-00003"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			alerts, err := gather(client.Alerts.Search(t.Context(), tt.query))
			if err != nil || alertIDs(alerts) != tt.want {
				t.Errorf("Search = %s, %v, want %s", alertIDs(alerts), err, tt.want)
			}
			for _, a := range alerts {
				if a.ID != "OLD" && (a.ProcessSHA256 != hash(t, evil) || a.DeviceID != 1001 || a.Workflow.Status != cbc.AlertOpen || len(a.Raw) == 0) {
					t.Errorf("an alert without its hash, device, state or raw text: %+v", a)
				}
			}
		})
	}
}

// capped are the answers of a search that found more than can be read, in pages of these sizes.
func capped(row string, sizes ...int) (pages []string) {
	n := 0
	for _, size := range sizes {
		var rows []string
		for range size {
			rows = append(rows, fmt.Sprintf(row, n))
			n++
		}
		pages = append(pages, `{"results":[`+strings.Join(rows, ",")+`],"num_found":10003,"num_available":10000}`)
	}
	return pages
}

func TestAlertSearchReachesTenThousand(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opAlerts: capped(`{"id":"A-%d"}`, 3000, 3000, 3000, 1000)})
	alerts, err := gather(client.Alerts.Search(t.Context(), cbc.AlertQuery{Rows: 3000}))
	if len(alerts) != 10_000 || !errors.Is(err, cbc.ErrTruncated) {
		t.Errorf("Search yields %d alerts, %v, want 10,000 and ErrTruncated", len(alerts), err)
	}
	var asked []string
	for _, r := range srv.Requests() {
		var body struct {
			Start *int
			Rows  int
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		start := "nothing"
		if body.Start != nil {
			start = strconv.Itoa(*body.Start)
		}
		asked = append(asked, fmt.Sprint(start, "+", body.Rows))
	}
	if diff := cmp.Diff([]string{"nothing+3000", "3001+3000", "6001+3000", "9001+1000"}, asked); diff != "" {
		t.Errorf("it asked for (-want +got):\n%s", diff)
	}
}

func TestAlertsThatMove(t *testing.T) {
	t.Parallel()
	answer := func(ids ...string) string {
		var rows []string
		for _, id := range ids {
			rows = append(rows, `{"id":"`+id+`"}`)
		}
		return `{"results":[` + strings.Join(rows, ",") + `],"num_found":4,"num_available":4}`
	}
	for _, tt := range []struct {
		name    string
		answers []string
		ids     string
		want    string
	}{
		{"one comes again", []string{answer("a", "b"), answer("b", "c")}, "a b c", ""},
		{"the same page", []string{answer("a", "b")}, "a b", "the same page came twice"},
		{"nothing more", []string{answer("a", "b"), answer()}, "a b", "2 rows came where 4 were promised"},
		{"one that cannot be read", []string{answer("a", "", "c", "d")}, "a c d", "1 rows could not be read"},
		{"no count", []string{`{"results":[]}`}, "", "no num_found"},
		{"no more available", []string{`{"results":[{"id":"a"}],"num_found":4,"num_available":1}`}, "a", "more was found"},
		{"the number available is not told", []string{`{"results":[{"id":"a"}],"num_found":1}`}, "a", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, _ := scripted(t, map[string][]string{opAlerts: tt.answers})
			alerts, err := gather(client.Alerts.Search(t.Context(), cbc.AlertQuery{}))
			if alertIDs(alerts) != tt.ids || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Search = %s, %v, want %s and %q", alertIDs(alerts), err, tt.ids, tt.want)
			}
		})
	}
}

func TestAlertsSendWhatTheySay(t *testing.T) {
	t.Parallel()
	start := time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)
	newest := []any{map[string]any{"field": "detection_timestamp", "order": "DESC"}}
	for _, tt := range []struct {
		name  string
		query cbc.AlertQuery
		want  map[string]any
	}{
		{"nothing", cbc.AlertQuery{}, map[string]any{"time_range": map[string]any{"range": "-2w"}, "rows": 100.0, "sort": newest, "criteria": map[string]any{}}},
		{"ids", cbc.AlertQuery{IDs: []cbc.AlertID{"a"}}, map[string]any{
			"criteria": map[string]any{"id": []any{"a"}}, "time_range": map[string]any{"range": "-180d"}, "rows": 100.0, "sort": newest,
		}},
		{"everything", cbc.AlertQuery{
			Types: []cbc.AlertType{cbc.AlertWatchlistHit}, DeviceIDs: []cbc.DeviceID{7}, ProcessSHA256: [][32]byte{hash(t, evil)}, MinimumSeverity: 2,
			Criteria: map[string][]string{"report_name": {"r"}}, Exclusions: map[string][]string{"device_os": {"MAC"}}, Query: cbc.Field("a").AnyOf("1"),
			Start: start, End: start.Add(time.Hour), Rows: 7, Sort: []cbc.Sort{{Field: "severity"}},
		}, map[string]any{
			"criteria": map[string]any{
				"type": []any{"WATCHLIST"}, "device_id": []any{7.0}, "process_sha256": []any{evil}, "minimum_severity": 2.0, "report_name": []any{"r"},
			},
			"exclusions": map[string]any{"device_os": []any{"MAC"}}, "query": "a:1", "rows": 7.0,
			"time_range": map[string]any{"start": "2025-02-01T00:00:00.000Z", "end": "2025-02-01T01:00:00.000Z"},
			"sort":       []any{map[string]any{"field": "severity", "order": "ASC"}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, srv := scripted(t, map[string][]string{opAlerts: {`{"results":[],"num_found":0,"num_available":0}`}})
			if alerts, err := gather(client.Alerts.Search(t.Context(), tt.query)); err != nil || len(alerts) != 0 {
				t.Fatalf("Search = %v, %v", alerts, err)
			}
			var got map[string]any
			if err := json.Unmarshal(srv.Requests()[0].Body, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Search sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAlertsRefuseBeforeTheySend(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(alarmed(1))
	a := connect(t, srv.Client()).Alerts
	some := cbc.AlertQuery{IDs: []cbc.AlertID{"A-00000"}}
	for name, query := range map[string]cbc.AlertQuery{
		"an empty id":                      {IDs: []cbc.AlertID{""}},
		"an empty threat":                  {ThreatIDs: []cbc.ThreatID{""}},
		"an empty type":                    {Types: []cbc.AlertType{""}},
		"an empty status":                  {Statuses: []cbc.WorkflowStatus{""}},
		"a device that is none":            {DeviceIDs: []cbc.DeviceID{0}},
		"a severity above all":             {MinimumSeverity: 11},
		"a severity below all":             {MinimumSeverity: -1},
		"a field twice":                    {IDs: []cbc.AlertID{"a"}, Criteria: map[string][]string{"id": {"b"}}},
		"the severity as text":             {Criteria: map[string][]string{"minimum_severity": {"1"}}},
		"an empty criterion":               {Criteria: map[string][]string{"a": nil}},
		"an empty exclusion":               {Exclusions: map[string][]string{"a": {""}}},
		"a broken expression":              {Query: cbc.Raw("(")},
		"an expression that only excludes": {Query: cbc.Not(cbc.Field("a").AnyOf("1"))},
		"half a span":                      {Start: time.Now()},
		"too many rows":                    {Rows: 10_001},
		"an order by no field":             {Sort: []cbc.Sort{{}}},
	} {
		if _, err := gather(a.Search(t.Context(), query)); err == nil {
			t.Errorf("Search with %s has no error", name)
		}
	}
	for name, query := range map[string]cbc.AlertQuery{
		"nothing":              {},
		"a time alone":         {Window: time.Hour},
		"a severity alone":     {MinimumSeverity: 1, Start: time.Now().Add(-time.Hour), End: time.Now()},
		"exclusions alone":     {Exclusions: map[string][]string{"type": {"WATCHLIST"}}},
		"a state alone":        {Statuses: []cbc.WorkflowStatus{cbc.AlertOpen}, Window: time.Hour},
		"a state as text":      {Criteria: map[string][]string{"workflow_status": {"OPEN", "IN_PROGRESS"}}},
		"any value":            {Query: cbc.Field("type").Exists()},
		"any value or one":     {Query: cbc.Or(cbc.Field("id").AnyOf("a"), cbc.Raw("*:*"))},
		"any value but one":    {Query: cbc.And(cbc.Field("id").Exists(), cbc.Not(cbc.Field("id").AnyOf("a")))},
		"rows":                 {IDs: some.IDs, Rows: 1},
		"an order":             {IDs: some.IDs, Sort: []cbc.Sort{{Field: "severity"}}},
		"an empty id":          {IDs: []cbc.AlertID{""}},
		"an expression of not": {Query: cbc.Not(cbc.Field("a").AnyOf("1"))},
	} {
		if job, err := a.Close(t.Context(), query, cbc.Closure{}); err == nil {
			t.Errorf("Close with %s = %v", name, job)
		}
		if job, err := a.Reopen(t.Context(), query, ""); err == nil {
			t.Errorf("Reopen with %s = %v", name, job)
		}
		if job, err := a.Begin(t.Context(), query, ""); err == nil {
			t.Errorf("Begin with %s = %v", name, job)
		}
	}
	for name, closure := range map[string]cbc.Closure{
		"a determination for a reason":  {Reason: cbc.ClosureReason(cbc.TruePositive)},
		"no determination for a reason": {Reason: cbc.ClosureReason(cbc.NoDetermination)},
		"a reason for a determination":  {Determination: cbc.Determination(cbc.ClosedResolved)},
		"a note that is too long":       {Note: strings.Repeat("ä", cbc.MaxNote+1)},
		"a note that is not UTF-8":      {Note: "\xff"},
	} {
		if job, err := a.Close(t.Context(), some, closure); err == nil {
			t.Errorf("Close with %s = %v", name, job)
		}
	}
	for name, call := range map[string]func() error{
		"Get":           func() error { _, err := a.Get(t.Context(), ""); return err },
		"History":       func() error { _, err := a.History(t.Context(), " "); return err },
		"Notes":         func() error { _, err := a.Notes(t.Context(), ""); return err },
		"AddNote":       func() error { _, err := a.AddNote(t.Context(), "A-00000", ""); return err },
		"AddThreatNote": func() error { _, err := a.AddThreatNote(t.Context(), "", "x"); return err },
		"DeleteNote":    func() error { return a.DeleteNote(t.Context(), "A-00000", "") },
		"ThreatTags":    func() error { _, err := a.ThreatTags(t.Context(), ""); return err },
		"AddThreatTags": func() error { _, err := a.AddThreatTags(t.Context(), "T"); return err },
		"an empty tag":  func() error { _, err := a.AddThreatTags(t.Context(), "T", " "); return err },
		"Facets":        func() error { _, err := a.Facets(t.Context(), cbc.AlertFacetQuery{}); return err },
		"Facets with rows": func() error {
			_, err := a.Facets(t.Context(), cbc.AlertFacetQuery{AlertQuery: cbc.AlertQuery{Rows: 1}, Terms: []string{"type"}})
			return err
		},
	} {
		if call() == nil {
			t.Errorf("%s of nothing has no error", name)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestAlertGetAndFacets(t *testing.T) {
	t.Parallel()
	a := connect(t, cbctest.New(alarmed(4)).Client()).Alerts
	if alert, err := a.Get(t.Context(), "OLD"); err != nil || alert.ID != "OLD" || alert.Severity != 10 {
		t.Errorf("Get = %+v, %v", alert, err)
	}
	if _, err := a.Get(t.Context(), "GONE"); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
	if _, err := a.History(t.Context(), "GONE"); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("History = %v, want ErrNotFound", err)
	}
	facets, err := a.Facets(t.Context(), cbc.AlertFacetQuery{AlertQuery: cbc.AlertQuery{ThreatIDs: []cbc.ThreatID{"T"}}, Terms: []string{"type"}})
	want := []cbc.Facet{{Field: "type", Values: []cbc.FacetValue{{ID: "CB_ANALYTICS", Name: "CB_ANALYTICS", Total: 2}, {ID: "SOMETHING_NEW", Name: "SOMETHING_NEW", Total: 2}}}}
	if diff := cmp.Diff(want, facets); err != nil || diff != "" {
		t.Errorf("Facets, error %v (-want +got):\n%s", err, diff)
	}
	_, err = a.Facets(t.Context(), cbc.AlertFacetQuery{Terms: []string{"shade"}})
	if e, ok := errors.AsType[*cbc.APIError](err); !ok || e.Code != "INVALID_ENUM_VALUE" {
		t.Errorf("Facets of an unknown field = %v, want INVALID_ENUM_VALUE", err)
	}
	for route, answer := range map[string]string{
		"GET /api/alerts/v7/orgs/{org_key}/alerts/{alert_id}": `{"id":"B"}`, "POST /api/alerts/v7/orgs/{org_key}/alerts/_facet": `{}`,
		"GET /api/alerts/v7/orgs/{org_key}/alerts/{alert_id}/history": `{}`,
	} {
		client, _ := scripted(t, map[string][]string{route: {answer}})
		_, getErr := client.Alerts.Get(t.Context(), "A")
		_, facetErr := client.Alerts.Facets(t.Context(), cbc.AlertFacetQuery{Terms: []string{"type"}})
		_, historyErr := client.Alerts.History(t.Context(), "A")
		if getErr == nil || facetErr == nil || historyErr == nil {
			t.Errorf("%s answers %s: %v, %v, %v, want errors", route, answer, getErr, facetErr, historyErr)
		}
	}
}

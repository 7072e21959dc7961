package cbctest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// finished is longer than a job takes.
const finished = time.Second

// start starts a search and returns its id.
func (c *console) start(body string) string {
	c.t.Helper()
	id, _ := c.call("POST", searchJobs, body, 200)["job_id"].(string)
	if id == "" || url.PathEscape(id) != id {
		c.t.Fatalf("job_id = %q", id)
	}
	return id
}

// results asks for a page of a job.
func (c *console) results(id, query string) map[string]any {
	c.t.Helper()
	return c.call("GET", searchJobs+"/"+id+"/results?"+query, "", 200)
}

// search does a whole search and returns the rows.
func (c *console) search(body string) []map[string]any {
	c.t.Helper()
	id := c.start(body)
	c.wait(finished)
	return rows(c.results(id, "start=0&rows=10000"))
}

// rows are the results of an answer.
func rows(answer map[string]any) []map[string]any {
	list, _ := answer["results"].([]any)
	out := make([]map[string]any, 0, len(list))
	for _, row := range list {
		m, _ := row.(map[string]any)
		out = append(out, m)
	}
	return out
}

// column are the values of one member, in order.
func column(rows []map[string]any, member string) []string {
	out := []string{}
	for _, row := range rows {
		text, ok := row[member].(string)
		if !ok {
			text = fmt.Sprint(row[member])
		}
		out = append(out, text)
	}
	return out
}

// many is a world with n processes, the newest first.
func many(n int, sw cbctest.SearchSwitches) cbctest.World {
	world := cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}, Switches: cbctest.Switches{Search: sw}}
	for i := range n {
		world.Processes = append(world.Processes, cbctest.Process{
			GUID: fmt.Sprintf("g%04d", i), DeviceID: 7, Name: `C:\A.exe`, Time: noon.Add(-time.Duration(i+1) * time.Minute),
		})
	}
	return world
}

// numbers are the counts of an answer.
func numbers(answer map[string]any) string {
	return fmt.Sprintf("%v/%v available %v of %v, %d rows", answer["completed"], answer["contacted"],
		answer["num_available"], answer["num_found"], len(rows(answer)))
}

func TestSearchLife(t *testing.T) {
	t.Parallel()
	c := newConsole(t, many(48, cbctest.SearchSwitches{StartDelay: time.Second, Duration: 5 * time.Second}))
	id := c.start(`{"query":"process_name:a.exe","rows":100}`)
	var life []string
	for range 7 {
		life = append(life, numbers(c.results(id, "rows=20")))
		c.wait(time.Second)
	}
	want := []string{
		"0/0 available 0 of 0, 0 rows",
		"0/24 available 0 of 0, 0 rows",
		"6/24 available 12 of 84, 12 rows",
		"12/24 available 24 of 168, 20 rows",
		"18/24 available 36 of 252, 20 rows",
		"24/24 available 48 of 336, 20 rows",
		"24/24 available 48 of 336, 20 rows",
	}
	if diff := cmp.Diff(want, life); diff != "" {
		t.Errorf("the life of a job (-want +got):\n%s", diff)
	}
	c.wait(15 * time.Minute)
	c.raw("GET", searchJobs+"/"+id+"/results", "", 404)
}

func TestSearchNeverComplete(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		sw      cbctest.SearchSwitches
		want    string
		message string
	}{
		"one short":    {cbctest.SearchSwitches{StuckOneShort: true}, "23/24 available 46 of 322, 46 rows", ""},
		"halfway":      {cbctest.SearchSwitches{StuckHalfway: true}, "12/24 available 24 of 168, 24 rows", ""},
		"never starts": {cbctest.SearchSwitches{NeverStarts: true}, "0/0 available 0 of 0, 0 rows", ""},
		"no data":      {cbctest.SearchSwitches{NoData: true}, "0/0 available 0 of 0, 0 rows", "No data available"},
		"overrun":      {cbctest.SearchSwitches{Overrun: true}, "25/24 available 48 of 336, 48 rows", ""},
		"slow beyond the three minutes": {
			cbctest.SearchSwitches{StartDelay: time.Minute, Duration: 5 * time.Minute}, "12/24 available 24 of 168, 24 rows", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConsole(t, many(48, tt.sw))
			id := c.start(`{"query":"process_name:a.exe"}`)
			c.wait(10 * time.Minute)
			got := c.results(id, "rows=500")
			if numbers(got) != tt.want {
				t.Errorf("after ten minutes: %s, want %s", numbers(got), tt.want)
			}
			if message, _ := got["message"].(string); !strings.HasPrefix(message, tt.message) || (message == "") != (tt.message == "") {
				t.Errorf("message = %q, want %q", message, tt.message)
			}
		})
	}
}

func TestSearchSwitchesAtRunTime(t *testing.T) {
	t.Parallel()
	c := newConsole(t, many(1, cbctest.SearchSwitches{}))
	c.srv.SetSearch(cbctest.SearchSwitches{NeverStarts: true})
	stuck := c.start(`{"query":"process_name:a.exe"}`)
	c.srv.SetSearch(cbctest.SearchSwitches{})
	good := c.start(`{"query":"process_name:a.exe"}`)
	c.wait(finished)
	if got := numbers(c.results(stuck, "")); got != "0/0 available 0 of 0, 0 rows" {
		t.Errorf("the job from before = %s", got)
	}
	if got := numbers(c.results(good, "")); got != "24/24 available 1 of 7, 1 rows" {
		t.Errorf("the job from after = %s", got)
	}
}

func TestSearchRows(t *testing.T) {
	t.Parallel()
	c := newConsole(t, many(620, cbctest.SearchSwitches{}))
	for body, want := range map[string]string{
		`{"query":"process_name:a.exe"}`:              "24/24 available 500 of 4340, 10 rows",
		`{"query":"process_name:a.exe","rows":30}`:    "24/24 available 30 of 4340, 10 rows",
		`{"query":"process_name:a.exe","rows":10000}`: "24/24 available 620 of 4340, 10 rows",
		`{"query":"process_name:a.exe","rows":0}`:     "24/24 available 0 of 4340, 0 rows",
	} {
		id := c.start(body)
		c.wait(finished)
		if got := numbers(c.results(id, "")); got != want {
			t.Errorf("%s = %s, want %s", body, got, want)
		}
	}
	id := c.start(`{"query":"process_name:a.exe","rows":10000}`)
	c.wait(finished)
	var guids []string
	for start := 0; start < 700; start += 250 {
		guids = append(guids, column(rows(c.results(id, fmt.Sprintf("start=%d&rows=250", start))), "process_guid")...)
	}
	if len(guids) != 620 || !slices.IsSorted(guids) || len(slices.Compact(guids)) != 620 {
		t.Errorf("paging gave %d rows, or not the newest first", len(guids))
	}
	for _, query := range []string{"rows=10001", "rows=-1", "start=x", "rows=1&rows=2", "page=1"} {
		c.raw("GET", searchJobs+"/"+id+"/results?"+query, "", 400)
	}
}

func TestSearchCancelAndList(t *testing.T) {
	t.Parallel()
	c := newConsole(t, many(1, cbctest.SearchSwitches{}))
	running, canceled := c.start(`{"query":"process_name:a.exe"}`), c.start(`{"query":"process_name:a.exe"}`)
	c.raw("DELETE", oldJobs+"/"+canceled, "", 204)
	c.raw("DELETE", oldJobs+"/"+canceled, "", 404)
	c.raw("GET", searchJobs+"/"+canceled+"/results", "", 404)
	want := map[string]any{"query_ids": []any{running}}
	if diff := cmp.Diff(want, c.call("GET", oldJobs, "", 200)); diff != "" {
		t.Errorf("running jobs (-want +got):\n%s", diff)
	}
	c.wait(finished)
	if diff := cmp.Diff(map[string]any{"query_ids": []any{}}, c.call("GET", oldJobs, "", 200)); diff != "" {
		t.Errorf("running jobs at the end (-want +got):\n%s", diff)
	}
	c.results(running, "rows=0")
	jobs := []cbctest.SearchJob{
		{ID: running, Query: "process_name:a.exe", Started: noon, Rows: 1, Finished: true, Polls: 1},
		{ID: canceled, Query: "process_name:a.exe", Started: noon, Rows: 1, Finished: true, Canceled: true},
	}
	if diff := cmp.Diff(jobs, c.srv.SearchJobs()); diff != "" {
		t.Errorf("SearchJobs() (-want +got):\n%s", diff)
	}
	c.srv.SetSearch(cbctest.SearchSwitches{CancelUnknown: true})
	c.raw("DELETE", oldJobs+"/nobody", "", 204)
	c.raw("DELETE", oldJobs+"/"+running, "", 204)
	c.raw("GET", searchJobs+"/"+running+"/results", "", 404)
}

func TestSearchRefusals(t *testing.T) {
	t.Parallel()
	c := newConsole(t, many(1, cbctest.SearchSwitches{}))
	for _, body := range []string{
		`{}`, `{"query":" "}`, `{"criteria":{}}`, `{"exclusions":{"enriched":[true]}}`, `{"rows":10}`,
		`{"query":"a:b","rows":10001}`, `{"query":"a:b","rows":-1}`, `{"query":"a:b","start":-1}`,
		`{"query":"a:b","unknown":1}`, `{"query":"a:b","query":"a:c"}`, `{"query":["a:b"]}`,
		`{"criteria":{"device_id":7}}`, `{"criteria":{"device_id":[[7]]}}`, `{"criteria":{"device_id":[null]}}`,
		`{"query":"a:b","sort":[{"field":"device_timestamp","order":"asc"}]}`, `{"query":"a:b","sort":[{"order":"ASC"}]}`,
		`{"query":"a:b","fields":["process name"]}`, `{"query":"a:b","collapse_field":["*x"]}`,
		`{"query":"a:b","time_range":{"window":"3d"}}`, `{"query":"a:b","time_range":{"window":"-3"}}`,
		`{"query":"a:b","time_range":{"window":"-3x"}}`, `{"query":"a:b","time_range":{"window":"-d"}}`,
		`{"query":"a:b","time_range":{"window":"-1d2h"}}`, `{"query":"a:b","time_range":{"window":"-99999999999d"}}`,
		`{"query":"a:b","time_range":{"window":""}}`, `{"query":"a:b","time_range":{"window":"--3d"}}`,
		`{"query":"a:b","time_range":{"start":"2025-02-01T00:00:00Z"}}`,
		`{"query":"a:b","time_range":{"start":"yesterday","end":"today"}}`,
		`{"query":"a:b","time_range":{"start":"2025-02-02T00:00:00Z","end":"2025-02-01T00:00:00Z"}}`,
		`{"query":"a:b","time_range":{"from":"2025-02-01T00:00:00Z"}}`,
	} {
		c.raw("POST", searchJobs, body, 400)
	}
	got := c.call("POST", searchJobs, `{"query":"process_hash:(a OR b"}`, 400)
	if got["reason"] != "query_malformed_syntax" {
		t.Errorf("malformed query = %v", got)
	}
	c.srv.SetSearch(cbctest.SearchSwitches{BadQueryEmpty: true, RefuseUnknownFields: true, LowerOrder: true})
	c.raw("POST", searchJobs, `{"query":"filewrite_hash:a"}`, 400)
	c.raw("POST", searchJobs, `{"query":"filemod_sha256:a"}`, 400)
	c.raw("POST", searchJobs, `{"query":"nothing:[1 TO 2]"}`, 400)
	c.raw("POST", searchJobs, `{"query":"filemod_hash:a AND process_name:b","sort":[{"field":"device_id","order":"asc"}]}`, 200)
	if found := c.search(`{"query":"process_name:(a.exe"}`); len(found) != 0 {
		t.Errorf("a malformed query found %v", found)
	}
}

func TestSearchTimeRange(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}}
	for guid, ago := range map[string]time.Duration{
		"minute": time.Minute, "hours": 5 * time.Hour, "days": 10 * 24 * time.Hour, "month": 40 * 24 * time.Hour,
	} {
		world.Processes = append(world.Processes, cbctest.Process{GUID: guid, DeviceID: 7, Name: "a.exe", Time: noon.Add(-ago)})
	}
	world.Processes = append(world.Processes, cbctest.Process{
		GUID: "late", DeviceID: 7, Name: "a.exe", Time: noon.Add(-2 * time.Minute), Searchable: noon.Add(time.Minute),
	})
	for span, want := range map[string][]string{
		`{}`:                          {"minute", "hours", "days"},
		`{"window":"-2m"}`:            {"minute"},
		`{"window":"-90m"}`:           {"minute"},
		`{"window":"-5h"}`:            {"minute", "hours"},
		`{"window":"-2w"}`:            {"minute", "hours", "days"},
		`{"window":"-90d"}`:           {"minute", "hours", "days"},
		`{"window":"-2000000000y"}`:   {"minute", "hours", "days"},
		`{"window":"-61s"}`:           {"minute"},
		`{"window":"-59s"}`:           {},
		`{"window":"-1w","end":"no"}`: {"minute", "hours"},
		`{"start":"2025-02-01T00:00:00Z","end":"2025-02-11T07:00:00Z"}`: {"hours", "days"},
		`{"start":"2025-01-01T00:00:00Z","end":"2025-02-01T12:00:00Z"}`: {"days"},
	} {
		c := newConsole(t, world)
		got := column(c.search(`{"query":"process_name:a.exe","time_range":`+span+`}`), "process_guid")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("time_range %s (-want +got):\n%s", span, diff)
		}
	}
	c := newConsole(t, world)
	c.wait(time.Minute)
	if got := column(c.search(`{"query":"process_name:a.exe","time_range":{"window":"-1h"}}`), "process_guid"); len(got) != 2 {
		t.Errorf("a minute later: %v, want the late one as well", got)
	}
	limits := c.call("GET", "/api/investigate/v1/orgs/"+cbctest.OrgKey+"/processes/limits", "", 200)
	bounds, _ := limits["time_bounds"].(map[string]any)
	if bounds["upper"] != float64(noon.Add(time.Minute+finished).UnixMilli()) {
		t.Errorf("limits = %v", limits)
	}
	c.srv.SetSearch(cbctest.SearchSwitches{DefaultWindow: time.Hour})
	if got := column(c.search(`{"query":"process_name:a.exe"}`), "process_guid"); len(got) != 2 {
		t.Errorf("a default window of an hour: %v", got)
	}
}

// jsonText writes a value as it is on the wire.
func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

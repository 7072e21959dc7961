package cbctest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// The paths of the search services.
const (
	processesV2 = "/api/investigate/v2/orgs/" + cbctest.OrgKey + "/processes"
	eventsV2    = "/api/investigate/v2/orgs/" + cbctest.OrgKey + "/events/"
)

// job starts a job and asks for its results when it is finished.
func (c *console) job(path, body, query string) map[string]any {
	c.t.Helper()
	id, _ := c.call("POST", path, body, 200)["job_id"].(string)
	c.wait(finished)
	return c.call("GET", path+"/"+id+"/results?"+query, "", 200)
}

// counts are the values of the first term or range of an answer.
func counts(answer map[string]any, of string) map[string]float64 {
	out := map[string]float64{}
	list, _ := answer[of].([]any)
	for _, one := range list[:1] {
		m, _ := one.(map[string]any)
		values, _ := m["values"].([]any)
		for _, v := range values {
			value, _ := v.(map[string]any)
			name, _ := value["name"].(string)
			out[name], _ = value["total"].(float64)
		}
	}
	return out
}

func TestFacets(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	c.srv.AddProcesses(cbctest.Process{GUID: "twice", DeviceID: 4571602, Time: noon, Extra: map[string]any{"process_username": []string{"pat", "pat"}}})
	interpreter := strings.Repeat("3", 64)
	got := c.job(processesV2+"/facet_jobs", `{"query":"process_hash:*","terms":{"fields":["device_id","process_hash"]},"ranges":[
		{"field":"device_timestamp","start":"2025-02-11T11:00:00Z","end":"2025-02-11T13:00:00Z","bucket_size":"+2MINUTES"},
		{"field":"filemod_count","start":0,"end":10,"bucket_size":5}]}`, "")
	want := map[string]any{
		"num_found": 4.0, "contacted": 24.0, "completed": 24.0, "message": "",
		"terms": []any{
			map[string]any{"field": "device_id", "values": []any{map[string]any{"id": "4571602", "name": "4571602", "total": 4.0}}},
			map[string]any{"field": "process_hash", "values": []any{
				map[string]any{"id": office, "name": office, "total": 1.0},
				map[string]any{"id": interpreter, "name": interpreter, "total": 1.0},
				map[string]any{"id": script, "name": script, "total": 1.0},
				map[string]any{"id": evilMD, "name": evilMD, "total": 1.0},
				map[string]any{"id": evil, "name": evil, "total": 1.0},
			}},
		},
		"ranges": []any{
			map[string]any{
				"field": "device_timestamp", "start": "2025-02-11T11:00:00Z", "end": "2025-02-11T13:00:00Z", "bucket_size": "+2MINUTES",
				"values": []any{
					map[string]any{"name": "2025-02-11T11:56:00Z", "total": 2.0}, map[string]any{"name": "2025-02-11T11:58:00Z", "total": 2.0},
				},
			},
			map[string]any{
				"field": "filemod_count", "start": 0.0, "end": 10.0, "bucket_size": 5.0,
				"values": []any{map[string]any{"name": "0", "total": 4.0}},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facets (-want +got):\n%s", diff)
	}
	for name, tt := range map[string]struct {
		body, query string
		want        map[string]float64
	}{
		"the commonest first":                          {`{"query":"-process_guid:twice","terms":{"fields":["device_id"],"rows":1}}`, "", map[string]float64{"4571602": 6}},
		"the commonest, not the first of the alphabet": {`{"query":"-process_guid:twice","terms":{"fields":["device_os"],"rows":1}}`, "", map[string]float64{"WINDOWS": 6}},
		"a value that is there twice":                  {`{"query":"process_guid:twice","terms":{"fields":["process_username"]}}`, "", map[string]float64{"pat": 1}},
		"all with no rows":                             {`{"query":"-process_guid:twice","terms":{"fields":["device_id"],"rows":0}}`, "", map[string]float64{"4571602": 6, "4571603": 2}},
		"a limit wins over rows":                       {`{"query":"-process_guid:twice","terms":{"fields":["device_id"],"rows":1}}`, "limit=5", map[string]float64{"4571602": 6, "4571603": 2}},
		"criteria and exclusions":                      {`{"criteria":{"device_id":[4571602,4571603]},"exclusions":{"enriched":[true],"process_guid":["twice"]},"terms":{"fields":["device_id"]}}`, "", map[string]float64{"4571602": 5, "4571603": 2}},
		"a window":                                     {`{"query":"-process_guid:twice","time_range":{"window":"-150s"},"terms":{"fields":["process_name"]}}`, "", map[string]float64{`c:\program files\office\outlook.exe`: 1, `c:\users\pat\downloads\invoice_0417.exe`: 1}},
		"a field that nothing has":                     {`{"query":"*:*","terms":{"fields":["netconn_port"]}}`, "", map[string]float64{}},
		"each value once a row, by text":               {`{"criteria":{"process_guid":["bash"]},"terms":{"fields":["process_pid"]}}`, "", map[string]float64{"10": 2, "11": 2}},
	} {
		if diff := cmp.Diff(tt.want, counts(c.job(processesV2+"/facet_jobs", tt.body, tt.query), "terms")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		c.wait(-finished)
	}
	got = c.job(processesV2+"/facet_jobs", `{"query":"*:*","ranges":[{"field":"device_timestamp","start":"2025-02-11T11:56:00Z",
		"end":"2025-02-11T11:58:00Z","bucket_size":"+1HOUR"}]}`, "")
	if diff := cmp.Diff(map[string]float64{"2025-02-11T11:56:00Z": 3}, counts(got, "ranges")); diff != "" {
		t.Errorf("a range without its end (-want +got):\n%s", diff)
	}
}

func TestFacetsLife(t *testing.T) {
	t.Parallel()
	c := newConsole(t, many(48, cbctest.SearchSwitches{StartDelay: time.Second, Duration: 5 * time.Second}))
	id, _ := c.call("POST", processesV2+"/facet_jobs", `{"query":"*:*","terms":{"fields":["device_id"]}}`, 200)["job_id"].(string)
	var totals []float64
	for range 7 {
		totals = append(totals, counts(c.call("GET", processesV2+"/facet_jobs/"+id+"/results", "", 200), "terms")["7"])
		c.wait(time.Second)
	}
	if diff := cmp.Diff([]float64{0, 0, 12, 24, 36, 48, 48}, totals); diff != "" {
		t.Errorf("totals while the job runs (-want +got):\n%s", diff)
	}
	c.raw("GET", searchJobs+"/"+id+"/results", "", 404)
	c.raw("GET", processesV2+"/detail_jobs/"+id+"/results", "", 404)
	c.raw("DELETE", oldJobs+"/"+id, "", 404)
	if jobs := c.srv.SearchJobs(); len(jobs) != 1 || jobs[0].Kind != "processes/facet_jobs" || jobs[0].Polls != 7 {
		t.Errorf("SearchJobs() = %+v", jobs)
	}
	c.wait(15 * time.Minute)
	c.raw("GET", processesV2+"/facet_jobs/"+id+"/results", "", 404)

	c.srv.SetSearch(cbctest.SearchSwitches{NoData: true})
	got := c.job(processesV2+"/facet_jobs", `{"query":"*:*","terms":{"fields":["device_id"]}}`, "")
	if got["contacted"] != 0.0 || got["num_found"] != 0.0 || got["message"] == "" {
		t.Errorf("without data = %v", got)
	}
	c.srv.SetSearch(cbctest.SearchSwitches{StuckHalfway: true})
	if got := c.job(processesV2+"/facet_jobs", `{"query":"*:*","terms":{"fields":["device_id"]}}`, ""); got["num_found"] != 24.0 {
		t.Errorf("stuck halfway = %v", got)
	}
}

func TestFacetsRefusals(t *testing.T) {
	t.Parallel()
	c := newConsole(t, many(1, cbctest.SearchSwitches{}))
	rang := func(text string) string { return `{"query":"a:b","ranges":[` + text + `]}` }
	for _, body := range []string{
		`{"terms":{"fields":["device_id"]}}`, `{"query":"a:b"}`, `{"query":"a:b","terms":{"fields":[]}}`, `{"query":"(a","terms":{"fields":["a"]}}`,
		`{"query":"a:b","terms":{"fields":["no field"]}}`, `{"query":"a:b","terms":{"fields":["a"],"rows":-1}}`,
		`{"query":"a:b","terms":{"fields":["a"]},"rows":1}`, `{"query":"a:b","terms":{"field":["a"]}}`, `{"query":"a:b","terms":["a"]}`,
		`{"query":"a:b","terms":{"fields":["a"]},"time_range":{"window":"2w"}}`,
		rang(`{"field":"a","start":0,"end":10}`), rang(`{"field":"a","start":0,"end":10,"bucket_size":0}`),
		rang(`{"field":"a","start":10,"end":10,"bucket_size":1}`), rang(`{"field":"a b","start":0,"end":10,"bucket_size":1}`),
		rang(`{"field":"a","start":0,"end":100000,"bucket_size":1}`), rang(`{"field":"a","start":"x","end":10,"bucket_size":1}`),
		rang(`{"field":"a","start":"2025-02-01T00:00:00Z","end":"2025-02-11T00:00:00Z","bucket_size":"1DAY"}`),
		rang(`{"field":"a","start":"2025-02-01T00:00:00Z","end":"2025-02-11T00:00:00Z","bucket_size":"+1FORTNIGHT"}`),
		rang(`{"field":"a","start":"2025-02-01T00:00:00Z","end":"2025-02-11T00:00:00Z","bucket_size":"+0DAY"}`),
		rang(`{"field":"a","start":"2025-02-01T00:00:00Z","end":"2025-02-11T00:00:00Z","bucket_size":86400}`),
		rang(`{"field":"a","start":"NaN","end":10,"bucket_size":1}`), rang(`{"field":"a","start":0,"end":10,"bucket_size":"Inf"}`),
		rang(`{"field":"a","start":"2025-02-01","end":"2025-02-11T00:00:00Z","bucket_size":"+1DAY"}`),
	} {
		c.raw("POST", processesV2+"/facet_jobs", body, 400)
	}
	id, _ := c.call("POST", processesV2+"/facet_jobs", `{"query":"a:b","terms":{"fields":["a"]}}`, 200)["job_id"].(string)
	for _, query := range []string{"limit=0", "limit=-1", "limit=x", "limit=10001", "rows=1"} {
		c.raw("GET", processesV2+"/facet_jobs/"+id+"/results?"+query, "", 400)
	}
}

func TestEventFacets(t *testing.T) {
	t.Parallel()
	c := newConsole(t, many(1, cbctest.SearchSwitches{}))
	c.srv.AddProcesses(cbctest.Process{
		GUID: "busy", DeviceID: 7, PIDs: []int64{5}, Time: noon.Add(-time.Hour),
		Events: []cbctest.Event{{Type: "netconn"}, {Type: "regmod"}, {Type: "netconn"}, {Type: "netconn"}, {Type: "netconn_proxy"}},
	})
	const body = `{"query":"event_type:net*","terms":{"fields":["event_type"]}}`
	for step, want := range []struct {
		processed float64
		counts    map[string]float64
	}{
		{1, map[string]float64{"netconn": 1}},
		{2, map[string]float64{"netconn": 2}},
		{3, map[string]float64{"netconn": 3}},
		{4, map[string]float64{"netconn": 3, "netconn_proxy": 1}},
	} {
		got := c.call("POST", eventsV2+"busy/_facet", body, 200)
		if got["processed_segments"] != want.processed || got["total_segments"] != 4.0 || !cmp.Equal(want.counts, counts(got, "terms")) {
			t.Errorf("call %d = %v, want %v", step, got, want)
		}
		c.wait(300 * time.Millisecond)
	}
	got := c.call("POST", eventsV2+"nobody/_facet", body, 200)
	if got["total_segments"] != 0.0 || got["processed_segments"] != 0.0 || got["num_found"] != 0.0 {
		t.Errorf("an unknown process = %v", got)
	}
	c.raw("POST", eventsV2+"busy/_facet", `{"query":"event_type:*"}`, 400)
	c.raw("POST", eventsV2+"busy/_facet", `{"query":"event_type:*","terms":{"fields":["event_type"]},"sort":[]}`, 400)
}

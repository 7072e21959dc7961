package cbctest_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestDetails(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	got := c.job(processesV2+"/detail_jobs", `{"process_guids":["invoice","nobody","wscript","invoice"]}`, "")
	if diff := cmp.Diff([]string{"invoice", "wscript"}, column(rows(got), "process_guid")); diff != "" || got["num_available"] != 2.0 || got["num_found"] != 2.0 {
		t.Fatalf("details = %v", got)
	}
	row := rows(got)[0]
	for field, want := range map[string]any{
		"process_sha256":               evil,
		"process_hash":                 []any{evilMD, evil},
		"process_cmdline":              []any{`"C:\Users\pat\Downloads\Invoice_0417.exe" /quiet --x=1`},
		"process_cmdline_length":       []any{54.0},
		"process_publisher_state":      []any{"FILE_SIGNATURE_STATE_NOT_SIGNED"},
		"parent_name":                  `c:\program files\office\outlook.exe`,
		"parent_hash":                  []any{office},
		"parent_effective_reputation":  "NOT_LISTED",
		"parent_publisher_state":       []any{"FILE_SIGNATURE_STATE_NOT_SIGNED"},
		"device_os_version":            "Windows 11 x64",
		"device_policy":                "Standard",
		"device_location":              "OFFSITE",
		"device_target_priority":       "MEDIUM",
		"process_start_time":           "2025-02-11T11:58:00.000Z",
		"process_pid":                  []any{6700.0},
		"device_id":                    4571602.0,
		"process_effective_reputation": "NOT_LISTED",
		"backend_timestamp":            "2025-02-11T11:59:32.000Z",
		"process_terminated":           nil,
		"process_internal_name":        nil,
		"fileless_scriptload_hash":     nil,
		"parent_guid":                  "outlook",
		"parent_pid":                   3856.0,
		"org_id":                       cbctest.OrgKey,
		"process_username":             []any{`CORP\pat`},
		"device_name":                  `corp\lap-0417`,
		"ingress_time":                 1739275152000.0,
		"legacy":                       false,
		"process_name":                 `c:\users\pat\downloads\invoice_0417.exe`,
	} {
		if diff := cmp.Diff(want, row[field]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
	for _, field := range []string{"document_guid", "device_internal_ip", "device_external_ip"} {
		if text, _ := row[field].(string); text == "" {
			t.Errorf("%s is missing", field)
		}
	}
	if got := c.job(processesV2+"/detail_jobs", `{"process_guids":["nobody"]}`, "start=0&rows=5"); got["num_found"] != 0.0 || got["contacted"] != 24.0 {
		t.Errorf("an unknown process = %v", got)
	}
	for _, body := range []string{`{}`, `{"process_guids":[]}`, `{"process_guids":[""]}`, `{"process_guids":"invoice"}`, `{"process_guid":"invoice"}`} {
		c.raw("POST", processesV2+"/detail_jobs", body, 400)
	}
}

// family is a world in which outlook starts word and a viewer, and word starts a shell that starts itself again.
func family() cbctest.World {
	at := func(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }
	return cbctest.World{
		Devices: []cbctest.Device{{
			ID: 7, Name: "LAB-7", Running: []cbctest.RunningProcess{{PID: 3, Path: `c:\cmd.exe`, GUID: "cmd"}},
		}},
		Processes: []cbctest.Process{
			{GUID: "outlook", DeviceID: 7, PIDs: []int64{1}, Name: `C:\Office\OUTLOOK.EXE`, Time: at(10)},
			{GUID: "word", DeviceID: 7, PIDs: []int64{2}, Name: `c:\office\winword.exe`, ParentGUID: "outlook", Time: at(9)},
			{GUID: "cmd", DeviceID: 7, PIDs: []int64{3}, Name: `c:\cmd.exe`, ParentGUID: "word", Time: at(8)},
			{GUID: "viewer", DeviceID: 7, PIDs: []int64{4}, Name: `c:\viewer.exe`, ParentGUID: "outlook", Time: at(7)},
			{GUID: "own", DeviceID: 7, Name: "/sbin/init", ParentGUID: "own", Time: at(6)},
			{GUID: "orphan", DeviceID: 7, ParentGUID: "gone", Time: at(5)},
			{GUID: "late", DeviceID: 7, ParentGUID: "word", Time: at(4), Searchable: noon.Add(time.Hour)},
		},
	}
}

// guids are the processes in a list, or the one process, of a summary.
func guids(v any) []string {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	var out []string
	for _, one := range list {
		m, _ := one.(map[string]any)
		guid, _ := m["process_guid"].(string)
		out = append(out, guid)
	}
	return out
}

func TestSummary(t *testing.T) {
	t.Parallel()
	for guid, want := range map[string]map[string][]string{
		"word":    {"process": {"word"}, "parent": {"outlook"}, "children": {"cmd"}, "siblings": {"viewer"}},
		"outlook": {"process": {"outlook"}, "parent": {""}, "children": {"word", "viewer"}, "siblings": nil},
		"orphan":  {"process": {"orphan"}, "parent": {""}, "children": nil, "siblings": nil},
		"own":     {"process": {"own"}, "parent": {"own"}, "children": nil, "siblings": nil},
	} {
		c := newConsole(t, family())
		got := c.job(processesV2+"/summary_jobs", `{"process_guid":"`+guid+`"}`, "format=summary")
		summary, _ := got["summary"].(map[string]any)
		there := map[string][]string{}
		for member, v := range summary {
			there[member] = guids(v)
		}
		if diff := cmp.Diff(want, there); diff != "" || got["exception"] != "" {
			t.Errorf("%s: exception %v, (-want +got):\n%s", guid, got["exception"], diff)
		}
	}
	c := newConsole(t, family())
	got := c.job(processesV2+"/summary_jobs", `{"process_guid":"cmd","parent_guid":"word","time_range":{"window":"-1d"}}`, "")
	summary, _ := got["summary"].(map[string]any)
	process, _ := summary["process"].(map[string]any)
	parent, _ := summary["parent"].(map[string]any)
	if process["_process_filename"] != "cmd.exe" || process["has_children"] != false || process["process_terminated"] != false ||
		process["hits"] != false || parent["has_children"] != true || parent["_process_filename"] != "winword.exe" {
		t.Errorf("summary of cmd = %v", summary)
	}
	if _, told := parent["process_terminated"]; told {
		t.Error("the world does not say whether the parent ran, but the summary says whether it was terminated")
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	c := newConsole(t, family())
	got := c.job(processesV2+"/summary_jobs", `{"process_guid":"outlook"}`, "format=tree")
	tree, _ := got["tree"].(map[string]any)
	if diff := cmp.Diff([]string{"word", "viewer"}, guids(tree["children"])); diff != "" || tree["process_guid"] != "outlook" {
		t.Fatalf("tree = %v", got)
	}
	children, _ := tree["children"].([]any)
	word, _ := children[0].(map[string]any)
	viewer, _ := children[1].(map[string]any)
	if diff := cmp.Diff([]string{"cmd"}, guids(word["children"])); diff != "" {
		t.Errorf("children of word (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{}, viewer["children"]); diff != "" {
		t.Errorf("children of viewer (-want +got):\n%s", diff)
	}
	got = c.job(processesV2+"/summary_jobs", `{"process_guid":"own"}`, "format=tree")
	if tree, _ := got["tree"].(map[string]any); !cmp.Equal([]any{}, tree["children"]) {
		t.Errorf("its own parent = %v", got)
	}
	if _, told := got["summary"]; told {
		t.Errorf("a tree with a summary: %v", got)
	}
}

func TestSummaryNotThere(t *testing.T) {
	t.Parallel()
	c := newConsole(t, family())
	nothing := map[string]any{"process": nil, "parent": nil, "children": nil, "siblings": nil}
	base := map[string]any{"contacted": 24.0, "completed": 24.0, "message": "", "exception": "NOT_FOUND"}
	for query, part := range map[string]map[string]any{"": {"summary": nothing}, "format=summary": {"summary": nothing}, "format=tree": {"tree": map[string]any{}}} {
		want := map[string]any{}
		for _, m := range []map[string]any{base, part} {
			maps.Copy(want, m)
		}
		for _, body := range []string{`{"process_guid":"nobody"}`, `{"process_guid":"late"}`, `{"process_guid":"word","time_range":{"window":"-1m"}}`} {
			if diff := cmp.Diff(want, c.job(processesV2+"/summary_jobs", body, query)); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", body, query, diff)
			}
			c.wait(-finished)
		}
	}
	id, _ := c.call("POST", processesV2+"/summary_jobs", `{"process_guid":"word"}`, 200)["job_id"].(string)
	want := map[string]any{"contacted": 0.0, "completed": 0.0, "message": "", "exception": "", "summary": map[string]any{}}
	if diff := cmp.Diff(want, c.call("GET", processesV2+"/summary_jobs/"+id+"/results?format=summary", "", 200)); diff != "" {
		t.Errorf("just started (-want +got):\n%s", diff)
	}
	c.raw("GET", processesV2+"/summary_jobs/"+id+"/results?format=table", "", 400)
	c.raw("GET", processesV2+"/summary_jobs/"+id+"/results?rows=1", "", 400)
	for _, body := range []string{`{}`, `{"process_guid":""}`, `{"process_guid":["word"]}`, `{"process_guid":"word","query":"a:b"}`, `{"process_guid":"word","time_range":{"window":"1d"}}`} {
		c.raw("POST", processesV2+"/summary_jobs", body, 400)
	}
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	ask := func(query string) []string {
		list, _ := c.call("GET", processesV2+"/search_suggestions?"+query, "", 200)["suggestions"].([]any)
		var terms []string
		for _, one := range list {
			m, _ := one.(map[string]any)
			term, _ := m["term"].(string)
			terms = append(terms, term)
		}
		return terms
	}
	for query, want := range map[string][]string{
		"suggest.q=process_ha":                       {"process_hash"},
		"suggest.q=PROCESS_HA":                       {"process_hash"},
		"suggest.q=device_i":                         {"device_id", "device_internal_ip"},
		"suggest.q=device_i&suggest.count=1":         {"device_id"},
		"suggest.q=process_username:corp":            {`CORP\pat`},
		"suggest.q=process_hash:":                    {"process_hash"},
		"suggest.q=device_name:lap":                  {"lap-0418.corp.example"},
		"suggest.q=nothing":                          nil,
		"suggest.q=device_id:457160&suggest.count=9": {"4571602", "4571603"},
	} {
		if diff := cmp.Diff(want, ask(query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	for _, query := range []string{"", "suggest.q=", "q=process", "suggest.q=a&suggest.count=0", "suggest.q=a&suggest.count=x"} {
		c.raw("GET", processesV2+"/search_suggestions?"+query, "", 400)
	}
}

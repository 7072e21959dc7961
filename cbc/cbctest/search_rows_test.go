package cbctest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// Hashes of the made-up files of these tests.
var (
	evil   = strings.Repeat("e1", 32)
	evilMD = strings.Repeat("e1", 16)
	script = strings.Repeat("5c", 32)
	office = strings.Repeat("0f", 32)
)

// office0417 is a machine on which a mail's attachments were saved, run, loaded and interpreted.
func office0417() cbctest.World {
	at := func(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }
	return cbctest.World{
		Devices: []cbctest.Device{
			{ID: 4571602, Name: `CORP\LAP-0417`, SearchName: `corp\lap-0417`},
			{ID: 4571603, Name: "lap-0418.corp.example", SearchName: "lap-0418.corp.example", OS: "LINUX"},
		},
		Processes: []cbctest.Process{
			{
				GUID: "outlook", DeviceID: 4571602, PIDs: []int64{3856}, Name: `C:\Program Files\Office\OUTLOOK.EXE`,
				Hashes: []string{office}, Username: `CORP\pat`, Time: at(1),
				Events: []cbctest.Event{{
					Type: "filemod", Name: `c:\users\pat\downloads\invoice_0417.exe`, SHA256: evil,
					Actions: []string{"ACTION_FILE_CREATE", "ACTION_FILE_LAST_WRITE"},
				}},
			},
			{
				GUID: "invoice", DeviceID: 4571602, PIDs: []int64{6700}, Name: `C:\Users\pat\Downloads\Invoice_0417.exe`,
				Hashes: []string{evilMD, evil}, Username: `CORP\pat`, CmdLine: `"C:\Users\pat\Downloads\Invoice_0417.exe" /quiet --x=1`,
				ParentGUID: "outlook", Time: at(2),
			},
			{
				GUID: "wscript", DeviceID: 4571602, PIDs: []int64{7000}, Name: `c:\windows\system32\wscript.exe`,
				Hashes: []string{strings.Repeat("3", 64)}, Touched: map[string][]string{"scriptload_hash": {script}}, Time: at(3),
				Enriched: true, EnrichedName: `c:\users\pat\order.js`, EnrichedHashes: []string{script},
			},
			{
				GUID: "rundll", DeviceID: 4571602, PIDs: []int64{}, Name: `c:\windows\system32\rundll32.exe`,
				Touched: map[string][]string{"modload_hash": {strings.ToUpper(evil)}, "blocked_hash": {script}}, Time: at(4),
			},
			{
				GUID: "bash", DeviceID: 4571603, PIDs: []int64{10, 11}, Name: "/usr/bin/bash", Username: "pat", Time: at(5),
				CmdLine: "bash -c whoami", WatchlistHits: []string{"report:ioc:8"}, Documents: 100,
			},
			{GUID: "winword", DeviceID: 4571602, PIDs: []int64{8000}, Name: `c:\office\winword.exe`, Time: at(6)},
		},
	}
}

// found are the GUIDs that a query finds, the newest first.
func found(c *console, query string) []string {
	c.t.Helper()
	return column(c.search(jsonText(c.t, map[string]any{"query": query})), "process_guid")
}

func TestSearchHashRoles(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	for query, want := range map[string][]string{
		"process_hash:" + evil:                          {"invoice"},
		"process_hash:" + evilMD:                        {"invoice"},
		"process_hash:" + strings.ToUpper(evil):         {"invoice"},
		"filemod_hash:" + evil:                          {"outlook"},
		"modload_hash:" + evil:                          {"rundll"},
		"childproc_hash:" + evil:                        {"outlook"},
		"parent_hash:" + office:                         {"invoice"},
		"hash:" + evil:                                  {"outlook", "invoice", "rundll"},
		"hash:" + script:                                {"wscript"}, // the enriched row names the script as the process
		"hash:" + office:                                {"outlook"}, // not by the parent's hash
		"scriptload_hash:" + script:                     {"wscript", "wscript"},
		"fileless_scriptload_hash:" + script:            {},
		"blocked_hash:" + script:                        {"rundll"},
		"process_hash:" + script:                        {"wscript"},
		"filemod_sha256:" + evil:                        {},
		"process_sha256:" + evil:                        {},
		"filewrite_hash:" + evil:                        {},
		"hash:" + evil + " -process_hash:" + evil:       {"outlook", "rundll"},
		"process_hash:(" + evil + " OR " + office + ")": {"outlook", "invoice"},
	} {
		if diff := cmp.Diff(want, found(c, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	c.srv.SetSearch(cbctest.SearchSwitches{ExactCase: true})
	if got := found(c, "hash:"+evil); slices.Contains(got, "rundll") {
		t.Errorf("ExactCase: hash:%s = %v", evil, got)
	}
}

func TestSearchCriteria(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	c.srv.AddProcesses(cbctest.Process{GUID: "a-b", DeviceID: 4571603})
	for body, want := range map[string][]string{
		`{"criteria":{"process_hash":["` + evil + `","` + office + `"]}}`:                          {"outlook", "invoice"},
		`{"criteria":{"process_hash":["` + evil + `"],"device_id":[4571602]}}`:                     {"invoice"},
		`{"criteria":{"process_hash":["` + evil + `"],"device_id":["4571603"]}}`:                   {},
		`{"criteria":{"process_name":["c:\\windows\\system32\\*"]}}`:                               {},
		`{"criteria":{"process_name":["wscript.exe"]}}`:                                            {},
		`{"criteria":{"device_name":["corp\\lap-0417"],"process_pid":[3856,8000]}}`:                {"outlook", "winword"},
		`{"query":"device_id:4571602","exclusions":{"process_pid":[3856,8000],"enriched":[true]}}`: {"invoice", "wscript", "rundll"},
		`{"criteria":{"enriched":[true]}}`:                                                         {"wscript"},
		`{"criteria":{"no_such_field":["x"]}}`:                                                     {},
		`{"criteria":{"process_pid":[11]}}`:                                                        {"bash", "bash"},
		`{"query":"(process_guid:a\\-b)","q":"(process_guid:a\\-b)","process_guid":"a\\-b)"}`:      {"a-b"},
		`{"query":"*:*","process_guid":"invoice"}`:                                                 {"invoice"},
		`{"criteria":{"enriched":[true],"process_pid":[]}}`:                                        {"wscript"},
	} {
		if diff := cmp.Diff(want, column(c.search(body), "process_guid")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestSearchRow(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	got := c.search(`{"query":"process_guid:invoice"}`)
	want := []map[string]any{{
		"backend_timestamp": "2025-02-11T11:59:32.000Z", "childproc_count": 0.0, "crossproc_count": 0.0, "device_group_id": 0.0,
		"device_id": 4571602.0, "device_name": `corp\lap-0417`, "device_policy_id": 88231.0,
		"device_timestamp": "2025-02-11T11:58:00.000Z", "filemod_count": 0.0,
		"ingress_time": float64(noon.Add(-48 * time.Second).UnixMilli()), "legacy": false, "modload_count": 0.0,
		"netconn_count": 0.0, "org_id": cbctest.OrgKey, "parent_guid": "outlook", "parent_pid": 3856.0,
		"process_effective_reputation": "NOT_LISTED", "process_guid": "invoice", "process_hash": []any{evilMD, evil},
		"process_name": `c:\users\pat\downloads\invoice_0417.exe`, "process_pid": []any{6700.0},
		"process_reputation": "NOT_LISTED", "process_username": []any{`CORP\pat`}, "regmod_count": 0.0, "scriptload_count": 0.0,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a row (-want +got):\n%s", diff)
	}
}

func TestSearchFields(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	if event := c.search(`{"query":"process_guid:wscript AND enriched:true"}`)[0]["event_type"]; !cmp.Equal(event, any([]any{"childproc"})) {
		t.Errorf("event_type = %v", event)
	}
	got := c.search(`{"query":"process_guid:invoice","fields":["process_cmdline","parent_hash","no_such_field"]}`)
	want := []map[string]any{{
		"process_guid": "invoice", "device_id": 4571602.0, "device_name": `corp\lap-0417`,
		"process_cmdline": []any{`"C:\Users\pat\Downloads\Invoice_0417.exe" /quiet --x=1`}, "parent_hash": []any{office},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	row := c.search(`{"query":"process_guid:invoice","fields":["*","process_sha256","device_os"]}`)[0]
	if row["process_sha256"] != evil || row["device_os"] != "WINDOWS" || row["process_pid"] == nil {
		t.Errorf("fields with * = %v", row)
	}
	c.srv.SetSearch(cbctest.SearchSwitches{ScalarEnriched: true})
	if row := c.search(`{"query":"process_guid:invoice"}`)[0]; row["process_username"] == `CORP\pat` {
		t.Errorf("ScalarEnriched: %v", row)
	}
	c.srv.SetSearch(cbctest.SearchSwitches{Scalars: true})
	if row := c.search(`{"query":"process_guid:invoice"}`)[0]; row["process_username"] != `CORP\pat` {
		t.Errorf("Scalars: %v", row)
	}
	c.srv.SetSearch(cbctest.SearchSwitches{ScalarEnriched: true})
	if row := c.search(`{"query":"process_guid:wscript AND enriched:true"}`)[0]; row["event_type"] != "childproc" || row["enriched"] != true {
		t.Errorf("ScalarEnriched: %v", row)
	}
}

func TestSearchDuplicates(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	if got := found(c, "process_guid:wscript"); len(got) != 2 {
		t.Errorf("an enriched process has the rows %v, want two", got)
	}
	if got := found(c, "process_guid:wscript enriched:false"); len(got) != 1 {
		t.Errorf("enriched:false finds %v, want one row", got)
	}
	rows := c.search(`{"query":"process_guid:bash"}`)
	if len(rows) != 2 || rows[0]["watchlist_hit"] != nil || rows[1]["watchlist_hit"] == nil {
		t.Errorf("a watchlist hit has the rows %v", rows)
	}
	got := column(c.search(`{"query":"process_name:*","collapse_field":["process_guid"]}`), "process_guid")
	want := []string{"outlook", "invoice", "wscript", "rundll", "bash", "winword"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("collapse_field (-want +got):\n%s", diff)
	}
	if got := column(c.search(`{"query":"process_name:*","collapse_field":["device_id"]}`), "process_guid"); len(got) != 2 {
		t.Errorf("collapsed by device: %v", got)
	}
}

func TestSearchSort(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	body := `{"query":"device_id:4571602 enriched:false","sort":[{"field":"process_name","order":"DESC"}]}`
	want := []string{"wscript", "rundll", "invoice", "outlook", "winword"}
	if diff := cmp.Diff(want, column(c.search(body), "process_guid")); diff != "" {
		t.Errorf("sort by name (-want +got):\n%s", diff)
	}
	body = `{"query":"device_id:4571602 enriched:false","sort":[{"field":"device_timestamp","order":"ASC"}],"start":1}`
	want = []string{"rundll", "wscript", "invoice", "outlook"}
	if diff := cmp.Diff(want, column(c.search(body), "process_guid")); diff != "" {
		t.Errorf("sort by time, from the second on (-want +got):\n%s", diff)
	}
}

func TestSearchOddRows(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	if got := c.search(`{"query":"process_guid:outlook"}`)[0]; got["filemod_count"] != 1.0 || got["modload_count"] != 0.0 {
		t.Errorf("counts of outlook = %v, %v", got["filemod_count"], got["modload_count"])
	}
	rundll, winword := c.search(`{"query":"process_guid:rundll"}`)[0], c.search(`{"query":"process_guid:winword"}`)[0]
	if pids, ok := rundll["process_pid"].([]any); !ok || len(pids) != 0 {
		t.Errorf("process_pid = %v, want []", rundll["process_pid"])
	}
	if _, ok := winword["process_hash"]; ok {
		t.Errorf("process_hash = %v, want none", winword["process_hash"])
	}
	c.srv.AddProcesses(cbctest.Process{
		GUID: "odd", DeviceID: 4571602, Name: "odd.exe", Username: "x", Omit: []string{"process_username", "org_id"},
		Extra: map[string]any{"parent_pid": nil, "ttp": []string{"RUN_UNKNOWN_APP"}, "device_name": "LAP-0417"},
	})
	odd := c.search(`{"query":"ttp:RUN_UNKNOWN_APP"}`)[0]
	if v, ok := odd["parent_pid"]; !ok || v != nil {
		t.Errorf("parent_pid = %v, %v, want null", v, ok)
	}
	if odd["process_username"] != nil || odd["org_id"] != nil || odd["device_name"] != "LAP-0417" {
		t.Errorf("the odd row = %v", odd)
	}
}

func TestProcessDefaults(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{
		Devices: []cbctest.Device{{ID: 0x45c1d2, Name: "LAB"}}, Processes: []cbctest.Process{{DeviceID: 0x45c1d2, PIDs: []int64{0x1a2c}}},
	})
	got := c.srv.Processes()[0]
	if !got.Time.Equal(noon.Add(-time.Hour)) || got.GUID != "7QRST4UV-0045c1d2-00001a2c-00000000-1db7c74181a7800" {
		t.Errorf("Processes()[0] = %+v", got)
	}
}

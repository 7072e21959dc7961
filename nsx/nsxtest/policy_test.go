package nsxtest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func put(t *testing.T, srv *nsxtest.Server, path, body string) answer {
	t.Helper()
	return call(t, srv.Client(), http.MethodPut, nsxtest.URL+path, body, basic)
}

// quarantine is a world of one tagged machine and the group that it is in.
func quarantine() nsxtest.World {
	return nsxtest.World{
		Now: stopped, BulkStep: -1,
		VMs: []nsxtest.VM{{
			Name: "fin-ws-0142", ComputerName: "FIN-WS-0142.corp.example", OS: "Microsoft Windows 10 (64-bit)", ExternalID: finance, LocalID: "37",
			HostID: "8c1f0b52-6d3e-4e0f-9a35-2b7a6c9d1e44", BIOSUUID: "4221e0aa-97c4-1b3f-8d52-6f0e13b7a2c8", LocationID: "564d2f91-70ab-c3de-1145-98f6e2b03d7a",
			Tags: []nsxtest.Tag{{Scope: "owner", Tag: "finance"}},
			VIFs: []nsxtest.VIF{{MAC: "00:50:56:a1:0b:3c", LPort: "5f0c7a9e-2d41-4f6b-a0e3-7b1c9d84e250", IPs: []string{"10.20.30.42", "fe80::250:56ff:fea1:b3c"}}},
		}},
		Groups: []nsxtest.Group{{ID: "quarantined-vms", Name: "Quarantined VMs", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}}},
	}
}

func TestSampleAnswers(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(quarantine())
	const id = "8e0b6f6e-1b1a-4f3c-9b61-0f7a2c5d9e10"
	op := `{"tag":{"scope":"quarantine","tag":"malicious-file"},"apply_to":[{"resource_type":"VirtualMachine","resource_ids":["` + finance + `"]}]}`
	if a := put(t, srv, opPath+id, op); a.status != 200 || !strings.Contains(a.body, `"_revision":0`) {
		t.Fatalf("PUT = %d %s", a.status, a.body)
	}
	for file, path := range map[string]string{
		"virtual_machines":    vmPath,
		"vifs":                "/api/v1/fabric/vifs?owner_vm_id=" + finance,
		"associations":        "/policy/api/v1/infra/virtual-machine-group-associations?vm_external_id=" + finance,
		"group":               groupsPath + "/quarantined-vms",
		"members":             groupsPath + "/quarantined-vms/members/virtual-machines",
		"tags":                "/policy/api/v1/infra/tags",
		"effective_resources": "/policy/api/v1/infra/tags/effective-resources?scope=quarantine&tag=malicious-file",
		"bulk_status":         opPath + id + "/status",
		"refused":             "",
		"not_found":           "/policy/api/v1/infra/virtual-machine-group-associations?vm_external_id=nobody",
	} {
		data, err := os.ReadFile(filepath.Join("testdata", file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		a := get(t, srv, path)
		if path == "" {
			a = call(t, srv.Client(), http.MethodGet, nsxtest.URL+vmPath, "")
		}
		var want, got any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", file, diff)
		}
	}
}

func TestBulkTakesItsTime(t *testing.T) {
	t.Parallel()
	now := noon
	w := quarantine()
	w.BulkStep, w.Now = time.Minute, func() time.Time { return now }
	srv := nsxtest.New(w)
	op := `{"tag":{"scope":"a","tag":"b"},"apply_to":[{"resource_type":"VirtualMachine","resource_ids":["nobody","` + finance + `"]}],` +
		`"remove_from":[{"resource_type":"VirtualMachine","resource_ids":["` + finance + `"]}]}`
	if a := put(t, srv, opPath+"one", op); a.status != 200 {
		t.Fatalf("PUT = %d %s", a.status, a.body)
	}
	status := func() string {
		var st struct {
			Status string `json:"status"`
		}
		if err := json.Unmarshal([]byte(get(t, srv, opPath+"one/status").body), &st); err != nil {
			t.Fatal(err)
		}
		return st.Status
	}
	var got []string
	for range 4 {
		got = append(got, status())
		now = now.Add(40 * time.Second)
	}
	if diff := cmp.Diff([]string{"Pending", "Pending", "Running", "Error"}, got); diff != "" {
		t.Errorf("statuses mismatch (-want +got):\n%s", diff)
	}
	a := get(t, srv, opPath+"one/status")
	if !strings.Contains(a.body, `{"resource_id":"nobody","tag_status":"Error","details":`) || !strings.Contains(a.body, `"resource_display_name":"fin-ws-0142","tag_status":"Success"`) {
		t.Errorf("status = %s, want one failure beside one success", a.body)
	}
}

func TestBulkKeepsOtherTags(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(quarantine())
	both := `"resource_type":"VirtualMachine","resource_ids":["` + finance + `"]}]}`
	put(t, srv, opPath+"add", `{"tag":{"tag":"x"},"apply_to":[{`+both)
	if diff := cmp.Diff([]nsxtest.Tag{{Scope: "owner", Tag: "finance"}, {Tag: "x"}}, tags(srv, finance)); diff != "" {
		t.Errorf("after apply_to mismatch (-want +got):\n%s", diff)
	}
	put(t, srv, opPath+"remove", `{"tag":{"tag":"x"},"remove_from":[{`+both)
	if diff := cmp.Diff([]nsxtest.Tag{{Scope: "owner", Tag: "finance"}}, tags(srv, finance)); diff != "" {
		t.Errorf("after remove_from mismatch (-want +got):\n%s", diff)
	}
}

func TestBulkRefusals(t *testing.T) {
	t.Parallel()
	for _, overwrite := range []bool{false, true} {
		w := quarantine()
		w.Switches.BulkOverwrites = overwrite
		srv := nsxtest.New(w)
		put(t, srv, opPath+"one", `{"tag":{"tag":"x"}}`)
		many := `"` + strings.Repeat(`x","`, 1000) + `x"`
		for _, tc := range []struct {
			name, body string
			status     int
		}{
			{"same id again", `{"tag":{"tag":"x"}}`, map[bool]int{false: 412, true: 200}[overwrite]},
			{"no tag", `{}`, 400},
			{"empty tag", `{"tag":{}}`, 400},
			{"another type", `{"tag":{"tag":"x"},"apply_to":[{"resource_type":"Segment","resource_ids":["x"]}]}`, 400},
			{"too many machines", `{"tag":{"tag":"x"},"apply_to":[{"resource_type":"VirtualMachine","resource_ids":[` + many + `]}]}`, 400},
		} {
			if a := put(t, srv, opPath+"one", tc.body); a.status != tc.status {
				t.Errorf("%s = %d %s, want %d", tc.name, a.status, a.body, tc.status)
			}
		}
		if overwrite {
			continue
		}
		if a := put(t, srv, opPath+"one", `{"tag":{"tag":"x"},"_revision":0}`); a.status != 200 || !strings.Contains(a.body, `"_revision":1`) {
			t.Errorf("with its revision = %d %s, want 200 and the next one", a.status, a.body)
		}
		for _, path := range []string{opPath + "two", opPath + "two/status"} {
			if a := get(t, srv, path); a.status != 404 || a.code() != 600 {
				t.Errorf("%s = %d %s, want 404", path, a.status, a.body)
			}
		}
		if a := get(t, srv, opPath+"one"); a.status != 200 || !strings.Contains(a.body, `"path":"/infra/tags/tag-operations/one"`) {
			t.Errorf("GET = %d %s", a.status, a.body)
		}
	}
}

func TestTagList(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{
		{Name: "a", Tags: []nsxtest.Tag{{Scope: "env", Tag: "prod"}, {Tag: "R&D"}}}, {Name: "b", Tags: []nsxtest.Tag{{Scope: "env", Tag: "prod"}, {Scope: "env", Tag: "preprod"}}},
	}})
	for query, want := range map[string][]string{
		"":                               {"R&D", "preprod", "prod"},
		"?tag=" + url.QueryEscape("R&D"): {"R&D"},
		"?tag=pro*":                      {"prod"},
		"?tag=*prod":                     {"preprod", "prod"},
		"?tag=*epr*":                     {"preprod"},
		"?scope=":                        {"R&D"},
		"?scope=env&sort_by=tag&sort_ascending=false": {"prod", "preprod"},
		"?page_size=1": {"R&D", "preprod", "prod"},
	} {
		if diff := cmp.Diff(want, all(t, srv, "/policy/api/v1/infra/tags"+query, "tag")); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", query, diff)
		}
	}
	got := all(t, srv, "/policy/api/v1/infra/tags/effective-resources?scope=env&tag=prod", "target_display_name")
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("effective resources mismatch (-want +got):\n%s", diff)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	now := noon
	condition := func(value string) nsxtest.Group {
		return nsxtest.Group{ID: value, Conditions: []nsxtest.Condition{{Value: value}}}
	}
	srv := nsxtest.New(nsxtest.World{
		Now: func() time.Time { return now }, GroupLag: 10 * time.Second,
		VMs: []nsxtest.VM{{Name: "fin-ws-0142", ExternalID: finance, OS: "Windows", ComputerName: "FIN"}},
		Groups: []nsxtest.Group{
			condition("quarantine|malicious-file"), condition("QUARANTINE|Malicious-File"), condition("|malicious-file"), condition("quarantine|"),
			condition("malicious-file"), condition("other|malicious-file"),
			{ID: "both", All: true, Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}, {Key: "OSName", Operator: "STARTSWITH", Value: "win"}}},
			{ID: "not both", All: true, Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}, {Key: "OSName", Operator: "NOTEQUALS", Value: "windows"}}},
			{ID: "either", Conditions: []nsxtest.Condition{{Value: "a|b"}, {Key: "Name", Operator: "CONTAINS", Value: "WS-01"}}},
			{ID: "ends", Conditions: []nsxtest.Condition{{Key: "ComputerName", Operator: "ENDSWITH", Value: "in"}}},
			{ID: "empty"},
		},
	})
	associations := func() []string {
		return sorted(all(t, srv, "/policy/api/v1/infra/virtual-machine-group-associations?vm_external_id="+finance, "target_display_name"))
	}
	always := []string{"either", "ends"}
	if diff := cmp.Diff(always, associations()); diff != "" {
		t.Errorf("before the tag mismatch (-want +got):\n%s", diff)
	}
	post(t, srv, vmPath+"?action=add_tags", `{"external_id":"`+finance+`","tags":[{"scope":"quarantine","tag":"malicious-file"}]}`)
	now = now.Add(9 * time.Second)
	if diff := cmp.Diff(always, associations()); diff != "" {
		t.Errorf("before the lag has passed mismatch (-want +got):\n%s", diff)
	}
	now = now.Add(time.Second)
	want := []string{"QUARANTINE|Malicious-File", "both", "either", "ends", "quarantine|", "quarantine|malicious-file", "|malicious-file"}
	if diff := cmp.Diff(want, associations()); diff != "" {
		t.Errorf("after the lag mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, sorted(srv.State().VMs[0].Groups)); diff != "" {
		t.Errorf("State() mismatch (-want +got):\n%s", diff)
	}
	if got := all(t, srv, groupsPath+"/both/members/virtual-machines", "id"); len(got) != 1 || got[0] != finance {
		t.Errorf("members %v, want the machine", got)
	}
	if got := all(t, srv, groupsPath+"?page_size=4", "id"); len(got) != 11 {
		t.Errorf("%d groups, want 11", len(got))
	}
	if a := get(t, srv, groupsPath+"/nobody"); a.status != 404 || a.code() != 600 {
		t.Errorf("an unknown group = %d %s, want 404", a.status, a.body)
	}
	if a := get(t, srv, "/policy/api/v1/infra/virtual-machine-group-associations"); a.status != 400 {
		t.Errorf("associations of no machine = %d, want 400", a.status)
	}
}

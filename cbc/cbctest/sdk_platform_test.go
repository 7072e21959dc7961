package cbctest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// sdk sends requests as the vendor's Python SDK does: over TLS, with its headers, a JSON body on every POST and PUT (null if
// there is none), the members in alphabetical order, and redirects followed with all headers. What it sends here was taken
// from its source by hand. It fails the test when an answer is not one that the SDK can go on with.
type sdk struct {
	*console
	base   string
	client *http.Client
}

// newSDK serves a world on a socket, as the lab does.
func newSDK(t *testing.T, world cbctest.World) *sdk {
	t.Helper()
	c := newConsole(t, world)
	ts := httptest.NewTLSServer(c.srv)
	t.Cleanup(ts.Close)
	return &sdk{console: c, base: ts.URL, client: ts.Client()}
}

// request sends one request and returns the answer's body as text.
func (s *sdk) request(method, path, contentType string, body io.Reader) (status int, text string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header = http.Header{
		"X-Auth-Token": {s.token}, "User-Agent": {"CBC_SDK/1.5.10 Python/3.12.4"}, "Accept": {"*/*"},
		"Accept-Encoding": {"gzip, deflate"}, "Connection": {"keep-alive"},
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	content := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if content, err = gzip.NewReader(res.Body); err != nil {
			s.t.Fatal(err)
		}
	}
	raw, err := io.ReadAll(content)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// json sends one request with a JSON body, or without one for GET and DELETE, and decodes the answer. Anything but success
// fails the test.
func (s *sdk) json(method, path string, body any) map[string]any {
	s.t.Helper()
	contentType, reader := "", io.Reader(http.NoBody)
	if method == http.MethodPost || method == http.MethodPut {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		contentType, reader = "application/json", bytes.NewReader(raw)
	}
	status, text := s.request(method, path, contentType, reader)
	if status < 200 || status > 299 {
		s.t.Fatalf("%s %s = %d %s", method, path, status, text)
	}
	var out map[string]any
	if status != http.StatusNoContent && strings.HasPrefix(text, "{") {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return out
}

// list is a member of an answer that is a list of objects.
func list(answer map[string]any, member string) []map[string]any {
	all, _ := answer[member].([]any)
	out := make([]map[string]any, 0, len(all))
	for _, one := range all {
		m, _ := one.(map[string]any)
		out = append(out, m)
	}
	return out
}

// object and array write JSON.
type (
	object = map[string]any
	array  = []any
)

func TestSDKDevices(t *testing.T) {
	t.Parallel()
	s := newSDK(t, fleet())
	search := object{
		"criteria": object{
			"status": array{"ALL"}, "os": array{"WINDOWS"}, "ad_group_id": array{0}, "policy_id": array{10},
			"target_priority": array{"MEDIUM"}, "deployment_type": array{"ENDPOINT"},
			"last_contact_time": object{"start": "2025-02-01T00:00:00", "end": "2025-02-20T00:00:00+00:00"},
		},
		"exclusions": object{"sensor_version": array{"0.1"}}, "query": "name:lap*", "rows": 2,
		"sort": array{object{"field": "name", "order": "DESC"}},
	}
	found := s.json("POST", devices+"/_search", search)
	if found["num_found"] != 1.0 || fmt.Sprint(column(list(found, "results"), "id")) != "[1]" {
		t.Errorf("search = %v", found)
	}
	for start := range 6 {
		body := object{"criteria": object{}, "exclusions": object{}, "query": ""}
		if start > 1 {
			body["start"] = start
		}
		s.json("POST", devices+"/_search", body)
	}
	s.json("POST", devices+"/_facet", object{"query": "", "terms": object{"fields": array{"policy_id", "os"}, "rows": 20}})
	first := s.json("POST", devices+"/_scroll", object{"criteria": object{"deployment_type": array{"ENDPOINT"}}, "rows": 2})
	again := s.json("POST", devices+"/_scroll", object{
		"criteria": object{"deployment_type": array{"ENDPOINT"}}, "rows": 10000, "search_after": first["search_after"],
	})
	if first["num_remaining"] != 1.0 || again["num_remaining"] != 0.0 {
		t.Errorf("remaining = %v, %v; want 1, 0", first["num_remaining"], again["num_remaining"])
	}
	job := s.json("POST", devices+"/_export", object{"criteria": object{"status": array{"ACTIVE"}}, "format": "CSV"})
	path := fmt.Sprintf("%s/%.0f", serviceJobs, job["id"])
	s.json("GET", path, nil)
	for done := false; !done; {
		s.wait(500 * time.Millisecond)
		progress := s.json("GET", path+"/progress", nil)
		total, _ := progress["num_total"].(float64)
		completed, _ := progress["num_completed"].(float64)
		done = completed >= total
	}
	if status, text := s.request("GET", path+"/download", "", http.NoBody); status != 200 || len(table(t, text, "id")) != 4 {
		t.Errorf("download of the export = %d %s", status, text)
	}
	if jobs := s.json("GET", serviceJobs, nil); len(list(jobs, "results")) != 1 {
		t.Errorf("jobs = %v", jobs)
	}
	const query = "?status=ALL&ad_group_id=0&policy_id=10%2C20&target_priority=MEDIUM&query_string=name%3Alap%2A&sort_field=name&sort_order=DESC"
	if status, text := s.request("GET", devices+"/_search/download"+query, "", http.NoBody); status != 200 || len(table(t, text, "id")) != 1 {
		t.Errorf("download = %d %s", status, text)
	}
}

func TestSDKDeviceActions(t *testing.T) {
	t.Parallel()
	s := newSDK(t, fleet())
	s.json("GET", devices+"/1", nil)
	on, off := object{"toggle": "ON"}, object{"toggle": "OFF"}
	for _, body := range []object{
		{"action_type": "BACKGROUND_SCAN", "device_id": array{1}, "options": on},
		{"action_type": "BYPASS", "device_id": array{1}, "options": off},
		{"action_type": "QUARANTINE", "device_id": array{1}, "options": on},
		{"action_type": "UPDATE_POLICY", "device_id": array{1}, "options": object{"policy_id": 20}},
		{"action_type": "UPDATE_SENSOR_VERSION", "device_id": array{1}, "options": object{"sensor_version": object{"RHEL": "2.3.4.5"}}},
		{"action_type": "UNINSTALL_SENSOR", "device_id": array{2}},
		{"action_type": "DELETE_SENSOR", "device_id": array{2}},
		{"action_type": "QUARANTINE", "search": object{"criteria": object{}, "exclusions": object{}, "query": "name:vm*"}, "options": off},
		{"action_type": "BYPASS", "search": object{"query": "name:vm*"}, "options": on},
		{"action_type": "UPDATE_POLICY", "search": object{"query": "name:vm*", "rows": 5}, "options": object{"policy_id": 20}},
		{"action_type": "DELETE_SENSOR", "search": object{"criteria": object{"status": array{"DEREGISTERED"}}}},
	} {
		s.json("POST", actions, body)
	}
	if diff := cmp.Diff([]int64{1}, quarantined(s.console)); diff != "" {
		t.Errorf("quarantined (-want +got):\n%s", diff)
	}
	if got := len(s.srv.Devices()); got != 4 {
		t.Errorf("%d devices are left, want 4", got)
	}
}

func TestSDKPolicies(t *testing.T) {
	t.Parallel()
	s := newSDK(t, fleet())
	for _, p := range list(s.json("GET", policies+"/summary", nil), "policies") {
		for _, member := range []string{"id", "is_system", "name", "description", "priority_level"} {
			if _, ok := p[member]; !ok {
				t.Errorf("the summary of %v lacks %s", p["name"], member)
			}
		}
	}
	made := s.json("POST", policies, object{
		"org_key": cbctest.OrgKey, "priority_level": "MEDIUM", "is_system": false, "rapid_configs": array{}, "version": 2,
		"name": "New", "description": "d", "auto_deregister_inactive_vdi_interval_ms": 100, "auto_delete_known_bad_hashes_delay": 5,
		"av_settings": object{
			"avira_protection_cloud": object{"enabled": true, "max_exe_delay": 45},
			"on_demand_scan":         object{"enabled": true, "schedule": object{"days": array{"MONDAY"}, "start_hour": 1}},
			"update_servers":         object{"servers_override": array{"https://u.example"}},
		},
		"directory_action_rules":                 array{object{"path": "/tmp", "file_upload": true, "protection": false}},
		"managed_detection_response_permissions": object{"policy_modification": false, "quarantine": true},
		"sensor_settings":                        array{object{"name": "SHOW_UI", "value": "true"}},
		"rules":                                  array{json.RawMessage(rule)},
	})
	one := fmt.Sprintf("%s/%.0f", policies, made["id"])
	page := s.json("GET", one, nil)
	page["description"] = "changed"
	saved := s.json("PUT", one, page)
	if saved["description"] != "changed" || saved["version"] != 2.0 {
		t.Errorf("saved = %v", saved)
	}
	added := s.json("POST", one+"/rules", json.RawMessage(rule))
	if added["id"] != 2.0 {
		t.Fatalf("a new rule = %v", added)
	}
	added["action"] = "TERMINATE"
	if got := s.json("PUT", one+"/rules/2", added); got["action"] != "TERMINATE" {
		t.Errorf("a changed rule = %v", got)
	}
	s.json("DELETE", one+"/rules/1", nil)
	if got := list(s.json("GET", one, nil), "rules"); len(got) != 1 {
		t.Errorf("rules = %v", got)
	}
	s.json("POST", preview, object{"action": "REMOVE_POLICY_OVERRIDE", "asset_ids": array{1}})
	s.json("POST", preview, object{"action": "ADD_POLICY_OVERRIDE", "asset_ids": array{1}, "policy_id": 20})
	s.json("DELETE", one, nil)
}

func TestSDKReputation(t *testing.T) {
	t.Parallel()
	s := newSDK(t, fleet())
	made := []any{}
	for _, body := range []object{
		{"description": "d", "override_list": "BLACK_LIST", "override_type": "SHA256", "sha256_hash": seenFile, "filename": "a.exe"},
		{"description": "d", "override_list": "WHITE_LIST", "override_type": "CERT", "signed_by": "x", "certificate_authority": "y"},
		{"description": "d", "override_list": "WHITE_LIST", "override_type": "IT_TOOL", "path": "c:\\t\\*", "include_child_processes": false},
	} {
		made = append(made, s.json("POST", overrides, body)["id"])
	}
	s.json("GET", fmt.Sprintf("%s/%v", overrides, made[0]), nil)
	found := s.json("POST", overrides+"/_search", object{
		"criteria": object{"override_list": "WHITE_LIST", "override_type": "CERT"}, "query": "", "sort_field": "create_time", "sort_order": "ASC",
	})
	if found["num_found"] != 1.0 {
		t.Errorf("search = %v", found)
	}
	found = s.json("POST", overrides+"/_search", object{"criteria": object{}, "query": seenFile, "start": 0, "rows": 100})
	if found["num_found"] != 1.0 {
		t.Errorf("search by hash = %v", found)
	}
	gone := s.json("POST", overrides+"/_delete", made[:2])
	if diff := cmp.Diff(object{"results": made[:2], "errors": array{}}, gone); diff != "" {
		t.Errorf("bulk delete (-want +got):\n%s", diff)
	}
	s.json("DELETE", fmt.Sprintf("%s/%v", overrides, made[2]), nil)
	if got := len(s.srv.Overrides()); got != 0 {
		t.Errorf("%d overrides are left", got)
	}
}

func TestSDKBinaries(t *testing.T) {
	t.Parallel()
	s := newSDK(t, store())
	s.json("GET", ubs+"/sha256/"+seenFile+"/metadata", nil)
	s.json("GET", ubs+"/sha256/"+seenFile+"/summary/device", nil)
	got := s.json("POST", ubs+"/file/_download", object{"sha256": array{seenFile, unseenFile}, "expiration_seconds": 3600})
	found := list(got, "found")
	if len(found) != 1 || found[0]["sha256"] != seenFile || fmt.Sprint(got["not_found"]) != "["+unseenFile+"]" {
		t.Fatalf("download = %v", got)
	}
	// A program that fetches the address with the same session hands over the token; on one address nobody can tell.
	path := strings.TrimPrefix(fmt.Sprint(found[0]["url"]), s.base)
	if status, text := s.request("GET", path, "", http.NoBody); status != 200 || !strings.HasPrefix(text, "PK") {
		t.Errorf("the file = %d %q", status, text)
	}
}

func TestSDKRemediation(t *testing.T) {
	t.Parallel()
	s := newSDK(t, workloads())
	device := s.json("GET", devices+"/1", nil)
	if device["deployment_type"] != "WORKLOAD" || device["nsx_enabled"] != true {
		t.Fatalf("the SDK would not tag %v", device)
	}
	got := s.json("POST", applianceActions, object{
		"device_ids": array{1}, "action_type": "NSX_REMEDIATION", "options": object{"toggle": "ON", "tag": "CB-NSX-Quarantine"},
	})
	jobs, _ := got["job_ids"].([]any)
	if len(jobs) != 1 {
		t.Fatalf("job_ids = %v", got)
	}
	status := ""
	for range 5 {
		status = fmt.Sprint(s.json("GET", fmt.Sprintf("%s%v/status", applianceJobs, jobs[0]), nil)["status"])
		s.wait(time.Second)
	}
	if status != "SUCCESSFUL" {
		t.Errorf("status = %s", status)
	}
}

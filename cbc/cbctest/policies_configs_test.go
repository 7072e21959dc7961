package cbctest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestRuleConfigs(t *testing.T) {
	t.Parallel()
	s := newSDK(t, fleet())
	s.wait(time.Second)
	const one = policies + "/20"
	all := list(s.json("GET", one+"/rule_configs", nil), "results")
	if len(all) != 1 || all[0]["category"] != "core_prevention" {
		t.Fatalf("rule configurations = %v", all)
	}
	id := fmt.Sprint(all[0]["id"])
	shown := list(s.json("GET", one+"/configs/presentation", nil), "configs")
	if len(shown) != 1 || shown[0]["id"] != id || len(list(shown[0], "parameters")) != 1 {
		t.Errorf("presentation = %v", shown)
	}
	mode := func() any {
		got := list(s.json("GET", one+"/rule_configs/core_prevention", nil), "results")
		parameters, _ := got[0]["parameters"].(map[string]any)
		return parameters["WindowsAssignmentMode"]
	}
	report := object{"id": id, "parameters": object{"WindowsAssignmentMode": "REPORT"}}
	got := s.json("PUT", one+"/rule_configs/core_prevention", array{
		report, object{"id": "x", "parameters": object{}}, object{"id": id, "parameters": object{"WindowsAssignmentMode": "PRAISE"}},
	})
	if len(list(got, "successful")) != 1 || fmt.Sprint(column(list(got, "failed"), "error_code")) != "[NOT_FOUND INVALID_ENUM_VALUE]" {
		t.Errorf("changes = %v", got)
	}
	if got := mode(); got != "REPORT" {
		t.Errorf("the mode after a change = %v", got)
	}
	page := s.json("GET", one, nil)
	if got := list(page, "rule_configs"); len(got) != 1 || fmt.Sprint(got[0]["parameters"]) != "map[WindowsAssignmentMode:REPORT]" ||
		page["update_time"] != float64(noon.Add(time.Second).UnixMilli()) {
		t.Errorf("the policy = %v", page)
	}
	if got := s.json("PUT", one+"/rule_configs/data_collection", report); len(list(got, "failed")) != 1 {
		t.Errorf("a single change in another category = %v", got)
	}
	s.json("DELETE", one+"/rule_configs/core_prevention/"+id, nil)
	if got := mode(); got != "BLOCK" {
		t.Errorf("the mode after a reset = %v", got)
	}
	other := list(s.json("GET", policies+"/10/rule_configs", nil), "results")
	if diff := cmp.Diff(all, other); diff != "" {
		t.Errorf("another policy (-want +got):\n%s", diff)
	}
}

func TestRuleConfigsStrict(t *testing.T) {
	t.Parallel()
	world := fleet()
	world.Keys = []cbctest.Key{{ID: "ALL", Secret: "S"}, {ID: "READER", Secret: "S", Permissions: []string{"org.policies:READ"}}}
	c := newConsole(t, world)
	const one = policies + "/20/rule_configs/core_prevention"
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
		reason                  string
	}{
		{"ALL", "PUT", one, `[{"id":"x","shade":"red"}]`, 400, "shade"},
		{"ALL", "PUT", one, `7`, 400, "MALFORMED_JSON"},
		{"ALL", "PUT", one, `[] []`, 400, "after"},
		{"ALL", "PUT", strings.Replace(one, "20", "99", 1), `[]`, 404, "policy not found"},
		{"ALL", "GET", strings.Replace(one, "20", "99", 1), "", 404, "policy not found"},
		{"ALL", "GET", policies + "/99/configs/presentation", "", 404, "policy not found"},
		{"ALL", "DELETE", one + "/x", "", 404, "no such rule configuration"},
		{"READER", "PUT", one, `[]`, 403, "org.policies:UPDATE"},
		{"READER", "DELETE", one + "/x", "", 403, "org.policies:DELETE"},
		{"READER", "GET", one, "", 200, "core_prevention"},
	} {
		c.token = "S/" + tt.key
		if got := string(c.raw(tt.method, tt.path, tt.body, tt.status)); !strings.Contains(got, tt.reason) {
			t.Errorf("%s %s %s as %s = %s, want one with %q", tt.method, tt.path, tt.body, tt.key, got, tt.reason)
		}
	}
}

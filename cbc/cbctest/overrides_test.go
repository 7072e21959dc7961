package cbctest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// ban is the body of a ban.
func ban(hash string) string {
	return `{"override_list":"BLACK_LIST","override_type":"SHA256","sha256_hash":"` + hash + `","filename":"invoice.exe","description":"mail"}`
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Overrides: []cbctest.Override{
		{ID: "white", List: "WHITE_LIST", SHA256: strings.ToUpper(evil)},
		{ID: "mention", SHA256: office, Description: "dropped by " + evil},
		{ID: "tool", List: "WHITE_LIST", Type: "IT_TOOL", Path: `**\deploy\**`, IncludeChildProcesses: true},
	}})
	c.wait(time.Hour)
	made := c.call("POST", overrides, ban(evil), 200)
	id, _ := made["id"].(string)
	want := map[string]any{
		"id": id, "created_by": cbctest.KeyID, "create_time": "2025-02-11T13:00:00.000Z", "description": "mail",
		"override_list": "BLACK_LIST", "override_type": "SHA256", "sha256_hash": evil, "filename": "invoice.exe",
		"signed_by": nil, "certificate_authority": nil, "path": nil, "include_child_processes": nil,
	}
	if diff := cmp.Diff(want, made); diff != "" || len(id) != 32 {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, c.call("GET", overrides+"/"+id, "", 200)); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	for body, want := range map[string][]string{
		`{}`: {"white", "mention", "tool", id},
		`{"query":"` + evil + `","sort_field":"create_time","sort_order":"asc"}`:  {"white", "mention", id},
		`{"query":"` + evil + `","sort_field":"create_time","sort_order":"DESC"}`: {id, "white", "mention"},
		`{"query":"` + evil + `","criteria":{"override_list":"BLACK_LIST"}}`:      {"mention", id},
		`{"criteria":{"override_type":"IT_TOOL"}}`:                                {"tool"},
		`{"query":"INVOICE.exe"}`:                                                 {id},
		`{"query":"deploy"}`:                                                      {"tool"},
		`{"query":"nothing of the kind"}`:                                         {},
		`{"start":1,"rows":2}`:                                                    {"mention", "tool"},
		`{"start":9}`:                                                             {},
	} {
		got := c.call("POST", overrides+"/_search", body, 200)
		if diff := cmp.Diff(want, column(rows(got), "id")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	if got := c.call("POST", overrides+"/_search", `{"rows":1}`, 200)["num_found"]; got != 4.0 {
		t.Errorf("num_found = %v, want 4", got)
	}

	c.raw("DELETE", overrides+"/"+id, "", 204)
	c.raw("DELETE", overrides+"/"+id, "", 404)
	c.raw("GET", overrides+"/"+id, "", 404)
	bulk := map[string]any{"results": []any{"white", "tool"}, "errors": []any{"nobody"}}
	if diff := cmp.Diff(bulk, c.call("POST", overrides+"/_delete", `["white","nobody","tool"]`, 200)); diff != "" {
		t.Errorf("bulk delete (-want +got):\n%s", diff)
	}
	if got := c.srv.Overrides(); len(got) != 1 || got[0].ID != "mention" {
		t.Errorf("Overrides() = %v", got)
	}
}

func TestOverrideRefusals(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{})
	for _, body := range []string{
		`{}`, ban(evilMD), ban("z" + evil[1:]), strings.Replace(ban(evil), "BLACK_LIST", "DENY", 1),
		strings.Replace(ban(evil), `"SHA256"`, `"MD5"`, 1), strings.Replace(ban(evil), "description", "comment", 1),
		strings.Replace(ban(evil), `"filename"`, `"path"`, 1),
		`{"override_list":"BLACK_LIST","override_type":"CERT","signed_by":"x"}`,
		`{"override_list":"WHITE_LIST","override_type":"CERT"}`,
		`{"override_list":"WHITE_LIST","override_type":"IT_TOOL","path":"x","signed_by":"y"}`,
	} {
		c.raw("POST", overrides, body, 400)
	}
	for _, body := range []string{
		`{"criteria":{"override_list":["BLACK_LIST"]}}`, `{"criteria":{"override_type":"MD5"}}`, `{"criteria":{"override_list":"X"}}`,
		`{"sort_field":"size"}`, `{"sort_order":"up"}`, `{"sort":[]}`, `{"start":-1}`, `{"rows":10001}`,
	} {
		c.raw("POST", overrides+"/_search", body, 400)
	}
	c.raw("POST", overrides+"/_delete", `{"ids":["x"]}`, 400)
	c.call("POST", overrides, `{"override_list":"WHITE_LIST","override_type":"CERT","signed_by":"x","certificate_authority":"y"}`, 200)
	c.call("POST", overrides, `{"override_list":"WHITE_LIST","override_type":"IT_TOOL","path":"x","include_child_processes":true}`, 200)
}

func TestOverrideSwitches(t *testing.T) {
	t.Parallel()
	for duplicates, tt := range map[string]struct{ status, total int }{
		"": {200, 2}, "new": {200, 2}, "same": {200, 1}, "conflict": {409, 1}, "refuse": {400, 1},
	} {
		c := newConsole(t, cbctest.World{Switches: cbctest.Switches{Overrides: cbctest.OverrideSwitches{Duplicates: duplicates}}})
		first := c.call("POST", overrides, ban(evil), 200)
		again := c.call("POST", overrides, ban(strings.ToUpper(evil)), tt.status)
		if got := len(c.srv.Overrides()); got != tt.total {
			t.Errorf("%q: %d overrides, want %d", duplicates, got, tt.total)
		}
		if (again["id"] == first["id"]) != (duplicates == "same") {
			t.Errorf("%q: %v and %v", duplicates, first["id"], again["id"])
		}
	}
	c := newConsole(t, cbctest.World{Switches: cbctest.Switches{
		Overrides: cbctest.OverrideSwitches{Created: true, DeleteAnswers: true, AbsentMembers: true},
	}})
	made := c.call("POST", overrides, ban(evil), 201)
	if _, ok := made["signed_by"]; ok {
		t.Errorf("AbsentMembers: %v", made)
	}
	id, _ := made["id"].(string)
	if got := c.raw("DELETE", overrides+"/"+id, "", 200); string(got) != "{}" {
		t.Errorf("DeleteAnswers: %s", got)
	}
	c.raw("POST", overrides+"/_delete", `[]`, 204)
}

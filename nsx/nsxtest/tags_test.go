package nsxtest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestTagActions(t *testing.T) {
	t.Parallel()
	owner, bad := nsxtest.Tag{Scope: "owner", Tag: "finance"}, nsxtest.Tag{Scope: "quarantine", Tag: "malicious-file"}
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures()})
	for _, tc := range []struct {
		action, tags string
		want         []nsxtest.Tag
	}{
		{"add_tags", `[{"scope":"quarantine","tag":"malicious-file"}]`, []nsxtest.Tag{owner, bad}},
		{"add_tags", `[{"scope":"quarantine","tag":"malicious-file"},{"scope":"owner","tag":"finance"}]`, []nsxtest.Tag{owner, bad}},
		{"add_tags", `[{"scope":null,"tag":"x"},{"tag":"x"},{"scope":"","tag":"x"}]`, []nsxtest.Tag{owner, bad, {Tag: "x"}}},
		{"remove_tags", `[{"tag":"x"},{"scope":"never","tag":"there"},{"scope":"Owner","tag":"finance"}]`, []nsxtest.Tag{owner, bad}},
		{"add_tags", `[]`, []nsxtest.Tag{owner, bad}},
		{"update_tags", `[{"scope":"quarantine","tag":"malicious-file"}]`, []nsxtest.Tag{bad}},
		{"update_tags", `[]`, []nsxtest.Tag{}},
	} {
		a := post(t, srv, vmPath+"?action="+tc.action, `{"external_id":"`+finance+`","tags":`+tc.tags+`}`)
		if a.status != http.StatusNoContent || a.body != "" {
			t.Fatalf("%s %s = %d %s, want 204", tc.action, tc.tags, a.status, a.body)
		}
		if diff := cmp.Diff(tc.want, append([]nsxtest.Tag{}, tags(srv, finance)...)); diff != "" {
			t.Errorf("%s %s mismatch (-want +got):\n%s", tc.action, tc.tags, diff)
		}
	}
	if row := decode(t, get(t, srv, vmPath+"?external_id="+finance)).Results[0]; row["tags"] != nil {
		t.Errorf("the list shows the tags %v, want none", row["tags"])
	}
}

func TestTagRefusalsChangeNothing(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{
		Now: stopped, VMs: nsxtest.Fixtures(), Users: []nsxtest.User{{Name: nsxtest.Username, Password: nsxtest.Password}, {Name: "reader", Password: "x", ReadOnly: true}},
	})
	full := decode(t, get(t, srv, vmPath+"?display_name=many-tags")).Results[0]["external_id"].(string)
	before := srv.State()
	body := func(id, tags string) string { return fmt.Sprintf(`{"external_id":%q,"tags":%s}`, id, tags) }
	add := vmPath + "?action=add_tags"
	good := `[{"scope":"a","tag":"b"}]`
	for _, tc := range []struct {
		name, path, body string
		status, code     int
		signs            []sign
	}{
		{"unknown machine", add, body("nobody", good), 404, 600, nil},
		{"id in another case", add, body(strings.ToUpper(finance), good), 404, 600, nil},
		{"name for an id", add, body("fin-ws-0142", good), 404, 600, nil},
		{"no id", add, `{"tags":` + good + `}`, 400, 258, nil},
		{"empty id", add, body("", good), 400, 258, nil},
		{"no tags", add, `{"external_id":"` + finance + `"}`, 400, 258, nil},
		{"null for tags", add, body(finance, "null"), 400, 258, nil},
		{"empty tag", add, body(finance, `[{"scope":"","tag":""}]`), 400, 258, nil},
		{"null for a tag", add, body(finance, `[null]`), 400, 258, nil},
		{"long scope", add, body(finance, `[{"scope":"`+strings.Repeat("ö", 129)+`","tag":"x"}]`), 400, 258, nil},
		{"long tag", add, body(finance, `[{"tag":"x"},{"tag":"`+strings.Repeat("ö", 257)+`"}]`), 400, 258, nil},
		{"one tag too many", add, body(full, good), 400, 258, nil},
		{"broken JSON", add, `{"external_id":`, 400, 220, nil},
		{"unknown member", add, `{"external_id":"x","tag":[]}`, 400, 220, nil},
		{"a list of strings", add, body(finance, `["a"]`), 400, 220, nil},
		{"unknown parameter", add + "&force=true", body(finance, good), 400, 258, nil},
		{"unknown action", vmPath + "?action=add_tag", body(finance, good), 400, 258, nil},
		{"no JSON", add, body(finance, good), 415, 415, []sign{func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }}},
		{"asynchronous", add, body(finance, good), 400, 258, []sign{func(r *http.Request) { r.Header.Set("vmw-async", "True") }}},
		{"not permitted", add, body(finance, good), 403, 289, []sign{func(r *http.Request) { r.SetBasicAuth("reader", "x") }}},
		{"policy call for an unknown machine", policyPath + "/nobody/tags", `{"tags":[]}`, 404, 600, nil},
		{"policy call without tags", policyPath + "/" + finance + "/tags", `{}`, 400, 258, nil},
		{"older policy call without id", "/policy/api/v1/infra/realized-state/enforcement-points/default/virtual-machines?action=update_tags", `{"tags":[]}`, 500, 100, nil},
		{"older policy call without action", "/policy/api/v1/infra/realized-state/enforcement-points/default/virtual-machines", `{"tags":[]}`, 400, 258, nil},
	} {
		a := call(t, srv.Client(), http.MethodPost, nsxtest.URL+tc.path, tc.body, append([]sign{basic}, tc.signs...)...)
		if a.status != tc.status || a.code() != tc.code {
			t.Errorf("%s = %d %s, want %d with code %d", tc.name, a.status, a.body, tc.status, tc.code)
		}
	}
	if diff := cmp.Diff(before, srv.State()); diff != "" {
		t.Errorf("refused calls changed something (-before +after):\n%s", diff)
	}
	a := post(t, srv, add, body(full, good))
	if !strings.Contains(a.body, `"related_errors":[{`) || !strings.Contains(a.body, "count exceeds the maximum allowed") {
		t.Errorf("one tag too many = %s, want the cause among the related errors", a.body)
	}
	if a := post(t, srv, vmPath+"?action=add_tags", body(full, `[{"scope":"scope","tag":"tag-00"}]`)); a.status != 204 {
		t.Errorf("a tag that a full machine has already = %d %s, want 204", a.status, a.body)
	}
	if a := post(t, srv, vmPath+"?action=add_tags", body(finance, `[{"scope":"`+strings.Repeat("ö", 128)+`","tag":"`+strings.Repeat("ö", 256)+`"}]`)); a.status != 204 {
		t.Errorf("the longest scope and tag = %d %s, want 204", a.status, a.body)
	}
}

func TestPolicyTagCallsReplace(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures()})
	for path, body := range map[string]string{
		policyPath + "/" + finance + "/tags": `{"virtual_machine_id":"ignored","tags":[{"scope":"a","tag":"b"}]}`,
		"/policy/api/v1/infra/realized-state/enforcement-points/default/virtual-machines?action=update_tags": `{"virtual_machine_id":"` + finance + `","tags":[{"scope":"a","tag":"b"}]}`,
	} {
		post(t, srv, vmPath+"?action=add_tags", `{"external_id":"`+finance+`","tags":[{"tag":"lost"}]}`)
		if a := post(t, srv, path, body); a.status != 204 {
			t.Errorf("%s = %d %s, want 204", path, a.status, a.body)
		}
		if diff := cmp.Diff([]nsxtest.Tag{{Scope: "a", Tag: "b"}}, tags(srv, finance)); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", path, diff)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	body := `{"external_id":"` + finance + `","tags":[{"tag":"x"}]}`
	for version, want := range map[string][]int{
		"2.5.1.0.0":          {400, 204, 404},
		"3.2.3.1.0":          {204, 204, 404},
		"4.0.1.1.0":          {204, 204, 404},
		"4.1.0.0.0.21332672": {204, 204, 204},
		"9.0":                {204, 204, 204},
	} {
		srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures(), Version: version})
		got := []int{
			post(t, srv, vmPath+"?action=add_tags", body).status,
			post(t, srv, vmPath+"?action=update_tags", body).status,
			post(t, srv, policyPath+"/"+finance+"/tags", `{"tags":[]}`).status,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: add_tags, update_tags and the Policy call mismatch (-want +got):\n%s", version, diff)
		}
		if a := get(t, srv, "/api/v1/node/version"); !strings.Contains(a.body, version) {
			t.Errorf("node/version = %s, want %s", a.body, version)
		}
	}
}

func TestRepeatedTagFailsOnRequest(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures(), Switches: nsxtest.Switches{RepeatedTagFails: true}})
	body := `{"external_id":"` + finance + `","tags":[{"tag":"x"}]}`
	var got []int
	for _, action := range []string{"add_tags", "add_tags", "remove_tags", "remove_tags", "update_tags", "update_tags"} {
		got = append(got, post(t, srv, vmPath+"?action="+action, body).status)
	}
	if diff := cmp.Diff([]int{204, 400, 204, 400, 204, 204}, got); diff != "" {
		t.Errorf("statuses mismatch (-want +got):\n%s", diff)
	}
}

func TestRemovedMachineLosesItsTags(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures()})
	if !srv.Remove(finance) || srv.Remove(finance) {
		t.Error("Remove does not say whether the machine was there")
	}
	if a := post(t, srv, vmPath+"?action=add_tags", `{"external_id":"`+finance+`","tags":[{"tag":"x"}]}`); a.status != 404 {
		t.Errorf("tagging a removed machine = %d, want 404", a.status)
	}
	srv.Add(nsxtest.VM{Name: "fin-ws-0142", ExternalID: finance})
	if vm, ok := srv.VM(finance); !ok || len(vm.Tags) != 0 {
		t.Errorf("the machine that came back = %v, %v; want it without tags", vm, ok)
	}
}

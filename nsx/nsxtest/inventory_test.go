package nsxtest_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestListPages(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(2500)})
	got := all(t, srv, vmPath, "display_name")
	if len(got) != 2500 || len(slices.Compact(sorted(got))) != 2500 {
		t.Errorf("%d rows, want 2500 different ones", len(got))
	}
	if n := len(srv.Requests()); n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
	p := decode(t, get(t, srv, vmPath))
	if *p.Count != 2500 || !strings.HasPrefix(*p.Cursor, "0036") {
		t.Errorf("first page has count %d and cursor %q", *p.Count, *p.Cursor)
	}
	first := decode(t, get(t, srv, vmPath+"?page_size=2&sort_by=display_name&sort_ascending=false"))
	if first.Results[0]["display_name"] != "vm-2499" || first.Results[1]["display_name"] != "vm-2498" {
		t.Errorf("sorted downwards: %v", first.Results)
	}
}

func TestPagesOfOddNamesAndTwins(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures()})
	got := all(t, srv, vmPath+"?page_size=1", "display_name")
	want := []string{}
	for _, vm := range nsxtest.Fixtures() {
		want = append(want, vm.Name)
	}
	want = append(want, "moving") // twice
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Errorf("names mismatch (-want +got):\n%s", diff)
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures()})
	odd := `R&D + "test" #1/2 100% wörk 本`
	for _, tc := range []struct {
		query string
		want  []string
	}{
		{"display_name=web", []string{"web", "web"}},
		{"display_name=WEB", []string{}},
		{"display_name=we", []string{}},
		{"display_name=" + url.QueryEscape(odd), []string{odd}},
		{"external_id=" + finance, []string{"fin-ws-0142"}},
		{"external_id=" + strings.ToUpper(finance), []string{}},
		{"display_name=web&external_id=" + finance, []string{}},
		{"display_name=edge-01&exclude_vm_type=EDGE,SERVICE", []string{"edge-01"}},
		{"display_name=moving", []string{"moving", "moving"}},
		{"display_name=no-tags&included_fields=tags&included_fields=display_name", []string{"no-tags"}},
		{"host_id=nowhere", []string{}},
	} {
		if diff := cmp.Diff(tc.want, all(t, srv, vmPath+"?"+tc.query, "display_name")); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", tc.query, diff)
		}
	}
	folding := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures(), Switches: nsxtest.Switches{FoldNames: true}})
	if got := all(t, folding, vmPath+"?display_name=WEB", "display_name"); len(got) != 3 {
		t.Errorf("ignoring case WEB finds %v, want three", got)
	}
}

func TestListRefusals(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(3), RequestsPerSecond: -1})
	for _, q := range []string{
		"page_size=1001", "page_size=-1", "page_size=x", "cursor=unknown", "cursor=0000", "name=web", "display_name=a&display_name=b", "sort_by=tags",
		"sort_ascending=yes", "exclude_vm_type=Edge",
	} {
		if a := get(t, srv, vmPath+"?"+q); a.status != 400 || a.code() == 0 {
			t.Errorf("?%s = %d %s, want 400 with a code", q, a.status, a.body)
		}
	}
	if a := get(t, srv, vmPath+"?page_size=0"); len(decode(t, a).Results) != 3 {
		t.Errorf("page_size=0 = %s, want the default size", a.body)
	}
}

func TestEndCursor(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(3), Switches: nsxtest.Switches{EndCursor: true}})
	if p := decode(t, get(t, srv, vmPath)); p.Cursor == nil || !strings.HasPrefix(*p.Cursor, "0000") {
		t.Errorf("the last page has the cursor %v, want one that begins with 0000", p.Cursor)
	}
}

func TestRowsLeaveOutWhatThereIsNot(t *testing.T) {
	t.Parallel()
	for _, omit := range []bool{false, true} {
		srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures(), Switches: nsxtest.Switches{OmitEmptyTagMembers: omit}})
		row := func(name string) map[string]any {
			return decode(t, get(t, srv, vmPath+"?display_name="+name)).Results[0]
		}
		if _, has := row("no-tags")["tags"]; has {
			t.Error("a machine without tags has the member tags")
		}
		if _, has := row("no-tools")["guest_info"]; has {
			t.Error("a machine without tools has guest_info")
		}
		tag := row("scope-only")["tags"].([]any)[0].(map[string]any)
		if _, has := tag["tag"]; has == omit || tag["scope"] != "testscope" {
			t.Errorf("OmitEmptyTagMembers %v: tag %v", omit, tag)
		}
	}
}

func TestTwinGoesAway(t *testing.T) {
	t.Parallel()
	now := noon
	srv := nsxtest.New(nsxtest.World{Now: func() time.Time { return now }, VMs: []nsxtest.VM{{Name: "moving", TwinHost: "other", TwinUntil: noon.Add(time.Minute)}}})
	rows := decode(t, get(t, srv, vmPath)).Results
	if len(rows) != 2 || rows[0]["external_id"] != rows[1]["external_id"] || rows[0]["host_id"] == rows[1]["host_id"] {
		t.Errorf("while it moves there are %v, want one id on two hosts", rows)
	}
	now = now.Add(time.Minute)
	if rows := decode(t, get(t, srv, vmPath)).Results; len(rows) != 1 {
		t.Errorf("afterwards there are %d rows, want 1", len(rows))
	}
}

func TestPolicyListHasRowsAlone(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(1500)})
	one, two := decode(t, get(t, srv, policyPath)), decode(t, get(t, srv, policyPath))
	if len(one.Results) != 1000 || one.Count != nil || one.Cursor != nil {
		t.Errorf("%d rows, count %v, cursor %v; want 1000 rows and nothing else", len(one.Results), one.Count, one.Cursor)
	}
	if cmp.Equal(one.Results, two.Results) {
		t.Error("two calls without an order gave the same one")
	}
	var got []string
	for _, cursor := range []string{"", "&cursor=1000", "&cursor=1500"} {
		for _, row := range decode(t, get(t, srv, policyPath+"?sort_by=external_id"+cursor)).Results {
			got = append(got, row["external_id"].(string))
		}
	}
	if len(slices.Compact(sorted(got))) != 1500 || !slices.IsSorted(got) {
		t.Errorf("sorted pages hold %d rows, want 1500 in order", len(got))
	}
	for _, q := range []string{"?cursor=x", "?cursor=-1", "?display_name=x"} {
		if a := get(t, srv, policyPath+q); a.status != 400 {
			t.Errorf("%s = %d, want 400", q, a.status)
		}
	}
}

func TestVIFs(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{
		{Name: "a", ExternalID: "A", VIFs: []nsxtest.VIF{{LPort: "p1"}, {}}}, {Name: "b", ExternalID: "B", VIFs: []nsxtest.VIF{{LPort: "p2"}}},
	}})
	for query, want := range map[string][]string{
		"":                        {"A-4000", "A-4001", "B-4000"},
		"?owner_vm_id=A":          {"A-4000", "A-4001"},
		"?lport_attachment_id=p2": {"B-4000"},
		"?owner_vm_id=none":       {},
		"?page_size=2":            {"A-4000", "A-4001", "B-4000"},
	} {
		if diff := cmp.Diff(want, all(t, srv, "/api/v1/fabric/vifs"+query, "external_id")); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", query, diff)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{})
	for _, tc := range []struct {
		method, path string
		status, code int
	}{
		{"GET", "/api/v1/nowhere", 404, 600},
		{"GET", "/policy/api/v1/search/dsl?query=x", 501, 0},
		{"GET", "/global-manager/api/v1/global-infra/tags", 501, 0},
		{"GET", "/policy/api/v1/orgs/default/projects/x/infra/tags", 404, 600},
		{"DELETE", vmPath, 405, 0},
		{"PUT", policyPath + "/x/tags", 405, 0},
		{"GET", "/api/v1/node/version", 200, 0},
		{"GET", "/api/v1/reverse-proxy/node/health", 200, 0},
		{"POST", vmPath, 400, 258},
		{"POST", vmPath + "?action=add_tag", 400, 258},
	} {
		a := call(t, srv.Client(), tc.method, nsxtest.URL+tc.path, "", basic)
		if a.status != tc.status || a.code() != tc.code || a.header.Get("Content-Type") != "application/json" || a.header.Get("X-NSX-REQUESTID") == "" {
			t.Errorf("%s %s = %d %v %s, want %d with code %d in JSON, with an id", tc.method, tc.path, a.status, a.header, a.body, tc.status, tc.code)
		}
	}
	ill := nsxtest.New(nsxtest.World{Switches: nsxtest.Switches{Unhealthy: true}})
	if a := get(t, ill, "/api/v1/reverse-proxy/node/health"); a.status != http.StatusServiceUnavailable {
		t.Errorf("health of an ill node = %d, want 503", a.status)
	}
	for _, op := range srv.Operations() {
		if path := strings.Fields(op)[1]; !srv.Owns(path) {
			t.Errorf("Owns(%q) = false, but it is served", path)
		}
	}
	for _, path := range []string{
		"/v2/siem/all", "/v2/url/decode", "/api/investigate/v2/x", "/api/alerts/v7/x", "/appservices/v6/x", "/policyservice/v1/x", "/policy-assignment/v1/x", "/ubs/v1/x",
		"/jobs/v1/x", "/audit_log/v1/x", "/applianceservice/v1/x", "/threathunter/x", "/integrationServices/v3/x", "/csp/gateway/am/api/auth/token",
	} {
		if srv.Owns(path) {
			t.Errorf("Owns(%q) = true, but it is another service's", path)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{})
	srv.FailNext(2, http.StatusTooManyRequests)
	for _, want := range []int{429, 429, 200} {
		if a := get(t, srv, vmPath); a.status != want || a.header.Get("X-NSX-REQUESTID") == "" {
			t.Errorf("answer %d %v, want %d with an id", a.status, a.header, want)
		}
	}
}

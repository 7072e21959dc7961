package nsxtest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const (
	searchPath        = "/policy/api/v1/search/query"
	managerSearchPath = "/api/v1/search/query"
)

// found is the answer to a search.
type found struct {
	Results []map[string]any `json:"results"`
	Count   *int             `json:"result_count"`
	Cursor  string           `json:"cursor"`
}

// search asks one of the indexes, or a list that takes a query.
func search(t *testing.T, srv *nsxtest.Server, path, query, more string) found {
	t.Helper()
	a := get(t, srv, path+"?query="+url.QueryEscape(query)+more)
	var f found
	if err := json.Unmarshal([]byte(a.body), &f); err != nil || a.status != http.StatusOK || f.Results == nil {
		t.Fatalf("search %s = %d %s: %v", query, a.status, a.body, err)
	}
	return f
}

// names are those of what was found.
func (f found) names() []string {
	out := []string{}
	for _, row := range f.Results {
		name, _ := row["display_name"].(string)
		out = append(out, name)
	}
	return out
}

func TestSearchLanguage(t *testing.T) {
	t.Parallel()
	w := quarantine()
	w.VMs = append(w.VMs,
		nsxtest.VM{Name: "fin-ws-01420", Tags: []nsxtest.Tag{{Scope: "env", Tag: "prod"}, {Scope: "owner", Tag: "hr"}}},
		nsxtest.VM{Name: "Fin-WS-0143", PowerState: "VM_STOPPED"},
		nsxtest.VM{Name: `a/b:c (d) "e" *`},
		nsxtest.VM{Name: "wörk"},
	)
	srv := nsxtest.New(w)
	first, second, third, odd := "fin-ws-0142", "fin-ws-01420", "Fin-WS-0143", `a/b:c (d) "e" *`
	for query, want := range map[string][]string{
		`resource_type:VirtualMachine AND display_name:fin\-ws\-0142`:                    {first},
		`resource_type:VirtualMachine AND display_name:FIN-WS-0142`:                      {first},
		`resource_type:VirtualMachine AND display_name:fin\-ws\-0142*`:                   {first, second},
		`display_name:fin\-ws\-014?`:                                                     {first, third},
		`display_name:"fin-ws-0142"`:                                                     {first},
		`display_name:"fin-ws-014?"`:                                                     {},
		`resource_type:VirtualMachine AND NOT display_name:fin*`:                         {odd, "wörk"},
		`resource_type:VirtualMachine AND (display_name:w?rk OR power_state:VM_STOPPED)`: {third, "wörk"},
		`display_name:(wörk OR fin\-ws\-0142)`:                                           {first, "wörk"},
		`power_state:VM_STOPPED OR display_name:wörk AND resource_type:Group`:            {third},
		`display_name:a\/b\:c\ \(d\)\ \"e\"\ \*`:                                         {odd},
		`tags.scope:env AND tags.tag:PROD`:                                               {second},
		`tags.scope:env AND tags.scope:env`:                                              {},
		`tags.scope:env AND tags.scope:owner`:                                            {second},
		`resource_type:VirtualMachine AND 4221e0aa\-97c4\-1b3f\-8d52\-6f0e13b7a2c8`:      {first},
		`resource_type:VirtualMachine AND ` + strings.ReplaceAll(finance, "-", `\-`):     {first},
		`resource_type:Group`:                                                            {"Quarantined VMs"},
		`display_name:fin`:                                                               {},
		`nothing:fin`:                                                                    {},
	} {
		f := search(t, srv, searchPath, query, "")
		if diff := cmp.Diff(want, f.names()); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", query, diff)
		}
	}
	for _, query := range []string{
		"", "resource_type:", "AND", "a AND", "a OR OR b", "a b", "(a", "a)", `"a`, `a\`, "display_name:a/b", "a=b", "x:y:z", "a:(b:c)", "NOT", "a~2", "a[1]",
	} {
		if a := get(t, srv, searchPath+"?query="+url.QueryEscape(query)); a.status != 400 {
			t.Errorf("query %q = %d %s, want 400", query, a.status, a.body)
		}
	}
	if a := get(t, srv, searchPath+"?q=x"); a.status != 400 {
		t.Errorf("an unknown parameter = %d, want 400", a.status)
	}
}

func TestSearchPages(t *testing.T) {
	t.Parallel()
	for _, once := range []bool{false, true} {
		srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(25), SearchLimit: 20, Switches: nsxtest.Switches{SearchCountOnce: once}})
		var got []string
		cursor := "0"
		for _, want := range []string{"10", "20", "25", "25"} {
			f := search(t, srv, searchPath, "resource_type:VirtualMachine", "&sort_by=display_name&sort_ascending=false&page_size=10&included_fields=display_name,external_id&cursor="+cursor)
			if f.Cursor != want || (f.Count == nil) != once || f.Count != nil && *f.Count != 25 {
				t.Errorf("after %s: cursor %q and count %v, want %q", cursor, f.Cursor, f.Count, want)
			}
			for _, row := range f.Results {
				if len(row) != 2 {
					t.Errorf("row %v, want the included fields alone", row)
				}
			}
			got, cursor = append(got, f.names()...), f.Cursor
		}
		if len(got) != 25 || got[0] != "vm-0024" || got[24] != "vm-0000" {
			t.Errorf("pages hold %v, want all 25 from the last to the first", got)
		}
		if a := get(t, srv, searchPath+"?query=x&page_size=21"); a.status != 503 || a.code() != 60576 {
			t.Errorf("a page beyond the limit = %d %s, want 503 with 60576", a.status, a.body)
		}
		if a := get(t, srv, searchPath+"?query=x&page_size=5&cursor=x"); a.status != 400 {
			t.Errorf("a bad cursor = %d, want 400", a.status)
		}
		if f := search(t, srv, searchPath, "resource_type:VirtualMachine", "&page_size=5"); f.Count == nil {
			t.Error("no count on the first page")
		}
	}
}

func TestSearchLagsBehind(t *testing.T) {
	t.Parallel()
	now := noon
	w := quarantine()
	w.SearchLag, w.Now = 10*time.Second, func() time.Time { return now }
	srv := nsxtest.New(w)
	if got := search(t, srv, searchPath, "resource_type:VirtualMachine", "").names(); len(got) != 0 {
		t.Errorf("at once %v, want nothing", got)
	}
	now = now.Add(10 * time.Second)
	if got := search(t, srv, searchPath, "tags.tag:finance", "").names(); !slices.Equal(got, []string{"fin-ws-0142"}) {
		t.Errorf("after the lag %v, want the machine", got)
	}
	post(t, srv, vmPath+"?action=add_tags", `{"external_id":"`+finance+`","tags":[{"tag":"new"}]}`)
	now = now.Add(9 * time.Second)
	if got := search(t, srv, searchPath, "tags.tag:new", "").names(); len(got) != 0 {
		t.Errorf("a tag is found at once: %v", got)
	}
	now = now.Add(time.Second)
	if got := search(t, srv, searchPath, "tags.tag:new", "").names(); len(got) != 1 {
		t.Errorf("a tag is not found after the lag: %v", got)
	}
}

func TestIndexesDiffer(t *testing.T) {
	t.Parallel()
	for version, want := range map[string][]int{"4.1.1": {0, 1, 0, 1}, "4.1.2.0.0.1": {1, 1, 0, 1}, "4.2": {1, 1, 0, 1}, "3.2.3": {0, 1, 0, 1}} {
		w := quarantine()
		w.Version = version
		srv := nsxtest.New(w)
		got := []int{
			len(search(t, srv, searchPath, "resource_type:VirtualMachine", "").Results), len(search(t, srv, managerSearchPath, "resource_type:VirtualMachine", "").Results),
			len(search(t, srv, managerSearchPath, "resource_type:Group", "").Results), len(search(t, srv, managerSearchPath, "resource_type:VirtualNetworkInterface", "").Results),
		}
		if !slices.Equal(got, want) {
			t.Errorf("version %s finds %v, want %v", version, got, want)
		}
	}
	srv := nsxtest.New(quarantine())
	const older = "/policy/api/v1/infra/realized-state/enforcement-points/default/virtual-machines"
	if got := search(t, srv, older, "display_name:fin-ws-0142", "").names(); len(got) != 1 {
		t.Errorf("the list of the enforcement point finds %v", got)
	}
	if p := decode(t, get(t, srv, older)); len(p.Results) != 1 || p.Cursor == nil {
		t.Errorf("the list of the enforcement point without a query %v", p)
	}
	for path, want := range map[string]int{older + "?dsl=x": 501, strings.Replace(older, "default", "other", 1): 404, older + "?name=x": 400} {
		if a := get(t, srv, path); a.status != want {
			t.Errorf("GET %s = %d %s, want %d", path, a.status, a.body, want)
		}
	}
}

// FuzzSearch looks for queries that are neither answered nor refused.
func FuzzSearch(f *testing.F) {
	for _, seed := range []string{`resource_type:VirtualMachine AND display_name:fin\-ws*`, `(a OR b) AND NOT c:"d"`, `a:(b OR c)`, `\`, `*?*`} {
		f.Add(seed)
	}
	w := quarantine()
	w.RequestsPerSecond = -1
	srv := nsxtest.New(w)
	f.Fuzz(func(t *testing.T, query string) {
		a := get(t, srv, searchPath+"?query="+url.QueryEscape(query))
		if a.status != 200 && a.status != 400 {
			t.Errorf("query %q = %d %s", query, a.status, a.body)
		}
	})
}

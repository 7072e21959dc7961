package nsx_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const opSearch = "GET /policy/api/v1/search/query"

func found(t *testing.T, client *nsx.Client, q nsx.VMSearch) ([]string, error) {
	t.Helper()
	var out []string
	for vm, err := range client.VirtualMachines.Search(t.Context(), q) {
		if err != nil {
			return sorted(out), err
		}
		out = append(out, vm.DisplayName)
	}
	return sorted(out), nil
}

func TestSearch(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures()})
	client := connect(t, srv)
	const odd = `R&D + "test" #1/2 100% wörk 本`
	for _, tc := range []struct {
		q    nsx.VMSearch
		want []string
	}{
		{nsx.VMSearch{DisplayName: "FIN-ws-0142"}, []string{"fin-ws-0142"}},
		{nsx.VMSearch{DisplayName: "web"}, []string{"Web", "web", "web"}},
		{nsx.VMSearch{NamePrefix: "WEB"}, []string{"Web", "web", "web", "web-2"}},
		{nsx.VMSearch{NamePrefix: "web-"}, []string{"web-2"}},
		{nsx.VMSearch{DisplayName: odd}, []string{odd}},
		{nsx.VMSearch{NamePrefix: odd[:15]}, []string{odd}},
		{nsx.VMSearch{DisplayName: "we*"}, nil},
		{nsx.VMSearch{DisplayName: "moving"}, []string{"moving"}},
		{nsx.VMSearch{ComputerName: "web-b.corp.example"}, []string{"web"}},
		{nsx.VMSearch{Text: "4221e0aa-97c4-1b3f-8d52-6f0e13b7a2c8"}, []string{"fin-ws-0142"}},
		{nsx.VMSearch{Tag: nsx.Tag{Scope: "owner", Tag: "Finance"}}, []string{"fin-ws-0142"}},
		{nsx.VMSearch{Tag: nsx.Tag{Scope: "testscope"}}, []string{"scope-only"}},
		{nsx.VMSearch{Tag: nsx.Tag{Scope: "Quarantine", Tag: "legacy"}, NamePrefix: "upper"}, []string{"upper-case-ids"}},
		{nsx.VMSearch{DisplayName: "NOT"}, nil},
		{nsx.VMSearch{DisplayName: "a OR b"}, nil},
	} {
		for _, manager := range []bool{false, true} {
			tc.q.ManagerIndex = manager
			got, err := found(t, client, tc.q)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("Search(%+v): %v (-want +got):\n%s", tc.q, err, diff)
			}
		}
	}
}

func TestWhatASearchSends(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		q    nsx.VMSearch
		want string
	}{
		{nsx.VMSearch{DisplayName: "fin-ws-0142"}, `resource_type:VirtualMachine AND display_name:fin\-ws\-0142`},
		{nsx.VMSearch{NamePrefix: "fin ws"}, `resource_type:VirtualMachine AND display_name:fin?ws*`},
		{nsx.VMSearch{DisplayName: `a) OR (b "c" \d`}, `resource_type:VirtualMachine AND display_name:"a\) OR \(b \"c\" \\d"`},
		{nsx.VMSearch{DisplayName: "OR"}, `resource_type:VirtualMachine AND display_name:"OR"`},
		{nsx.VMSearch{ComputerName: "h", Text: "50217c3e-4b1d", Tag: nsx.Tag{Scope: "s:1", Tag: "t*"}}, `resource_type:VirtualMachine AND guest_info.computer_name:h AND tags.scope:s\:1 AND tags.tag:t\* AND 50217c3e\-4b1d`},
	} {
		client, s := scripted(t, ok(`{"results":[],"result_count":0,"cursor":"0"}`))
		if _, err := found(t, client, tc.q); err != nil {
			t.Error(err)
		}
		want := "/policy/api/v1/search/query?" + url.Values{"query": {tc.want}, "page_size": {"1000"}}.Encode()
		if diff := cmp.Diff([]string{want}, s.urls); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	}
	client, s := scripted(t, ok(`{}`))
	for _, q := range []nsx.VMSearch{{}, {DisplayName: " "}, {DisplayName: "a\nb"}, {DisplayName: "a", PageSize: 1001}, {DisplayName: "a", Text: "  "}} {
		if _, err := found(t, client, q); err == nil || !strings.HasPrefix(err.Error(), "nsx: virtual_machines.search: ") {
			t.Errorf("Search(%+v): %v, want an error", q, err)
		}
	}
	if len(s.urls) != 0 {
		t.Errorf("sent %v, want nothing", s.urls)
	}
}

func TestASearchReadsAllPages(t *testing.T) {
	t.Parallel()
	for _, once := range []bool{false, true} {
		srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(2500), Switches: nsxtest.Switches{SearchCountOnce: once}})
		got, err := found(t, connect(t, srv), nsx.VMSearch{NamePrefix: "vm"})
		if err != nil || len(got) != 2500 || sent(srv, opSearch) != 3 {
			t.Errorf("a count once (%v): %d machines, %v with %d requests; want 2500 with 3", once, len(got), err, sent(srv, opSearch))
		}
	}
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(1000), SearchLimit: 300})
	got, err := found(t, connect(t, srv), nsx.VMSearch{NamePrefix: "vm"})
	if err != nil || len(got) != 1000 || sent(srv, opSearch) != 2+4 {
		t.Errorf("with a limit of 300: %d machines, %v with %d requests; want 1000, and pages of 250 after two refusals", len(got), err, sent(srv, opSearch))
	}
	for _, tc := range []struct {
		name    string
		answers []canned
		want    int
		asked   int
		fails   bool
	}{
		{"too large however small", []canned{{status: 400, body: `{"error_code":255}`}}, 0, 10, true},
		{"another 400", []canned{{status: 400, body: `{"error_code":1}`}}, 0, 1, true},
		{"the same cursor for ever", []canned{ok(`{"results":[{"external_id":"1","display_name":"vm"}],"cursor":"1","result_count":9}`)}, 1, 2, true},
		{"a cursor that is no number", []canned{ok(`{"results":[{"external_id":"1","display_name":"vm"}],"cursor":"x"}`), ok(`{"results":[]}`)}, 1, 2, false},
		{"no count", []canned{ok(`{"results":[{"external_id":"1","display_name":"vm"}],"cursor":"1"}`), ok(`{"results":[],"cursor":"1"}`)}, 1, 2, false},
	} {
		client, s := scripted(t, tc.answers...)
		got, err := found(t, client, nsx.VMSearch{NamePrefix: "vm"})
		if len(got) != tc.want || len(s.urls) != tc.asked || (err != nil) != tc.fails {
			t.Errorf("%s: %d machines, %v with %d requests; want %d, failure %v, %d", tc.name, len(got), err, len(s.urls), tc.want, tc.fails, tc.asked)
		}
	}
}

func TestASearchWaitsForTheIndex(t *testing.T) {
	t.Parallel()
	for _, code := range []int{60508, 60514, 60515} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "web"}}})
				srv.Inject(nil, 2, func(http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						w.WriteHeader(http.StatusBadRequest)
						fmt.Fprintf(w, `{"error_code":%d}`, code)
					})
				})
				start := time.Now()
				if got, err := found(t, connect(t, srv), nsx.VMSearch{DisplayName: "web"}); err != nil || len(got) != 1 || time.Since(start) == 0 {
					t.Errorf("Search = %v, %v after %s", got, err, time.Since(start))
				}
				srv.Inject(nil, -1, func(http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						w.WriteHeader(http.StatusBadRequest)
						fmt.Fprintf(w, `{"error_code":%d}`, code)
					})
				})
				_, err := found(t, connect(t, srv), nsx.VMSearch{DisplayName: "web"})
				if e, ok := errors.AsType[*nsx.APIError](err); !ok || !e.Retryable() {
					t.Errorf("error = %v, want one that may pass", err)
				}
			})
		})
	}
}

// Whatever is looked for, the manager reads it as that text: it finds the machine of that name, and no other.
func FuzzSearch(f *testing.F) {
	for _, seed := range []string{"web", "fin-ws", `a" OR "b`, `\`, "AND", "NOT", "*", "?", "a b", "ä/本", "(", "a:b", "x AND resource_type:Group"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ToValidUTF8(name, "") != name {
			return
		}
		srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: name, ExternalID: "vm-a"}, {Name: "other machine", ExternalID: "vm-b"}}})
		client := connect(t, srv)
		for _, q := range []nsx.VMSearch{{DisplayName: name}, {NamePrefix: name}} {
			got, err := found(t, client, q)
			if err != nil {
				if len(srv.Requests()) > 0 {
					t.Errorf("Search(%+v): %v: the manager does not understand it", q, err)
				}
				return
			}
			if len(got) == 0 || got[0] != name && got[len(got)-1] != name {
				t.Errorf("Search(%+v) = %q", q, got)
			}
		}
	})
}

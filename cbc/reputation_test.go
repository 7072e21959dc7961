package cbc_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

const (
	opOverrides = "POST /appservices/v6/orgs/{org_key}/reputations/overrides/_search"
	opCreate    = "POST /appservices/v6/orgs/{org_key}/reputations/overrides"
	opOverride  = "GET /appservices/v6/orgs/{org_key}/reputations/overrides/{override_id}"
)

func TestOverrideSample(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opOverride: {read(t, "override.json")}})
	got, err := client.Reputation.Get(t.Context(), "c0ffee12a35b11ef8d210242ac120002")
	want := cbc.BanOf(hash(t, evil), "invoice_0417.exe", "Malicious attachment reported by the mail gateway")
	want.ID, want.CreatedBy, want.CreateTime = "c0ffee12a35b11ef8d210242ac120002", "A1B2C3D4E5", time.Date(2025, 2, 11, 8, 21, 9, 114e6, time.UTC)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Get: %v (-want +got):\n%s", err, diff)
	}
	if !got.For(hash(t, evil)) || got.For(hash(t, other)) {
		t.Error("For does not tell the hash")
	}
}

func TestBan(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		overrides []cbctest.Override
		switches  cbctest.OverrideSwitches
		created   bool
		conflict  bool
		bans      int // of the hash, afterwards
	}{
		{name: "nothing stands there", created: true, bans: 1},
		{name: "the answer is a 201", switches: cbctest.OverrideSwitches{Created: true, AbsentMembers: true}, created: true, bans: 1},
		{name: "banned already", overrides: []cbctest.Override{{SHA256: evil}}, bans: 1},
		{name: "banned already, in upper case", overrides: []cbctest.Override{{SHA256: strings.ToUpper(evil)}}, bans: 1},
		{name: "only mentioned", overrides: []cbctest.Override{{SHA256: other, Description: "see also " + evil}}, created: true, bans: 1},
		{name: "allowed", overrides: []cbctest.Override{{SHA256: evil, List: "WHITE_LIST"}}, conflict: true},
		{name: "allowed and banned", overrides: []cbctest.Override{{SHA256: evil}, {SHA256: evil, List: "WHITE_LIST"}}, conflict: true, bans: 1},
		{name: "another file is allowed", overrides: []cbctest.Override{{SHA256: other, List: "WHITE_LIST", Filename: evil}}, created: true, bans: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(cbctest.World{Overrides: tt.overrides, Switches: cbctest.Switches{Overrides: tt.switches}})
			client := connect(t, srv.Client())
			entry, created, err := client.Reputation.Ban(t.Context(), cbc.BanOf(hash(t, evil), "invoice.exe", "from the mail"))
			if created != tt.created || errors.Is(err, cbc.ErrConflict) != tt.conflict || (err == nil) == tt.conflict {
				t.Fatalf("Ban = %+v, %v, %v", entry, created, err)
			}
			if err == nil && (!entry.For(hash(t, evil)) || entry.List != cbc.Banned || entry.ID == "") {
				t.Errorf("Ban = %+v, want the ban of the hash", entry)
			}
			if allowed, ok := errors.AsType[*cbc.AllowListedError](err); tt.conflict && (!ok || allowed.Existing.List != cbc.Allowed || !strings.Contains(err.Error(), evil)) {
				t.Errorf("Ban = %v, want an AllowListedError with the entry", err)
			}
			found, err := client.Reputation.BySHA256(t.Context(), hash(t, evil))
			bans := 0
			for _, o := range found[hash(t, evil)] {
				if o.List == cbc.Banned {
					bans++
				}
			}
			if err != nil || bans != tt.bans {
				t.Errorf("%d bans afterwards, %v, want %d", bans, err, tt.bans)
			}
		})
	}
}

func TestBanWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	create := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/reputations/overrides") }
	for _, tt := range []struct {
		name  string
		fault func(http.Handler) http.Handler
		bans  int
		ok    bool
	}{
		{"done, then a 500", fake.ActThenFail(http.StatusInternalServerError), 1, true},
		{"done, then a cut line", fake.Truncate(10), 1, true},
		{"not done, a cut line", fake.Drop(), 0, false},
		{"not done, a 503", fake.Status(http.StatusServiceUnavailable, nil, ""), 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{})
				srv.Inject(create, 1, tt.fault)
				client := connect(t, srv.Client())
				entry, created, err := client.Reputation.Ban(t.Context(), cbc.BanOf(hash(t, evil), "", ""))
				if (err == nil) != tt.ok || created || (entry.ID != "") != tt.ok {
					t.Errorf("Ban = %+v, %v, %v", entry, created, err)
				}
				if n := count(operations(srv), opCreate); n != 1 {
					t.Errorf("%d creations were sent, want one", n)
				}
				found, err := client.Reputation.BySHA256(t.Context(), hash(t, evil))
				if err != nil || len(found[hash(t, evil)]) != tt.bans {
					t.Errorf("%d bans afterwards, %v, want %d", len(found[hash(t, evil)]), err, tt.bans)
				}
			})
		})
	}
}

// TestBanThatCrossesAnother has somebody else ban or allow the file between the look and the creation.
func TestBanThatCrossesAnother(t *testing.T) {
	t.Parallel()
	const nothing = `{"results":[],"num_found":0}`
	entry := func(list string) string {
		return fmt.Sprintf(`{"results":[{"id":"x1","override_list":%q,"override_type":"SHA256","sha256_hash":%q}],"num_found":1}`, list, evil)
	}
	for _, tt := range []struct {
		name   string
		status string
		then   string
		ok     bool
		is     error
	}{
		{"banned meanwhile, 409", `409 {"message":"exists"}`, entry("BLACK_LIST"), true, nil},
		{"banned meanwhile, 400", `400 {"message":"duplicate"}`, entry("BLACK_LIST"), true, nil},
		{"allowed meanwhile", `409 {"message":"exists"}`, entry("WHITE_LIST"), false, cbc.ErrConflict},
		{"on a list that nobody knows", `409 {"message":"exists"}`, entry("GREY_LIST"), false, cbc.ErrConflict},
		{"refused for another reason", `400 {"message":"hash"}`, nothing, false, nil},
		{"not permitted", `403 {}`, entry("BLACK_LIST"), false, cbc.ErrForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, _ := scripted(t, map[string][]string{opOverrides: {nothing, tt.then}, opCreate: {tt.status}})
			got, created, err := client.Reputation.Ban(t.Context(), cbc.BanOf(hash(t, evil), "", ""))
			if (err == nil) != tt.ok || created || tt.is != nil && !errors.Is(err, tt.is) || tt.ok && got.ID != "x1" {
				t.Errorf("Ban = %+v, %v, %v", got, created, err)
			}
		})
	}
}

func TestBanRefusesBeforeItSends(t *testing.T) {
	t.Parallel()
	good := cbc.BanOf(hash(t, evil), "", "")
	for _, tt := range []struct {
		name   string
		change func(*cbc.Override)
	}{
		{"no hash", func(o *cbc.Override) { o.Hash = "" }},
		{"an MD5", func(o *cbc.Override) { o.Hash = strings.Repeat("a", 32) }},
		{"the hash of nothing", func(o *cbc.Override) { o.Hash = strings.Repeat("0", 64) }},
		{"the other list", func(o *cbc.Override) { o.List = cbc.Allowed }},
		{"another type", func(o *cbc.Override) { o.Type = cbc.ByTool }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(cbctest.World{})
			ban := good
			tt.change(&ban)
			if _, _, err := connect(t, srv.Client()).Reputation.Ban(t.Context(), ban); err == nil || len(srv.Requests()) != 0 {
				t.Errorf("Ban = %v after %d calls, want an error and no call", err, len(srv.Requests()))
			}
		})
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{})
	client := connect(t, srv.Client())
	for _, tt := range []struct {
		name     string
		override cbc.Override
		ok       bool
	}{
		{"a tool", cbc.Override{List: cbc.Allowed, Type: cbc.ByTool, Path: `C:\tools\*.exe`, IncludeChildProcesses: true}, true},
		{"a certificate", cbc.Override{List: cbc.Allowed, Type: cbc.ByCertificate, SignedBy: "Example Ltd"}, true},
		{"a hash in upper case", cbc.Override{List: cbc.Allowed, Type: cbc.ByHash, Hash: strings.ToUpper(evil), ID: "theirs", CreatedBy: "them"}, true},
		{"a banned certificate", cbc.Override{List: cbc.Banned, Type: cbc.ByCertificate, SignedBy: "Example Ltd"}, false},
		{"a certificate of nobody", cbc.Override{List: cbc.Allowed, Type: cbc.ByCertificate}, false},
		{"a tool without a path", cbc.Override{List: cbc.Allowed, Type: cbc.ByTool}, false},
		{"no list", cbc.Override{Type: cbc.ByHash, Hash: evil}, false},
		{"no type", cbc.Override{List: cbc.Allowed}, false},
		{"half a hash", cbc.Override{List: cbc.Allowed, Type: cbc.ByHash, Hash: evil[:63]}, false},
	} {
		before := len(srv.Requests())
		made, err := client.Reputation.Create(t.Context(), tt.override)
		if (err == nil) != tt.ok || (made.ID != "") != tt.ok || len(srv.Requests()) > before != tt.ok {
			t.Errorf("%s: Create = %+v, %v", tt.name, made, err)
			continue
		}
		if !tt.ok {
			continue
		}
		got, err := client.Reputation.Get(t.Context(), made.ID)
		if diff := cmp.Diff(made, got); err != nil || diff != "" {
			t.Errorf("%s: Get: %v (-want +got):\n%s", tt.name, err, diff)
		}
		if got.List != tt.override.List || got.Type != tt.override.Type || got.Path != tt.override.Path || got.ID == tt.override.ID {
			t.Errorf("%s: Get = %+v", tt.name, got)
		}
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for _, switches := range []cbctest.OverrideSwitches{{}, {DeleteAnswers: true}} {
		client := connect(t, cbctest.New(cbctest.World{Switches: cbctest.Switches{Overrides: switches}, Overrides: []cbctest.Override{{ID: "x1", SHA256: evil}, {ID: "x2", SHA256: other}}}).Client())
		if err := client.Reputation.Delete(t.Context(), "x1"); err != nil {
			t.Errorf("Delete = %v", err)
		}
		if err := client.Reputation.Delete(t.Context(), "x1"); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Delete again = %v, want ErrNotFound", err)
		}
		if _, err := client.Reputation.Get(t.Context(), "x1"); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
		if err := client.Reputation.Delete(t.Context(), ""); err == nil || errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Delete of nothing = %v, want an error", err)
		}
		if found, err := client.Reputation.BySHA256(t.Context(), hash(t, evil), hash(t, other)); err != nil || len(found) != 1 {
			t.Errorf("BySHA256 = %v, %v, want the other alone", found, err)
		}
	}
}

func overrides(n int) (list []cbctest.Override) {
	for i := range n {
		list = append(list, cbctest.Override{ID: fmt.Sprintf("o%05d", i), SHA256: fmt.Sprintf("%064x", i+1)})
	}
	return list
}

func TestBySHA256(t *testing.T) {
	t.Parallel()
	about := []cbctest.Override{
		{ID: "ban", SHA256: evil},
		{ID: "allow", SHA256: strings.ToUpper(evil), List: "WHITE_LIST"},
		{ID: "mentions", SHA256: other, Description: evil + " " + third},
		{ID: "tool", Type: "IT_TOOL", List: "WHITE_LIST", Path: third},
	}
	want := map[[32]byte][]cbc.OverrideID{hash(t, evil): {"ban", "allow"}, hash(t, other): {"mentions"}}
	for _, tt := range []struct {
		name  string
		more  int
		calls int
	}{
		{"a short list is read at once", 500, 1},
		{"a longer one page by page", 2500, 3},
		{"a list with more pages than hashes is not read", 3500, 4},
		{"nor one that a search does not reach", 10500, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(cbctest.World{Overrides: append(overrides(tt.more), about...)})
			found, err := connect(t, srv.Client()).Reputation.BySHA256(t.Context(), hash(t, evil), hash(t, other), hash(t, third), hash(t, evil))
			if err != nil {
				t.Fatal(err)
			}
			got := map[[32]byte][]cbc.OverrideID{}
			for h, list := range found {
				for _, o := range list {
					got[h] = append(got[h], o.ID)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("BySHA256 mismatch (-want +got):\n%s", diff)
			}
			if n := len(srv.Requests()); n != tt.calls {
				t.Errorf("it took %d calls, want %d", n, tt.calls)
			}
		})
	}
	t.Run("no hash is no call", func(t *testing.T) {
		t.Parallel()
		srv := cbctest.New(cbctest.World{})
		if found, err := connect(t, srv.Client()).Reputation.BySHA256(t.Context()); err != nil || len(found) != 0 || len(srv.Requests()) != 0 {
			t.Errorf("BySHA256() = %v, %v", found, err)
		}
	})
	t.Run("a failure is not nothing found", func(t *testing.T) {
		t.Parallel()
		srv := cbctest.New(cbctest.World{})
		srv.FailNext(1, http.StatusForbidden)
		if found, err := connect(t, srv.Client()).Reputation.BySHA256(t.Context(), hash(t, evil)); !errors.Is(err, cbc.ErrForbidden) || found != nil {
			t.Errorf("BySHA256 = %v, %v, want ErrForbidden alone", found, err)
		}
	})
}

func TestOverridesSearch(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{Overrides: append(overrides(25), cbctest.Override{ID: "w", SHA256: evil, List: "WHITE_LIST"})})
	client := connect(t, srv.Client())
	search := func(q cbc.OverrideQuery) (n int, last error) {
		for _, err := range client.Reputation.Search(t.Context(), q) {
			if last = err; err == nil {
				n++
			}
		}
		return n, last
	}
	if n, err := search(cbc.OverrideQuery{Rows: 10}); n != 26 || err != nil {
		t.Errorf("Search = %d, %v, want all 26", n, err)
	}
	if n := len(srv.Requests()); n != 3 {
		t.Errorf("it took %d calls, want 3", n)
	}
	if n, err := search(cbc.OverrideQuery{List: cbc.Allowed, Type: cbc.ByHash}); n != 1 || err != nil {
		t.Errorf("Search = %d, %v, want the one that is allowed", n, err)
	}
	if n, err := search(cbc.OverrideQuery{Rows: -1}); n != 0 || err == nil {
		t.Errorf("Search with rows below zero = %d, %v, want an error", n, err)
	}
}

func TestOverrideAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"no id":        fmt.Sprintf(`{"override_list":"BLACK_LIST","override_type":"SHA256","sha256_hash":%q}`, evil),
		"another hash": fmt.Sprintf(`{"id":"x1","override_list":"BLACK_LIST","override_type":"SHA256","sha256_hash":%q}`, other),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := scripted(t, map[string][]string{opCreate: {answer}})
			if made, err := client.Reputation.Create(t.Context(), cbc.BanOf(hash(t, evil), "", "")); err == nil || made.ID != "" {
				t.Errorf("Create = %+v, %v, want an error", made, err)
			}
		})
	}
	t.Run("a list without ids", func(t *testing.T) {
		t.Parallel()
		client, _ := scripted(t, map[string][]string{opOverrides: {`{"results":[{"override_list":"BLACK_LIST"}],"num_found":1}`}})
		if found, err := client.Reputation.BySHA256(t.Context(), hash(t, evil), hash(t, other)); err == nil || found != nil {
			t.Errorf("BySHA256 = %v, %v, want an error", found, err)
		}
	})
	t.Run("a list that breaks off", func(t *testing.T) {
		t.Parallel()
		client, _ := scripted(t, map[string][]string{opOverrides: {
			fmt.Sprintf(`{"results":[{"id":"x1","override_list":"BLACK_LIST","override_type":"SHA256","sha256_hash":%q}],"num_found":2}`, evil), `403 {}`,
		}})
		if found, err := client.Reputation.BySHA256(t.Context(), hash(t, evil), hash(t, other)); !errors.Is(err, cbc.ErrForbidden) || found != nil {
			t.Errorf("BySHA256 = %v, %v, want ErrForbidden alone", found, err)
		}
	})
}

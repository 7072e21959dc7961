package actions_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

const opBan = "POST /appservices/v6/orgs/{org_key}/reputations/overrides"

// lists maps each hash of the organization's overrides to the lists that it is on.
func lists(srv *cbctest.Server) map[string][]string {
	all := make(map[string][]string)
	for _, o := range srv.Overrides() {
		h := strings.ToLower(o.SHA256)
		all[h] = append(all[h], o.List)
		slices.Sort(all[h])
	}
	return all
}

func TestDenylistBansWhatNobodyHasListed(t *testing.T) {
	t.Parallel()
	banned, allowed, both, mentioned, fresh := hash(1).String(), hash(2).String(), hash(3).String(), hash(4).String(), hash(5).String()
	world := cbctest.World{Overrides: []cbctest.Override{
		{SHA256: strings.ToUpper(banned)},
		{ID: "a2", SHA256: allowed, List: "WHITE_LIST", CreatedBy: "kim@corp.example"},
		{SHA256: both},
		{SHA256: both, List: "WHITE_LIST"},
		{SHA256: hash(9).String(), Description: "drops " + mentioned, Filename: mentioned},
		{Type: "IT_TOOL", List: "WHITE_LIST", Path: "/opt/" + mentioned, Description: mentioned},
	}}
	want := map[string]hunt.Status{banned: hunt.Already, allowed: hunt.Held, both: hunt.Held, mentioned: hunt.Done, fresh: hunt.Done, "not a hash": hunt.Failed}
	stray := hashTask("denylist", 6)
	stray.Target = "not a hash"
	tasks := []hunt.Task{hashTask("denylist", 1), hashTask("denylist", 2), hashTask("denylist", 3), hashTask("denylist", 4), hashTask("denylist", 5), stray}
	for _, together := range []bool{true, false} { // many are looked up in one listing, one by a search for its text
		t.Run(map[bool]string{true: "all at once", false: "one by one"}[together], func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(world)
				action := actions.NewDenylist(connect(t, srv.Client()).Reputation)
				var outcomes []hunt.Outcome
				if together {
					outcomes = action.Do(t.Context(), tasks)
				} else {
					for _, task := range tasks {
						outcomes = append(outcomes, action.Do(t.Context(), []hunt.Task{task})...)
					}
				}
				if diff := cmp.Diff(want, ends(outcomes)); diff != "" {
					t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
				}
				if n := calls(srv, opBan); n != 2 {
					t.Errorf("%d bans were sent, want 2: none for what is listed", n)
				}
				got := lists(srv)
				delete(got, "")
				lists := map[string][]string{
					banned: {"BLACK_LIST"}, allowed: {"WHITE_LIST"}, both: {"BLACK_LIST", "WHITE_LIST"},
					hash(9).String(): {"BLACK_LIST"}, mentioned: {"BLACK_LIST"}, fresh: {"BLACK_LIST"},
				}
				if diff := cmp.Diff(lists, got); diff != "" {
					t.Errorf("overrides mismatch (-want +got):\n%s", diff)
				}
				for _, o := range outcomes {
					if made := strings.HasPrefix(string(o.Before), `{"overrides":[],"created":"`); made != (o.Status == hunt.Done) {
						t.Errorf("%s ended as %s with the state before %s, want an override to delete if one was made", o.Task.Target, o.Status, o.Before)
					}
					if o.Task.Target == allowed {
						expect(t, o, hunt.Held, "override a2 by kim@corp.example")
					}
				}
			})
		})
	}
}

// racing is another program that lists a file between our look and our ban.
type racing struct {
	*cbc.Reputation
	list cbc.OverrideList
}

func (r racing) BySHA256(ctx context.Context, hashes ...[32]byte) (map[[32]byte][]cbc.Override, error) {
	found, err := r.Reputation.BySHA256(ctx, hashes...)
	if err == nil {
		other := cbc.BanOf(hashes[0], "", "somebody else")
		other.List = r.list
		_, err = r.Create(ctx, other)
	}
	return found, err
}

func TestDenylistRace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		list   cbc.OverrideList
		status hunt.Status
	}{
		{"with somebody who bans", cbc.Banned, hunt.Already},
		{"with somebody who allows", cbc.Allowed, hunt.Held},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Switches: cbctest.Switches{Overrides: cbctest.OverrideSwitches{Duplicates: "conflict"}}})
				if c.list == cbc.Allowed {
					// The vendor is not known to refuse a ban of what is allowed; if it does, that must not pass for a ban.
					srv.Inject(func(r *http.Request) bool {
						return strings.HasSuffix(r.URL.Path, "/overrides") && len(srv.Overrides()) == 1
					}, -1, conflict)
				}
				o := only(t, actions.NewDenylist(racing{connect(t, srv.Client()).Reputation, c.list}).Do(t.Context(), []hunt.Task{hashTask("denylist", 1)}))
				expect(t, o, c.status)
				if o.Before != nil {
					t.Errorf("somebody else's entry would be deleted by an undo: %s", o.Before)
				}
				if diff := cmp.Diff(map[string][]string{hash(1).String(): {string(c.list)}}, lists(srv)); diff != "" {
					t.Errorf("overrides mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func conflict(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) })
}

func TestDenylistFailures(t *testing.T) {
	t.Parallel()
	for name, permissions := range map[string][]string{"to read": {"org.reputations:CREATE"}, "to ban": {"org.reputations:READ"}} {
		t.Run("without the permission "+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Keys: []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: permissions}}})
				o := only(t, actions.NewDenylist(connect(t, srv.Client()).Reputation).Do(t.Context(), []hunt.Task{hashTask("denylist", 1)}))
				expect(t, o, hunt.Failed, "denylist")
				if !errors.Is(o.Err, cbc.ErrForbidden) || len(srv.Overrides()) != 0 {
					t.Errorf("error = %v with %d overrides, want ErrForbidden and none", o.Err, len(srv.Overrides()))
				}
			})
		})
	}
}

func TestDenylistAfterALostAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		acts   func(srv *cbctest.Server, next http.Handler, r *http.Request)
		status hunt.Status
	}{
		{"of our ban", func(_ *cbctest.Server, next http.Handler, r *http.Request) {
			next.ServeHTTP(discard{header: http.Header{}}, r)
		}, hunt.Done},
		{"that another program was faster than", func(srv *cbctest.Server, _ http.Handler, r *http.Request) {
			if _, err := connect(t, srv.Client()).Reputation.Create(r.Context(), cbc.BanOf(hash(1), "", "somebody else")); err != nil {
				t.Error(err)
			}
		}, hunt.Already},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{})
				srv.Inject(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/overrides") }, 1, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						c.acts(srv, next, r)
						w.WriteHeader(http.StatusBadGateway)
					})
				})
				a := actions.NewDenylist(connect(t, srv.Client()).Reputation)
				o := only(t, a.Do(t.Context(), []hunt.Task{hashTask("denylist", 1)}))
				expect(t, o, c.status)
				if n := len(srv.Overrides()); n != 1 {
					t.Errorf("there are %d overrides, want one", n)
				}
				if c.status == hunt.Done {
					expect(t, takeBack(t, a, undoOf(o), never), hunt.Undone)
				}
			})
		})
	}
}

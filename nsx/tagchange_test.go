package nsx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const (
	opPolicyReplace = "POST /policy/api/v1/infra/realized-state/virtual-machines/{external_id}/tags"
	opOlderReplace  = "POST /policy/api/v1/infra/realized-state/enforcement-points/{EP}/virtual-machines?action=update_tags"
	opUpdate        = "POST /api/v1/fabric/virtual-machines?action=update_tags"
	opAdd           = "POST /api/v1/fabric/virtual-machines?action=add_tags"
	opVersion       = "GET /api/v1/node/version"
)

// tagger is what can tag machines: the manager API, or the Policy API of a space.
type tagger interface {
	AddTags(ctx context.Context, id nsx.ExternalID, tags ...nsx.Tag) error
	RemoveTags(ctx context.Context, id nsx.ExternalID, tags ...nsx.Tag) error
	ReplaceTags(ctx context.Context, id nsx.ExternalID, tags ...nsx.Tag) error
	ChangeTags(ctx context.Context, id nsx.ExternalID, change nsx.TagChange) (nsx.VirtualMachine, error)
}

func aged(version string) *nsxtest.Server {
	return nsxtest.New(nsxtest.World{
		VMs:     []nsxtest.VM{{Name: "web", ExternalID: vmID, Tags: []nsxtest.Tag{{Scope: "owner", Tag: "finance"}, {Scope: "alone"}}}},
		Version: version,
	})
}

func TestTagsWhereTheyCanOnlyBeReplaced(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		version string
		tagger  func(*nsx.Client) tagger
		writes  string // the call that writes
	}{
		{"Policy", "4.2.0.0", func(c *nsx.Client) tagger { return c.Policy.VirtualMachines }, opPolicyReplace},
		{"Policy before 4.1", "3.2.3.0", func(c *nsx.Client) tagger { return c.Policy.VirtualMachines }, opOlderReplace},
		{"a manager of the 2.x releases", "2.5.1.0", func(c *nsx.Client) tagger { return c.VirtualMachines }, opUpdate},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := aged(tc.version)
				tags := tc.tagger(connect(t, srv))
				quarantine, plain := nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}, nsx.Tag{Tag: "CB-NSX-Quarantine"}
				for _, step := range []struct {
					name   string
					do     func(context.Context, nsx.ExternalID, ...nsx.Tag) error
					tags   []nsx.Tag
					want   []string
					writes int
				}{
					{"add", tags.AddTags, []nsx.Tag{quarantine, plain, plain}, []string{"alone|", "owner|finance", "quarantine|malicious-file", "|CB-NSX-Quarantine"}, 1},
					{"add again", tags.AddTags, []nsx.Tag{quarantine}, []string{"alone|", "owner|finance", "quarantine|malicious-file", "|CB-NSX-Quarantine"}, 0},
					{"remove", tags.RemoveTags, []nsx.Tag{plain}, []string{"alone|", "owner|finance", "quarantine|malicious-file"}, 1},
					{"remove again", tags.RemoveTags, []nsx.Tag{plain}, []string{"alone|", "owner|finance", "quarantine|malicious-file"}, 0},
					{"remove one that is a scope alone", tags.RemoveTags, []nsx.Tag{{Scope: "alone"}}, []string{"owner|finance", "quarantine|malicious-file"}, 1},
					{"replace", tags.ReplaceTags, []nsx.Tag{plain, plain}, []string{"|CB-NSX-Quarantine"}, 1},
					{"clear", tags.ReplaceTags, nil, nil, 1},
				} {
					before := sent(srv, tc.writes)
					if err := step.do(t.Context(), vmID, step.tags...); err != nil {
						t.Errorf("%s: %v", step.name, err)
					}
					if diff := cmp.Diff(step.want, tagsOf(t, srv)); diff != "" || sent(srv, tc.writes)-before != step.writes {
						t.Errorf("%s: %d writes, want %d (-want +got):\n%s", step.name, sent(srv, tc.writes)-before, step.writes, diff)
					}
				}
				if err := tags.AddTags(t.Context(), "nobody", plain); !errors.Is(err, nsx.ErrNotFound) {
					t.Errorf("a machine that is not there: %v, want ErrNotFound", err)
				}
				if err := tags.ReplaceTags(t.Context(), "nobody", plain); !errors.Is(err, nsx.ErrNotFound) {
					t.Errorf("a machine that is not there: %v, want ErrNotFound", err)
				}
			})
		})
	}
}

// What a manager says to an action that it does not know is not documented: only its own version decides that it is too old.
func TestARecentManagerIsNotTakenForAnOldOne(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		version canned
		want    []string
		fails   bool
	}{
		{"2.5", ok(`{"product_version":"2.5.1.0.0.1","node_version":"2.5.1.0.0.1"}`), []string{"action=add_tags", "external_id", "version", "external_id", "action=update_tags", "external_id"}, false},
		{"4.2", ok(`{"product_version":"4.2.1.0.0.1","node_version":"4.2.1.0.0.1"}`), []string{"action=add_tags", "external_id", "version"}, true},
		{"one that does not say", canned{status: http.StatusForbidden, body: `{"error_code":289}`}, []string{"action=add_tags", "external_id", "version"}, true},
		{"one that says nonsense", ok(`{"product_version":"two"}`), []string{"action=add_tags", "external_id", "version"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tagged := false
			var got []string
			client, err := nsx.New(nsx.Config{
				BaseURL: nsxtest.URL, Credentials: nsx.Basic("u", "p"), Attempts: 1,
				HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
					c := ok(`{"results":[{"external_id":"vm-a"}]}`)
					switch {
					case r.URL.Query().Get("action") == "add_tags":
						c = canned{status: http.StatusBadRequest, body: `{"error_code":255}`}
					case r.Method == http.MethodPost:
						tagged, c = true, canned{status: http.StatusNoContent}
					case strings.HasSuffix(r.URL.Path, "/version"):
						c = tc.version
					case tagged:
						c = ok(`{"results":[{"external_id":"vm-a","tags":[{"tag":"x"}]}]}`)
					}
					for _, word := range []string{"action=add_tags", "action=update_tags", "version", "external_id"} {
						if strings.Contains(r.URL.RequestURI(), word) {
							got = append(got, word)
						}
					}
					return (&script{answers: []canned{c}}).RoundTrip(r)
				})},
			})
			if err != nil {
				t.Fatal(err)
			}
			err = client.VirtualMachines.AddTags(t.Context(), "vm-a", nsx.Tag{Tag: "x"})
			if e, isAPI := errors.AsType[*nsx.APIError](err); isAPI != tc.fails || tc.fails && e.StatusCode != http.StatusBadRequest {
				t.Errorf("error = %v, want the 400: %v", err, tc.fails)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// transport is a round tripper made of a function.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// interfere lets somebody replace the tags of the machine right after each of the next n writes.
func interfere(t *testing.T, srv *nsxtest.Server, n int, tags ...nsx.Tag) {
	t.Helper()
	other := connect(t, srv).VirtualMachines
	srv.Inject(func(r *http.Request) bool { return r.Pattern == opPolicyReplace }, n, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if err := other.ReplaceTags(r.Context(), vmID, tags...); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestAChangeThatOthersOverwriteIsMadeAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := tagged(nsxtest.Switches{})
		interfere(t, srv, 2, nsx.Tag{Tag: "theirs"})
		vm, err := connect(t, srv).Policy.VirtualMachines.ChangeTags(t.Context(), vmID, nsx.TagChange{
			Add: []nsx.Tag{{Tag: "ours"}}, Remove: []nsx.Tag{{Scope: "owner", Tag: "finance"}},
		})
		want := []nsx.Tag{{Tag: "theirs"}, {Tag: "ours"}}
		if diff := cmp.Diff(want, vm.Tags); diff != "" || err != nil || sent(srv, opPolicyReplace) != 3 {
			t.Errorf("ChangeTags: %v after %d writes (-want +got):\n%s", err, sent(srv, opPolicyReplace), diff)
		}
	})
}

func TestAChangeThatNeverHoldsIsAConflict(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := tagged(nsxtest.Switches{})
		interfere(t, srv, -1, nsx.Tag{Tag: "theirs"})
		_, err := connect(t, srv).Policy.VirtualMachines.ChangeTags(t.Context(), vmID, nsx.TagChange{
			Add: []nsx.Tag{{Tag: "ours"}, {Scope: "a", Tag: "b"}}, Remove: []nsx.Tag{{Tag: "theirs"}},
		})
		conflict, ok := errors.AsType[*nsx.TagConflictError](err)
		want := nsx.TagConflictError{
			Op: "policy.virtual_machines.change_tags", ID: vmID, Missing: []nsx.Tag{{Tag: "ours"}, {Scope: "a", Tag: "b"}}, Unwanted: []nsx.Tag{{Tag: "theirs"}}, Attempts: 5,
		}
		if !ok || !errors.Is(err, nsx.ErrConflict) || !cmp.Equal(want, *conflict) || sent(srv, opPolicyReplace) != 5 {
			t.Fatalf("error = %#v after %d writes, want %#v", err, sent(srv, opPolicyReplace), want)
		}
		const text = `nsx: policy.virtual_machines.change_tags: conflict: after 5 attempts the virtual machine "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94" does not have "ours", "a|b" and still has "theirs"`
		if err.Error() != text {
			t.Errorf("text = %s\nwant   %s", err, text)
		}
	})
}

func TestAConflictEndsWithTheContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := tagged(nsxtest.Switches{})
		interfere(t, srv, -1)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		err := connect(t, srv).Policy.VirtualMachines.AddTags(ctx, vmID, nsx.Tag{Tag: "ours"})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want the end of the context", err)
		}
	})
}

func TestGoroutinesThatTagOneMachineLoseNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := aged("4.2.0.0")
		client := connect(t, srv, slowly)
		want := []string{"alone|", "owner|finance"}
		var wg sync.WaitGroup
		for i := range 12 {
			tag := nsx.Tag{Scope: "s", Tag: fmt.Sprintf("%02d", i)}
			want = append(want, tag.String())
			wg.Go(func() {
				if err := client.Policy.VirtualMachines.AddTags(t.Context(), vmID, tag); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if diff := cmp.Diff(sorted(want), tagsOf(t, srv)); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	})
}

func TestAWriteThatMayBeLostIsNotRepeatedBlindly(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		acts  bool
		fault http.HandlerFunc
		want  int
	}{
		{"it acted and its answer was lost", true, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 1},
		{"it did not act", false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, 2},
		{"a revision was stale", false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPreconditionFailed) }, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := tagged(nsxtest.Switches{})
				srv.Inject(func(r *http.Request) bool { return r.Pattern == opPolicyReplace }, 1, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if tc.acts {
							next.ServeHTTP(httpDiscard{}, r)
						}
						tc.fault(w, r)
					})
				})
				err := connect(t, srv).Policy.VirtualMachines.AddTags(t.Context(), vmID, nsx.Tag{Tag: "x"})
				if diff := cmp.Diff([]string{"alone|", "owner|finance", "|x"}, tagsOf(t, srv)); diff != "" || err != nil || sent(srv, opPolicyReplace) != tc.want {
					t.Errorf("AddTags: %v after %d writes, want %d (-want +got):\n%s", err, sent(srv, opPolicyReplace), tc.want, diff)
				}
			})
		})
	}
}

func TestAWriteThatIsRefusedIsNotRepeated(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{
		Users: []nsxtest.User{{Name: "audit", Password: "secret", ReadOnly: true}},
		VMs:   []nsxtest.VM{{Name: "web", ExternalID: vmID}},
	})
	client := connect(t, srv, func(c *nsx.Config) { c.Credentials = nsx.Basic("audit", "secret") })
	err := client.Policy.VirtualMachines.AddTags(t.Context(), vmID, nsx.Tag{Tag: "x"})
	if !errors.Is(err, nsx.ErrForbidden) || sent(srv, opPolicyReplace) != 1 {
		t.Errorf("error = %v after %d writes, want ErrForbidden after one", err, sent(srv, opPolicyReplace))
	}
}

func TestChangeTagsLooksWhetherItHappened(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := tagged(nsxtest.Switches{})
		change := nsx.TagChange{Add: []nsx.Tag{{Tag: "x"}}, Remove: []nsx.Tag{{Scope: "alone"}}}
		vm, err := connect(t, srv).VirtualMachines.ChangeTags(t.Context(), vmID, change)
		if diff := cmp.Diff([]nsx.Tag{{Scope: "owner", Tag: "finance"}, {Tag: "x"}}, vm.Tags); diff != "" || err != nil {
			t.Errorf("ChangeTags: %v (-want +got):\n%s", err, diff)
		}
		for _, tc := range []struct {
			name  string
			reads []string // tags, one read after the other
			fails bool
		}{
			{"it shows after a while", []string{"", "", `{"tag":"x"}`}, false},
			{"it never shows", []string{`{"scope":"alone"}`}, true},
			{"half of it shows", []string{`{"tag":"x"},{"scope":"alone"}`}, true},
		} {
			answers := []canned{{status: http.StatusNoContent}, {status: http.StatusNoContent}}
			for _, tags := range tc.reads {
				answers = append(answers, ok(`{"results":[{"external_id":"`+vmID+`","tags":[`+tags+`]}]}`))
			}
			client, s := scripted(t, answers...)
			_, err := client.VirtualMachines.ChangeTags(t.Context(), vmID, change)
			conflict, isConflict := errors.AsType[*nsx.TagConflictError](err)
			if isConflict != tc.fails || (err != nil) != tc.fails || len(s.urls) != 5 {
				t.Errorf("%s: %v after %d requests; want failure %v after 5", tc.name, err, len(s.urls), tc.fails)
			}
			if isConflict && len(conflict.Unwanted) != 1 {
				t.Errorf("%s: %+v does not name the tag that is still there", tc.name, conflict)
			}
		}
	})
}

func TestChangesAreCheckedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	client, s := scripted(t, canned{status: http.StatusNoContent})
	for _, tc := range []struct {
		name   string
		id     nsx.ExternalID
		change nsx.TagChange
	}{
		{"no id", "", nsx.TagChange{Add: []nsx.Tag{{Tag: "x"}}}},
		{"nothing to do", vmID, nsx.TagChange{}},
		{"an empty tag", vmID, nsx.TagChange{Remove: []nsx.Tag{{}}}},
		{"a tag both ways", vmID, nsx.TagChange{Add: []nsx.Tag{{Tag: "x"}}, Remove: []nsx.Tag{{Tag: "x"}}}},
		{"a scope that is too long", vmID, nsx.TagChange{Add: []nsx.Tag{{Scope: strings.Repeat("s", 129)}}}},
	} {
		for _, tags := range []tagger{client.VirtualMachines, client.Policy.VirtualMachines} {
			if _, err := tags.ChangeTags(t.Context(), tc.id, tc.change); err == nil || !strings.HasPrefix(err.Error(), "nsx: ") || !strings.Contains(err.Error(), "change_tags: ") {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
	}
	if err := client.Policy.VirtualMachines.ReplaceTags(t.Context(), " ", nsx.Tag{}); err == nil {
		t.Error("ReplaceTags took a machine without an id and a tag of nothing")
	}
	if len(s.urls) != 0 {
		t.Errorf("sent %v, want nothing", s.urls)
	}
}

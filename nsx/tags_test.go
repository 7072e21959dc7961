package nsx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const vmID = "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94"

// tagged is a manager with one machine that has two tags.
func tagged(switches nsxtest.Switches) *nsxtest.Server {
	return nsxtest.New(nsxtest.World{
		VMs:      []nsxtest.VM{{Name: "web", ExternalID: vmID, Tags: []nsxtest.Tag{{Scope: "owner", Tag: "finance"}, {Scope: "alone"}}}},
		Switches: switches,
	})
}

func tagsOf(t *testing.T, srv *nsxtest.Server) []string {
	t.Helper()
	vm, ok := srv.VM(vmID)
	if !ok {
		t.Fatal("the machine is gone")
	}
	var out []string
	for _, tag := range vm.Tags {
		out = append(out, tag.Scope+"|"+tag.Tag)
	}
	return sorted(out)
}

func TestTagsAreAddedAndRemovedWithoutLosingOthers(t *testing.T) {
	t.Parallel()
	for _, switches := range []nsxtest.Switches{{}, {OmitEmptyTagMembers: true}, {RepeatedTagFails: true}} {
		srv := tagged(switches)
		vms := connect(t, srv).VirtualMachines
		quarantine, plain := nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}, nsx.Tag{Tag: "CB-NSX-Quarantine"}
		steps := []struct {
			name string
			do   func(context.Context, nsx.ExternalID, ...nsx.Tag) error
			tags []nsx.Tag
			want []string
		}{
			{"add", vms.AddTags, []nsx.Tag{quarantine, plain, plain}, []string{"alone|", "owner|finance", "quarantine|malicious-file", "|CB-NSX-Quarantine"}},
			{"add again", vms.AddTags, []nsx.Tag{quarantine}, []string{"alone|", "owner|finance", "quarantine|malicious-file", "|CB-NSX-Quarantine"}},
			{"remove", vms.RemoveTags, []nsx.Tag{plain}, []string{"alone|", "owner|finance", "quarantine|malicious-file"}},
			{"remove again", vms.RemoveTags, []nsx.Tag{plain}, []string{"alone|", "owner|finance", "quarantine|malicious-file"}},
			{"remove in another case", vms.RemoveTags, []nsx.Tag{{Scope: "Owner", Tag: "finance"}}, []string{"alone|", "owner|finance", "quarantine|malicious-file"}},
			{"remove one that is a scope alone", vms.RemoveTags, []nsx.Tag{{Scope: "alone"}}, []string{"owner|finance", "quarantine|malicious-file"}},
			{"replace", vms.ReplaceTags, []nsx.Tag{plain}, []string{"|CB-NSX-Quarantine"}},
			{"clear", vms.ReplaceTags, nil, nil},
		}
		for _, step := range steps {
			if err := step.do(t.Context(), vmID, step.tags...); err != nil {
				t.Errorf("%+v: %s: %v", switches, step.name, err)
			}
			if diff := cmp.Diff(step.want, tagsOf(t, srv)); diff != "" {
				t.Errorf("%+v: %s (-want +got):\n%s", switches, step.name, diff)
			}
		}
	}
}

func TestWhatIsSentForTags(t *testing.T) {
	t.Parallel()
	client, s := scripted(t, canned{status: http.StatusNoContent})
	vms := client.VirtualMachines
	for _, err := range []error{
		vms.AddTags(t.Context(), vmID, nsx.Tag{Tag: "x"}, nsx.Tag{Scope: "s", Tag: `"|é`}, nsx.Tag{Tag: "x"}),
		vms.RemoveTags(t.Context(), vmID, nsx.Tag{Scope: "s"}),
		vms.ReplaceTags(t.Context(), vmID),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{
		`add_tags {"external_id":"50217c3e-4b1d-9a60-2f77-c1d20e8a5b94","tags":[{"scope":"","tag":"x"},{"scope":"s","tag":"\"|é"}]}`,
		`remove_tags {"external_id":"50217c3e-4b1d-9a60-2f77-c1d20e8a5b94","tags":[{"scope":"s","tag":""}]}`,
		`update_tags {"external_id":"50217c3e-4b1d-9a60-2f77-c1d20e8a5b94","tags":[]}`,
	}
	var got []string
	for i, u := range s.urls {
		got = append(got, strings.TrimPrefix(u, "/api/v1/fabric/virtual-machines?action=")+" "+s.body[i])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestTagsAreCheckedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	client, s := scripted(t, canned{status: http.StatusNoContent})
	vms := client.VirtualMachines
	wide := nsx.Tag{Scope: strings.Repeat("é", 128), Tag: strings.Repeat("本", 256)}
	if err := vms.AddTags(t.Context(), vmID, wide); err != nil {
		t.Errorf("128 and 256 characters: %v", err)
	}
	for _, tc := range []struct {
		name string
		id   nsx.ExternalID
		tags []nsx.Tag
	}{
		{"no id", "", []nsx.Tag{{Tag: "x"}}},
		{"no tags", vmID, nil},
		{"an empty tag", vmID, []nsx.Tag{{Tag: "x"}, {}}},
		{"a scope of 129", vmID, []nsx.Tag{{Scope: wide.Scope + "x", Tag: "x"}}},
		{"a value of 257", vmID, []nsx.Tag{{Tag: wide.Tag + "x"}}},
		{"bytes that are no UTF-8", vmID, []nsx.Tag{{Tag: "\xff"}}},
	} {
		for _, do := range []func(context.Context, nsx.ExternalID, ...nsx.Tag) error{vms.AddTags, vms.RemoveTags, vms.ReplaceTags} {
			err := do(t.Context(), tc.id, tc.tags...)
			if tc.tags == nil && err == nil && len(s.urls) == 2 {
				continue // to replace by nothing is to clear
			}
			if err == nil || !strings.HasPrefix(err.Error(), "nsx: virtual_machines.") {
				t.Errorf("%s: %v, want an error that names the operation", tc.name, err)
			}
		}
	}
	if len(s.urls) != 2 {
		t.Errorf("%d requests were sent, want 2", len(s.urls))
	}
}

func TestAnUnknownMachineIsNotFound(t *testing.T) {
	t.Parallel()
	srv := tagged(nsxtest.Switches{})
	client := connect(t, srv)
	for _, do := range []func(context.Context, nsx.ExternalID, ...nsx.Tag) error{
		client.VirtualMachines.AddTags, client.VirtualMachines.RemoveTags, client.VirtualMachines.ReplaceTags,
	} {
		if err := do(t.Context(), "web", nsx.Tag{Tag: "x"}); !errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("error = %v, want ErrNotFound", err)
		}
	}
	if n := len(srv.Requests()); n != 3 {
		t.Errorf("%d requests for 3 calls", n)
	}
}

func TestTheLimitOfTagsIsReported(t *testing.T) {
	t.Parallel()
	full := make([]nsxtest.Tag, 30)
	for i := range full {
		full[i].Tag = fmt.Sprint("tag-", i)
	}
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "web", ExternalID: vmID, Tags: full}}})
	err := connect(t, srv).VirtualMachines.AddTags(t.Context(), vmID, nsx.Tag{Tag: "q"})
	e, ok := errors.AsType[*nsx.APIError](err)
	if !ok || e.StatusCode != http.StatusBadRequest || e.Retryable() || !strings.Contains(err.Error(), "count exceeds the maximum allowed") {
		t.Errorf("error = %v, want a 400 with the cause that is beneath it", err)
	}
	if n := len(tagsOf(t, srv)); n != 30 {
		t.Errorf("%d tags, want the 30 that were there", n)
	}
}

func TestTagsAreSetThoughTheManagerStumbles(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault func(*nsxtest.Server)
	}{
		{"503 twice", func(s *nsxtest.Server) { s.FailNext(2, http.StatusServiceUnavailable) }},
		{"500 once", func(s *nsxtest.Server) { s.FailNext(1, http.StatusInternalServerError) }},
		{"429 with a pause", func(s *nsxtest.Server) { s.FailNext(1, http.StatusTooManyRequests) }},
		{"an action whose answer is lost", func(s *nsxtest.Server) {
			s.Inject(nil, 1, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(httpDiscard{}, r)
					panic(http.ErrAbortHandler)
				})
			})
		}},
		{"an action that acts and answers 400", func(s *nsxtest.Server) {
			s.Inject(nil, 1, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(httpDiscard{}, r)
					w.WriteHeader(http.StatusBadRequest)
				})
			})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := tagged(nsxtest.Switches{})
				client := connect(t, srv)
				tc.fault(srv)
				if err := client.VirtualMachines.AddTags(t.Context(), vmID, nsx.Tag{Scope: "q", Tag: "x"}); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff([]string{"alone|", "owner|finance", "q|x"}, tagsOf(t, srv)); diff != "" {
					t.Errorf("tags (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// httpDiscard is where an answer goes that nobody gets.
type httpDiscard struct{}

func (httpDiscard) Header() http.Header         { return http.Header{} }
func (httpDiscard) Write(p []byte) (int, error) { return len(p), nil }
func (httpDiscard) WriteHeader(int)             {}

func TestAPageIsNoProofOfATag(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		answer canned
		good   bool
	}{
		{canned{status: http.StatusNoContent}, true},
		{ok(""), true},
		{ok("{}"), true},
		{ok("<html>Please log in</html>"), false},
		{canned{status: http.StatusFound, header: http.Header{"Location": {"https://sso.example/?from=nsx"}}}, false},
	} {
		client, _ := scripted(t, tc.answer)
		if err := client.VirtualMachines.AddTags(t.Context(), vmID, nsx.Tag{Tag: "x"}); (err == nil) != tc.good {
			t.Errorf("%d %q: %v", tc.answer.status, tc.answer.body, err)
		}
	}
}

func TestParseTag(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want nsx.Tag
		text string
	}{
		{"CB-NSX-Quarantine", nsx.Tag{Tag: "CB-NSX-Quarantine"}, "CB-NSX-Quarantine"},
		{" quarantine | malicious-file ", nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}, "quarantine|malicious-file"},
		{"|x", nsx.Tag{Tag: "x"}, "x"},
		{"scope|", nsx.Tag{Scope: "scope"}, "scope|"},
		{"a b|c d", nsx.Tag{Scope: "a b", Tag: "c d"}, "a b|c d"},
	} {
		got, err := nsx.ParseTag(tc.in)
		if err != nil || got != tc.want || got.String() != tc.text {
			t.Errorf("ParseTag(%q) = %+v (%s), %v; want %+v (%s)", tc.in, got, got, err, tc.want, tc.text)
		}
	}
	for _, in := range []string{"", " ", "|", " | ", "a|b|c", "||", strings.Repeat("s", 129) + "|x", strings.Repeat("t", 257), "\xff"} {
		if got, err := nsx.ParseTag(in); err == nil {
			t.Errorf("ParseTag(%q) = %+v, want an error", in, got)
		} else if len(err.Error()) > 200 {
			t.Errorf("ParseTag(%q): the error has %d bytes", in, len(err.Error()))
		}
	}
}

// A value with a bar in it must not be read as a scope and another value.
func TestATagWithABarIsNotReadAsAnother(t *testing.T) {
	t.Parallel()
	for _, tag := range []nsx.Tag{{Tag: "a|b"}, {Tag: "|b"}, {Scope: "a", Tag: "b|c"}} {
		if got, err := nsx.ParseTag(tag.String()); err == nil && got != tag {
			t.Errorf("%+v is %q, which ParseTag reads as %+v", tag, tag.String(), got)
		}
	}
}

func FuzzParseTag(f *testing.F) {
	for _, seed := range []string{"a", "a|b", "|b", "a|", "|", "a|b|c", " a | b ", "\xff|"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		tag, err := nsx.ParseTag(in)
		if err != nil {
			return
		}
		if again, err := nsx.ParseTag(tag.String()); err != nil || again != tag {
			t.Errorf("ParseTag(%q) = %+v, and of its text %+v, %v", in, tag, again, err)
		}
	})
}

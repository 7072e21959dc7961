package nsx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const (
	opPutOperation    = "PUT /policy/api/v1/infra/tags/tag-operations/{operation-id}"
	opGetOperation    = "GET /policy/api/v1/infra/tags/tag-operations/{operation-id}"
	opOperationStatus = "GET /policy/api/v1/infra/tags/tag-operations/{operation-id}/status"
)

var quarantine = nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}

// sample is a file of testdata.
func sample(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAJobTagsManyMachines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{VMs: append(nsxtest.Many(2500), nsxtest.VM{Name: "db", ExternalID: "vm-db", Tags: []nsxtest.Tag{{Scope: "quarantine", Tag: "malicious-file"}, {Tag: "other"}}})})
		client := connect(t, srv)
		var all []nsx.ExternalID
		for vm, err := range client.VirtualMachines.List(t.Context(), nsx.VMQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			if vm.ExternalID != "vm-db" {
				all = append(all, vm.ExternalID)
			}
		}
		all = append(all, nsx.ExternalID(strings.ToUpper(string(all[0])))) // the same machine once more
		job, err := client.Policy.Tags.Start(t.Context(), nsx.TagOperation{Tag: quarantine, AddTo: all, RemoveFrom: []nsx.ExternalID{"vm-db"}})
		if err != nil || len(job.IDs()) != 3 || sent(srv, opPutOperation) != 3 {
			t.Fatalf("Start = %v, %v with %d requests; want three operations", job.IDs(), err, sent(srv, opPutOperation))
		}
		form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
		for i, id := range job.IDs() {
			if !form.MatchString(string(id)) || i > 0 && id == job.IDs()[0] {
				t.Errorf("the operation %s has no id of its own", id)
			}
		}
		states, err := job.Status(t.Context())
		if err != nil || len(states) != 3 || states[0].State != nsx.OperationPending || states[0].State.Final() || states[0].Tag != quarantine {
			t.Errorf("Status = %+v, %v; want nothing done yet", states, err)
		}
		if vm, _ := srv.VM("vm-db"); len(vm.Tags) != 2 {
			t.Errorf("tags of the other machine before = %v", vm.Tags)
		}

		results, err := client.Policy.Tags.Job(job.IDs()...).Wait(t.Context()) // as another process would
		if err != nil || len(results) != 2501 {
			t.Errorf("Wait = %d results, %v; want 2501", len(results), err)
		}
		removed := 0
		for _, r := range results {
			if !r.Done || r.Name == "" {
				t.Errorf("result %+v", r)
			}
			if r.Removed {
				removed++
			}
		}
		vm, _ := srv.VM("vm-db")
		first, _ := srv.VM(string(all[0]))
		if diff := cmp.Diff([]nsxtest.Tag{{Tag: "other"}}, vm.Tags); diff != "" || removed != 1 || len(first.Tags) != 1 {
			t.Errorf("%d removed, tags of another %v; the others' (-want +got):\n%s", removed, first.Tags, diff)
		}
	})
}

func TestMachinesOfAJobThatFail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a"}}})
		client := connect(t, srv)
		job, err := client.Policy.Tags.Start(t.Context(), nsx.TagOperation{Tag: quarantine, AddTo: []nsx.ExternalID{"vm-a", "vm-gone"}, RemoveFrom: []nsx.ExternalID{"vm-lost"}})
		if err != nil {
			t.Fatal(err)
		}
		results, err := job.Wait(t.Context())
		got := make(map[nsx.ExternalID]bool)
		for _, r := range results {
			got[r.VM] = r.Done
		}
		if diff := cmp.Diff(map[nsx.ExternalID]bool{"vm-a": true, "vm-gone": false, "vm-lost": false}, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		for _, want := range []string{`nsx: tags.wait: tagging the virtual machine "vm-gone": The requested object`, `nsx: tags.wait: untagging the virtual machine "vm-lost": The requested object`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want one that says %q", err, want)
			}
		}
		failure, ok := errors.AsType[*nsx.TagResultError](err)
		if !ok || failure.Operation != job.IDs()[0] || failure.Result.Done {
			t.Errorf("error = %v, want a TagResultError", err)
		}
	})
}

func TestStatusesOfJobs(t *testing.T) {
	t.Parallel()
	operation := ok(`{"tag":{"tag":"x"},"apply_to":[{"resource_type":"VirtualMachine","resource_ids":["vm-a","vm-b","vm-c","vm-e"]}],"remove_from":[{"resource_ids":["vm-d"]}]}`)
	const silent = "the operation failed, and the manager does not say what became of this one"
	for _, tc := range []struct {
		name    string
		answers []canned
		want    []nsx.TagResult
		errs    []string
	}{
		{
			"some failed, and one is not spoken of",
			[]canned{ok(sample(t, "tag_status_partial.json")), operation},
			[]nsx.TagResult{
				{VM: "vm-a", Name: "web", Done: true},
				{VM: "vm-b", Details: "tags, field 31 count exceeds\nthe maximum allowed"},
				{VM: "vm-c"},
				{VM: "vm-d", Name: "db", Removed: true, Done: true},
				{VM: "vm-e", Details: silent},
			},
			[]string{
				`nsx: tags.wait: tagging the virtual machine "vm-b": tags, field 31 count exceeds the maximum allowed`,
				`nsx: tags.wait: tagging the virtual machine "vm-c": the manager does not say why it failed`,
				`nsx: tags.wait: tagging the virtual machine "vm-e": ` + silent,
			},
		},
		{
			"a success that names nobody",
			[]canned{ok(`{"status":"Success","tag":{"tag":"x"}}`), operation},
			[]nsx.TagResult{{VM: "vm-a", Done: true}, {VM: "vm-b", Done: true}, {VM: "vm-c", Done: true}, {VM: "vm-e", Done: true}, {VM: "vm-d", Removed: true, Done: true}},
			nil,
		},
		{
			"a success of which one failed",
			[]canned{ok(`{"status":"Success","apply_to":[{"resource_tag_status":[{"resource_id":"vm-a"},{"resource_id":"vm-b","tag_status":"Error"}]}]}`), {status: http.StatusNotFound}},
			[]nsx.TagResult{{VM: "vm-a", Done: true}, {VM: "vm-b"}},
			[]string{`nsx: tags.wait: tagging the virtual machine "vm-b": the manager does not say why it failed`},
		},
		{
			"a failure of which none failed",
			[]canned{ok(`{"status":"Error","apply_to":[{"resource_tag_status":[{"resource_id":"vm-a","tag_status":"Success"}]}]}`), ok(`{"tag":{"tag":"x"},"apply_to":[{"resource_ids":["vm-a"]}]}`)},
			[]nsx.TagResult{{VM: "vm-a", Done: true}},
			[]string{"nsx: tags.wait: operation op-1 failed, though no virtual machine of it did"},
		},
		{
			"a failure that cannot be looked into",
			[]canned{ok(`{"status":"Error"}`), {status: http.StatusNotFound}},
			nil,
			[]string{"nsx: tags.wait: operation op-1 failed, and what it was to do cannot be read: tags.wait: 404 Not Found"},
		},
		{"none", []canned{{status: http.StatusNotFound, body: `{"error_code":600}`}}, nil, []string{"nsx: tags.wait: operation op-1: tags.wait: 404 Not Found (code 600)"}},
		{"no status", []canned{ok(`{}`)}, nil, []string{"nsx: tags.wait: operation op-1: tags.wait: 200 OK: not the documented answer: it does not say how far the operation is"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			client, _ := scripted(t, tc.answers...)
			got, err := client.Policy.Tags.Job("op-1").Wait(t.Context())
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(strings.Join(tc.errs, "\n"), text); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWaitingForAJobEndsWithTheContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a"}}, BulkStep: time.Hour})
		job, err := connect(t, srv).Policy.Tags.Start(t.Context(), nsx.TagOperation{Tag: quarantine, AddTo: []nsx.ExternalID{"vm-a"}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err = job.Wait(ctx)
		unfinished, ok := errors.AsType[*nsx.UnfinishedError](err)
		if !ok || !errors.Is(err, context.DeadlineExceeded) || !cmp.Equal(unfinished.Operations, job.IDs()) || unfinished.All != 1 {
			t.Errorf("error = %v, want an UnfinishedError", err)
		}
		if n := sent(srv, opOperationStatus); n < 30 || n > 100 {
			t.Errorf("asked %d times in ten minutes, want growing pauses up to 15 s or so", n)
		}
		// It goes on.
		if results, err := job.Wait(t.Context()); err != nil || len(results) != 1 || !results[0].Done {
			t.Errorf("Wait = %+v, %v", results, err)
		}
	})
}

func TestAnOperationWhoseAnswerWasLostIsNotAConflict(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status int // of the second putting; zero leaves it to the fake
		body   string
	}{{"412", 0, ""}, {"400", http.StatusBadRequest, `{"error_code":500127}`}} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a"}}})
				puts := 0
				srv.Inject(func(r *http.Request) bool { return r.Method == http.MethodPut }, 2, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if puts++; puts == 1 {
							next.ServeHTTP(httpDiscard{}, r)
							panic(http.ErrAbortHandler)
						}
						if tc.status == 0 {
							next.ServeHTTP(w, r)
							return
						}
						w.WriteHeader(tc.status)
						fmt.Fprint(w, tc.body)
					})
				})
				job, err := connect(t, srv).Policy.Tags.Start(t.Context(), nsx.TagOperation{Tag: quarantine, AddTo: []nsx.ExternalID{"vm-a"}})
				if err != nil || puts != 2 || sent(srv, opGetOperation) != 1 {
					t.Fatalf("Start: %v after %d puttings and %d looks", err, puts, sent(srv, opGetOperation))
				}
				if results, err := job.Wait(t.Context()); err != nil || len(results) != 1 {
					t.Errorf("Wait = %+v, %v", results, err)
				}
			})
		})
	}
	t.Run("somebody else's operation", func(t *testing.T) {
		t.Parallel()
		client, _ := scripted(t, canned{status: http.StatusConflict}, ok(`{"tag":{"tag":"theirs"}}`))
		job, err := client.Policy.Tags.Start(t.Context(), nsx.TagOperation{Tag: quarantine, AddTo: []nsx.ExternalID{"vm-a"}})
		if !errors.Is(err, nsx.ErrConflict) || len(job.IDs()) != 0 {
			t.Errorf("Start = %v, %v; want ErrConflict", job.IDs(), err)
		}
	})
}

func TestAJobThatIsAcceptedInPart(t *testing.T) {
	t.Parallel()
	ids := make([]nsx.ExternalID, 2100)
	for i := range ids {
		ids[i] = nsx.ExternalID(fmt.Sprint("vm-", i))
	}
	client, s := scripted(t, ok(`{"tag":{"tag":"x"}}`), canned{status: http.StatusForbidden, body: `{"error_code":289}`})
	job, err := client.Policy.Tags.Start(t.Context(), nsx.TagOperation{Tag: nsx.Tag{Tag: "x"}, RemoveFrom: ids})
	const want = "nsx: tags.start: 1 of 3 operations were accepted, 1100 virtual machines are left: tags.start: 403 Forbidden (code 289)"
	if err == nil || err.Error() != want || !errors.Is(err, nsx.ErrForbidden) || len(job.IDs()) != 1 || len(s.urls) != 2 {
		t.Errorf("Start = %v, %v after %d requests; want one operation and %s", job.IDs(), err, len(s.urls), want)
	}
	var body struct {
		Tag    map[string]string `json:"tag"`
		Remove []struct {
			Type string   `json:"resource_type"`
			IDs  []string `json:"resource_ids"`
		} `json:"remove_from"`
		Add any `json:"apply_to"`
	}
	if err := json.Unmarshal([]byte(s.body[0]), &body); err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(body.Tag, map[string]string{"scope": "", "tag": "x"}) || len(body.Remove) != 1 || body.Remove[0].Type != "VirtualMachine" || len(body.Remove[0].IDs) != 1000 || body.Add != nil {
		t.Errorf("the body = %.200s", s.body[0])
	}
}

func TestOperationsAreCheckedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	client, s := scripted(t, ok(`{}`))
	for _, o := range []nsx.TagOperation{
		{},
		{Tag: quarantine},
		{AddTo: []nsx.ExternalID{"vm-a"}},
		{Tag: quarantine, AddTo: []nsx.ExternalID{""}},
		{Tag: quarantine, AddTo: []nsx.ExternalID{"vm-a"}, RemoveFrom: []nsx.ExternalID{"VM-A"}},
	} {
		if job, err := client.Policy.Tags.Start(t.Context(), o); err == nil || job != nil || !strings.HasPrefix(err.Error(), "nsx: tags.start: ") {
			t.Errorf("Start(%+v) = %v, %v", o, job, err)
		}
	}
	if len(s.urls) != 0 {
		t.Errorf("sent %v, want nothing", s.urls)
	}
	if results, err := client.Policy.Tags.Job().Wait(t.Context()); results != nil || err != nil || len(s.urls) != 0 {
		t.Errorf("a job of nothing = %v, %v", results, err)
	}
}

func FuzzTagStatus(f *testing.F) {
	f.Add(sample(f, "tag_status_partial.json"))
	for _, seed := range []string{`{"status":"Success"}`, `{"status":"Error","apply_to":null}`, `{"status":1}`, `{"status":"Success","apply_to":[{"resource_tag_status":[{"resource_id":"a","tag_status":"Odd"}]}]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		client, _ := scripted(t, ok(body))
		states, err := client.Policy.Tags.Job("op-1").Status(t.Context())
		if err == nil && (len(states) != 1 || states[0].State == "") {
			t.Errorf("%q: %+v", body, states)
		}
		for _, s := range states {
			for _, r := range s.Results {
				if r.VM == "" || r.Done && s.State != nsx.OperationSuccess && !strings.Contains(body, "Success") {
					t.Errorf("%q: result %+v", body, r)
				}
			}
		}
	})
}

func TestTagsInUse(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{
		{Name: "a", ExternalID: "vm-a", Tags: []nsxtest.Tag{{Scope: "quarantine", Tag: "malicious-file"}, {Tag: "R&D [1] + #2"}}},
		{Name: "b", ExternalID: "vm-b", Tags: []nsxtest.Tag{{Scope: "quarantine", Tag: "malicious-file"}, {Scope: "alone"}}},
	}})
	tags := connect(t, srv).Policy.Tags
	for _, tc := range []struct {
		q    nsx.TagQuery
		want []string
	}{
		{nsx.TagQuery{PageSize: 1}, []string{"1 R&D [1] + #2", "1 alone|", "2 quarantine|malicious-file"}},
		{nsx.TagQuery{Scope: "quar*"}, []string{"2 quarantine|malicious-file"}},
		{nsx.TagQuery{Tag: "*file"}, []string{"2 quarantine|malicious-file"}},
		{nsx.TagQuery{Tag: "*[1] +*"}, []string{"1 R&D [1] + #2"}},
		{nsx.TagQuery{Scope: "quarantine", Tag: "malicious"}, nil},
	} {
		var got []string
		for use, err := range tags.List(t.Context(), tc.q) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(use.Objects, " ", use.Tag))
		}
		if diff := cmp.Diff(tc.want, sorted(got)); diff != "" {
			t.Errorf("List(%+v) (-want +got):\n%s", tc.q, diff)
		}
	}
	for _, tc := range []struct {
		tag  nsx.Tag
		want []nsx.TaggedObject
	}{
		{quarantine, []nsx.TaggedObject{{Type: "VirtualMachine", Name: "a", ID: "vm-a"}, {Type: "VirtualMachine", Name: "b", ID: "vm-b"}}},
		{nsx.Tag{Tag: "R&D [1] + #2"}, []nsx.TaggedObject{{Type: "VirtualMachine", Name: "a", ID: "vm-a"}}},
		{nsx.Tag{Tag: "nobody's"}, nil},
	} {
		var got []nsx.TaggedObject
		for o, err := range tags.Carriers(t.Context(), tc.tag) {
			if err != nil {
				t.Fatal(err)
			}
			if id, isVM := o.VM(); !isVM || string(id) != o.ID {
				t.Errorf("VM() of %+v = %v, %v", o, id, isVM)
			}
			got = append(got, o)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("Carriers(%v) (-want +got):\n%s", tc.tag, diff)
		}
	}
	client, s := scripted(t, ok(`{"results":[{"target_type":"Segment","target_display_name":"s","path":"/infra/segments/s","target_id":null}],"result_count":1}`))
	for o, err := range client.Policy.Tags.Carriers(t.Context(), nsx.Tag{Tag: "x"}) {
		if _, isVM := o.VM(); err != nil || isVM || o.Path.ID() != "s" {
			t.Errorf("a segment = %+v, %v", o, err)
		}
	}
	if want := "/policy/api/v1/infra/tags/effective-resources?scope=&tag=x"; s.urls[0] != want {
		t.Errorf("asked %s, want %s", s.urls[0], want)
	}
	for _, err := range client.Policy.Tags.Carriers(t.Context(), nsx.Tag{}) {
		if err == nil || len(s.urls) != 1 {
			t.Errorf("the carriers of no tag: %v", err)
		}
	}
}

package lab_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

const (
	policies = "/policyservice/v1/orgs/" + cbctest.OrgKey + "/policies/summary"
	actions  = "/appservices/v6/orgs/" + cbctest.OrgKey + "/device_actions"
)

// ask sends a request with the credentials of all three services.
func ask(t *testing.T, h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	sign(r)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func sign(r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/v2/"):
		r.SetBasicAuth(proofpointtest.Principal, proofpointtest.Secret)
	case strings.HasPrefix(r.URL.Path, "/api/v1/"):
		r.SetBasicAuth(nsxtest.Username, nsxtest.Password)
	default:
		r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
	}
}

// decode reads an answer.
func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	return v
}

func TestOnePortForAll(t *testing.T) {
	t.Parallel()
	w, now := lab.Company(noon()), noon()
	clock := func() time.Time { now = now.Add(time.Microsecond); return now }
	w.TAP.Now, w.CBC.Now, w.NSX.Now = clock, clock, clock
	l := lab.New(w)
	calls := []struct {
		service, method, path, query, body string
		status                             int
	}{
		{"tap", "GET", "/v2/siem/messages/delivered", "format=json&sinceSeconds=3600", "", 200},
		{"cbc", "GET", policies, "", "", 200},
		{"nsx", "GET", "/api/v1/fabric/virtual-machines", "", "", 200},
		{"cbc", "POST", actions, "", `{"action_type":"QUARANTINE","device_id":[4571601],"options":{"toggle":"ON"}}`, 204},
		{"cbc", "GET", "/nowhere", "", "", 501},
	}
	for _, c := range calls {
		if w := ask(t, l, c.method, c.path+"?"+c.query, c.body); w.Code != c.status {
			t.Errorf("%s %s = %d %s, want %d", c.method, c.path, w.Code, w.Body, c.status)
		}
	}
	answer := decode[struct{ Requests []lab.Request }](t, ask(t, l, "GET", "/_lab/requests", ""))
	var want, got [][]string
	for _, c := range calls {
		want = append(want, []string{c.service, c.method, c.path, c.query, c.body, http.StatusText(c.status)})
	}
	for _, r := range answer.Requests {
		got = append(got, []string{r.Service, r.Method, r.Path, r.Query, r.Body, http.StatusText(r.Status)})
		if r.Time.IsZero() || (r.Operation == "") != (r.Path == "/nowhere") {
			t.Errorf("the entry lacks its time or its operation: %+v", r)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the journal (-want +got):\n%s", diff)
	}
}

func TestJournalKeepsNoCredentials(t *testing.T) {
	t.Parallel()
	l := lab.New(lab.Company(time.Now()))
	for _, target := range []string{"/v2/siem/all?format=json&sinceSeconds=3600", policies, "/api/v1/fabric/virtual-machines", "/api/v1/nowhere"} {
		ask(t, l, "GET", target, "")
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/session/create", strings.NewReader("j_username=a&j_password=hunter2"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	l.ServeHTTP(httptest.NewRecorder(), r)
	journal := ask(t, l, "GET", "/_lab/requests", "").Body.String()
	if n := strings.Count(journal, `"service"`); n != 5 {
		t.Errorf("the journal has %d entries, want 5:\n%s", n, journal)
	}
	for _, secret := range []string{"Basic ", proofpointtest.Secret, cbctest.KeySecret, nsxtest.Password, "hunter2"} {
		if strings.Contains(journal, secret) {
			t.Errorf("the journal has %q:\n%s", secret, journal)
		}
	}
}

func TestStateFollows(t *testing.T) {
	t.Parallel()
	l := lab.New(lab.Company(time.Now()))
	isolated := func() []int64 {
		var ids []int64
		type device struct {
			ID          int64 `json:"id"`
			Quarantined bool  `json:"quarantined"`
		}
		state := decode[struct {
			TAP, NSX json.RawMessage
			CBC      struct{ Devices []device }
		}](t, ask(t, l, "GET", "/_lab/state", ""))
		if len(state.TAP) == 0 || len(state.NSX) == 0 {
			t.Errorf("the state lacks a service")
		}
		for _, d := range state.CBC.Devices {
			if d.Quarantined {
				ids = append(ids, d.ID)
			}
		}
		return ids
	}
	before := isolated()
	ask(t, l, "POST", actions, `{"action_type":"QUARANTINE","device_id":[4571601],"options":{"toggle":"ON"}}`)
	if diff := cmp.Diff([][]int64{{4571604}, {4571601, 4571604}}, [][]int64{before, isolated()}); diff != "" {
		t.Errorf("the isolated devices before and after (-want +got):\n%s", diff)
	}
}

func TestUnknownLabPath(t *testing.T) {
	t.Parallel()
	l := lab.New(lab.World{})
	for _, c := range []string{"GET /_lab/", "POST /_lab/state", "GET /_lab/faults", "PUT /_lab/faults", "GET /_lab/requests/1"} {
		method, path, _ := strings.Cut(c, " ")
		if w := ask(t, l, method, path, ""); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "DELETE /_lab/faults") {
			t.Errorf("%s = %d %s, want 404 and what there is", c, w.Code, w.Body)
		}
	}
	if n := len(l.Requests()); n != 0 {
		t.Errorf("the lab's own calls are in the journal: %d", n)
	}
}

// The script that pphunt replaces reads the results at once and takes 0 of 0 for all there is to say.
func TestSearchNeverSaysNothingOfNothing(t *testing.T) {
	t.Parallel()
	w := lab.Company(noon())
	now := noon()
	w.CBC.Now = func() time.Time { now = now.Add(time.Microsecond); return now }
	l := lab.New(w)
	const jobs = "/api/investigate/v2/orgs/" + cbctest.OrgKey + "/processes/search_jobs"
	job := decode[struct {
		ID string `json:"job_id"`
	}](t, ask(t, l, "POST", jobs, `{"query":"process_name:outlook.exe","rows":5000,"time_range":{"window":"-2w"}}`))
	got := decode[struct{ Contacted, Completed int }](t, ask(t, l, "GET", jobs+"/"+job.ID+"/results?start=0&rows=500", ""))
	if got.Contacted == 0 || got.Completed >= got.Contacted {
		t.Errorf("a search that has just begun says %d of %d", got.Completed, got.Contacted)
	}
	now = now.Add(time.Second)
	got = decode[struct{ Contacted, Completed int }](t, ask(t, l, "GET", jobs+"/"+job.ID+"/results?start=0&rows=500", ""))
	if got.Contacted == 0 || got.Completed != got.Contacted {
		t.Errorf("a search says %d of %d after a second", got.Completed, got.Contacted)
	}
}

// text reads an answer's body.
func text(t *testing.T, r *http.Response) (string, error) {
	t.Helper()
	defer func() { _ = r.Body.Close() }()
	data, err := io.ReadAll(r.Body)
	return string(data), err
}

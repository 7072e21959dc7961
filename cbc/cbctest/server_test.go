package cbctest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// The paths of the platform's services.
const (
	searchJobs = "/api/investigate/v2/orgs/" + cbctest.OrgKey + "/processes/search_jobs"
	oldJobs    = "/api/investigate/v1/orgs/" + cbctest.OrgKey + "/processes/search_jobs"
	devices    = "/appservices/v6/orgs/" + cbctest.OrgKey + "/devices"
	actions    = "/appservices/v6/orgs/" + cbctest.OrgKey + "/device_actions"
	policies   = "/policyservice/v1/orgs/" + cbctest.OrgKey + "/policies"
	overrides  = "/appservices/v6/orgs/" + cbctest.OrgKey + "/reputations/overrides"
)

func TestAuthentication(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		token  string
		status int
		reason string
	}{
		"secret and id":            {cbctest.KeySecret + "/" + cbctest.KeyID, 200, ""},
		"no token":                 {"", 401, "missing"},
		"no slash":                 {cbctest.KeySecret, 401, "form"},
		"id and secret":            {cbctest.KeyID + "/" + cbctest.KeySecret, 401, "reversed"},
		"the org key as the id":    {cbctest.KeySecret + "/" + cbctest.OrgKey, 401, "no key"},
		"the secret as the id":     {"x/" + cbctest.KeySecret, 401, "no key"},
		"another secret":           {"x/" + cbctest.KeyID, 401, "no key"},
		"white space is no detail": {cbctest.KeySecret + "/ " + cbctest.KeyID, 401, "no key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConsole(t, cbctest.World{})
			c.token = tt.token
			body := string(c.raw("GET", policies+"/summary", "", tt.status))
			if !strings.Contains(body, tt.reason) {
				t.Errorf("reason = %s, want one with %q", body, tt.reason)
			}
			if strings.Contains(body, cbctest.KeySecret) {
				t.Errorf("the answer repeats the secret: %s", body)
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	world := cbctest.World{
		Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		Keys: []cbctest.Key{
			{ID: "ALL", Secret: "S"},
			{ID: "NONE", Secret: "S", Permissions: []string{}},
			{ID: "READER", Secret: "S", Permissions: []string{"device:READ", "org.search.events:READ"}},
			{ID: "GUARD", Secret: "S", Permissions: []string{"device.quarantine:EXECUTE"}},
		},
	}
	const quarantine = `{"action_type":"QUARANTINE","device_id":[7],"options":{"toggle":"ON"}}`
	const move = `{"action_type":"UPDATE_POLICY","device_id":[7],"options":{"policy_id":88231}}`
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
	}{
		{"ALL", "GET", devices + "/7", "", 200},
		{"NONE", "GET", devices + "/7", "", 403},
		{"NONE", "GET", policies + "/summary", "", 403},
		{"READER", "GET", devices + "/7", "", 200},
		{"READER", "POST", searchJobs, `{"query":"process_name:a.exe"}`, 403},
		{"READER", "POST", actions, quarantine, 403},
		{"GUARD", "POST", actions, quarantine, 204},
		{"GUARD", "POST", actions, move, 403},
		{"GUARD", "POST", overrides + "/_search", `{}`, 403},
	} {
		c := newConsole(t, world)
		c.token = "S/" + tt.key
		c.raw(tt.method, tt.path, tt.body, tt.status)
	}
}

func TestBareRefusals(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{
		Keys: []cbctest.Key{{ID: "NONE", Secret: "S", Permissions: []string{}}}, Switches: cbctest.Switches{BareRefusals: true},
	})
	c.token = "S/NONE"
	if body := c.raw("GET", policies+"/summary", "", 403); len(body) > 0 {
		t.Errorf("403 with the body %s, want none", body)
	}
	c.token = "S/OTHER"
	if body := c.raw("GET", policies+"/summary", "", 401); len(body) > 0 {
		t.Errorf("401 with the body %s, want none", body)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{})
	got := c.call("GET", "/appservices/v6/orgs/OTHERORG/devices/7", "", 404)
	if got["error_code"] != "NOT_FOUND" || got["resource_type"] != "org" {
		t.Errorf("wrong org = %v", got)
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		reason             string
	}{
		{"GET", "/appservices/v6/orgs/" + cbctest.OrgKey + "/nothing", "", 501, "no route"},
		{"GET", policies, "", 405, "only POST"},
		{"PATCH", policies + "/summary", "", 405, "does not take PATCH"},
		{"GET", policies + "/summary?name=x", "", 400, `\"name\" is not known`},
		{"GET", devices + "/7?verbose=1", "", 400, "verbose"},
		{"POST", devices + "/_search", `{"rows":1,"criterion":{}}`, 400, "criterion"},
		{"POST", devices + "/_search", `{"criteria":{"name":["x"]}}`, 400, "criteria.name"},
		{"POST", devices + "/_search", `{"rows":1} {}`, 400, "after"},
		{"POST", devices + "/_search", `{`, 400, "MALFORMED_JSON"},
		{"POST", devices + "/_search", "", 400, "application/json"},
		{"GET", "/integrationServices/v3/policy", "", 410, "deactivated"},
		{"GET", oldJobs + "/x", "", 410, "deactivated"},
	} {
		if body := string(c.raw(tt.method, tt.path, tt.body, tt.status)); !strings.Contains(body, tt.reason) {
			t.Errorf("%s %s: %s, want a reason with %q", tt.method, tt.path, body, tt.reason)
		}
	}
}

func TestRetiredRouteAsksForNoKey(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Switches: cbctest.Switches{RetiredStatus: 404}})
	c.token = "a key of/the old kind"
	c.raw("GET", "/integrationServices/v3/policy", "", 404)
}

func TestOwns(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{})
	for _, op := range srv.Operations() {
		_, path, _ := strings.Cut(op, " ")
		if !srv.Owns(path) {
			t.Errorf("Owns(%q) = false, but it is served", path)
		}
	}
	for _, path := range []string{"/", "/v2/siem/all", "/api/v1/fabric/virtual-machines", "/_lab/state"} {
		if srv.Owns(path) {
			t.Errorf("Owns(%q) = true", path)
		}
	}
}

func TestFaultsAndJournal(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}})
	c.srv.FailNext(1, http.StatusTooManyRequests)
	res := c.do("GET", devices+"/7", "")
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "60" {
		t.Errorf("FailNext(1, 429) = %d with Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	isGet := func(r *http.Request) bool { return r.Method == http.MethodGet }
	c.srv.Inject(isGet, 1, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	})
	c.raw("POST", devices+"/_search", `{}`, 200)
	c.raw("GET", devices+"/7", "", 418)
	c.raw("GET", devices+"/7", "", 200)

	journal := c.srv.Requests()
	if len(journal) != 4 {
		t.Fatalf("Requests() has %d entries, want 4", len(journal))
	}
	const op = "GET /appservices/v6/orgs/{org_key}/devices/{device_id}"
	if got := journal[2]; got.Operation != op || got.Status != 418 || got.Path != devices+"/7" || !got.Time.Equal(noon) {
		t.Errorf("Requests()[2] = %+v", got)
	}
	if string(journal[1].Body) != `{}` {
		t.Errorf("Requests()[1].Body = %s", journal[1].Body)
	}
	for _, r := range journal {
		if len(r.Header["X-Auth-Token"]) > 0 {
			t.Error("the journal keeps the token")
		}
	}
}

func TestClientReachesNoOtherHost(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://elsewhere.invalid/", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if res, err := srv.Client().Do(r); err == nil {
		t.Errorf("a request to another host = %v, want an error", res.Status)
	}
}

// A caller that reads slowly must not keep the server from anybody else.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}}
	for range 300 {
		world.Processes = append(world.Processes, cbctest.Process{DeviceID: 7, Name: "a.exe", PIDs: []int64{1}})
	}
	c := newConsole(t, world)
	id := c.start(`{"query":"process_name:a.exe"}`)
	c.wait(finished)
	res := c.do("GET", searchJobs+"/"+id+"/results?rows=500", "")
	if _, ok := c.srv.Device(7); !ok {
		t.Error("Device(7) is not there")
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
}

// The same over a real socket with TLS.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}})
	ts := httptest.NewTLSServer(srv)
	defer ts.Close()
	send := func(method, path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, ts.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
		r.Header.Set("Content-Type", "application/json")
		res, err := ts.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var text bytes.Buffer
		if _, err := text.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, text.String()
	}
	status, body := send("POST", actions, `{"action_type":"QUARANTINE","device_id":[7],"options":{"toggle":"ON"}}`)
	if status != http.StatusNoContent || body != "" {
		t.Errorf("quarantine over TLS = %d %q, want 204 and no body", status, body)
	}
	if status, body = send("GET", devices+"/7", ""); status != 200 || !strings.Contains(body, `"quarantined":true`) {
		t.Errorf("device over TLS = %d %s", status, body)
	}
}

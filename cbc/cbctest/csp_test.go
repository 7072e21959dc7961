package cbctest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// The two addresses of the sign-in.
const (
	cspApp   = "/csp/gateway/am/api/auth/token"
	cspToken = "/csp/gateway/am/api/auth/api-tokens/authorize"
)

// managed is an organization that VMware Cloud Services manages.
func managed() cbctest.World {
	return cbctest.World{
		Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		CSP: &cbctest.CSP{
			Apps:     []cbctest.CSPApp{{ID: "app", Secret: "s3cret"}, {ID: "blind", Secret: "s", Permissions: []string{}}},
			Tokens:   []cbctest.CSPToken{{Token: "t0ken", User: "pat@corp.example", Permissions: []string{"device:READ", "jobs.status:READ"}}},
			Lifetime: time.Minute, Only: true,
		},
	}
}

// send sends one request with headers of its own and returns the answer.
func (c *console) send(method, path, body string, header http.Header) (status int, answer map[string]any) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, cbctest.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header = header
	res, err := c.srv.Client().Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	decodeJSON(c.t, res.Body, &answer)
	return res.StatusCode, answer
}

// basic is the header of an app that signs in.
func basic(id, secret string) http.Header {
	r := http.Request{Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
	r.SetBasicAuth(id, secret)
	return r.Header
}

// signedIn is the header of a caller that signed in.
func signedIn(answer map[string]any) http.Header {
	token, _ := answer["access_token"].(string)
	return http.Header{"Authorization": {"Bearer " + token}}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	c := newConsole(t, managed())
	status, answer := c.send("POST", cspApp, "grant_type=client_credentials", basic("app", "s3cret"))
	if status != 200 || answer["expires_in"] != 60.0 {
		t.Fatalf("an app signs in = %d %v", status, answer)
	}
	app := signedIn(answer)
	if status, answer = c.send("POST", cspToken, "api_token=t0ken", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}); status != 200 {
		t.Fatalf("a token signs in = %d %v", status, answer)
	}
	user := signedIn(answer)
	if app.Get("Authorization") == user.Get("Authorization") {
		t.Error("two tokens are the same")
	}
	for name, header := range map[string]http.Header{"app": app, "user": user} {
		if status, answer := c.send("GET", devices+"/7", "", header); status != 200 || answer["name"] != "LAB-7" {
			t.Errorf("the %s reads a device = %d %v", name, status, answer)
		}
	}
	if status, _ := c.send("GET", policies+"/summary", "", app); status != 200 {
		t.Errorf("the app reads policies = %d", status)
	}
	if status, _ := c.send("GET", policies+"/summary", "", user); status != 403 {
		t.Errorf("the user reads policies = %d, want 403", status)
	}
	user.Set("Content-Type", "application/json")
	if status, answer := c.send("POST", devices+"/_export", `{"format":"CSV"}`, user); status != 200 || answer["connector_id"] != "pat@corp.example" {
		t.Errorf("the user's export = %d %v", status, answer)
	}
	c.wait(time.Minute)
	for name, header := range map[string]http.Header{"app": app, "user": user} {
		if status, answer := c.send("GET", devices+"/7", "", header); status != 401 {
			t.Errorf("the %s's token after a minute = %d %v", name, status, answer)
		}
	}
	_, answer = c.send("POST", cspApp, "grant_type=client_credentials", basic("app", "s3cret"))
	if status, _ := c.send("GET", devices+"/7", "", signedIn(answer)); status != 200 {
		t.Errorf("the app with a new token = %d", status)
	}
	for _, r := range c.srv.Requests() {
		if strings.HasPrefix(r.Path, "/csp/") && len(r.Body) > 0 {
			t.Errorf("the journal keeps what somebody signed in with: %s", r.Body)
		}
	}
}

func TestSignInRefused(t *testing.T) {
	t.Parallel()
	c := newConsole(t, managed())
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, tt := range []struct {
		path, body string
		header     http.Header
		status     int
	}{
		{cspApp, "grant_type=client_credentials", basic("app", "wrong"), 401},
		{cspApp, "grant_type=client_credentials", basic("s3cret", "app"), 401},
		{cspApp, "grant_type=client_credentials", form, 401},
		{cspApp, "grant_type=password", basic("app", "s3cret"), 400},
		{cspApp, "grant_type=client_credentials&scope=x", basic("app", "s3cret"), 400},
		{cspApp, "", basic("app", "s3cret"), 400},
		{cspApp + "?grant_type=client_credentials", "", basic("app", "s3cret"), 400},
		{cspToken, "api_token=wrong", form, 400},
		{cspToken, "refresh_token=t0ken", form, 400},
		{cspToken, `{"api_token":"t0ken"}`, http.Header{"Content-Type": {"application/json"}}, 400},
	} {
		if status, answer := c.send("POST", tt.path, tt.body, tt.header); status != tt.status {
			t.Errorf("POST %s %s = %d %v, want %d", tt.path, tt.body, status, answer, tt.status)
		}
	}
	key := cbctest.KeySecret + "/" + cbctest.KeyID
	for name, header := range map[string]http.Header{
		"a key":                      {"X-Auth-Token": {key}},
		"an unknown token":           {"Authorization": {"Bearer x"}},
		"a token of another kind":    {"Authorization": {"Basic x"}},
		"credentials of both kinds":  {"Authorization": {"Bearer x"}, "X-Auth-Token": {key}},
		"a token without its scheme": {"Authorization": {"x"}},
	} {
		if status, answer := c.send("GET", devices+"/7", "", header); status != 401 {
			t.Errorf("with %s = %d %v, want 401", name, status, answer)
		}
	}
}

// Without CSP, keys alone are known; with it, both are unless the world says otherwise.
func TestSignInOrKey(t *testing.T) {
	t.Parallel()
	world := managed()
	world.CSP.Only = false
	c := newConsole(t, world)
	c.raw("GET", devices+"/7", "", 200)
	_, answer := c.send("POST", cspApp, "grant_type=client_credentials", basic("blind", "s"))
	if status, _ := c.send("GET", devices+"/7", "", signedIn(answer)); status != 403 {
		t.Errorf("an app without permissions = %d, want 403", status)
	}
	world.CSP = nil
	c = newConsole(t, world)
	if status, _ := c.send("POST", cspApp, "grant_type=client_credentials", basic("app", "s3cret")); status != 401 {
		t.Errorf("without CSP = %d, want 401", status)
	}
}

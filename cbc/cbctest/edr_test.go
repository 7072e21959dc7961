package cbctest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// noon is when the worlds of these tests begin.
var noon = time.Date(2025, 2, 11, 12, 0, 0, 0, time.UTC)

// console is a fake with a clock of its own and somebody who calls it over plain HTTP.
type console struct {
	t     *testing.T
	srv   *cbctest.Server
	token string
	mu    sync.Mutex
	now   time.Time
}

// newConsole makes a fake of a world and stops its clock.
func newConsole(t *testing.T, world cbctest.World) *console {
	t.Helper()
	c := &console{t: t, token: cbctest.KeySecret + "/" + cbctest.KeyID, now: noon}
	world.Now = func() time.Time {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.now
	}
	c.srv = cbctest.New(world)
	return c
}

// wait moves the clock on.
func (c *console) wait(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// do sends one request. The path may leave out everything up to the organization's services.
func (c *console) do(method, path, body string) *http.Response {
	c.t.Helper()
	path = strings.NewReplacer(
		"LR/", "/appservices/v6/orgs/"+cbctest.OrgKey+"/liveresponse/",
		"FM/", "/threathunter/feedmgr/v2/orgs/"+cbctest.OrgKey+"/",
		"WM/", "/threathunter/watchlistmgr/v3/orgs/"+cbctest.OrgKey+"/",
	).Replace(path)
	r, err := http.NewRequestWithContext(c.t.Context(), method, cbctest.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", c.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	client := c.srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	c.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// call sends one request, checks the status and decodes the answer.
func (c *console) call(method, path, body string, status int) map[string]any {
	c.t.Helper()
	text := c.raw(method, path, body, status)
	if len(text) == 0 {
		return nil
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return out
}

// raw sends one request, checks the status and returns the answer's body.
func (c *console) raw(method, path, body string, status int) []byte {
	c.t.Helper()
	res := c.do(method, path, body)
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if res.StatusCode != status {
		c.t.Fatalf("%s %s = %d, want %d: %s", method, path, res.StatusCode, status, text)
	}
	if status == http.StatusNoContent && len(text) > 0 {
		c.t.Errorf("%s %s: 204 with the body %s", method, path, text)
	}
	return bytes.TrimSpace(text)
}

// decodeJSON reads one JSON value.
func decodeJSON(t *testing.T, from io.Reader, into any) {
	t.Helper()
	if err := json.NewDecoder(from).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// elapsed is how far the clock has moved.
func (c *console) elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.Sub(noon)
}

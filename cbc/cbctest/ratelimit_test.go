package cbctest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestRateLimit(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]string{
		"": "90", "seconds": "90", "date": "Tue, 11 Feb 2025 12:01:30 GMT", "none": "",
	} {
		c := newConsole(t, cbctest.World{Switches: cbctest.Switches{
			RateLimit: cbctest.RateLimit{Calls: 3, Per: 90 * time.Second, RetryAfter: form},
		}})
		for range 3 {
			c.raw("GET", policies+"/summary", "", 200)
		}
		res := c.do("GET", policies+"/summary", "")
		if got := res.Header.Get("Retry-After"); res.StatusCode != http.StatusTooManyRequests || got != want {
			t.Errorf("%q: the fourth call = %d, Retry-After %q, want 429 and %q", form, res.StatusCode, got, want)
		}
		// Calls meanwhile begin the penalty of a minute anew.
		c.wait(60 * time.Second)
		c.raw("GET", policies+"/summary", "", 429)
		c.wait(59 * time.Second)
		c.raw("GET", policies+"/summary", "", 429)
		c.wait(60 * time.Second)
		c.raw("GET", policies+"/summary", "", 200)
	}
}

func TestRateLimitSlides(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Switches: cbctest.Switches{RateLimit: cbctest.RateLimit{Calls: 2, Per: time.Minute}}})
	c.raw("GET", policies+"/summary", "", 200)
	c.wait(40 * time.Second)
	c.raw("GET", policies+"/summary", "", 200)
	c.wait(20 * time.Second)
	c.raw("GET", policies+"/summary", "", 200)
	c.wait(39 * time.Second)
	c.raw("GET", policies+"/summary", "", 429)
}

func TestRateLimitCountsBySource(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{Switches: cbctest.Switches{RateLimit: cbctest.RateLimit{Calls: 2}}})
	for _, tt := range []struct {
		from   string
		status int
	}{
		{"198.51.100.1:1111", 200},
		{"198.51.100.1:2222", 200},
		{"198.51.100.1:3333", 429},
		{"198.51.100.2:1111", 200},
		{"[2001:db8::1]:1111", 200},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, policies+"/summary", nil)
		r.RemoteAddr = tt.from
		r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("a call from %s = %d, want %d", tt.from, w.Code, tt.status)
		}
	}
}

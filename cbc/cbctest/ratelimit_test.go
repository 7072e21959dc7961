package cbctest_test

import (
	"net/http"
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

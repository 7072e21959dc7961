package cbctest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// A server on the clock of a bubble: waiting takes no time.
func TestInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := office0417()
		world.Switches.Search.Duration = 2 * time.Minute
		for i := range world.Processes {
			world.Processes[i].Time = time.Now().Add(-time.Hour)
		}
		c := &console{t: t, srv: cbctest.New(world), token: cbctest.KeySecret + "/" + cbctest.KeyID}
		id := c.start(`{"query":"process_hash:` + evil + `"}`)
		polls := 0
		for {
			polls++
			page := c.results(id, "rows=10")
			if page["contacted"] != 0.0 && page["completed"] == page["contacted"] {
				if got := column(rows(page), "process_guid"); len(got) != 1 || got[0] != "invoice" {
					t.Errorf("found %v", got)
				}
				break
			}
			time.Sleep(10 * time.Second)
		}
		if polls != 13 {
			t.Errorf("polled %d times, want 13", polls)
		}
	})
}

// Two who call at once do not disturb each other.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &console{t: t, srv: cbctest.New(fleet()), token: cbctest.KeySecret + "/" + cbctest.KeyID}
		done := make(chan int)
		for range 8 {
			go func() {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cbctest.URL+overrides, strings.NewReader(ban(evil)))
				if err != nil {
					t.Error(err)
				}
				r.Header.Set("X-Auth-Token", c.token)
				r.Header.Set("Content-Type", "application/json")
				res, err := c.srv.Client().Do(r)
				if err != nil {
					t.Error(err)
					done <- 0
					return
				}
				done <- res.StatusCode
				_ = res.Body.Close()
			}()
		}
		for range 8 {
			if status := <-done; status != http.StatusOK {
				t.Errorf("status = %d", status)
			}
		}
		seen := map[string]bool{}
		for _, o := range c.srv.Overrides() {
			seen[o.ID] = true
		}
		if len(seen) != 8 {
			t.Errorf("%d overrides, want 8", len(seen))
		}
	})
}

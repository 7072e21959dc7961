package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pphunt/pphunt/examples/internal/lab"
)

// ear listens to webhooks.
type ear struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	heard  []map[string]any
}

func newEar(t *testing.T) *ear {
	t.Helper()
	e := &ear{status: http.StatusOK}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var body map[string]any
		if err == nil {
			err = json.Unmarshal(text, &body)
		}
		if err != nil {
			t.Errorf("the webhook got %q: %v", text, err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, body)
		w.WriteHeader(e.status)
	}))
	t.Cleanup(e.Close)
	return e
}

// events are the kinds that came, each once, since the last time.
func (e *ear) events() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, body := range e.heard {
		kind, ok := body["event"].(string)
		if !ok {
			kind = "card"
		}
		if !slices.Contains(all, kind) {
			all = append(all, kind)
		}
	}
	e.heard = nil
	slices.Sort(all)
	return all
}

func (e *ear) answers(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
}

func TestWebhookHearsWhatItWants(t *testing.T) {
	t.Parallel()
	e := newEar(t)
	c := newGuardedCompany(t, "isolate = True", "webhook = "+e.URL+"/t0ken", "webhook_events = held, Failed, run, undone")
	hears := func(want ...string) {
		t.Helper()
		if got := e.events(); !slices.Equal(got, want) {
			t.Errorf("the webhook heard of %q, want %q", got, want)
		}
	}
	c.run(t, "--dry-run").is(t, exitHeld, nil, nil)
	hears()
	c.run(t).is(t, exitHeld, nil, nil)
	hears("held", "run")
	c.run(t).is(t, exitHeld, nil, nil)
	hears("run")
	c.command(t, "undo", "--device", "4571601").is(t, exitDone, nil, nil)
	hears("run", "undone")
	if err := c.lab.Inject(lab.Fault{Service: "tap", Status: http.StatusUnauthorized, Count: -1}); err != nil {
		t.Fatal(err)
	}
	c.run(t).is(t, exitFailed, nil, nil)
	hears("failed", "run")

	// A receiver that refuses is told of, and its address is not.
	e.answers(http.StatusForbidden)
	r := c.command(t, "undo", "--device", "4571602")
	r.is(t, exitFailed, []string{"Taken back: 1"}, []string{"the webhook was not told of the run", "403"})
	if strings.Contains(r.out+r.err, "t0ken") {
		t.Errorf("the secret of the webhook is told: %s%s", r.out, r.err)
	}

	// Cards are for people, and findings are not lost where they are not wanted.
	e.answers(http.StatusOK)
	e.events()
	c = newShortCompany(t, "isolate = True", "webhook = "+e.URL, "webhook_format = Teams", "webhook_events = finding")
	c.run(t).is(t, exitDone, []string{"webhook"}, nil)
	hears("card")
}

func TestWebhookKeysThatAreWrong(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "webhook = https://hook.example", "webhook_events = finding, everything", "webhook_format = xml")
	c.run(t).is(t, exitUsage, nil, []string{`no event "everything"`, "want json, slack or teams"})
}

package actions_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/hunt"
)

// heldTask is a notice that two tasks on two machines are held because of one file.
func heldTask() hunt.Task {
	first, second := processTask("isolate", 1, 7, `c:\a.exe`), processTask("isolate", 1, 8, `c:\a.exe`)
	return hunt.Task{
		Action: "webhook_held", Scope: hunt.ScopeHold, Target: hash(1).String() + "/0011223344556677", Reason: "more than 25 devices",
		Held: []string{"e1", "e2", "e3"}, Indicators: first.Indicators,
		Sightings: []hunt.Sighting{first.Sightings[0], second.Sightings[0], first.Sightings[0]},
	}
}

func TestHoldWebhookTellsWhatIsHeld(t *testing.T) {
	t.Parallel()
	bodies := make(chan []byte, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&body); err == nil {
			bodies <- body
		}
	}))
	t.Cleanup(srv.Close)
	a, err := actions.NewHoldWebhook(actions.WebhookConfig{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.Spec(), (hunt.Spec{Name: "webhook_held", Scope: hunt.ScopeHold, Impact: hunt.Tells, Batch: hunt.BatchTask}); got != want {
		t.Errorf("Spec() = %+v, want %+v", got, want)
	}
	task := heldTask()
	expect(t, only(t, a.Do(t.Context(), []hunt.Task{task})), hunt.Done, "posted to")
	var got map[string]any
	if err := json.Unmarshal(<-bodies, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"event": "held", "event_id": task.EventID(), "sha256": hash(1).String(), "reason": "more than 25 devices", "held": []any{"e1", "e2", "e3"},
		"devices": []any{map[string]any{"id": 7.0, "name": `CORP\HOST-7`}, map[string]any{"id": 8.0, "name": `CORP\HOST-8`}},
		"threat":  got["threat"],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("body mismatch (-want +got):\n%s", diff)
	}
	if threat, ok := got["threat"].(map[string]any); !ok || threat["id"] != "t1" {
		t.Errorf("threat = %v, want t1", got["threat"])
	}
	task.Target = "no hash"
	expect(t, only(t, a.Do(t.Context(), []hunt.Task{task})), hunt.Failed, "no file")
	if _, err := actions.NewHoldWebhook(actions.WebhookConfig{URL: "ftp://hooks.example"}); err == nil {
		t.Error("NewHoldWebhook with a URL of another kind gave no error")
	}
}

func TestWebhookRefused(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{400: true, 401: true, 403: true, 404: true, 405: true, 410: true, 422: true, 408: false, 429: false, 500: false, 503: false, 302: false} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			t.Cleanup(srv.Close)
			o := only(t, newWebhook(t, srv.URL).Do(t.Context(), []hunt.Task{processTask("webhook", 1, 7, "/x")}))
			expect(t, o, hunt.Failed, fmt.Sprint(status))
			if o.Refused != want {
				t.Errorf("status %d: Refused = %t, want %t", status, o.Refused, want)
			}
		})
	}
}

package actions_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/hunt"
)

// receiver answers webhooks without a network, and keeps what it gets.
type receiver struct {
	mu      sync.Mutex
	answers []int // for the next calls; 202 behind them, and 0 is no answer at all
	bodies  [][]byte
	headers []http.Header
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies, r.headers = append(r.bodies, body), append(r.headers, req.Header)
	status := http.StatusAccepted
	if len(r.answers) > 0 {
		status, r.answers = r.answers[0], r.answers[1:]
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: req}, nil
}

func (r *receiver) config(format actions.WebhookFormat) actions.WebhookConfig {
	return actions.WebhookConfig{URL: "https://hook.example/t0ken", HTTPClient: &http.Client{Transport: r}, Format: format}
}

// hostile is what strangers would like to have in a card.
const hostile = "<!channel> [click](https://evil.example) *bold* \n\u202efdp.exe <script>"

// hostileTask is a finding whose strings were all chosen by a stranger.
func hostileTask() hunt.Task {
	t := processTask("webhook", 1, 7, `c:\`+hostile+`.exe`, 42)
	t.Sightings[0].Device.Name, t.Sightings[0].Process.User = "HOST-7 "+hostile, hostile
	t.Sightings[0].Time = time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC)
	t.Sightings[0].File = hunt.FileEvent{Path: hostile, What: "wrote"}
	t.Sightings[0].Recipient = "pat@corp.example"
	t.Indicators[0].Threat.Comment, t.Indicators[0].Of = hostile, hash(9)
	t.Indicators[0].Mails[0].Subject, t.Indicators[0].Mails[0].Recipients = hostile, []string{"pat@corp.example", "li@corp.example"}
	return t
}

// endedRun is a report with something of everything.
func endedRun() *hunt.Report {
	begun := time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC)
	finding := hostileTask()
	return &hunt.Report{
		Run: "20260302T103000Z-abcdefgh", Begun: begun, Ended: begun.Add(95 * time.Second), Window: hunt.Window{Start: begun.Add(-time.Hour), End: begun},
		Indicators: finding.Indicators, Sightings: finding.Sightings, Turned: []hunt.Turned{{SHA256: hash(3)}},
		Problems: []hunt.Problem{{Stage: "search", Hashes: []hunt.SHA256{hash(1), hash(2)}, Err: errors.New("the search failed: " + hostile)}},
		Outcomes: []hunt.Outcome{
			{Task: deviceTask("isolate", 7), Status: hunt.Done},
			{Task: deviceTask("isolate", 8), Status: hunt.Failed, Err: errors.New("no answer"), Detail: "asked twice"},
			{Task: deviceTask("policy", 8), Status: hunt.Failed, Err: fmt.Errorf("%w: no answer", hunt.ErrGivenUp)},
			{Task: deviceTask("isolate", 9), Status: hunt.Failed, Err: errors.New("noted"), Acknowledged: true},
			{Task: deviceTask("isolate", 10), Status: hunt.Undone, Detail: "released"},
			{Task: deviceTask("isolate", 11), Status: hunt.Held, Detail: "protected"},
			{Task: deviceTask("isolate", 12), Status: hunt.Already, Earlier: begun.Add(-time.Hour)},
			{Task: deviceTask("isolate", 13), Status: hunt.Failed, Err: hunt.ErrNotDue},
		},
	}
}

// TestWebhookForms shows what is posted in each form. UPDATE_GOLDEN=1 takes a change over.
func TestWebhookForms(t *testing.T) {
	t.Parallel()
	got := make(map[string]json.RawMessage)
	for _, format := range []actions.WebhookFormat{actions.WebhookJSON, actions.WebhookSlack, actions.WebhookTeams} {
		r := new(receiver)
		cfg := r.config(format)
		finding, err := actions.NewWebhook(cfg)
		if err != nil {
			t.Fatal(err)
		}
		held, err := actions.NewHoldWebhook(cfg)
		if err != nil {
			t.Fatal(err)
		}
		reporter, err := actions.NewWebhookReporter(cfg, actions.WebhookFinding, actions.WebhookFailed, actions.WebhookUndone, actions.WebhookRun)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, only(t, finding.Do(t.Context(), []hunt.Task{hostileTask()})), hunt.Done, "posted to hook.example")
		expect(t, only(t, held.Do(t.Context(), []hunt.Task{heldTask()})), hunt.Done, "posted to hook.example")
		if err := reporter.Report(t.Context(), endedRun()); err != nil {
			t.Fatal(err)
		}
		events := []string{"finding", "held", "failed", "undone", "run"}
		if len(r.bodies) != len(events) {
			t.Fatalf("%s: %d calls, want %d", format, len(r.bodies), len(events))
		}
		for i, event := range events {
			got[event+" as "+string(format)] = r.bodies[i]
			if format != actions.WebhookJSON {
				harmless(t, event, r.bodies[i])
			}
		}
	}
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join("testdata", "webhooks.golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("what is posted has changed (-want +got):\n%s", diff)
	}
}

// harmless checks that no string of a card steers anything, and that none is in a place where a service reads its own marks in it.
func harmless(t *testing.T, event string, body []byte) {
	t.Helper()
	var card any
	if err := json.Unmarshal(body, &card); err != nil {
		t.Fatal(err)
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if kind := v["type"]; kind == "mrkdwn" || kind == "TextBlock" || kind == "FactSet" {
				t.Errorf("%s: a %v reads marks in what strangers wrote", event, kind)
			}
			for key, value := range v {
				walk(key, value)
			}
		case []any:
			for _, value := range v {
				walk(name, value)
			}
		case string:
			if strings.ContainsAny(v, "\n\u202e") || strings.Contains(v, "https://") || len(v) > 400 || !utf8.ValidString(v) || name == "text" && v == "" {
				t.Errorf("%s: %s is %q", event, name, v)
			}
		}
	}
	walk("", card)
	if top, ok := card.(map[string]any)["text"].(string); ok && strings.ContainsAny(top, "<>") {
		t.Errorf("%s: the notice mentions or links: %q", event, top)
	}
}

func TestWebhookCardsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ж", 5000)
	r := endedRun()
	for i := range 200 {
		o := hunt.Outcome{Task: deviceTask("isolate", int64(1000+i)), Status: hunt.Failed, Err: errors.New(long)}
		r.Outcomes = append(r.Outcomes, o)
	}
	for _, format := range []actions.WebhookFormat{actions.WebhookSlack, actions.WebhookTeams} {
		to := new(receiver)
		reporter, err := actions.NewWebhookReporter(to.config(format), actions.WebhookFailed)
		if err != nil {
			t.Fatal(err)
		}
		if err := reporter.Report(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if n := len(to.bodies[0]); n > 20_000 {
			t.Errorf("%s: a card of %d bytes", format, n)
		}
		if !bytes.Contains(to.bodies[0], []byte("and 182 more")) {
			t.Errorf("%s: the card does not say how much is missing: %s", format, to.bodies[0])
		}
		harmless(t, string(format), to.bodies[0])
	}
}

func TestReporterTellsNothingWhereThereIsNothing(t *testing.T) {
	t.Parallel()
	to := new(receiver)
	reporter, err := actions.NewWebhookReporter(to.config(""), actions.WebhookFailed, actions.WebhookUndone, actions.WebhookHeld)
	if err != nil {
		t.Fatal(err)
	}
	dry := endedRun()
	dry.DryRun = true
	for _, r := range []*hunt.Report{{Run: "quiet"}, dry} {
		if err := reporter.Report(t.Context(), r); err != nil || len(to.bodies) > 0 {
			t.Errorf("Report = %v, and %d calls were made", err, len(to.bodies))
		}
	}
}

func TestReporterTriesAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		answers []int
		calls   int
		want    string
		took    time.Duration
	}{
		{"at once", nil, 1, "", 0},
		{"after a failure and silence", []int{500, 0}, 3, "", 5 * time.Second},
		{"never", []int{503, 503, 503, 503}, 3, "503", 5 * time.Second},
		{"refused", []int{403}, 1, "403", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				to := &receiver{answers: tt.answers}
				reporter, err := actions.NewWebhookReporter(to.config(""), actions.WebhookRun)
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				err = reporter.Report(t.Context(), endedRun())
				if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "t0ken")) {
					t.Errorf("Report = %v, want %q", err, tt.want)
				}
				if len(to.bodies) != tt.calls || time.Since(begun) != tt.took {
					t.Errorf("%d calls in %s, want %d in %s", len(to.bodies), time.Since(begun), tt.calls, tt.took)
				}
				for _, h := range to.headers {
					if id := h.Get(actions.HeaderWebhookID); id != fmt.Sprintf("%s/run/%d", endedRun().Run, endedRun().Ended.Unix()) {
						t.Errorf("the id is %q", id)
					}
				}
			})
		})
	}
}

func TestUnknownFormatOfAWebhook(t *testing.T) {
	t.Parallel()
	if _, err := actions.NewWebhook(actions.WebhookConfig{URL: "https://hook.example", Format: "Slack"}); err == nil || !strings.Contains(err.Error(), "json, slack or teams") {
		t.Errorf("NewWebhook = %v", err)
	}
}

func TestNamesOfWebhooks(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{"": {"webhook", "webhook_held"}, "chat": {"chat", "chat_held"}} {
		cfg := actions.WebhookConfig{URL: "https://hook.example", Name: name}
		finding, err := actions.NewWebhook(cfg)
		if err != nil {
			t.Fatal(err)
		}
		held, err := actions.NewHoldWebhook(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{finding.Spec().Name, held.Spec().Name}; got != want {
			t.Errorf("with the name %q the actions are %q, want %q", name, got, want)
		}
	}
}

func TestAPlanThatIsAppliedAgainIsAnotherEvent(t *testing.T) {
	t.Parallel()
	to := new(receiver)
	reporter, err := actions.NewWebhookReporter(to.config(""), actions.WebhookRun)
	if err != nil {
		t.Fatal(err)
	}
	again := endedRun()
	again.Ended = again.Ended.Add(time.Hour)
	for _, r := range []*hunt.Report{endedRun(), endedRun(), again} {
		if err := reporter.Report(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	id := func(n int) string { return to.headers[n].Get(actions.HeaderWebhookID) }
	if id(0) != id(1) || id(0) == id(2) {
		t.Errorf("the ids are %q, %q and %q", id(0), id(1), id(2))
	}
}

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
	"time"

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

func TestSeveralWebhooks(t *testing.T) {
	t.Parallel()
	first, chat, records := newEar(t), newEar(t), newEar(t)
	c := newGuardedCompany(t, "isolate = True", "webhook = "+first.URL,
		"[webhook.Chat]", "url_file = chat.url", "events = held", "format = slack",
		"[webhook.records]", "url = "+records.URL, "events = finding, run", "evidence = executed")
	c.write(t, "chat.url", chat.URL+"\n")
	r := c.run(t, "--dry-run")
	r.is(t, exitHeld, []string{"the webhook: one message for each finding", "the webhook chat: one message for each file and reason", "the webhook records: one"}, nil)
	c.run(t).is(t, exitHeld, []string{"webhook.records", "webhook.chat_held"}, nil)
	for name, heard := range map[string]struct {
		ear  *ear
		want []string
	}{"first": {first, []string{"finding", "held"}}, "chat": {chat, []string{"card"}}, "records": {records, []string{"finding", "run"}}} {
		if got := heard.ear.events(); !slices.Equal(got, heard.want) {
			t.Errorf("the webhook %s heard of %q, want %q", name, got, heard.want)
		}
	}
	// One that is out of order is told of by its name, and keeps nothing from the others.
	c.edit(t, "url = "+records.URL, "url = http://127.0.0.1:1/t0ken")
	c.lab.CBC.AddProcesses(lab.OpenedLater(time.Now()))
	r = c.run(t)
	r.is(t, exitFailed, []string{"webhook.records"}, []string{"the webhook records cannot be reached; check webhook.records.url", "the webhook records was not told of the run"})
	if strings.Contains(r.out+r.err, "t0ken") {
		t.Errorf("its address is told: %s%s", r.out, r.err)
	}
	if got := first.events(); !slices.Contains(got, "finding") {
		t.Errorf("the first webhook heard of %q", got)
	}
}

func TestWebhooksByEnvironment(t *testing.T) {
	t.Parallel()
	v, err := readValues(oldPlace(t, oldConfig, time.Time{}), true, []string{
		"PP2CBC_WEBHOOK_SOAR2_URL=https://soar.example/x", "PP2CBC_WEBHOOK_SOAR2_CA_FILE=", "PP2CBC_WEBHOOK_SOAR2_EVENTS=run", "PP2CBC_WEBHOOK_SOAR2_NONE=1", "PP2CBC_WEBHOOK_URL=x",
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := parseConfig(v)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.actions.hooks) != 1 || cfg.actions.hooks[0].action != "webhook.soar2" || cfg.actions.hooks[0].url.text() != "https://soar.example/x" || len(cfg.actions.hooks[0].events) != 1 {
		t.Errorf("the webhooks are %v", cfg.actions.hooks)
	}
	for _, want := range []string{"PP2CBC_WEBHOOK_SOAR2_NONE", "PP2CBC_WEBHOOK_URL"} {
		if !slices.ContainsFunc(cfg.warnings, func(w string) bool { return strings.Contains(w, want+" is ignored") }) {
			t.Errorf("nothing warns of %s: %q", want, cfg.warnings)
		}
	}
	if left := withoutSecrets([]string{"PP2CBC_WEBHOOK_SOAR2_URL=secret", "PP2CBC_WEBHOOK_SOAR2_EVENTS=run", "HOME=/"}); !slices.Equal(left, []string{"PP2CBC_WEBHOOK_SOAR2_EVENTS=run", "HOME=/"}) {
		t.Errorf("a script gets %q", left)
	}
}

func TestSectionsOfWebhooksThatAreWrong(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "[webhook.my-chat]", "url = https://chat.example", "[webhook.soar]", "events = run", "[webhook.siem]", "url = ftp://siem.example", "ulr = x")
	c.run(t).is(t, exitUsage, nil, []string{"[webhook.my-chat] must have letters and digits only"})
	c.edit(t, "[webhook.my-chat]", "[webhook.mychat]")
	c.run(t).is(t, exitUsage, nil, []string{"webhook.soar.url: is missing", "webhook.siem.url: is not an http or https URL"})
	c.edit(t, "events = run", "url = https://soar.example")
	c.edit(t, "url = ftp://siem.example", "url = https://siem.example")
	c.run(t, "--dry-run").is(t, exitDone, nil, []string{"unknown key webhook.siem.ulr is ignored; did you mean webhook.siem.url?"})
}

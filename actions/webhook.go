package actions

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// WebhookConfig says where findings are posted.
type WebhookConfig struct {
	// Name is that of the action, for a hunt that has several webhooks: each is told of everything once. Defaults to webhook. That of
	// [NewHoldWebhook] has _held behind it.
	Name string
	// URL receives the findings: https, or http. Whatever it holds of a secret appears in no error.
	URL string
	// HTTPClient makes the calls; it is copied. Redirects are not followed. Defaults to a client of its own.
	HTTPClient *http.Client
	// Timeout ends one call. Defaults to 30 s.
	Timeout time.Duration
	// UserAgent names the caller. Defaults to pphunt.
	UserAgent string
	// Secret signs each call, see [WebhookSecret.Verify]. Defaults to none.
	Secret WebhookSecret
	// Evidence is the least that is posted. Defaults to [hunt.Named], which is everything.
	Evidence hunt.Evidence
	// Format is the form of the body. Defaults to [WebhookJSON], which is the only one that has everything.
	Format WebhookFormat
}

// NewWebhook posts each finding, one file in one process, to a URL: any evidence will do. The body is JSON:
//
//	{"event": "finding", "event_id": …, "sha256": …, "evidence": …, "email": the oldest mail's record, "emails": all of them,
//	 "process": the process's row, "device": {…}, "threat": {…},
//	 "second_stage_of": the attachment that brought the file if no mail did, "file": {"path", "what", "time"} where it was touched,
//	 "recipient": whose process it was}
//
// What is not known is left out of the last three.
//
// With another [WebhookFormat] it is a card for people, with the same in it as far as a person reads it.
//
// Each call has the event id in the header Webhook-Id and the time in Webhook-Timestamp; with a [WebhookSecret] it is signed.
//
// A receiver answers with any 2xx. Where a crash or a lost answer makes a finding come twice, event_id is the same. A receiver that
// answers 400, 401, 403, 404, 405, 410 or 422 refuses, and is not asked again with every run. After three calls in a row without an answer
// none is begun for a minute ([hunt.ErrNotBegun]), so that a receiver that hangs does not keep machines from being isolated.
func NewWebhook(cfg WebhookConfig) (hunt.Action, error) {
	w, err := newWebhook(cfg)
	if err != nil {
		return nil, err
	}
	spec := hunt.Spec{Name: w.name, Scope: hunt.ScopeProcess, Impact: hunt.Tells, Evidence: max(cfg.Evidence, hunt.Named), Batch: hunt.BatchTask}
	return hunt.NewAction(spec, func(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
		return each(ctx, tasks, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
			f, err := newFinding(t)
			if err != nil {
				return refusal(t, err)
			}
			return w.post(ctx, t, f)
		})
	}), nil
}

func newWebhook(cfg WebhookConfig) (*webhook, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("actions: the webhook's URL is not an http or https URL")
	}
	if err := cfg.Format.check(); err != nil {
		return nil, err
	}
	hc := http.Client{}
	if cfg.HTTPClient != nil {
		hc = *cfg.HTTPClient
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w := &webhook{url: cfg.URL, host: u.Host, secrets: urlSecrets(u), http: &hc, timeout: cfg.Timeout, agent: cfg.UserAgent, secret: cfg.Secret, format: cfg.Format, name: cmp.Or(cfg.Name, "webhook")}
	if w.timeout <= 0 {
		w.timeout = 30 * time.Second
	}
	if w.agent == "" {
		w.agent = "pphunt"
	}
	return w, nil
}

type webhook struct {
	name      string
	url, host string
	secrets   secrets
	http      *http.Client
	timeout   time.Duration
	agent     string
	secret    WebhookSecret
	format    WebhookFormat

	mu sync.Mutex
	// silent counts the calls in a row that got no answer in time, and last is when the last of them ended.
	silent int
	last   time.Time
}

const (
	// mostSilent is how many calls in a row may go unanswered before the others are put off: isolating machines waits for them.
	mostSilent = 3
	// silence is how long they are put off.
	silence = time.Minute
)

func (w *webhook) unheard() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.silent >= mostSilent && time.Since(w.last) < silence
}

func (w *webhook) heard(answered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if answered {
		w.silent = 0
		return
	}
	w.silent++
	w.last = time.Now()
}

// finding is the body of a call about a finding. The first three members are what the old script sent.
type finding struct {
	Email    json.RawMessage   `json:"email"`
	SHA256   hunt.SHA256       `json:"sha256"`
	Process  json.RawMessage   `json:"process"`
	Event    string            `json:"event"`
	EventID  string            `json:"event_id"`
	Evidence hunt.Evidence     `json:"evidence"`
	Emails   []json.RawMessage `json:"emails"`
	Device   hunt.Device       `json:"device"`
	Threat   hunt.Threat       `json:"threat"`
	// SecondStageOf is the attachment that brought the file, if it did not come by mail itself.
	SecondStageOf hunt.SHA256 `json:"second_stage_of,omitzero"`
	// File is where the process touched the file, and Recipient whose process it was, as far as is known.
	File      hunt.FileEvent `json:"file,omitzero"`
	Recipient string         `json:"recipient,omitempty"`

	told told
}

func newFinding(t hunt.Task) (finding, error) {
	if len(t.Sightings) == 0 || len(t.Indicators) == 0 {
		return finding{}, errors.New("actions: webhook: the task has no sighting or no indicator")
	}
	s, ind := t.Sightings[0], t.Indicators[0]
	f := finding{
		Event: string(WebhookFinding), SHA256: s.SHA256, EventID: t.EventID(), Evidence: s.Evidence, Device: s.Device, Threat: ind.Threat,
		SecondStageOf: ind.Of, File: s.File, Recipient: s.Recipient, Emails: []json.RawMessage{},
		told: toldOf(s, ind),
	}
	var err error
	for _, m := range ind.Mails {
		raw, e := rawOr(m.Raw, m)
		err = errors.Join(err, e)
		f.Emails = append(f.Emails, raw)
	}
	if len(f.Emails) > 0 {
		f.Email = f.Emails[0]
	}
	process, e := rawOr(s.Process.Raw, s.Process)
	f.Process = process
	return f, errors.Join(err, e)
}

// rawOr is what the service sent, or our own view where that is no JSON.
func rawOr(raw []byte, own any) (json.RawMessage, error) {
	if json.Valid(raw) {
		return raw, nil
	}
	return json.Marshal(own)
}

// post tells of a task.
func (w *webhook) post(ctx context.Context, t hunt.Task, content message) hunt.Outcome {
	status, refused, err := w.send(ctx, t.EventID(), content)
	switch {
	case refused:
		return refusal(t, err)
	case err != nil:
		return failed(t, err)
	}
	return done(t, fmt.Sprintf("posted to %s: %s", w.host, status))
}

// send makes one call. A refusal is not to be repeated soon.
func (w *webhook) send(ctx context.Context, id string, content message) (status string, refused bool, err error) {
	body, err := w.format.body(content)
	if err != nil {
		return "", false, fmt.Errorf("actions: webhook: %w", err)
	}
	if w.unheard() {
		return "", false, fmt.Errorf("%w: actions: webhook %s: the receiver has not answered %d calls", hunt.ErrNotBegun, w.host, mostSilent)
	}
	run := ctx
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return "", false, errors.New("actions: webhook: the URL cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", w.agent)
	w.secret.sign(req.Header, id, time.Now(), body)
	resp, err := w.http.Do(req)
	if run.Err() == nil {
		w.heard(!errors.Is(err, context.DeadlineExceeded))
	}
	if err != nil {
		// The error of net/http begins with the URL, and the URL of a webhook is often its only secret.
		for e, ok := errors.AsType[*url.Error](err); ok && e.Err != nil; e, ok = errors.AsType[*url.Error](err) {
			err = e.Err
		}
		if w.secrets.in(err.Error()) {
			err = errors.New("the call failed; the cause is withheld, its text has the address")
		}
		return "", false, fmt.Errorf("actions: webhook %s: %w", w.host, err)
	}
	defer func() { _ = resp.Body.Close() }() // the answer is known by then
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	// The words behind the number are the receiver's own, and may repeat what it was asked for.
	status = strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	err = fmt.Errorf("actions: webhook %s: %s", w.host, status)
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return status, false, nil
	case final(code), code == http.StatusUnauthorized: // nobody renews the secret in a URL by the next run
		return status, true, err
	}
	return status, false, err
}

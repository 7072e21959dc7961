package actions_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/hunt"
)

func webhookSecret(t testing.TB, text string) actions.WebhookSecret {
	t.Helper()
	s, err := actions.ParseWebhookSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The example of the specification's own libraries.
func TestSignatureIsThatOfTheSpecification(t *testing.T) {
	t.Parallel()
	s := webhookSecret(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	h := http.Header{}
	h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set("webhook-timestamp", "1614265330")
	h.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	at := time.Unix(1614265330, 0)
	if err := s.Verify(h, []byte(`{"test": 2432232314}`), at, time.Minute); err != nil {
		t.Errorf("Verify: %v", err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	const body = `{"event":"finding"}`
	now := time.Unix(1_800_000_000, 0)
	const secret = "a secret of twenty bytes"
	s := webhookSecret(t, secret)
	for name, change := range map[string]func(h http.Header, body *string, now *time.Time, by *actions.WebhookSecret){
		"another body": func(_ http.Header, body *string, _ *time.Time, _ *actions.WebhookSecret) { *body += " " },
		"another id":   func(h http.Header, _ *string, _ *time.Time, _ *actions.WebhookSecret) { h.Set("Webhook-Id", "other") },
		"no id":        func(h http.Header, _ *string, _ *time.Time, _ *actions.WebhookSecret) { h.Del("Webhook-Id") },
		"another time": func(h http.Header, _ *string, _ *time.Time, _ *actions.WebhookSecret) {
			h.Set("Webhook-Timestamp", fmt.Sprint(now.Unix()+1))
		},
		"no time":      func(h http.Header, _ *string, _ *time.Time, _ *actions.WebhookSecret) { h.Del("Webhook-Timestamp") },
		"no signature": func(h http.Header, _ *string, _ *time.Time, _ *actions.WebhookSecret) { h.Del("Webhook-Signature") },
		"too old": func(_ http.Header, _ *string, now *time.Time, _ *actions.WebhookSecret) {
			*now = now.Add(6 * time.Minute)
		},
		"of tomorrow": func(_ http.Header, _ *string, now *time.Time, _ *actions.WebhookSecret) {
			*now = now.Add(-6 * time.Minute)
		},
		"another secret": func(_ http.Header, _ *string, _ *time.Time, by *actions.WebhookSecret) {
			*by = webhookSecret(t, "another secret of bytes")
		},
		"no secret": func(_ http.Header, _ *string, _ *time.Time, by *actions.WebhookSecret) { *by = actions.WebhookSecret{} },
	} {
		h := signed(t, secret, body, now)
		if err := s.Verify(h, []byte(body), now.Add(time.Minute), 5*time.Minute); err != nil {
			t.Fatalf("what is right is refused: %v", err)
		}
		b, at, by := body, now, s
		change(h, &b, &at, &by)
		if err := by.Verify(h, []byte(b), at, 5*time.Minute); !errors.Is(err, actions.ErrSignature) {
			t.Errorf("%s: Verify = %v, want ErrSignature", name, err)
		}
	}
	h := signed(t, secret, body, now)
	h.Set("Webhook-Signature", "v1,b2xk "+h.Get("Webhook-Signature"))
	if err := s.Verify(h, []byte(body), now, time.Minute); err != nil {
		t.Errorf("of two signatures one is right: %v", err)
	}
}

// signed are the headers of a call, made without the package.
func signed(t *testing.T, secret, body string, at time.Time) http.Header {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "event.%d.%s", at.Unix(), body)
	h := http.Header{}
	h.Set("Webhook-Id", "event")
	h.Set("Webhook-Timestamp", fmt.Sprint(at.Unix()))
	h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return h
}

func TestWebhooksAreSigned(t *testing.T) {
	t.Parallel()
	s := webhookSecret(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	ids := make(map[string]int)
	fails := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := s.Verify(r.Header, body, time.Now(), time.Minute); err != nil {
			t.Errorf("Verify: %v", err)
		}
		id := r.Header.Get(actions.HeaderWebhookID)
		if ids[id]++; !strings.Contains(string(body), id) {
			t.Errorf("the id %s is not the event id of %s", id, body)
		}
		if fails {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer srv.Close()
	a, err := actions.NewWebhook(actions.WebhookConfig{URL: srv.URL, Secret: s})
	if err != nil {
		t.Fatal(err)
	}
	task := hunt.Task{
		Action: "webhook", Scope: hunt.ScopeProcess, Target: "P/1", Indicators: []hunt.Indicator{{SHA256: hunt.SHA256{1}}},
		Sightings: []hunt.Sighting{{SHA256: hunt.SHA256{1}, Evidence: hunt.Executed, Process: hunt.Process{GUID: "P"}, Device: hunt.Device{ID: 7}}},
	}
	a.Do(t.Context(), []hunt.Task{task})
	fails = false
	if o := a.Do(t.Context(), []hunt.Task{task}); len(o) != 1 || o[0].Status != hunt.Done {
		t.Errorf("outcomes %v", o)
	}
	if len(ids) != 1 || ids[task.EventID()] != 2 {
		t.Errorf("ids %v, want the event id twice", ids)
	}
}

func TestWebhookSecretsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "brief", "whsec_", "whsec_%%%%", "whsec_c2hvcnQ="} {
		if _, err := actions.ParseWebhookSecret(text); err == nil || text != "" && strings.Contains(err.Error(), text) && text != "whsec_" {
			t.Errorf("ParseWebhookSecret(%q) = %v, want an error that does not repeat it", text, err)
		}
	}
	s := webhookSecret(t, "a secret that is not to be seen")
	if text := fmt.Sprintf("%v %+v %#v", s, s, actions.WebhookConfig{Secret: s}); strings.Contains(text, "not to be seen") {
		t.Errorf("the secret is printed: %s", text)
	}
}

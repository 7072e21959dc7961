package actions

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed webhook, as the specification Standard Webhooks names them, for which there are libraries in many languages.
const (
	HeaderWebhookID        = "Webhook-Id"
	HeaderWebhookTimestamp = "Webhook-Timestamp"
	HeaderWebhookSignature = "Webhook-Signature"
)

// leastSecret is how long a secret must be, in bytes.
const leastSecret = 16

// WebhookSecret signs and verifies webhooks: HMAC-SHA256 over id, time and body, as the specification Standard Webhooks has it. The zero value
// signs nothing. It cannot be printed.
type WebhookSecret struct{ key func() []byte }

// ParseWebhookSecret takes a secret of at least 16 bytes, or whsec_ with base64 behind it.
func ParseWebhookSecret(text string) (WebhookSecret, error) {
	key := []byte(text)
	if encoded, ok := strings.CutPrefix(text, "whsec_"); ok {
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return WebhookSecret{}, errors.New("actions: the secret of the webhook begins with whsec_ and is no base64")
		}
	}
	if len(key) < leastSecret {
		return WebhookSecret{}, fmt.Errorf("actions: the secret of the webhook is shorter than %d bytes", leastSecret)
	}
	return WebhookSecret{key: func() []byte { return key }}, nil
}

// IsZero tells whether there is no secret.
func (s WebhookSecret) IsZero() bool { return s.key == nil }

func (s WebhookSecret) signature(id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, s.key())
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// sign adds the headers of a call.
func (s WebhookSecret) sign(h http.Header, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	h.Set(HeaderWebhookID, id)
	h.Set(HeaderWebhookTimestamp, timestamp)
	if !s.IsZero() {
		h.Set(HeaderWebhookSignature, s.signature(id, timestamp, body))
	}
}

// ErrSignature means that a webhook is not from who has the secret, or not of now.
var ErrSignature = errors.New("actions: the signature of the webhook is wrong")

// Verify checks the headers of a call against its whole body: it is signed with the secret, and was sent within the tolerance of now. An
// event can come twice, with the same [HeaderWebhookID]. Any other answer than nil is an [ErrSignature].
func (s WebhookSecret) Verify(h http.Header, body []byte, now time.Time, tolerance time.Duration) error {
	if s.IsZero() {
		return fmt.Errorf("%w: there is no secret", ErrSignature)
	}
	id, timestamp := h.Get(HeaderWebhookID), h.Get(HeaderWebhookTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil {
		return fmt.Errorf("%w: it has no id or no time", ErrSignature)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return fmt.Errorf("%w: it was sent at %s", ErrSignature, time.Unix(seconds, 0).UTC().Format(time.RFC3339))
	}
	want := []byte(s.signature(id, timestamp, body))
	for given := range strings.FieldsSeq(h.Get(HeaderWebhookSignature)) { // there are several while a secret is changed
		if hmac.Equal([]byte(given), want) {
			return nil
		}
	}
	return fmt.Errorf("%w: no signature fits", ErrSignature)
}

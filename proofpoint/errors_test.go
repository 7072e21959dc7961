package proofpoint_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
)

func TestAnswersWithoutSuccess(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		status    int
		body      string
		message   string
		is        error
		retryable bool
	}{
		{"a wrong key", 401, "", "", proofpoint.ErrUnauthorized, false},
		{"no right to the data", 403, "Access denied\n", "Access denied", proofpoint.ErrForbidden, false},
		{"an unknown id", 404, "", "", proofpoint.ErrNotFound, false},
		{"the quota", 429, "Too many requests", "Too many requests", proofpoint.ErrRateLimited, true},
		{
			"too far back, by interval", 400, "The requested start time is too far into the past. Requests for information up to 7.00d are accepted",
			"The requested start time is too far into the past. Requests for information up to 7.00d are accepted", proofpoint.ErrTooOld, false,
		},
		{
			"too far back, by start", 400, "The sinceTime parameter gives a time too far into the past",
			"The sinceTime parameter gives a time too far into the past", proofpoint.ErrTooOld, false,
		},
		{
			"too short", 400, "THE REQUESTED INTERVAL IS TOO SHORT. Requests must be for at least 30.00s of data",
			"THE REQUESTED INTERVAL IS TOO SHORT. Requests must be for at least 30.00s of data", proofpoint.ErrTooShort, false,
		},
		{"still current", 400, "The requested interval is still current.", "The requested interval is still current.", proofpoint.ErrStillCurrent, true},
		{"too long", 400, "The requested interval is too long.", "The requested interval is too long.", proofpoint.ErrTooLong, false},
		{"a bad request without a word", 400, "", "", nil, false},
		{"the same words with another status", 500, "The requested interval is still current.", "The requested interval is still current.", nil, true},
		{"a JSON error", 400, `{"error":"bad format"}`, "bad format", nil, false},
		{"a JSON error that is cut", 500, `{"error":"bad`, `{"error":"bad`, nil, true},
		{"a JSON error without words", 500, `{"code":3}`, `{"code":3}`, nil, true},
		{
			"the page of a proxy", 502,
			"<!DOCTYPE html>\n<html><head><script>var a = '<b>';</script><title>502</title></head>\n<body><h1>Bad&nbsp;gateway &amp; more</h1></body></html>",
			"502 Bad gateway & more", nil, true,
		},
		{"a payment", 402, "Pay", "Pay", nil, false},
		{"control characters and very long", 500, "a\x1b[31m\tb" + strings.Repeat("ä", 400), "a [31m b" + strings.Repeat("ä", 196) + "…", nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, saying(tt.status, tt.body))
			_, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}))
			e, ok := errors.AsType[*proofpoint.APIError](err)
			if !ok {
				t.Fatalf("error = %#v, want an *APIError", err)
			}
			got := proofpoint.APIError{Op: e.Op, StatusCode: e.StatusCode, Message: e.Message}
			want := proofpoint.APIError{Op: "siem.messages_delivered", StatusCode: tt.status, Message: tt.message}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("APIError mismatch (-want +got):\n%s", diff)
			}
			if string(e.Body) != tt.body {
				t.Errorf("Body = %q, want %q", e.Body, tt.body)
			}
			if e.Retryable() != tt.retryable {
				t.Errorf("Retryable() = %t", !tt.retryable)
			}
			text := fmt.Sprintf("proofpoint: siem.messages_delivered: %d %s", tt.status, http.StatusText(tt.status))
			if tt.message != "" {
				text += ": " + tt.message
			}
			if err.Error() != text {
				t.Errorf("Error() = %q, want %q", err, text)
			}
			for _, sentinel := range []error{
				proofpoint.ErrUnauthorized, proofpoint.ErrForbidden, proofpoint.ErrNotFound, proofpoint.ErrRateLimited,
				proofpoint.ErrTooShort, proofpoint.ErrTooLong, proofpoint.ErrStillCurrent, proofpoint.ErrTooOld,
			} {
				if got, want := errors.Is(err, sentinel), errors.Is(tt.is, sentinel); got != want {
					t.Errorf("errors.Is(err, %q) = %t, want %t", sentinel, got, want)
				}
			}
		})
	}
}

func TestNewReportsEveryProblem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  proofpoint.Config
		want []string
	}{
		{"nothing", proofpoint.Config{}, []string{"Config.Credentials is missing"}},
		{"empty credentials", proofpoint.Config{Credentials: proofpoint.Basic("", "")}, []string{"Config.Credentials is missing"}},
		{"no secret", proofpoint.Config{Credentials: proofpoint.Basic("principal", "")}, []string{"the secret of the credentials is empty"}},
		{"no principal", proofpoint.Config{Credentials: proofpoint.Basic("", "s3cr3t-value")}, []string{"the principal of the credentials is empty"}},
		{"a colon", proofpoint.Config{Credentials: proofpoint.Basic("a:b", "s3cr3t-value")}, []string{"colon"}},
		{
			"all at once",
			proofpoint.Config{BaseURL: "https://user:s3cr3t-value@tap.invalid/", LookBack: -1},
			[]string{"Config.Credentials is missing", "Config.LookBack"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := proofpoint.New(tt.cfg)
			if err == nil {
				t.Fatal("New() took it")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("New() = %v, want also %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "s3cr3t-value") {
				t.Errorf("New() tells a secret: %v", err)
			}
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	cfg := proofpoint.Config{Credentials: proofpoint.Basic("principal", "s3cr3t-value")}
	client, err := proofpoint.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{cfg, &cfg, cfg.Credentials, client, *client, client.SIEM, *client.SIEM} {
			if text := fmt.Sprintf(format, value); strings.Contains(text, "s3cr3t-value") {
				t.Errorf("Sprintf(%q, %T) tells the secret", format, value)
			}
		}
	}
}

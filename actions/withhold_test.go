package actions_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/hunt"
)

// A command has the environment of the program, with the keys in it, and what it complains about ends in ledger, report and audit log.
func TestScriptComplaintHasNoSecret(t *testing.T) {
	t.Setenv("PP2CBC_CARBONBLACK_CUSTOM_API_KEY", "ENV-MARK-1")
	t.Setenv("PP2CBC_CARBONBLACK_CUSTOM_API_KEY_FILE", "calling")
	o := runScript(t, "leak", time.Minute, processTask("script", 1, 7, "/x", 1),
		"--token=ARG-MARK-2", "--password", "ARG-MARK-3", "Authorization: Bearer ARG-MARK-4", "--url", "https://me:ARG-MARK-5@soc.example/x", "--mode", "strict", "{pid}")
	if o.Status != hunt.Failed || o.Detail != o.Err.Error() {
		t.Fatalf("outcome = %s %q (%v), want failed", o.Status, o.Detail, o.Err)
	}
	for _, secret := range []string{"MARK", "proxy-pw"} {
		if strings.Contains(o.Detail, secret) {
			t.Errorf("the outcome says %q, which has %s in it", o.Detail, secret)
		}
	}
	for _, rest := range []string{"exit code 3", ": calling with", "--token=[withheld]", "--mode strict 1", "soc.example"} {
		if !strings.Contains(o.Detail, rest) {
			t.Errorf("the outcome says %q, without %q", o.Detail, rest)
		}
	}
	if _, complaint, _ := strings.Cut(o.Detail, ": calling"); len(complaint) > 300 || !utf8.ValidString(complaint) {
		t.Errorf("the complaint has %d bytes: %q", len(complaint), complaint)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Proxies and transports repeat parts of an address, and receivers choose the words behind the status.
func TestWebhookOutcomesHaveNoPartOfTheURL(t *testing.T) {
	t.Parallel()
	const address = "https://user:PASS-MARK@hooks.example/services/PATH-MARK/x%2FESCAPED-MARK?token=QUERY-MARK&y=%C3%BCQUERY-MARK"
	saying := func(status int, words string) roundTrip {
		return func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Status: words, Body: http.NoBody, Request: r}, nil
		}
	}
	failing := func(text string) roundTrip {
		return func(*http.Request) (*http.Response, error) { return nil, errors.New(text) }
	}
	for name, tc := range map[string]struct {
		transport roundTrip
		want      string
	}{
		"words of a success":        {saying(200, "200 /services/PATH-MARK"), "posted to hooks.example: 200 OK"},
		"words of a refusal":        {saying(404, "404 QUERY-MARK"), "actions: webhook hooks.example: 404 Not Found"},
		"words without a meaning":   {saying(599, "599 PATH-MARK"), "actions: webhook hooks.example: 599"},
		"a path in an error":        {failing("no route to /services/PATH-MARK/x"), "the cause is withheld"},
		"a segment in an error":     {failing("x/ESCAPED-MARK"), "the cause is withheld"},
		"a query in an error":       {failing("bad value QUERY-MARK"), "the cause is withheld"},
		"a password in an error":    {failing("PASS-MARK is wrong"), "the cause is withheld"},
		"a proxy in an error":       {failing(`invalid proxy address "corp:MARK@proxy:8080"`), "the cause is withheld"},
		"an error of the transport": {failing("connection refused"), "actions: webhook hooks.example: connection refused"},
	} {
		a, err := actions.NewWebhook(actions.WebhookConfig{URL: address, HTTPClient: &http.Client{Transport: tc.transport}})
		if err != nil {
			t.Fatal(err)
		}
		o := a.Do(t.Context(), []hunt.Task{processTask("webhook", 1, 7, "/x")})[0]
		text := o.Detail
		if o.Err != nil {
			text += o.Err.Error()
		}
		if strings.Contains(text, "MARK") || !strings.Contains(text, tc.want) {
			t.Errorf("%s: the outcome says %q, want %q", name, text, tc.want)
		}
	}
}

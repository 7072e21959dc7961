package cbc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// watched is a client of srv that notes its calls, and what the context said of each.
func watched(t *testing.T, hc *http.Client, credentials cbc.Credentials) (*cbc.Client, func() ([]cbc.Call, []any)) {
	t.Helper()
	var calls []cbc.Call
	var tasks []any
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, CloudServicesURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: credentials, HTTPClient: hc, MaxInFlight: 1,
		Observe: func(ctx context.Context, c cbc.Call) {
			calls, tasks = append(calls, c), append(tasks, ctx.Value(taskKey{}))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client, func() ([]cbc.Call, []any) { return calls, tasks }
}

func TestObserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{
			Devices: []cbctest.Device{{ID: 7}}, Switches: cbctest.Switches{RequestIDs: true},
		})
		client, told := watched(t, srv.Client(), cbc.APIKey(cbctest.KeyID, cbctest.KeySecret))
		srv.FailNext(1, http.StatusTooManyRequests)
		ctx := context.WithValue(t.Context(), taskKey{}, "isolate/7")
		if err := client.Devices.Quarantine(ctx, 7); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Devices.Get(t.Context(), 8); !errors.Is(err, cbc.ErrNotFound) {
			t.Fatal(err)
		}
		calls, tasks := told()
		want := []cbc.Call{
			{Op: "devices.quarantine", Method: "POST", Attempt: 1, Status: 429, RetryAfter: time.Minute, RequestID: "fake-1"},
			{Op: "devices.quarantine", Method: "POST", Attempt: 2, Status: 204, RequestID: "fake-2"},
			{Op: "devices.get", Method: "GET", Attempt: 1, Status: 404, RequestID: "fake-3"},
		}
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]any{"isolate/7", "isolate/7", nil}, tasks); diff != "" {
			t.Errorf("what the contexts said (-want +got):\n%s", diff)
		}
	})
}

func TestTheFakeSendsNoRequestIDUnlessToldTo(t *testing.T) {
	t.Parallel()
	client, told := watched(t, cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7}}}).Client(), cbc.APIKey(cbctest.KeyID, cbctest.KeySecret))
	if _, err := client.Devices.Get(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if calls, _ := told(); len(calls) != 1 || calls[0].RequestID != "" || calls[0].Status != 200 {
		t.Errorf("told %+v", calls)
	}
}

// Neither a credential nor what was asked for is in what is told, also where the service repeats it as its id.
func TestNothingSecretIsObserved(t *testing.T) {
	t.Parallel()
	const id, secret, token = "KEYIDMARK", "KEYSECRETMARK", "USERTOKENMARK"
	echo := roundTrip(func(r *http.Request) (*http.Response, error) {
		h := http.Header{"X-Request-Id": {r.Header.Get("X-Auth-Token") + r.Header.Get("Authorization") + r.URL.RawQuery}}
		body := `{"access_token":"ACCESSMARK","expires_in":1800}`
		return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: int64(len(body))}, nil
	})
	for first, credentials := range map[string]cbc.Credentials{
		"devices.get": cbc.APIKey(id, secret), "cloudservices.token": cbc.OAuthApp(id, secret), "cloudservices.authorize": cbc.APIToken(token),
	} {
		client, told := watched(t, &http.Client{Transport: echo}, credentials)
		_, _ = client.Devices.Get(t.Context(), 4242)
		calls, _ := told()
		text := fmt.Sprintf("%+v", calls)
		if len(calls) == 0 || calls[0].Op != first {
			t.Errorf("told %+v, want %s first", calls, first)
		}
		for _, mark := range []string{id, secret, token, "ACCESSMARK", "4242", cbctest.OrgKey, "invalid"} {
			if strings.Contains(text, mark) {
				t.Errorf("told %s, which has %q in it", text, mark)
			}
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

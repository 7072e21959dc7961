package actions_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/hunt"
)

func newWebhook(t *testing.T, url string) hunt.Action {
	t.Helper()
	a, err := actions.NewWebhook(actions.WebhookConfig{URL: url})
	if err != nil {
		t.Fatalf("NewWebhook: %v", err)
	}
	return a
}

func TestWebhookPostsEachFinding(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := make(map[string]map[string]any)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		got[body["event_id"].(string)] = body
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(srv.Close)
	tasks := []hunt.Task{processTask("webhook", 1, 7, `c:\a.exe`, 42), processTask("webhook", 2, 8, `c:\b.exe`)}
	outcomes := newWebhook(t, srv.URL).Do(t.Context(), tasks)
	if diff := cmp.Diff(map[string]hunt.Status{tasks[0].Target: hunt.Done, tasks[1].Target: hunt.Done}, ends(outcomes)); diff != "" {
		t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}
	body := got[tasks[0].EventID()]
	if body == nil {
		t.Fatalf("no call carried the event id %s; got %v", tasks[0].EventID(), got)
	}
	want := map[string]any{"GUID": "g1"}
	if diff := cmp.Diff(want, body["email"]); diff != "" {
		t.Errorf("email mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"process_guid": "raw"}, body["process"]); diff != "" {
		t.Errorf("process mismatch (-want +got):\n%s", diff)
	}
	if body["event"] != "finding" || body["sha256"] != hash(1).String() || body["evidence"] != "executed" || len(body["emails"].([]any)) != 2 {
		t.Errorf("body = %v, want the event, the hash, the evidence and both mails", body)
	}
}

func TestWebhookFailureNamesTheHostAndNoSecret(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	t.Cleanup(srv.Close)
	for _, url := range []string{srv.URL, gone.URL} {
		o := newWebhook(t, url+"/hook/s3cret?token=s3cret").Do(t.Context(), []hunt.Task{processTask("webhook", 1, 7, "/x")})
		if len(o) != 1 || o[0].Status != hunt.Failed || strings.Contains(o[0].Err.Error()+o[0].Detail, "s3cret") {
			t.Errorf("outcome = %+v, want one failure that does not repeat the secret of the URL", o)
		}
	}
}

func TestWebhookFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(other.Close)
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(srv.Close)
	o := newWebhook(t, srv.URL).Do(t.Context(), []hunt.Task{processTask("webhook", 1, 7, "/x")})
	if o[0].Status != hunt.Failed || hits.Load() != 0 {
		t.Errorf("a redirect ended as %s with %d calls to the other host, want failed and none", o[0].Status, hits.Load())
	}
}

func TestWebhookRefusesOtherURLs(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "hooks.example/x", "ftp://hooks.example", "https://"} {
		if _, err := actions.NewWebhook(actions.WebhookConfig{URL: bad}); err == nil {
			t.Errorf("NewWebhook(%q) gave no error", bad)
		}
	}
}

// A receiver that hangs costs two timeouts at most, not one for each finding: what comes behind it in the run would wait as long.
func TestWebhookDoesNotWaitForAReceiverThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := true
		var calls atomic.Int32
		receiver := roundTrip(func(r *http.Request) (*http.Response, error) {
			calls.Add(1)
			if !hangs {
				return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		a, err := actions.NewWebhook(actions.WebhookConfig{URL: "https://hooks.example/", HTTPClient: &http.Client{Transport: receiver}})
		if err != nil {
			t.Fatal(err)
		}
		var tasks []hunt.Task
		for i := range 100 {
			tasks = append(tasks, processTask("webhook", 1, int64(i+1), "/x"))
		}
		start, put := time.Now(), 0
		for _, o := range a.Do(t.Context(), tasks) {
			if o.Status != hunt.Failed {
				t.Fatalf("outcome = %+v, want a failure", o)
			}
			if errors.Is(o.Err, hunt.ErrNotBegun) {
				put++
			}
		}
		if took := time.Since(start); took > time.Minute || calls.Load() > 12 || put < 88 {
			t.Errorf("100 findings took %s and %d calls, %d were put off; want two timeouts at most", took, calls.Load(), put)
		}
		hangs = false
		time.Sleep(2 * time.Minute)
		for _, o := range a.Do(t.Context(), tasks) {
			if o.Status != hunt.Done {
				t.Fatalf("outcome = %+v, want done once the receiver answers again", o)
			}
		}
	})
}

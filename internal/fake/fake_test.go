package fake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/internal/fake"
)

const base = "https://thing.invalid"

// things is a small service that keeps a list.
func things(now func() time.Time) *fake.Server {
	s := fake.New(fake.Config{Name: "thingtest", URL: base, Now: now, Authenticate: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, password, _ := r.BasicAuth(); password != "right" {
				http.Error(w, "no", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	s.Handle("GET /things/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "thing %s", r.PathValue("id"))
	})
	s.Handle("POST /things", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	})
	s.Handle("POST /login", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, fake.Open, fake.Secret)
	return s
}

// send makes one call with the right password and returns status and body.
func send(t *testing.T, c *http.Client, method, url, body string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("me", "right")
	req.Header.Set("X-Auth-Token", "hush")
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

func TestServerOverBothTransports(t *testing.T) {
	t.Parallel()
	s := things(nil)
	over := httptest.NewTLSServer(s)
	t.Cleanup(over.Close)
	for _, c := range []struct {
		name   string
		base   string
		client *http.Client
	}{
		{"in process", base, s.Client()},
		{"over TLS", over.URL, over.Client()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, tc := range []struct {
				method, path, body string
				status             int
				want               string
			}{
				{"GET", "/things/a%2Fb", "", 200, "thing a/b"},
				{"POST", "/things", "hello", 200, "hello"},
				{"POST", "/login", "password=hush", 204, ""},
				{"GET", "/things/", "", 501, "thingtest: no route for GET /things/\n"},
				{"GET", "/things/a/b", "", 501, "thingtest: no route for GET /things/a/b\n"},
				{"DELETE", "/things/7", "", 405, "thingtest: /things/7 does not take DELETE, only GET\n"},
			} {
				status, text, err := send(t, c.client, tc.method, c.base+tc.path, tc.body)
				if err != nil || status != tc.status || text != tc.want {
					t.Errorf("%s %s = %d %q, %v; want %d %q", tc.method, tc.path, status, text, err, tc.status, tc.want)
				}
			}
			res, err := c.client.Get(c.base + "/nowhere")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusUnauthorized {
				t.Errorf("an unknown route without credentials = %d, want 401", res.StatusCode)
			}
		})
	}
}

func TestJournalKeepsNoCredentials(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.FixedZone("elsewhere", 3600))
	s := things(func() time.Time { return at })
	send(t, s.Client(), "POST", base+"/things?color=red", "hello")
	send(t, s.Client(), "POST", base+"/login", "password=hush")
	s.Inject(nil, 1, fake.Drop())
	if _, _, err := send(t, s.Client(), "GET", base+"/things/7", ""); err == nil {
		t.Error("a dropped connection gave an answer")
	}
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Go-http-client/1.1"}}
	want := []fake.Request{
		{Time: at.UTC(), Method: "POST", Path: "/things", Query: map[string][]string{"color": {"red"}}, Operation: "POST /things", Header: header, Body: []byte("hello"), Status: 200},
		{Time: at.UTC(), Method: "POST", Path: "/login", Query: map[string][]string{}, Operation: "POST /login", Header: header, Status: 204},
		{Time: at.UTC(), Method: "GET", Path: "/things/7", Query: map[string][]string{}, Operation: "GET /things/{id}", Header: header, Status: 0},
	}
	got := s.Requests()
	if diff := cmp.Diff(want, got, cmp.Transformer("text", func(b []byte) string { return string(b) })); diff != "" {
		t.Errorf("Requests() mismatch (-want +got):\n%s", diff)
	}
	if text := fmt.Sprintf("%+v", got); strings.Contains(text, "hush") || strings.Contains(text, "Basic") {
		t.Errorf("the journal holds a credential: %s", text)
	}
}

func TestOtherHostsAreUnreachable(t *testing.T) {
	t.Parallel()
	s := things(nil)
	if _, _, err := send(t, s.Client(), "GET", "https://elsewhere.invalid/things/7", ""); err == nil {
		t.Error("the in-process client reached another host")
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("the journal has %d requests, want none", n)
	}
}

func TestMostLiteralPatternWins(t *testing.T) {
	t.Parallel()
	s := fake.New(fake.Config{Name: "x", URL: base})
	say := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Pattern, " ", r.PathValue("a"), r.PathValue("rest"))
	}
	for _, p := range []string{"GET /v/{a}", "GET /v/_search", "POST /v/{a}", "GET /v/{a}/x", "GET /f/{rest...}", "GET /f/{a}", "POST /w", "POST /w?action=add", "POST /w?action=remove"} {
		s.Handle(p, say)
	}
	for _, tc := range []struct{ method, path, want string }{
		{"GET", "/v/_search", "GET /v/_search "},
		{"GET", "/v/7", "GET /v/{a} 7"},
		{"POST", "/v/_search", "POST /v/{a} _search"},
		{"GET", "/v/%2e%2e/x", "GET /v/{a}/x .."},
		{"GET", "/f/1/2%2F3", "GET /f/{rest...} 1/2/3"},
		{"GET", "/f/1", "GET /f/{rest...} 1"},
		{"POST", "/w?action=add&x=1", "POST /w?action=add "},
		{"POST", "/w?action=other", "POST /w "},
		{"POST", "/w?action=add&action=add", "POST /w "},
	} {
		_, got, err := send(t, s.Client(), tc.method, base+tc.path, "")
		if err != nil || got != tc.want {
			t.Errorf("%s %s went to %q, %v; want %q", tc.method, tc.path, got, err, tc.want)
		}
	}
	if got := len(s.Operations()); got != 9 {
		t.Errorf("Operations() has %d entries, want 9", got)
	}
	for _, bad := range []string{"GET", "GET x", " /x", "GET /v/{a}"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Handle(%q) did not panic", bad)
				}
			}()
			s.Handle(bad, say)
		}()
	}
}

func TestCanceledContextEndsTheCall(t *testing.T) {
	t.Parallel()
	s := fake.New(fake.Config{Name: "x", URL: base})
	ended := make(chan error, 1)
	s.Handle("GET /forever", func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
				ended <- r.Context().Err()
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, base+"/forever", nil)
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(res.Body, make([]byte, 100))
	cancel()
	if _, err := io.Copy(io.Discard, res.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("reading after cancel = %v, want context.Canceled", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's context = %v, want context.Canceled", err)
	}
	res.Body.Close()

	res, err = s.Client().Get(base + "/forever")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("closing the body left the handler's context at %v, want context.Canceled", err)
	}
}

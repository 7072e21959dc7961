package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

// step answers one request.
type step func(*http.Request) (*http.Response, error)

// script is a service in this process: it answers the n-th request with its n-th step, the last of them for ever.
type script struct {
	steps []step

	mu     sync.Mutex
	seen   []seen
	closed int // calls of CloseIdleConnections
}

type seen struct {
	At     time.Time
	Method string
	URL    string
	Header http.Header
	Body   string
}

func play(steps ...step) *script { return &script{steps: steps} }

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(raw)
		r.Body.Close()
	}
	s.mu.Lock()
	n := len(s.seen)
	s.seen = append(s.seen, seen{At: time.Now(), Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone(), Body: body})
	s.mu.Unlock()
	return s.steps[min(n, len(s.steps)-1)](r)
}

func (s *script) CloseIdleConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
}

func (s *script) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.seen...)
}

// answer is a whole answer; header are pairs of name and value.
func answer(status int, body string, header ...string) step {
	return func(r *http.Request) (*http.Response, error) {
		return response(r, status, io.NopCloser(strings.NewReader(body)), header...), nil
	}
}

func response(r *http.Request, status int, body io.ReadCloser, header ...string) *http.Response {
	h := make(http.Header)
	for i := 0; i < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: h, Body: body, Request: r, ContentLength: -1}
}

func broken(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// silent answers nothing until the request ends.
func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// tape is a body that is spoken in parts, and can be cut off.
type tape struct {
	ctx   context.Context
	parts []part
}

type part struct {
	after time.Duration
	text  string
	err   error
}

func (t *tape) Read(p []byte) (int, error) {
	if len(t.parts) == 0 {
		return 0, io.EOF
	}
	next := t.parts[0]
	t.parts = t.parts[1:]
	timer := time.NewTimer(next.after)
	defer timer.Stop()
	select {
	case <-timer.C:
		return copy(p, next.text), next.err
	case <-t.ctx.Done():
		return 0, t.ctx.Err()
	}
}

func (t *tape) Close() error { return nil }

func spoken(status int, parts ...part) step {
	return func(r *http.Request) (*http.Response, error) {
		return response(r, status, &tape{r.Context(), append([]part(nil), parts...)}), nil
	}
}

var errLimited = errors.New("limited")

// apiError stands for a client's own error type.
type apiError struct{ rest.Answer }

func (e *apiError) Error() string {
	return fmt.Sprintf("svc: %s: %d %s", e.Op, e.Status, strings.TrimSpace(string(e.Body)))
}

func (e *apiError) Is(target error) bool {
	return target == errLimited && e.Status == http.StatusTooManyRequests
}

const base = "https://svc.invalid"

// core is a client of s; change may alter its configuration.
func core(t *testing.T, transport http.RoundTripper, change ...func(*rest.Config)) *rest.Core {
	t.Helper()
	cfg := rest.Config{
		Package: "svc", BaseURL: base, HTTPClient: &http.Client{Transport: transport}, RateLimited: errLimited,
		Error: func(a rest.Answer) error { return &apiError{a} },
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := rest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bubble runs check with a clock of its own.
func bubble(t *testing.T, check func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, check)
}

func get() rest.Call {
	return rest.Call{Op: "things.list", Method: http.MethodGet, Route: "/v1/things", Repeatable: true}
}

func post() rest.Call {
	return rest.Call{Op: "things.act", Method: http.MethodPost, Route: "/v1/things", Body: map[string]string{"act": "now"}}
}

// call makes one call and tells how long it took.
func call(ctx context.Context, c *rest.Core, what rest.Call) (time.Duration, error) {
	start := time.Now()
	var out any
	_, err := c.Do(ctx, what, &out)
	return time.Since(start), err
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	return c.n
}

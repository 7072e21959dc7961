package rest_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/internal/rest"
)

type callerKey struct{}

// watch gathers what a core tells of its attempts, and whether the context was that of the caller.
type watch struct {
	mu   sync.Mutex
	told []rest.Attempt
	from []any
}

func (w *watch) observe(ctx context.Context, a rest.Attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, a)
	w.from = append(w.from, ctx.Value(callerKey{}))
}

func (w *watch) on(cfg *rest.Config) {
	cfg.Observe = w.observe
	cfg.RequestID = func(h http.Header) string { return h.Get("X-Request-Id") }
}

func TestEachAttemptIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		slow := func(r *http.Request) (*http.Response, error) {
			time.Sleep(3 * time.Second)
			return answer(200, "{}", "X-Request-Id", "r-4")(r)
		}
		var w watch
		c := core(t, play(
			answer(429, "", "Retry-After", "7", "X-Request-Id", "r-1"),
			broken(errors.New("reset")),
			answer(503, "", "X-Request-Id", "r-3"),
			slow,
		), w.on)
		if _, err := call(context.WithValue(t.Context(), callerKey{}, "me"), c, get()); err != nil {
			t.Fatal(err)
		}
		want := []rest.Attempt{
			{Op: "things.list", Method: "GET", Number: 1, Status: 429, RetryAfter: 7 * time.Second, RequestID: "r-1"},
			{Op: "things.list", Method: "GET", Number: 2, Failure: rest.FailureNetwork},
			{Op: "things.list", Method: "GET", Number: 3, Status: 503, RequestID: "r-3"},
			{Op: "things.list", Method: "GET", Number: 4, Status: 200, RequestID: "r-4", Took: 3 * time.Second},
		}
		if diff := cmp.Diff(want, w.told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]any{"me", "me", "me", "me"}, w.from); diff != "" {
			t.Errorf("the values of the caller's context (-want +got):\n%s", diff)
		}
	})
}

func TestAStreamIsToldWhenItBegins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var w watch
		c := core(t, play(answer(500, ""), spoken(200, part{after: time.Minute / 2, text: "x"})), w.on)
		body, err := c.Stream(t.Context(), get())
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		want := []rest.Attempt{{Op: "things.list", Method: "GET", Number: 1, Status: 500}, {Op: "things.list", Method: "GET", Number: 2, Status: 200}}
		if diff := cmp.Diff(want, w.told); diff != "" {
			t.Errorf("told before the body is read (-want +got):\n%s", diff)
		}
		if _, err := io.ReadAll(body); err != nil || len(w.told) != 2 {
			t.Errorf("reading: %v; told %d times, want 2", err, len(w.told))
		}
		if body, err = c.Fetch(t.Context(), "things.file", "https://store.invalid/x?sig=geheim"); err != nil {
			t.Fatal(err)
		}
		body.Close()
		if len(w.told) != 3 || w.told[2].Op != "things.file" {
			t.Errorf("told %+v, want the fetch as well", w.told)
		}
	})
}

// A hook that panics is its caller's bug: what others need is given back all the same.
func TestAHookThatPanicsKeepsNoPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		panics := 2
		c := core(t, play(answer(200, "{}"), answer(200, "x"), answer(200, "{}")), func(cfg *rest.Config) {
			cfg.MaxInFlight = 1
			cfg.Observe = func(context.Context, rest.Attempt) {
				if panics--; panics >= 0 {
					panic("a bug")
				}
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for _, try := range []func(){
			func() { _, _ = call(ctx, c, get()) },
			func() { _, _ = c.Stream(ctx, get()) },
		} {
			func() {
				defer func() {
					if got := recover(); got != "a bug" {
						t.Errorf("the panic is %v", got)
					}
				}()
				try()
			}()
		}
		if _, err := call(ctx, c, get()); err != nil {
			t.Errorf("the next call = %v", err)
		}
	})
}

func TestFailuresHaveAKind(t *testing.T) {
	t.Parallel()
	canceled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		return ctx, cancel
	}
	late := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Second)
	}
	for _, tc := range []struct {
		name    string
		step    step
		call    rest.Call
		change  func(*rest.Config)
		context func(context.Context) (context.Context, context.CancelFunc)
		want    string
		status  int
	}{
		{name: "reset", step: broken(errors.New("reset")), want: rest.FailureNetwork},
		{name: "no such host", step: broken(&net.DNSError{IsNotFound: true}), want: rest.FailureName},
		{name: "an unknown authority", step: broken(x509.UnknownAuthorityError{}), want: rest.FailureCertificate},
		{name: "silence", step: silent, want: rest.FailureTimeout},
		{name: "a caller who gave up", step: silent, context: canceled, want: rest.FailureCanceled},
		{name: "a deadline", step: silent, context: late, want: rest.FailureDeadline},
		{name: "an answer that breaks off", step: spoken(200, part{text: "{"}, part{err: io.ErrUnexpectedEOF}), want: rest.FailureNetwork, status: 200},
		{name: "a large answer", step: answer(200, `"0123456789"`), change: func(c *rest.Config) { c.MaxBody = 3 }, want: rest.FailureAnswer, status: 200},
		{name: "no credentials", step: answer(200, "{}"), change: func(c *rest.Config) {
			c.Authorize = func(context.Context, *http.Request) error { return errors.New("the vault is closed") }
		}, want: rest.FailureUnsent},
		{name: "nothing to send", step: answer(200, "{}"), call: rest.Call{
			Op: "things.put", Method: "PUT", Route: "/v1/things",
			Upload: &rest.Upload{Size: 3, Open: func() (io.ReadCloser, error) { return nil, errors.New("no such file") }},
		}, want: rest.FailureUpload},
		{name: "too little to send", step: answer(200, "{}"), call: rest.Call{
			Op: "things.put", Method: "PUT", Route: "/v1/things",
			Upload: &rest.Upload{Size: 3, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("a")), nil }},
		}, want: rest.FailureUpload},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var w watch
				c := core(t, play(tc.step), w.on, func(c *rest.Config) {
					c.Attempts = 1
					if tc.change != nil {
						tc.change(c)
					}
				})
				ctx := t.Context()
				if tc.context != nil {
					var cancel context.CancelFunc
					ctx, cancel = tc.context(ctx)
					defer cancel()
				}
				what := tc.call
				if what.Op == "" {
					what = get()
				}
				if _, err := call(ctx, c, what); err == nil {
					t.Fatal("no error")
				}
				if len(w.told) != 1 || w.told[0].Failure != tc.want || w.told[0].Status != tc.status {
					t.Errorf("told %+v, want the failure %q and the status %d", w.told, tc.want, tc.status)
				}
				if tc.want == rest.FailureUnsent && w.told[0].Took != 0 {
					t.Errorf("it took %s, though nothing was sent", w.told[0].Took)
				}
			})
		})
	}
}

// The time that an attempt waited for its turn is not the service's.
func TestWaitingIsNotTaking(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var w watch
		c := core(t, play(answer(429, "", "Retry-After", "60"), answer(200, "{}")), w.on)
		if took, err := call(t.Context(), c, get()); err != nil || took < time.Minute {
			t.Fatalf("the call took %s, error %v", took, err)
		}
		if w.told[1].Took != 0 {
			t.Errorf("the second attempt took %s, want 0", w.told[1].Took)
		}
	})
}

func TestWhatWasNotSentTookNoTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var w watch
		var asked counter
		c := core(t, play(answer(503, "")), w.on, func(c *rest.Config) {
			c.Authorize = func(context.Context, *http.Request) error {
				if asked.add(1) > 1 {
					return errors.New("the vault is closed")
				}
				return nil
			}
		})
		if _, err := call(t.Context(), c, get()); err == nil {
			t.Fatal("no error")
		}
		want := []rest.Attempt{
			{Op: "things.list", Method: "GET", Number: 1, Status: 503},
			{Op: "things.list", Method: "GET", Number: 2, Failure: rest.FailureUnsent},
		}
		if diff := cmp.Diff(want, w.told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestNothingSecretIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		secrets := []string{"tok-geheim-1", "pass-geheim-2", "query-geheim-3", "body-geheim-4", "form-geheim-5"}
		echo := func(id string, status int) step {
			return answer(status, "body-geheim-4", "X-Request-Id", id, "X-Other", "tok-geheim-1")
		}
		var w watch
		c := core(t, play(
			echo("tok-geheim-1", 503), echo("q=query-geheim-3", 400), echo("form-geheim-5", 200),
			broken(&url.Error{Op: "Get", URL: "https://u:pass-geheim-2@svc.invalid/?q=query-geheim-3", Err: errors.New("tok-geheim-1")}),
			echo("a\x07b", 200), echo(strings.Repeat("x", 4000), 200),
		), w.on, func(c *rest.Config) {
			c.Authorize = func(_ context.Context, r *http.Request) error {
				r.Header.Set("X-Auth-Token", "tok-geheim-1")
				r.SetBasicAuth("u", "pass-geheim-2")
				return nil
			}
		})
		list := get()
		list.Query = url.Values{"q": {"query-geheim-3"}}
		_, _ = call(t.Context(), c, list)
		_, _ = call(t.Context(), c, rest.Call{Op: "a", Method: "POST", Route: "/", Form: url.Values{"p": {"form-geheim-5"}}})
		for range 3 {
			_, _ = call(t.Context(), c, post())
		}
		text := fmt.Sprintf("%+v", w.told)
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("told %s, which has %q in it", text, secret)
			}
		}
		if len(w.told) != 6 || w.told[0].RequestID != "[withheld]" || w.told[4].RequestID != "" || len(w.told[5].RequestID) != 200 {
			t.Errorf("told %+v", w.told)
		}
	})
}

package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/internal/rest"
)

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

// What the engine's default gets wrong: a POST that acted and then answered 500 acts five times.
func TestACallIsRepeatedOnlyIfItSaysSo(t *testing.T) {
	t.Parallel()
	cut := spoken(200, part{text: `{"half`, err: io.ErrUnexpectedEOF})
	for _, tc := range []struct {
		name     string
		first    step
		post     int
		get      int
		postFail bool
	}{
		{"429", answer(429, "", "Retry-After", "1"), 2, 2, false},
		{"500", answer(500, "boom"), 1, 2, true},
		{"502", answer(502, "<html>"), 1, 2, true},
		{"503", answer(503, "busy"), 1, 2, true},
		{"504", answer(504, "late"), 1, 2, true},
		{"501", answer(501, "never"), 1, 1, true},
		{"507", answer(507, "full"), 1, 1, true},
		{"400", answer(400, "bad"), 1, 1, true},
		{"404", answer(404, "gone"), 1, 1, true},
		{"refused connection", broken(errRefused), 1, 2, true},
		{"connection cut before the answer", broken(io.ErrUnexpectedEOF), 1, 2, true},
		{"connection cut in the answer", cut, 1, 2, true},
		{"silence", silent, 1, 2, true},
		{"unknown host", broken(&net.DNSError{Err: "no such host", Name: "svc.invalid", IsNotFound: true}), 1, 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := play(tc.first, answer(200, `{}`))
				_, err := call(t.Context(), core(t, s), post())
				if got := len(s.requests()); got != tc.post || (err != nil) != tc.postFail {
					t.Errorf("a call that must not be repeated: %d attempts, error %v; want %d, failure %v", got, err, tc.post, tc.postFail)
				}
				s = play(tc.first, answer(200, `{}`))
				_, err = call(t.Context(), core(t, s), get())
				if got := len(s.requests()); got != tc.get || (err != nil) != (tc.get == 1) {
					t.Errorf("a repeatable call: %d attempts, error %v; want %d", got, err, tc.get)
				}
			})
		})
	}
}

func TestAttemptsAreCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(503, `{"reason":"busy"}`))
		_, err := call(t.Context(), core(t, s, func(c *rest.Config) { c.Attempts = 3 }), get())
		e, ok := errors.AsType[*apiError](err)
		if !ok || e.Status != 503 || string(e.Body) != `{"reason":"busy"}` || e.Attempts != 3 {
			t.Errorf("error = %v, want the last answer, after 3 attempts", err)
		}
		if got := len(s.requests()); got != 3 {
			t.Errorf("%d attempts, want 3", got)
		}
		s = play(answer(503, ``))
		_, _ = call(t.Context(), core(t, s), get())
		if got := len(s.requests()); got != rest.DefaultAttempts {
			t.Errorf("%d attempts, want the default of %d", got, rest.DefaultAttempts)
		}
	})
}

// The engine's back-off is 1, 2, 4, 8 s, the same for everybody.
func TestPausesAreRandomUnderADoublingBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bounds := []float64{1, 2, 4, 8, 16, 32, 60, 60} // seconds
		var first []time.Duration
		for range 20 {
			s := play(answer(503, ""))
			_, _ = call(t.Context(), core(t, s, func(c *rest.Config) { c.Attempts = len(bounds) + 1 }), get())
			r := s.requests()
			for i, bound := range bounds {
				pause := r[i+1].At.Sub(r[i].At)
				if pause <= 0 || pause.Seconds() > bound {
					t.Errorf("pause %d is %s, want more than 0 and at most %gs", i+1, pause, bound)
				}
			}
			first = append(first, r[1].At.Sub(r[0].At))
		}
		var low, high int
		for _, pause := range first {
			if pause < 500*time.Millisecond {
				low++
			} else {
				high++
			}
		}
		if low == 0 || high == 0 {
			t.Errorf("first pauses are not spread over the first second: %v", first)
		}
	})
}

func TestARetryAfterOf503IsKeptByThisCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(503, "", "Retry-After", "7"), answer(200, "{}"))
		if took, err := call(t.Context(), core(t, s), get()); err != nil || took != 7*time.Second {
			t.Errorf("took %s, error %v; want 7s", took, err)
		}
	})
}

// The engine sleeps towards a deadline that it cannot meet.
func TestNobodyWaitsPastTheDeadline(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		first step
		want  string
		is    error
	}{
		{"after a 429", answer(429, "slow down", "Retry-After", "60"), "svc: things.list: 429 slow down; the next attempt would have to wait 1m0s, which is past the deadline", errLimited},
		{"after a 503", answer(503, "busy", "Retry-After", "60"), "svc: things.list: 503 busy; the next attempt would have to wait 1m0s, which is past the deadline", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				took, err := call(ctx, core(t, play(tc.first)), get())
				if err == nil || err.Error() != tc.want || took != 0 {
					t.Errorf("took %s, error %q; want none, %q", took, err, tc.want)
				}
				if tc.is != nil && !errors.Is(err, tc.is) {
					t.Errorf("error %v does not match %v", err, tc.is)
				}
				if e, ok := errors.AsType[*apiError](err); !ok || e.RetryAfter != time.Minute {
					t.Errorf("error %v does not hold the answer and its pause", err)
				}
			})
		})
	}
}

func TestTheEndOfTheContextIsFinal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		s := play(silent)
		took, err := call(ctx, core(t, s), get())
		if !errors.Is(err, context.DeadlineExceeded) || took != 10*time.Second || len(s.requests()) != 1 {
			t.Errorf("took %s in %d attempts, error %v; want the deadline after 10s and 1 attempt", took, len(s.requests()), err)
		}
		if want := "svc: things.list: context deadline exceeded"; err.Error() != want {
			t.Errorf("error = %q, want %q", err, want)
		}
	})
}

func TestCancellingWhileWaitingEndsTheWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		s := play(answer(429, "slow", "Retry-After", "60"))
		took, err := call(ctx, core(t, s), get())
		if took != 5*time.Second || !errors.Is(err, context.Canceled) || !errors.Is(err, errLimited) {
			t.Errorf("took %s, error %v; want the cancellation after 5s with the last answer", took, err)
		}
		if want := "svc: things.list: context canceled; last attempt: 429 slow"; err.Error() != want {
			t.Errorf("error = %q, want %q", err, want)
		}
	})
}

func TestATimeoutOfAnAttemptIsNotTheCallersDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(silent, spoken(200, part{after: 4 * time.Second, text: "{"}, part{after: 4 * time.Second, text: "}"}))
		took, err := call(t.Context(), core(t, s, func(c *rest.Config) { c.Timeout, c.Attempts = 5*time.Second, 2 }), get())
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want one that is no end of a context", err)
		}
		timeout, ok := errors.AsType[interface {
			error
			Timeout() bool
		}](err)
		if !ok || !timeout.Timeout() {
			t.Errorf("error %v is no time-out", err)
		}
		if want := "svc: things.list: reading the answer: no answer within 5s (after 2 attempts)"; err == nil || err.Error() != want {
			t.Errorf("error = %q, want %q: the body is part of the attempt", err, want)
		}
		if took < 10*time.Second || took > 11*time.Second {
			t.Errorf("took %s, want two attempts of 5s and a pause under 1s", took)
		}
	})
}

type countingPace struct {
	waits int
	err   error
}

func (p *countingPace) Wait(context.Context) error {
	p.waits++
	return p.err
}

// A limiter around the engine is bypassed by its retries.
func TestEveryAttemptWaitsForThePace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		pace := &countingPace{}
		s := play(answer(503, ""), answer(429, "", "Retry-After", "1"), answer(200, "{}"))
		if _, err := call(t.Context(), core(t, s, func(c *rest.Config) { c.Pace = pace }), get()); err != nil || pace.waits != 3 {
			t.Errorf("%d waits for 3 attempts, error %v", pace.waits, err)
		}
	})
}

// The engine repeats a call whose limiter said that it cannot have its turn.
func TestAnErrorOfThePaceIsFinal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cause := errors.New("no turn")
		pace := &countingPace{err: cause}
		s := play(answer(200, "{}"))
		_, err := call(t.Context(), core(t, s, func(c *rest.Config) { c.Pace = pace }), get())
		if !errors.Is(err, cause) || err.Error() != "svc: things.list: no turn" || pace.waits != 1 || len(s.requests()) != 0 {
			t.Errorf("%d waits, %d requests, error %v; want 1, 0, %v", pace.waits, len(s.requests()), err, cause)
		}
	})
}

func TestTheRateSpreadsCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(200, "{}"))
		c := core(t, s, func(c *rest.Config) { c.Rate, c.Burst = 2, 2 })
		start := time.Now()
		for range 6 {
			if _, err := call(t.Context(), c, get()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("6 calls with a burst of 2 and 2 a second took %s, want 2s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		took, err := call(ctx, c, get())
		if !errors.Is(err, errLimited) || took != 0 || len(s.requests()) != 6 {
			t.Errorf("without a turn before the deadline: took %s, error %v; want %v at once", took, err, errLimited)
		}
	})
}

// The engine follows redirects, with X-Auth-Token and the body.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := play(answer(status, "", "Location", "https://elsewhere.invalid/?sig=1"), answer(200, "{}"))
				_, err := call(t.Context(), core(t, s), post())
				e, ok := errors.AsType[*apiError](err)
				if !ok || e.Status != status || len(s.requests()) != 1 {
					t.Fatalf("%d requests, error %v; want 1 and the answer as an error", len(s.requests()), err)
				}
				if got := e.Header.Get("Location"); got != "https://elsewhere.invalid/?sig=1" {
					t.Errorf("Location = %q is lost", got)
				}
			})
		})
	}
}

func TestALocationThatCannotBeReadIsNotPrinted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(302, "", "Location", "https://else where.invalid/%zz?sig=hidden"))
		what := get()
		what.OK = []int{302}
		res, err := core(t, s).Do(t.Context(), what, nil)
		if err != nil || res.Status != 302 || !strings.Contains(res.Header.Get("Location"), "hidden") {
			t.Errorf("Do = %v, %v; want 302 with its Location", res, err)
		}
	})
}

// After any failed call the engine closes the idle connections of the client that all calls share.
func TestIdleConnectionsStayOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(broken(errRefused))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, _ = call(ctx, core(t, s), get())
		s2 := play(answer(429, "", "Retry-After", "60"))
		time.AfterFunc(time.Second, cancel)
		_, _ = call(ctx, core(t, s2), get())
		if s.closed+s2.closed != 0 {
			t.Errorf("CloseIdleConnections was called %d times, want never", s.closed+s2.closed)
		}
	})
}

// The engine reads bodies that are not bytes once and for all, or not again.
func TestTheBodyIsSentWithEachAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(429, "", "Retry-After", "1"), answer(429, "", "Retry-After", "1"), answer(200, "{}"))
		if _, err := call(t.Context(), core(t, s), post()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range s.requests() {
			got = append(got, r.Method+" "+r.Body+" "+r.Header.Get("Content-Type"))
		}
		want := `POST {"act":"now"} application/json`
		if diff := cmp.Diff([]string{want, want, want}, got); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestAServiceCanTellMoreThanItsStatus(t *testing.T) {
	t.Parallel()
	again := func(a rest.Answer) (again, known bool) { return string(a.Body) == "later", len(a.Body) > 0 }
	for _, tc := range []struct {
		name  string
		first step
		post  int
		get   int
	}{
		{"a 400 that passes", answer(400, "later"), 1, 2},
		{"a 503 that stays", answer(503, "never"), 1, 1},
		{"a 503 it has no opinion of", answer(503, ""), 1, 2},
		{"a 404 it has no opinion of", answer(404, ""), 1, 1},
		{"a 429, about which it is not asked", answer(429, "never", "Retry-After", "1"), 2, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				for _, c := range []struct {
					call rest.Call
					want int
				}{{post(), tc.post}, {get(), tc.get}} {
					s := play(tc.first, answer(200, `{}`))
					_, err := call(t.Context(), core(t, s, func(cfg *rest.Config) { cfg.Again = again }), c.call)
					if got := len(s.requests()); got != c.want || (err == nil) != (got == 2) {
						t.Errorf("%s: %d attempts, error %v; want %d", c.call.Method, got, err, c.want)
					}
				}
			})
		})
	}
}

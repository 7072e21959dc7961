package rest_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

// both sends one call, which is refused, and then another at once; it returns how long the second was held back.
func both(t *testing.T, first, second *rest.Core) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = call(ctx, first, get()) })
	synctest.Wait() // the first has its 429 and waits
	took, err := call(t.Context(), second, post())
	if err != nil {
		t.Error(err)
	}
	cancel()
	wg.Wait()
	return took
}

// A 429 is the host's: calls made meanwhile lengthen the penalty.
func TestAfterA429EverybodyWaits(t *testing.T) {
	t.Parallel()
	refusal := answer(429, "", "Retry-After", "60")
	t.Run("the same client", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			c := core(t, play(refusal, answer(200, "{}")))
			if got := both(t, c, c); got != time.Minute {
				t.Errorf("the other call waited %s, want 1m", got)
			}
		})
	})
	t.Run("another client of the same host", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := play(refusal, answer(200, "{}"))
			if got := both(t, core(t, s), core(t, s)); got != time.Minute {
				t.Errorf("the other call waited %s, want 1m", got)
			}
		})
	})
	t.Run("not a client of another host", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := play(refusal, answer(200, "{}"))
			other := core(t, s, func(c *rest.Config) { c.BaseURL = "https://other.invalid" })
			if got := both(t, core(t, s), other); got != 0 {
				t.Errorf("the other call waited %s, want 0", got)
			}
		})
	})
	t.Run("not a client of another server in this process", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			if got := both(t, core(t, play(refusal)), core(t, play(answer(200, "{}")))); got != 0 {
				t.Errorf("the other call waited %s, want 0", got)
			}
		})
	})
	t.Run("nor one whose transport cannot be compared", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			if got := both(t, core(t, function(play(refusal).RoundTrip)), core(t, function(play(answer(200, "{}")).RoundTrip))); got != 0 {
				t.Errorf("the other call waited %s, want 0", got)
			}
		})
	})
}

type function step

func (f function) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestA429WithoutAPauseClosesTheGateForARandomOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, value := range []string{"", "0", "-5", "soon", "99999999999999999999", "9223372037"} {
			bounds := []float64{1, 2, 4, 8} // seconds
			s := play(answer(429, "", "Retry-After", value))
			_, _ = call(t.Context(), core(t, s), post())
			r := s.requests()
			if len(r) != len(bounds)+1 {
				t.Fatalf("Retry-After %q: %d attempts, want %d", value, len(r), len(bounds)+1)
			}
			for i, bound := range bounds {
				if pause := r[i+1].At.Sub(r[i].At); pause <= 0 || pause.Seconds() > bound {
					t.Errorf("Retry-After %q: pause %d is %s, want more than 0 and at most %gs", value, i+1, pause, bound)
				}
			}
		}
	})
}

func TestAPauseAskedForIsKept(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		header func(now time.Time) []string
		want   time.Duration
	}{
		{"seconds", func(time.Time) []string { return []string{"Retry-After", "42"} }, 42 * time.Second},
		{"a date", func(now time.Time) []string {
			return []string{"Retry-After", now.Add(time.Minute).UTC().Format(http.TimeFormat)}
		}, time.Minute},
		{"a date on a clock that is wrong", func(now time.Time) []string {
			there := now.Add(-time.Hour).UTC()
			return []string{"Date", there.Format(http.TimeFormat), "Retry-After", there.Add(30 * time.Second).Format(http.TimeFormat)}
		}, 30 * time.Second},
		{"no more than five minutes", func(time.Time) []string { return []string{"Retry-After", "86400"} }, 5 * time.Minute},
		{"nor until a date far away", func(now time.Time) []string {
			return []string{"Retry-After", now.AddDate(1, 0, 0).UTC().Format(http.TimeFormat)}
		}, 5 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := play(answer(429, "", tc.header(time.Now())...), answer(200, "{}"))
				if took, err := call(t.Context(), core(t, s), post()); err != nil || took != tc.want {
					t.Errorf("took %s, error %v; want %s", took, err, tc.want)
				}
			})
		})
	}
}

func TestACallThatCannotWaitForTheGateFailsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(429, "", "Retry-After", "60"))
		c := core(t, s, func(c *rest.Config) { c.Attempts, c.MaxInFlight = 1, 1 })
		_, _ = call(t.Context(), c, get())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _ = call(ctx, c, get())
		took, err := call(ctx, c, get()) // the one before it has given back its place
		want := "svc: things.list: limited: the service asked for a pause: the call would have to wait 1m0s, which is past its deadline"
		if took != 0 || !errors.Is(err, errLimited) || err.Error() != want || len(s.requests()) != 1 {
			t.Errorf("took %s, %d requests, error %q; want 0, 1, %q", took, len(s.requests()), err, want)
		}
	})
}

func TestABurstOfRefusalsIsOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		late := func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Millisecond)
			return answer(429, "")(r)
		}
		s := play(late, late, late, late, late, late, late, late, answer(200, "{}"))
		c := core(t, s)
		var wg sync.WaitGroup
		start := time.Now()
		for range 8 {
			wg.Go(func() {
				if _, err := call(t.Context(), c, post()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took > time.Second+time.Millisecond {
			t.Errorf("took %s, want the pause of one refusal, under 1s", took)
		}
	})
}

func TestAnAnswerEndsTheSeriesOfRefusals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var steps []step
		for range 20 {
			steps = append(steps, answer(429, ""), answer(200, "{}"))
		}
		c := core(t, play(steps...))
		for range 20 {
			if took, err := call(t.Context(), c, post()); err != nil || took > time.Second {
				t.Errorf("took %s, error %v; want the pause of a first refusal, under 1s", took, err)
			}
		}
	})
}

// A token bucket at the right average rate still sends too much in some window.
func TestTheBudgetIsASlidingWindow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(200, "{}"))
		budget := func(c *rest.Config) { c.Budget = rest.Budget{Calls: 10, Per: time.Minute} }
		clients := []*rest.Core{core(t, s, budget), core(t, s, budget)}
		var wg sync.WaitGroup
		for i := range 45 {
			wg.Go(func() {
				if _, err := call(t.Context(), clients[i%2], get()); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(500 * time.Millisecond)
		}
		wg.Wait()
		r := s.requests()
		for i := 10; i < len(r); i++ {
			if gap := r[i].At.Sub(r[i-10].At); gap < time.Minute {
				t.Errorf("requests %d to %d, 11 of them, went out in %s", i-10, i, gap)
			}
		}
		if got := r[44].At.Sub(r[0].At); got > 4*time.Minute+5*time.Second {
			t.Errorf("45 calls took %s: the budget was not used up", got)
		}
	})
}

func TestACallWithoutBudgetBeforeItsDeadlineFailsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(200, "{}"))
		c := core(t, s, func(c *rest.Config) { c.Budget = rest.Budget{Calls: 1, Per: time.Hour} })
		_, _ = call(t.Context(), c, get())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if took, err := call(ctx, c, get()); took != 0 || !errors.Is(err, errLimited) {
			t.Errorf("took %s, error %v; want %v at once", took, err, errLimited)
		}
	})
}

func TestCallsInFlightAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		flying, most := 0, 0
		slow := func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			flying++
			most = max(most, flying)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			flying--
			mu.Unlock()
			return answer(200, "{}")(r)
		}
		c := core(t, play(slow))
		var wg sync.WaitGroup
		start := time.Now()
		for range 24 {
			wg.Go(func() { _, _ = call(t.Context(), c, get()) })
		}
		wg.Wait()
		if most != rest.DefaultMaxInFlight || time.Since(start) != 3*time.Second {
			t.Errorf("%d in flight, %s; want %d, 3s", most, time.Since(start), rest.DefaultMaxInFlight)
		}
	})
}

func TestWaitingForAPlaceEndsWithTheContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := core(t, play(answer(200, "{}")), func(c *rest.Config) { c.MaxInFlight = 1 })
		open, err := c.Stream(t.Context(), get())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, err := call(ctx, c, get()); took != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("took %s, error %v; want the deadline after 1s", took, err)
		}
		open.Close()
		open.Close()
		if _, err := call(t.Context(), c, get()); err != nil {
			t.Errorf("the place is not free after Close: %v", err)
		}
	})
}

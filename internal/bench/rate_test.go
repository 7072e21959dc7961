package bench_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// strict is a service that takes so many calls in any second, and refuses everything for a second after one too many. Each call that comes
// during the penalty makes it longer.
type strict struct {
	next    http.RoundTripper
	limit   int
	latency time.Duration

	mu      sync.Mutex
	came    []time.Time
	penalty time.Time
	// refused counts calls that were too many, and broke those that came during a penalty although its caller knew of it.
	refused, broke int
	known          time.Time // when the first refusal of the penalty was heard
}

func (s *strict) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(s.latency)
	if s.refuses(time.Now()) {
		time.Sleep(s.latency)
		s.mu.Lock()
		if s.known.IsZero() {
			s.known = time.Now()
		}
		s.mu.Unlock()
		return &http.Response{
			StatusCode: http.StatusTooManyRequests, Status: "429 Too Many Requests", Header: http.Header{"Retry-After": {"1"}}, Body: http.NoBody, Request: r,
			ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	}
	resp, err := s.next.RoundTrip(r)
	time.Sleep(s.latency)
	return resp, err
}

func (s *strict) refuses(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.penalty) {
		s.penalty = now.Add(time.Second)
		if sent := now.Add(-s.latency); !s.known.IsZero() && sent.After(s.known) {
			s.broke++
		}
		s.refused++
		return true
	}
	s.known = time.Time{}
	for len(s.came) > 0 && now.Sub(s.came[0]) >= time.Second {
		s.came = s.came[1:]
	}
	if len(s.came) == s.limit {
		s.penalty = now.Add(time.Second)
		s.refused++
		return true
	}
	s.came = append(s.came, now)
	return false
}

// Many goroutines of two clients use up what a service takes, and no more. Where nobody has told them what that is, they keep its pauses.
func TestRate(t *testing.T) {
	t.Parallel()
	const limit, calls, workers = 25, 1000, 32
	for _, c := range []struct {
		name   string
		budget cbc.Budget
		// slower is how much longer it may take than the limit makes it.
		slower  float64
		refused int
	}{
		{"a limit that is known", cbc.Budget{Calls: limit, Per: time.Second}, 1.1, 0},
		{"a limit that nobody knows", cbc.Budget{Calls: -1}, 1.5, 1000},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAP-7"}}})
			service := &strict{next: srv.Client().Transport, limit: limit, latency: 20 * time.Millisecond}
			var clients []*cbc.Client
			for range 2 {
				client, err := cbc.New(cbc.Config{
					BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: &http.Client{Transport: service}, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret),
					Budget: c.budget, Rate: 1000, Burst: 1000, Attempts: 20,
				})
				if err != nil {
					t.Fatal(err)
				}
				clients = append(clients, client)
			}
			begun := time.Now()
			var left atomic.Int64
			left.Store(calls)
			var wait sync.WaitGroup
			for n := range workers {
				wait.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := clients[n%2].Devices.Get(t.Context(), 7); err != nil {
							t.Errorf("%s: %v", c.name, err)
							return
						}
					}
				})
			}
			wait.Wait()
			took := time.Since(begun)
			ideal := calls / limit * time.Second
			t.Logf("%s: %d calls in %s, %.2f times the least, %d refused, %d of them in a pause that was known", c.name, calls, took, took.Seconds()/ideal.Seconds(), service.refused, service.broke)
			if took.Seconds() > c.slower*ideal.Seconds() || service.refused > c.refused || service.broke > 0 {
				t.Errorf("%s: %d calls in %s, %d refused, %d of them in a pause that was known", c.name, calls, took, service.refused, service.broke)
			}
		})
	}
}

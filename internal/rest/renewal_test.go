package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

// keys hands out the tickets "key 1", "key 2" and so on; the last of them for ever.
type keys struct {
	last int
	ends time.Duration
	err  error

	mu      sync.Mutex
	fetched int
}

func (k *keys) fetch(ctx context.Context) (*rest.Ticket, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return nil, k.err
	}
	k.fetched++
	key := fmt.Sprint("key ", min(k.fetched, k.last))
	t := &rest.Ticket{Sign: func(r *http.Request) { r.Header.Set("Authorization", key) }}
	if k.ends > 0 {
		t.Ends = time.Now().Add(k.ends)
	}
	return t, ctx.Err()
}

// door accepts one key alone and counts refusals.
type door struct {
	mu       sync.Mutex
	accepts  string
	refused  int
	accepted int
}

func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(time.Millisecond) // inside a bubble: lets calls overlap
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Header.Get("Authorization") != d.accepts {
		d.refused++
		return answer(401, "")(r)
	}
	d.accepted++
	return answer(200, "{}")(r)
}

func renewing(t *testing.T, k *keys, next http.RoundTripper) *rest.Core {
	t.Helper()
	renewal := rest.NewRenewal(k.fetch, nil)
	c, err := rest.New(rest.Config{
		Package: "p", BaseURL: "https://p.invalid", HTTPClient: &http.Client{Transport: next}, Attempts: 1, MaxInFlight: 50,
		Authorize: renewal.Authorize, Rejected: renewal.Rejected,
		Error: func(a rest.Answer) error { return fmt.Errorf("status %d", a.Status) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestATicketIsFetchedOnceForAllCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, d := &keys{last: 2}, &door{accepts: "key 1"}
		c := renewing(t, k, d)
		all := func() {
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					if _, err := call(t.Context(), c, post()); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
		}
		all()
		if k.fetched != 1 || d.accepted != 20 || d.refused != 0 {
			t.Errorf("20 calls: fetched %d, accepted %d, refused %d; want 1, 20, 0", k.fetched, d.accepted, d.refused)
		}
		d.accepts = "key 2"
		all()
		if k.fetched != 2 || d.accepted != 40 {
			t.Errorf("20 calls after a rotation: fetched %d, accepted %d; want 2, 40", k.fetched, d.accepted)
		}
	})
}

func TestTheSameTicketAgainIsNotTried(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, d := &keys{last: 1}, &door{accepts: "key 2"}
		if _, err := call(t.Context(), renewing(t, k, d), get()); err == nil || d.refused != 1 || k.fetched != 2 {
			t.Errorf("error %v, refused %d, fetched %d; want an error, 1, 2", err, d.refused, k.fetched)
		}
	})
}

func TestATicketIsFetchedBeforeItsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, d := &keys{last: 2, ends: time.Minute}, &door{accepts: "key 1"}
		c := renewing(t, k, d)
		for i, wait := range []time.Duration{0, 59 * time.Second, time.Second} {
			time.Sleep(wait)
			if i == 2 {
				d.accepts = "key 2"
			}
			if _, err := call(t.Context(), c, get()); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
		if k.fetched != 2 || d.refused != 0 {
			t.Errorf("fetched %d, refused %d; want 2, 0", k.fetched, d.refused)
		}
	})
}

func TestAFetchThatFailsIsTheErrorOfTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, d := &keys{last: 1, err: errors.New("the vault is sealed")}, &door{accepts: "key 1"}
		c := renewing(t, k, d)
		if _, err := call(t.Context(), c, get()); !errors.Is(err, k.err) {
			t.Errorf("error %v, want %v", err, k.err)
		}
		k.err = nil
		if _, err := call(t.Context(), c, get()); err != nil {
			t.Errorf("after the vault was opened: %v", err)
		}
	})
}

func TestARenewalThatFailsIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, d := &keys{last: 2}, &door{accepts: "key 1"}
		c := renewing(t, k, d)
		if _, err := call(t.Context(), c, get()); err != nil {
			t.Fatal(err)
		}
		d.accepts, k.err = "key 2", errors.New("the vault is sealed")
		_, err := call(t.Context(), c, get())
		if _, ok := errors.AsType[*rest.NotRenewedError](err); !ok || !errors.Is(err, k.err) || !strings.HasPrefix(err.Error(), "status 401") || d.refused != 1 {
			t.Errorf("error %v after %d refusals, want the 401 with the cause after one", err, d.refused)
		}
	})
}

func TestADroppedTicketIsNotUsed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := &keys{last: 2}
		renewal := rest.NewRenewal(k.fetch, nil)
		for want := range 3 {
			if got := renewal.Drop(); (got != nil) != (want > 0) {
				t.Errorf("Drop number %d = %v", want, got)
			}
			r := &http.Request{Header: http.Header{}}
			if err := renewal.Authorize(t.Context(), r); err != nil || k.fetched != want+1 {
				t.Errorf("Authorize: %v after fetching %d times, want %d", err, k.fetched, want+1)
			}
		}
	})
}

func TestWhoWaitsForATicketCanGoAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hold := make(chan struct{})
		renewal := rest.NewRenewal(func(context.Context) (*rest.Ticket, error) {
			<-hold
			return &rest.Ticket{Sign: func(*http.Request) {}}, nil
		}, nil)
		go func() { _ = renewal.Authorize(t.Context(), &http.Request{Header: http.Header{}}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := renewal.Authorize(ctx, &http.Request{Header: http.Header{}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the deadline's", err)
		}
		close(hold)
	})
}

package nsx_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// rotating is a manager whose only account gets another password.
type rotating struct {
	mu      sync.Mutex
	changed bool
	refused []time.Time
	slow    time.Duration // of the next call, which is answered by the password that holds when it comes
}

func (m *rotating) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	refuse, pause := m.changed, 10*time.Millisecond
	if m.slow > 0 {
		pause, m.slow = m.slow, 0
	}
	if refuse {
		m.refused = append(m.refused, time.Now())
	}
	m.mu.Unlock()
	time.Sleep(pause)
	c := ok(`{"results":[{"external_id":"50217c3e-4b1d-9a60-2f77-c1d20e8a5b94"}]}`)
	if refuse {
		c = canned{status: http.StatusForbidden, body: `{"error_code":403}`}
	}
	return (&script{answers: []canned{c}}).RoundTrip(r)
}

func (m *rotating) change() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed = true
}

func (m *rotating) client(t *testing.T) *nsx.Client {
	t.Helper()
	client, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: m}, Credentials: nsx.Basic("u", "old"), MaxInFlight: 16})
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	return client
}

// The password goes out with every call, and many may be waiting when it changes.
func TestAPasswordThatChangesUnderManyCallsDoesNotLockTheAccount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := &rotating{}
		client := m.client(t)
		m.change()
		for range 60 { // half an hour
			var wg sync.WaitGroup
			for range 40 {
				wg.Go(func() {
					if err := get(t.Context(), client); !errors.Is(err, nsx.ErrUnauthorized) {
						t.Errorf("error = %v, want ErrUnauthorized", err)
					}
				})
			}
			wg.Wait()
			time.Sleep(30 * time.Second)
		}
		for i := 4; i < len(m.refused); i++ {
			if span := m.refused[i].Sub(m.refused[i-4]); span < 15*time.Minute {
				t.Fatalf("five refusals within %s, which lock the account", span)
			}
		}
		if len(m.refused) < 5 {
			t.Errorf("%d refusals in half an hour: the password is not tried again", len(m.refused))
		}
	})
}

// What was sent before a refusal says nothing of what would be sent after it.
func TestASuccessFromBeforeDoesNotOutdateARefusal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := &rotating{}
		client := m.client(t)
		m.slow = time.Minute
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := get(t.Context(), client); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		m.change()
		if err := get(t.Context(), client); !errors.Is(err, nsx.ErrUnauthorized) {
			t.Errorf("error = %v, want ErrUnauthorized", err)
		}
		wg.Wait()
		if err := get(t.Context(), client); !errors.Is(err, nsx.ErrUnauthorized) || len(m.refused) != 1 {
			t.Errorf("error = %v after %d refusals, want the first of them again", err, len(m.refused))
		}
	})
}

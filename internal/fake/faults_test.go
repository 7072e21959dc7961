package fake_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

func TestFaultsAreConsumedInOrderByCount(t *testing.T) {
	t.Parallel()
	s := things(nil)
	reads := func(r *http.Request) bool { return r.Pattern == "GET /things/{id}" && r.PathValue("id") == "7" }
	s.Inject(reads, 2, fake.Fail(http.StatusServiceUnavailable))
	s.Inject(nil, 1, fake.Fail(http.StatusTooManyRequests))
	s.Inject(reads, -1, fake.Status(http.StatusTeapot, http.Header{"x-kind": {"pot"}}, "short and stout"))
	s.Inject(nil, 0, fake.Drop())
	var got []int
	for _, path := range []string{"/things/7", "/things/8", "/things/7", "/things/8", "/things/7", "/things/7"} {
		status, _, err := send(t, s.Client(), "GET", base+path, "")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, status)
	}
	want := []int{503, 429, 503, 200, 418, 418}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("statuses %v, want %v", got, want)
		}
	}
}

func TestFaultSeesTheBodyAndLeavesItWhole(t *testing.T) {
	t.Parallel()
	s := things(nil)
	match := func(r *http.Request) bool {
		b, _ := io.ReadAll(r.Body)
		return strings.Contains(string(b), "bad")
	}
	s.Inject(match, -1, fake.Fail(http.StatusBadGateway))
	s.Inject(match, -1, fake.Fail(http.StatusBadGateway))
	if status, text, err := send(t, s.Client(), "POST", base+"/things", "good"); status != 200 || text != "good" {
		t.Errorf("unmatched body = %d %q, %v; want 200 %q", status, text, err, "good")
	}
	if status, _, _ := send(t, s.Client(), "POST", base+"/things", "bad"); status != 502 {
		t.Errorf("matched body = %d, want 502", status)
	}
}

func TestRetryAfterIsSentWith429Alone(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{429: "60", 503: ""} {
		rec := httptest.NewRecorder()
		fake.Fail(code)(nil).ServeHTTP(rec, nil)
		if got := rec.Header().Get("Retry-After"); rec.Code != code || got != want {
			t.Errorf("Fail(%d) = %d with Retry-After %q, want %q", code, rec.Code, got, want)
		}
	}
}

func TestActThenFailActs(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(http.Handler) http.Handler{"fail": fake.ActThenFail(http.StatusBadGateway), "drop": fake.ActThenDrop()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake.New(fake.Config{URL: base})
			acted := 0
			s.Handle("POST /act", func(w http.ResponseWriter, _ *http.Request) { acted++; io.WriteString(w, "done") })
			s.Inject(nil, 1, fault)
			status, text, err := send(t, s.Client(), "POST", base+"/act", "")
			if acted != 1 || strings.Contains(text, "done") {
				t.Errorf("acted %d times and answered %q, want once and not", acted, text)
			}
			if name == "fail" && (err != nil || status != http.StatusBadGateway) || name == "drop" && err == nil {
				t.Errorf("answer %d, %v", status, err)
			}
		})
	}
}

func TestTruncateCutsTheBody(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("0123456789", 10_000)
	s := fake.New(fake.Config{URL: base})
	s.Handle("GET /big", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		io.WriteString(w, body)
	})
	over := httptest.NewServer(s)
	t.Cleanup(over.Close)
	for _, c := range []struct {
		base   string
		client *http.Client
	}{{base, s.Client()}, {over.URL, over.Client()}} {
		for _, n := range []int64{0, 5, 65_536, 100_000} {
			s.Inject(nil, 1, fake.Truncate(n))
			status, got, err := send(t, c.client, "GET", c.base+"/big", "")
			if status != 200 || !errors.Is(err, io.ErrUnexpectedEOF) || got != body[:n] {
				t.Errorf("%s: Truncate(%d) = %d, %d bytes, %v; want 200, that many bytes and %v", c.base, n, status, len(got), err, io.ErrUnexpectedEOF)
			}
		}
		if _, got, err := send(t, c.client, "GET", c.base+"/big", ""); err != nil || got != body {
			t.Errorf("%s: afterwards %d bytes, %v; want all", c.base, len(got), err)
		}
	}
}

func TestDelayInABubble(t *testing.T) {
	t.Parallel()
	s := things(nil) // made outside the bubble
	synctest.Test(t, func(t *testing.T) {
		s.Inject(nil, 2, fake.Delay(time.Minute))
		start := time.Now()
		if status, _, err := send(t, s.Client(), "GET", base+"/things/7", ""); err != nil || status != 200 || time.Since(start) != time.Minute {
			t.Errorf("delayed call = %d, %v after %v; want 200 after a minute", status, err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, base+"/things/7", nil)
		start = time.Now()
		if _, err := s.Client().Do(req); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("call with a deadline = %v after %v; want %v after a second", err, time.Since(start), context.DeadlineExceeded)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := things(nil)
	s.Inject(nil, 20, fake.Fail(http.StatusServiceUnavailable))
	var mu sync.Mutex
	failed := 0
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			status, _, err := send(t, s.Client(), "POST", base+"/things", strings.Repeat("x", 50_000))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if status == http.StatusServiceUnavailable {
				failed++
			}
		})
	}
	wg.Wait()
	if failed != 20 || len(s.Requests()) != 100 {
		t.Errorf("%d of %d requests failed, want 20 of 100", failed, len(s.Requests()))
	}
}

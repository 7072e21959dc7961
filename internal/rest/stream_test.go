package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/internal/rest"
)

func TestAStreamMayTakeAsLongAsItSpeaks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var parts []part
		for range 100 {
			parts = append(parts, part{after: 50 * time.Second, text: "x"})
		}
		c := core(t, play(spoken(200, parts...)), func(c *rest.Config) { c.MaxBody = 10 })
		body, err := c.Stream(t.Context(), get())
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		got, err := io.ReadAll(body)
		if err != nil || len(got) != 100 {
			t.Errorf("read %d bytes, error %v; want 100: neither time nor size of a stream is bounded", len(got), err)
		}
	})
}

func TestASilentStreamEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(spoken(200, part{text: "a"}, part{after: 61 * time.Second, text: "b"}))
		body, err := core(t, s).Stream(t.Context(), get())
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		start := time.Now()
		got, err := io.ReadAll(body)
		if string(got) != "a" || time.Since(start) != time.Minute || err == nil || err.Error() != "no more data within 1m0s" {
			t.Errorf("read %q, error %v, after %s; want a time-out after 1m", got, err, time.Since(start))
		}
		if len(s.requests()) != 1 {
			t.Errorf("%d requests: a stream must not be begun again", len(s.requests()))
		}
	})
}

func TestASlowReaderIsNotASilentStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		body, err := core(t, play(spoken(200, part{text: "a"}, part{text: "b"}))).Stream(t.Context(), get())
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		buf := make([]byte, 1)
		for range 2 {
			if _, err := body.Read(buf); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		if _, err := body.Read(buf); err != io.EOF { //nolint:errorlint // decoders compare it like this
			t.Errorf("Read = %v, want EOF itself", err)
		}
	})
}

func TestACutStreamIsAnErrorAndNotItsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(spoken(200, part{text: "a"}, part{err: io.ErrUnexpectedEOF}))
		body, err := core(t, s).Stream(t.Context(), get())
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		if got, err := io.ReadAll(body); string(got) != "a" || !errors.Is(err, io.ErrUnexpectedEOF) || len(s.requests()) != 1 {
			t.Errorf("read %q, error %v, %d requests; want a, unexpected EOF, 1", got, err, len(s.requests()))
		}
	})
}

func TestAStreamIsRepeatedUntilItsHeadersAreThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(silent, answer(503, ""), answer(429, "", "Retry-After", "1"), answer(200, "all"))
		body, err := core(t, s).Stream(t.Context(), get())
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		if got, err := io.ReadAll(body); string(got) != "all" || err != nil || len(s.requests()) != 4 {
			t.Errorf("read %q, error %v, %d requests; want all, nil, 4", got, err, len(s.requests()))
		}
	})
}

func TestTheEndOfTheContextEndsAStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		body, err := core(t, play(spoken(200, part{text: "a"}, part{after: time.Hour}))).Stream(ctx, get())
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		time.AfterFunc(time.Second, cancel)
		if _, err := io.ReadAll(body); !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want the cancellation", err)
		}
	})
}

func TestAnErrorOfAStreamHasItsAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		body, err := core(t, play(answer(404, "none"))).Stream(t.Context(), get())
		if e, ok := errors.AsType[*apiError](err); !ok || e.Status != 404 || string(e.Body) != "none" || body != nil {
			t.Errorf("Stream = %v, %v; want the answer as an error", body, err)
		}
		drip := spoken(404, part{text: "n"}, part{after: time.Hour})
		start := time.Now()
		_, err = core(t, play(drip)).Stream(t.Context(), get())
		if e, ok := errors.AsType[*apiError](err); !ok || e.Status != 404 || time.Since(start) != time.Minute {
			t.Errorf("error %v after %s; want the status, after the time-out of an attempt", err, time.Since(start))
		}
	})
}

func TestFetchSendsNoCredentials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(200, "file"))
		pace := &countingPace{}
		c := core(t, s, func(c *rest.Config) {
			c.Pace, c.UserAgent = pace, "svc/1"
			c.Authorize = func(_ context.Context, r *http.Request) error {
				r.Header.Set("X-Auth-Token", "secret")
				return nil
			}
		})
		body, err := c.Fetch(t.Context(), "things.file", "https://store.invalid/a/b?sig=hidden#part")
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		got, err := io.ReadAll(body)
		if string(got) != "file" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		want := []seen{{At: time.Now(), Method: "GET", URL: "https://store.invalid/a/b?sig=hidden", Header: http.Header{"User-Agent": {"svc/1"}}}}
		if diff := cmp.Diff(want, s.requests()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		if pace.waits != 0 {
			t.Error("the pace of the service was used up by another host")
		}
	})
}

func TestFetchWaitsForItsOwnHostOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(429, "", "Retry-After", "60"), answer(200, "file"))
		c := core(t, s, func(c *rest.Config) { c.Attempts = 1 })
		_, _ = call(t.Context(), c, get())
		start := time.Now()
		body, err := c.Fetch(t.Context(), "things.file", "https://store.invalid/a")
		if err != nil {
			t.Fatal(err)
		}
		body.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("a fetch from another host waited %s", took)
		}
	})
}

func TestFetchRefusesOtherAddresses(t *testing.T) {
	t.Parallel()
	s := play(answer(200, "file"))
	c := core(t, s)
	for _, address := range []string{
		"", "file", "/path?sig=hidden", "ftp://store.invalid/?sig=hidden", "http://store.invalid/?sig=hidden", "https:///?sig=hidden",
		"https://user:hidden@store.invalid/", "https://store.invalid:port/?sig=hidden", "https:store.invalid?sig=hidden", "file:///etc/passwd",
	} {
		_, err := c.Fetch(t.Context(), "things.file", address)
		if err == nil || strings.Contains(err.Error(), "hidden") || !strings.HasPrefix(err.Error(), "svc: things.file: the address to fetch ") {
			t.Errorf("Fetch(%q) = %v, want an error without the address", address, err)
		}
	}
	if got := len(s.requests()); got != 0 {
		t.Errorf("%d requests were sent, want none", got)
	}
}

func TestErrorsOfFetchDoNotHoldTheAddress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, first := range []step{answer(403, "denied"), answer(302, "", "Location", "https://third.invalid/?sig=hidden"), broken(errRefused)} {
			_, err := core(t, play(first), func(c *rest.Config) { c.Attempts = 1 }).Fetch(t.Context(), "things.file", "https://store.invalid/a?sig=hidden")
			if err == nil || strings.Contains(err.Error(), "store.invalid") || strings.Contains(err.Error(), "hidden") {
				t.Errorf("error = %v, want one without the address", err)
			}
		}
	})
}

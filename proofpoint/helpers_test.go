package proofpoint_test

import (
	"context"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/proofpoint"
)

// roundTripper adapts a function to an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// saying answers every request with the same status and body.
func saying(status int, body string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		return response(r, status, strings.NewReader(body)), nil
	}
}

func response(r *http.Request, status int, body io.Reader) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}
}

// unhurried is a pace without pauses.
type unhurried struct{}

func (unhurried) Wait(context.Context) error { return nil }

// now is the time at which the tests take place.
var now = time.Date(2026, time.March, 5, 9, 30, 0, 0, time.UTC)

// hour is a window that the service accepts at that time.
var hour = proofpoint.Window{Start: now.Add(-90 * time.Minute), End: now.Add(-30 * time.Minute)}

func newClient(t testing.TB, rt http.RoundTripper) *proofpoint.Client {
	t.Helper()
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: "https://tap.invalid", Credentials: proofpoint.Basic("principal", "s3cr3t-value"),
		HTTPClient: &http.Client{Transport: rt}, Pace: unhurried{}, Attempts: 1,
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatalf("New() = %v", err)
	}
	return client
}

// collect reads a sequence to its end and fails if anything comes after an error.
func collect[T any](t testing.TB, seq iter.Seq2[T, error]) ([]T, error) {
	t.Helper()
	var all []T
	var last error
	for item, err := range seq {
		if last != nil {
			t.Fatalf("after the error %v came another item", last)
		}
		if err != nil {
			last = err
			continue
		}
		all = append(all, item)
	}
	return all, last
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

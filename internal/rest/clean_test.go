package rest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/internal/rest"
)

// secretly is a call whose query, header, form and credentials nobody may see.
func secretly() rest.Call {
	return rest.Call{
		Op: "things.list", Method: "POST", Route: "/v1/things/{id}", Args: []string{"hidden-id"}, Repeatable: true,
		Query: url.Values{"q": {"hidden-query"}}, Form: url.Values{"p": {"hidden-form"}}, Header: http.Header{"X-Own": {"hidden-header"}},
	}
}

func signed(c *rest.Config) {
	c.Authorize = func(_ context.Context, r *http.Request) error {
		r.Header.Set("X-Auth-Token", "hidden-token")
		return nil
	}
}

// The engine's logs and errors hold the address with its query.
func TestNeitherErrorsNorLogsHoldWhatWasSent(t *testing.T) {
	t.Parallel()
	whole := base + "/v1/things/hidden-id?q=hidden-query"
	for _, tc := range []struct {
		name string
		step step
		want string
	}{
		{"refused", broken(errRefused), "svc: things.list: dial tcp: connection refused (after 2 attempts)"},
		{"an answer", answer(503, "busy"), "svc: things.list: 503 busy"},
		{"an address in the cause", broken(&url.Error{Op: "Post", URL: whole, Err: errRefused}), "svc: things.list: dial tcp: connection refused (after 2 attempts)"},
		{"an address around the cause", broken(fmt.Errorf("trace: %w", &url.Error{Op: "Post", URL: whole, Err: errRefused})), "svc: things.list: dial tcp: connection refused (after 2 attempts)"},
		{"an address in the text", broken(errors.New("POST " + whole + " failed")), "svc: things.list: the connection failed; the cause is withheld, its text has an address or a credential"},
		{"a token in the text", broken(errors.New("X-Auth-Token: hidden-token")), "svc: things.list: the connection failed; the cause is withheld, its text has an address or a credential"},
		{"a proxy with its password", broken(errors.New(`invalid proxy address "http://me:hidden-pass@proxy"`)), "svc: things.list: the connection failed; the cause is withheld, its text has an address or a credential"},
		{"a proxy whose scheme is missing", broken(errors.New(`invalid proxy address "me:hidden-pass@proxy:bad"`)), "svc: things.list: the connection failed; the cause is withheld, its text has an address or a credential"},
		{"in a body that breaks", spoken(200, part{err: errors.New("reading " + whole)}), "svc: things.list: reading the answer: the connection failed; the cause is withheld, its text has an address or a credential"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var log bytes.Buffer
				c := core(t, play(tc.step), signed, func(c *rest.Config) {
					c.Attempts = 2
					c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				_, err := call(t.Context(), c, secretly())
				if err == nil || err.Error() != tc.want {
					t.Errorf("error = %q\nwant    %q", err, tc.want)
				}
				if strings.Contains(fmt.Sprintf("%+v %s", err, log.String()), "hidden") {
					t.Errorf("error %+v or log %s holds something that was sent", err, log.String())
				}
				for _, word := range []string{"svc.invalid", "http://", "https://", "/v1"} {
					if strings.Contains(log.String(), word) {
						t.Errorf("log %s holds an address", log.String())
					}
				}
			})
		})
	}
}

func TestWhatIsLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		c := core(t, play(answer(429, "", "Retry-After", "3"), spoken(200, part{after: time.Second, text: "{}"})), func(c *rest.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		if _, err := call(t.Context(), c, post()); err != nil {
			t.Fatal(err)
		}
		got := regexp.MustCompile(`time=\S+ `).ReplaceAllString(log.String(), "")
		want := `level=DEBUG msg="http attempt" op=things.act attempt=1 status=429 duration=0s
level=INFO msg="http retry" op=things.act attempt=1 status=429 wait=3s
level=DEBUG msg="http attempt" op=things.act attempt=2 status=200 duration=1s
`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestCausesStayReachable(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	at := func(address string) func(*rest.Config) {
		return func(c *rest.Config) { c.HTTPClient, c.BaseURL, c.Attempts = nil, address, 1 }
	}

	_, err = call(t.Context(), core(t, nil, at(srv.URL)), get())
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("unknown authority: %v", err)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("unknown authority: %v", err)
	}
	_, err = call(t.Context(), core(t, nil, at("https://"+dead.Addr().String())), get())
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refused connection: %v", err)
	}
	_, err = call(t.Context(), core(t, play(broken(&net.DNSError{Err: "no such host", Name: "svc.invalid", IsNotFound: true}))), get())
	if _, ok := errors.AsType[*net.DNSError](err); !ok {
		t.Errorf("unknown host: %v", err)
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		t.Errorf("%v still holds the address", err)
	}
}

func TestCertificatesAreNotTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, cause := range []error{
			&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
			x509.UnknownAuthorityError{},
			x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"},
			x509.CertificateInvalidError{},
			tls.RecordHeaderError{},
		} {
			s := play(broken(cause))
			if _, err := call(t.Context(), core(t, s), get()); err == nil || len(s.requests()) != 1 {
				t.Errorf("%T: %d attempts, error %v; want 1", cause, len(s.requests()), err)
			}
		}
	})
}

// Over real connections: a private CA comes in with the client, and the pool is as wide as the calls in flight.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	var fresh, served counter
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served.add(1)%2 == 0 {
			w.WriteHeader(http.StatusNotFound) // failed calls must keep their connection
		}
		fmt.Fprintf(w, `{"path":%q,"more":%q}`, r.URL.EscapedPath(), strings.Repeat("x", 32<<10))
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			fresh.add(1)
		}
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c := core(t, nil, func(c *rest.Config) { c.HTTPClient, c.BaseURL, c.MaxInFlight = srv.Client(), srv.URL, 1 })
	for range 20 {
		_, _ = call(t.Context(), c, get())
	}
	for range 10 {
		_, _ = c.Do(t.Context(), get(), nil)
	}
	if served.add(0) != 30 || fresh.add(0) != 1 {
		t.Errorf("%d calls over %d connections, want 30 over 1", served.add(0), fresh.add(0))
	}
}

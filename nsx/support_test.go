package nsx_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// connect is a client of srv; change may alter its configuration.
func connect(t *testing.T, srv *nsxtest.Server, change ...func(*nsx.Config)) *nsx.Client {
	t.Helper()
	cfg := nsx.Config{BaseURL: nsxtest.URL, HTTPClient: srv.Client(), Credentials: nsx.Basic(nsxtest.Username, nsxtest.Password)}
	for _, f := range change {
		f(&cfg)
	}
	client, err := nsx.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// withSession makes the client log in.
func withSession(cfg *nsx.Config) { cfg.Credentials = nsx.Session(nsxtest.Username, nsxtest.Password) }

// slowly lets calls take their time, so that those made at once are under way at once.
func slowly(cfg *nsx.Config) {
	cfg.HTTPClient = &http.Client{Transport: &slow{cfg.HTTPClient.Transport}}
}

type slow struct{ next http.RoundTripper }

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(10 * time.Millisecond)
	resp, err := s.next.RoundTrip(r)
	time.Sleep(10 * time.Millisecond)
	return resp, err
}

// bubble runs check with a clock of its own.
func bubble(t *testing.T, check func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, check)
}

// sent counts the requests of an operation.
func sent(srv *nsxtest.Server, operation string) int {
	n := 0
	for _, r := range srv.Requests() {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

const (
	opList    = "GET /api/v1/fabric/virtual-machines"
	opLogin   = "POST /api/session/create"
	opDestroy = "POST /api/session/destroy"
)

// script is a manager that says what it is told to: the n-th request gets the n-th answer, the last of them for ever.
type script struct {
	answers []canned

	mu   sync.Mutex
	urls []string
	body []string
}

type canned struct {
	status int
	body   string
	header http.Header
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(raw)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.answers[min(len(s.urls), len(s.answers)-1)]
	s.urls = append(s.urls, r.URL.RequestURI())
	s.body = append(s.body, body)
	header := c.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: c.status, Header: header, Body: io.NopCloser(strings.NewReader(c.body)), Request: r, ContentLength: -1}, nil
}

// scripted is a client of a script.
func scripted(t *testing.T, answers ...canned) (*nsx.Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	client, err := nsx.New(nsx.Config{
		BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: s}, Credentials: nsx.Basic("user", "password"), Attempts: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client, s
}

func ok(body string) canned { return canned{status: http.StatusOK, body: body} }

// names are those of a list, and the error at its end.
func names(t *testing.T, client *nsx.Client, q nsx.VMQuery) ([]string, error) {
	t.Helper()
	var out []string
	for vm, err := range client.VirtualMachines.List(t.Context(), q) {
		if err != nil {
			return out, err
		}
		out = append(out, vm.DisplayName)
	}
	return out, nil
}

// parameter is one of a request's query.
func parameter(t *testing.T, requestURI, name string) string {
	t.Helper()
	u, err := url.ParseRequestURI(requestURI)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(name)
}

package hunt_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// secrets are what must not leave, in every form that they take on their way, by the host that may see them.
func secrets() map[string][]string {
	basic := func(user, password string) string {
		return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	}
	return map[string][]string{
		"tap.invalid":   {proofpointtest.Secret, basic(proofpointtest.Principal, proofpointtest.Secret)},
		"cbc.invalid":   {cbctest.KeySecret},
		"nsx.invalid":   {nsxtest.Password, url.QueryEscape(nsxtest.Password), basic(nsxtest.Username, nsxtest.Password)},
		"hooks.invalid": {hookToken},
	}
}

// leaks lists the secrets in a text, except those of the host that may have them.
func leaks(text, except string) []string {
	var found []string
	for host, all := range secrets() {
		for _, s := range all {
			if host != except && strings.Contains(text, s) {
				found = append(found, s)
			}
		}
	}
	return found
}

// trouble is what a service does to a request in place of answering it. A nil answer passes the request on.
type trouble func(*http.Request) (*http.Response, error)

func answer(r *http.Request, status int, header http.Header, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Header: header, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// echo answers with what it was sent, credentials and all, as some gateways do.
func echo(status int) trouble {
	return func(r *http.Request) (*http.Response, error) {
		text := r.Method + " " + r.URL.String() + " refused for " + r.Header.Get("Authorization") + r.Header.Get("X-Auth-Token")
		if user, password, ok := r.BasicAuth(); ok {
			text += " " + user + ":" + password
		}
		body, err := json.Marshal(map[string]string{"error_code": "REFUSED", "message": text, "error_message": text, "reason": text})
		return answer(r, status, http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"req-1"}}, string(body)), err
	}
}

func echoText(status int) trouble {
	return func(r *http.Request) (*http.Response, error) {
		body := "<html>" + r.Header.Get("Authorization") + r.Header.Get("X-Auth-Token") + r.URL.String() + "</html>"
		return answer(r, status, http.Header{"Content-Type": {"text/html"}}, body), nil
	}
}

func redirect(status int) trouble {
	return func(r *http.Request) (*http.Response, error) {
		return answer(r, status, http.Header{"Location": {"https://elsewhere.invalid" + r.URL.RequestURI()}}, ""), nil
	}
}

func silence(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func brokenOff(r *http.Request) (*http.Response, error) {
	return nil, &url.Error{Op: r.Method, URL: r.URL.String(), Err: io.ErrUnexpectedEOF}
}

// spy lets trouble befall the requests that match, and writes down secrets that reach a host that they do not belong to.
type spy struct {
	match func(*http.Request) bool
	does  trouble

	mu     sync.Mutex
	leaked []string
	hits   int
}

func (s *spy) wire(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		sent := fmt.Sprint(r.URL, r.Header)
		if user, password, ok := r.BasicAuth(); ok {
			sent += user + ":" + password
		}
		s.mu.Lock()
		for _, secret := range leaks(sent, r.URL.Host) {
			s.leaked = append(s.leaked, r.URL.Host+" got "+secret)
		}
		hit := s.match(r)
		if hit {
			s.hits++
		}
		s.mu.Unlock()
		if strings.HasPrefix(r.URL.Host, "elsewhere.") {
			return answer(r, http.StatusOK, http.Header{}, "{}"), nil
		}
		if hit {
			if r.Body != nil {
				_, _ = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
			}
			return s.does(r)
		}
		return next.RoundTrip(r)
	})
}

func TestRule8NoSecretLeaves(t *testing.T) {
	t.Parallel()
	host := func(name string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.URL.Host == name }
	}
	victims := map[string]func(*http.Request) bool{
		"nobody": func(*http.Request) bool { return false },
		"tap":    host("tap.invalid"), "cbc": host("cbc.invalid"), "nsx": host("nsx.invalid"), "hook": host("hooks.invalid"),
		"cbc beyond the searches": func(r *http.Request) bool {
			return r.URL.Host == "cbc.invalid" && !strings.HasPrefix(r.URL.Path, "/api/investigate/")
		},
		"content of files": func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/content") },
		"actions": func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/device_actions") || strings.HasSuffix(r.URL.Path, "/overrides") || strings.HasSuffix(r.URL.Path, "/feeds") || strings.HasSuffix(r.URL.Path, "/commands")
		},
	}
	troubles := map[string]trouble{
		"401 echo": echo(401), "403 echo": echo(403), "400 echo": echo(400), "429 echo": echo(429), "500 echo": echo(500), "503 text": echoText(503), "200 text": echoText(200),
		"301": redirect(301), "302": redirect(302), "307": redirect(307), "308": redirect(308), "silence": silence, "broken off": brokenOff,
	}
	for victim, match := range victims {
		for kind, does := range troubles {
			if victim == "nobody" && kind != "401 echo" {
				continue
			}
			t.Run(victim+" "+kind, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "ledger.sql")
				synctest.Test(t, func(t *testing.T) { keepsSecrets(t, path, &spy{match: match, does: does}, victim == "nobody") })
			})
		}
	}
}

// keepsSecrets runs a hunt in trouble and looks for secrets in everything that is left behind.
func keepsSecrets(t *testing.T, path string, s *spy, well bool) {
	o := newOffice(t, plainWorld())
	store := openStore(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
	defer cancel()
	book, opened := audit.Open(path + ".audit")
	if opened != nil {
		t.Fatal(opened)
	}
	c := crew{store: store, wire: s.wire, auditor: book}
	h := o.hunter(t, c)
	plan := h.Plan(ctx, o.window)
	r, err := h.Apply(ctx, plan)
	closeStore(t, store)
	if err := book.Close(); err != nil {
		t.Error(err)
	}
	if well && err != nil || !well && s.hits == 0 {
		t.Errorf("Run = %v after %d requests in trouble", err, s.hits)
	}
	tap, console, manager := o.clients(t, c)
	texts := map[string]string{
		"the log": o.log.String(), "the error": fmt.Sprintf("%v %+v %q", err, err, err),
		"the report": asJSON(t, r), "the plan": asJSON(t, plan), "the printed report": fmt.Sprintf("%+v", r),
		"the printed clients": fmt.Sprintf("%+v %#v %+v %#v %+v %#v", tap, tap, console, console, manager, manager),
		"the printed hunter":  fmt.Sprintf("%+v %#v", h, h),
		"an error's body":     bodies(r),
	}
	for _, part := range []string{"", "-wal", "-journal", ".audit"} {
		if data, err := os.ReadFile(path + part); err == nil {
			texts["the ledger file "+part] = string(data)
		}
	}
	if _, err := audit.VerifyFile(t.Context(), path+".audit", book.Head()); err != nil {
		t.Error(err)
	}
	if len(texts["the ledger file "]) == 0 || texts["the log"] == "" {
		t.Error("there is no ledger file or no log line, so that the test looks at nothing")
	}
	for name, text := range texts {
		if found := leaks(text, ""); len(found) > 0 {
			t.Errorf("%s has the secrets %q: %s", name, found, around(text, found[0]))
		}
	}
	if len(s.leaked) > 0 {
		t.Errorf("secrets went to other hosts: %q", s.leaked)
	}
}

// bodies are the answers that errors carry along.
func bodies(r *hunt.Report) string {
	var all strings.Builder
	add := func(err error) {
		if e, ok := errors.AsType[*proofpoint.APIError](err); ok {
			all.Write(e.Body)
		}
		if e, ok := errors.AsType[*cbc.APIError](err); ok {
			all.Write(e.Body)
		}
		if e, ok := errors.AsType[*nsx.APIError](err); ok {
			all.Write(e.Body)
		}
	}
	for _, p := range r.Problems {
		add(p.Err)
	}
	for _, o := range r.Outcomes {
		add(o.Err)
	}
	return all.String()
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	// As JSON writes &, < and > by number, a secret with one of them would hide.
	return string(text) + strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(text))
}

// around is where a secret stands in a text.
func around(text, secret string) string {
	at := strings.Index(text, secret)
	return text[max(0, at-150):min(len(text), at+len(secret)+50)]
}

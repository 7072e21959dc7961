package rest_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

func TestParseBaseURL(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"https://svc.example", "https://svc.example"},
		{" svc.example/ ", "https://svc.example"},
		{"svc.example:8443", "https://svc.example:8443"},
		{"HTTPS://SVC.Example//", "https://svc.example"},
		{"https://svc.example/a/b//", "https://svc.example/a/b"},
		{"https://svc.example/a%2Fb/", "https://svc.example/a%2Fb"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"http://127.8.9.10", "http://127.8.9.10"},
		{"http://[::1]:80/", "http://[::1]:80"},
		{"http://localhost:1", "http://localhost:1"},
		{"localhost", "https://localhost"},
		{"10.0.0.1", "https://10.0.0.1"},
		{"[fd00::1]:443", "https://[fd00::1]:443"},
		{"https://nsx_01.lab", "https://nsx_01.lab"},
		{"https://bücher.example", "https://bücher.example"},
	} {
		u, err := rest.ParseBaseURL(tc.in)
		if err != nil || u.String() != tc.want && u.Scheme+"://"+u.Host+u.EscapedPath() != tc.want {
			t.Errorf("ParseBaseURL(%q) = %v, %v; want %s", tc.in, u, err, tc.want)
		}
	}
}

func TestParseBaseURLRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", "  ", "https://", "https:///path", "http://svc.example", "http://10.0.0.1", "http://localhost.evil.example", "ftp://svc.example",
		"https://user:hidden@svc.example", "user:hidden@svc.example", "https://hidden@svc.example", "http://hidden@[::1", "https://a:hidden@b:c@svc.example",
		"https://svc.example?key=hidden", "https://svc.example/?", "https://svc.example/#", "https://svc.example/#hidden",
		"https://svc.example:0", "https://svc.example:99999", "https://svc.example:", "https://svc.example:hidden",
		"https://defense-<hidden>.example", "https://{hidden}.example", "https://svc example", "https://svc.example/\x00hidden",
		"https://svc.example/a/../b", "https://svc.example/%2e%2e/b", "://", "https://svc.example/%zzhidden",
	} {
		u, err := rest.ParseBaseURL(in)
		switch {
		case err == nil:
			t.Errorf("ParseBaseURL(%q) = %v, want an error", in, u)
		case strings.Contains(err.Error(), "hidden"):
			t.Errorf("ParseBaseURL(%q): the error %q repeats part of it", in, err)
		}
	}
}

func FuzzParseBaseURL(f *testing.F) {
	for _, seed := range []string{"svc.example", "https://svc.example/a%2Fb/", "http://[::1]:80", "https://u:p@h/?q#f", "http://localhost/.."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		u, err := rest.ParseBaseURL(in)
		if err != nil {
			return
		}
		if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(u.Path, "/") {
			t.Errorf("ParseBaseURL(%q) = %#v", in, u)
		}
		again, err := rest.ParseBaseURL(u.String())
		if err != nil || again.String() != u.String() {
			t.Errorf("ParseBaseURL(%q) = %q, and of that %v, %v", in, u, again, err)
		}
	})
}

func TestNewNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := rest.New(rest.Config{
		Package: "svc", BaseURL: "https://u:hidden@svc.example", UserAgent: "a\r\nb", Rate: math.NaN(), Burst: -1,
		Budget: rest.Budget{Calls: 5}, MaxInFlight: -1, Attempts: -1, Timeout: -1, Idle: -1, MaxBody: -1,
	})
	if err == nil {
		t.Fatal("New accepted it")
	}
	for _, word := range []string{"svc: new: ", "base URL", "Error", "UserAgent", "Rate", "Burst", "Budget", "MaxInFlight", "Attempts", "Timeout", "Idle", "MaxBody"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not name %s", err, word)
		}
	}
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("error %q has the password", err)
	}
}

func TestTheCallersClientIsLeftAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(silent)
		hc := &http.Client{Transport: s, Timeout: 3 * time.Second, Jar: jar{}}
		before := *hc
		took, err := call(t.Context(), core(t, s, func(c *rest.Config) { c.HTTPClient, c.Attempts = hc, 1 }), get())
		if took != 3*time.Second || err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("took %s, error %v; want the client's own time-out for an attempt", took, err)
		}
		if hc.Transport != before.Transport || hc.CheckRedirect != nil || hc.Timeout != before.Timeout || hc.Jar != before.Jar {
			t.Error("the client was written to")
		}
	})
}

// jar panics when it is used.
type jar struct {
	http.CookieJar
}

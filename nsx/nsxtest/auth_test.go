package nsxtest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// login asks for a session.
func login(t *testing.T, c *http.Client, base, body string) answer {
	t.Helper()
	return call(t, c, http.MethodPost, base+"/api/session/create", body, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
}

// form is the login form of the default account.
func form() string {
	return url.Values{"j_username": {nsxtest.Username}, "j_password": {nsxtest.Password}}.Encode()
}

// with signs with the session that a login returned.
func with(a answer) sign {
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return func(r *http.Request) {
		r.Header.Set("Cookie", cookie)
		r.Header.Set("X-XSRF-TOKEN", a.header.Get("X-XSRF-TOKEN"))
	}
}

func TestBasicAuthentication(t *testing.T) {
	t.Parallel()
	for _, unauthorized := range []bool{false, true} {
		srv := nsxtest.New(nsxtest.World{Now: stopped, Switches: nsxtest.Switches{Unauthorized: unauthorized}})
		want := map[bool]int{false: 403, true: 401}[unauthorized]
		for name, s := range map[string]sign{
			"no":      func(*http.Request) {},
			"wrong":   func(r *http.Request) { r.SetBasicAuth(nsxtest.Username, "wrong") },
			"unknown": func(r *http.Request) { r.SetBasicAuth("nobody", nsxtest.Password) },
			"foreign": func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
		} {
			for _, path := range []string{vmPath, "/api/v1/nowhere"} {
				a := call(t, srv.Client(), http.MethodGet, nsxtest.URL+path, "", s)
				if a.status != want || a.code() != 403 || a.header.Get("X-NSX-REQUESTID") == "" {
					t.Errorf("%s credentials for %s = %d %v %s, want %d with code 403 and an id", name, path, a.status, a.header, a.body, want)
				}
			}
		}
		if a := get(t, srv, vmPath); a.status != 200 {
			t.Errorf("right credentials = %d, want 200", a.status)
		}
	}
	srv := nsxtest.New(nsxtest.World{Switches: nsxtest.Switches{BasicDisabled: true}})
	if a := get(t, srv, vmPath); a.status != 403 {
		t.Errorf("basic credentials where they are disabled = %d, want 403", a.status)
	}
}

func TestLockout(t *testing.T) {
	t.Parallel()
	now := noon
	srv := nsxtest.New(nsxtest.World{Now: func() time.Time { return now }})
	wrong := func(r *http.Request) { r.SetBasicAuth(nsxtest.Username, "wrong") }
	fail := func(n int) {
		for range n {
			call(t, srv.Client(), http.MethodGet, nsxtest.URL+vmPath, "", wrong)
		}
	}
	fail(4)
	now = now.Add(15 * time.Minute)
	fail(4)
	if a := get(t, srv, vmPath); a.status != 200 {
		t.Fatalf("after eight failures in two quarters of an hour = %d, want 200", a.status)
	}
	fail(4)
	if a := get(t, srv, vmPath); a.status != 200 {
		t.Fatalf("after four failures since the last success = %d, want 200", a.status)
	}
	fail(5)
	if a := get(t, srv, vmPath); a.status != 403 || a.code() != 403 {
		t.Errorf("the right password after five failures = %d %s, want 403 with the same body", a.status, a.body)
	}
	if a := login(t, srv.Client(), nsxtest.URL, form()); a.status != 403 {
		t.Errorf("a session for a locked account = %d, want 403", a.status)
	}
	if diff := cmp.Diff([]string{nsxtest.Username}, srv.State().Locked); diff != "" {
		t.Errorf("State().Locked mismatch (-want +got):\n%s", diff)
	}
	now = now.Add(15*time.Minute - time.Second)
	if a := get(t, srv, vmPath); a.status != 403 {
		t.Errorf("a second before the lock ends = %d, want 403", a.status)
	}
	now = now.Add(time.Second)
	if a := get(t, srv, vmPath); a.status != 200 {
		t.Errorf("when the lock has ended = %d, want 200", a.status)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	now := noon
	srv := nsxtest.New(nsxtest.World{Now: func() time.Time { return now }})
	c := srv.Client()
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"password not encoded": {"j_username=" + url.QueryEscape(nsxtest.Username) + "&j_password=" + nsxtest.Password, 403},
		"wrong password":       {"j_username=x&j_password=y", 403},
		"no password":          {"j_username=x", 400},
	} {
		if a := login(t, c, nsxtest.URL, tc.body); a.status != tc.want || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s = %d %v, want %d without a cookie", name, a.status, a.header, tc.want)
		}
	}
	if a := call(t, c, http.MethodPost, nsxtest.URL+"/api/session/create", `{"j_username":"x"}`); a.status != 400 {
		t.Errorf("a login in JSON = %d, want 400", a.status)
	}
	a := login(t, c, nsxtest.URL, form())
	cookie := a.header.Get("Set-Cookie")
	if a.status != 200 || len(cookie) < 43 || !strings.HasPrefix(cookie, "JSESSIONID=") || !strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "HttpOnly") || a.header.Get("X-XSRF-TOKEN") == "" {
		t.Fatalf("login = %d %v", a.status, a.header)
	}
	read := func(signs ...sign) answer { return call(t, c, http.MethodGet, nsxtest.URL+vmPath, "", signs...) }
	if got := read(with(a)); got.status != 200 {
		t.Errorf("with the session = %d, want 200", got.status)
	}
	if got := read(with(a), func(r *http.Request) { r.Header.Del("X-XSRF-TOKEN") }); got.status != 403 || got.code() != 98 {
		t.Errorf("without the token = %d %s, want 403 with code 98", got.status, got.body)
	}
	if got := read(with(a), func(r *http.Request) { r.Header.Set("X-XSRF-TOKEN", "other") }); got.status != 403 || got.code() != 98 {
		t.Errorf("with another token = %d %s, want 403 with code 98", got.status, got.body)
	}
	if got := read(with(a), basic); got.status != 400 {
		t.Errorf("session and credentials at once = %d, want 400", got.status)
	}
	for range 2 {
		now = now.Add(30 * time.Minute)
		if got := read(with(a)); got.status != 200 {
			t.Errorf("half an hour after the last use = %d, want 200", got.status)
		}
	}
	now = now.Add(30*time.Minute + time.Second)
	if got := read(with(a)); got.status != 403 || got.code() != 403 {
		t.Errorf("idle for longer than half an hour = %d %s, want 403 with code 403", got.status, got.body)
	}
	for name, end := range map[string]func(answer){
		"destroyed": func(a answer) { call(t, c, http.MethodPost, nsxtest.URL+"/api/session/destroy", "", with(a)) },
		"ended":     func(answer) { srv.EndSessions() },
	} {
		a := login(t, c, nsxtest.URL, form())
		if n := srv.State().Sessions; n != 1 {
			t.Errorf("%d sessions, want 1", n)
		}
		end(a)
		if got := read(with(a)); got.status != 403 || srv.State().Sessions != 0 {
			t.Errorf("a session that was %s = %d, want 403", name, got.status)
		}
	}
	for _, r := range srv.Requests() {
		if strings.Contains(string(r.Body), "j_password") {
			t.Errorf("the journal holds a login: %s", r.Body)
		}
	}
}

func TestSessionSwitches(t *testing.T) {
	t.Parallel()
	off := nsxtest.New(nsxtest.World{Switches: nsxtest.Switches{SessionsDisabled: true}})
	if a := login(t, off.Client(), nsxtest.URL, form()); a.status != 403 {
		t.Errorf("a login where sessions are disabled = %d, want 403", a.status)
	}
	srv := nsxtest.New(nsxtest.World{Switches: nsxtest.Switches{XSRFOnWritesOnly: true}})
	a := login(t, srv.Client(), nsxtest.URL, form())
	bare := func(r *http.Request) { with(a)(r); r.Header.Del("X-XSRF-TOKEN") }
	if got := call(t, srv.Client(), http.MethodGet, nsxtest.URL+vmPath, "", bare); got.status != 200 {
		t.Errorf("reading without the token = %d, want 200", got.status)
	}
	if got := call(t, srv.Client(), http.MethodPost, nsxtest.URL+vmPath+"?action=add_tags", `{}`, bare); got.code() != 98 {
		t.Errorf("writing without the token = %d %s, want code 98", got.status, got.body)
	}
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures()})
	over := httptest.NewTLSServer(srv)
	t.Cleanup(over.Close)
	a := login(t, over.Client(), over.URL, form())
	got := call(t, over.Client(), http.MethodGet, over.URL+vmPath+"?display_name=web", "", with(a))
	if n := len(decode(t, got).Results); n != 2 {
		t.Errorf("%d machines named web over TLS, want 2", n)
	}
	want := []string{"POST /api/session/create", "GET /api/v1/fabric/virtual-machines"}
	var operations []string
	for _, r := range srv.Requests() {
		operations = append(operations, r.Operation)
	}
	if diff := cmp.Diff(want, operations); diff != "" {
		t.Errorf("operations mismatch (-want +got):\n%s", diff)
	}
}

func TestThrottling(t *testing.T) {
	t.Parallel()
	now := noon
	srv := nsxtest.New(nsxtest.World{
		Now: func() time.Time { return now }, RequestsPerSecond: 3,
		Users: []nsxtest.User{{Name: nsxtest.Username, Password: nsxtest.Password}, {Name: "other", Password: "x"}},
	})
	var got []int
	for range 4 {
		got = append(got, get(t, srv, vmPath).status)
	}
	got = append(got, call(t, srv.Client(), http.MethodGet, nsxtest.URL+vmPath, "", func(r *http.Request) { r.SetBasicAuth("other", "x") }).status)
	now = now.Add(time.Second)
	got = append(got, get(t, srv, vmPath).status)
	if diff := cmp.Diff([]int{200, 200, 200, 429, 200, 200}, got); diff != "" {
		t.Errorf("statuses mismatch (-want +got):\n%s", diff)
	}
}

func TestTooManyAtOnce(t *testing.T) {
	t.Parallel()
	for _, unavailable := range []bool{false, true} {
		srv := nsxtest.New(nsxtest.World{Concurrency: 1, Switches: nsxtest.Switches{BusyUnavailable: unavailable}})
		inside, done := make(chan struct{}), make(chan struct{})
		srv.Inject(nil, 1, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(inside)
				<-done
				next.ServeHTTP(w, r)
			})
		})
		slow := make(chan int)
		go func() {
			req, _ := http.NewRequest(http.MethodGet, nsxtest.URL+vmPath, nil)
			basic(req)
			res, err := srv.Client().Do(req)
			if err != nil {
				slow <- 0
				return
			}
			res.Body.Close()
			slow <- res.StatusCode
		}()
		<-inside
		want := map[bool]int{false: 429, true: 503}[unavailable]
		if a := get(t, srv, vmPath); a.status != want {
			t.Errorf("a second request at once = %d, want %d", a.status, want)
		}
		close(done)
		if got := <-slow; got != 200 {
			t.Errorf("the first request = %d, want 200", got)
		}
		if a := get(t, srv, vmPath); a.status != 200 {
			t.Errorf("a request afterwards = %d, want 200", a.status)
		}
	}
}

package nsx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func oneVM(switches nsxtest.Switches, users ...nsxtest.User) *nsxtest.Server {
	return nsxtest.New(nsxtest.World{Users: users, VMs: []nsxtest.VM{{Name: "web", ExternalID: vmID}}, Switches: switches})
}

func get(ctx context.Context, client *nsx.Client) error {
	_, err := client.VirtualMachines.Get(ctx, vmID)
	return err
}

func TestBothWaysToAuthenticate(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*nsx.Config){func(*nsx.Config) {}, withSession} {
		srv := oneVM(nsxtest.Switches{})
		client := connect(t, srv, change)
		for range 3 {
			if err := get(t.Context(), client); err != nil {
				t.Error(err)
			}
		}
		if err := client.VirtualMachines.AddTags(t.Context(), vmID, nsx.Tag{Tag: "x"}); err != nil {
			t.Error(err)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if n := srv.State().Sessions; n != 0 {
			t.Errorf("%d sessions are left open", n)
		}
	}
}

func TestASessionIsMadeOnceAndEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := oneVM(nsxtest.Switches{})
		client := connect(t, srv, withSession, slowly)
		if err := client.Close(t.Context()); err != nil || len(srv.Requests()) != 0 {
			t.Errorf("Close without a session: %v, %d requests", err, len(srv.Requests()))
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := get(t.Context(), client); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := sent(srv, opLogin); n != 1 {
			t.Errorf("20 calls logged in %d times", n)
		}
		for range 2 {
			if err := client.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := sent(srv, opDestroy); n != 1 {
			t.Errorf("the session was ended %d times", n)
		}
		if err := get(t.Context(), client); err != nil || sent(srv, opLogin) != 2 {
			t.Errorf("after Close: %v, %d logins; want a second one", err, sent(srv, opLogin))
		}
		srv.EndSessions()
		if err := client.Close(t.Context()); err != nil {
			t.Errorf("Close of a session that has ended: %v", err)
		}
	})
}

func TestAForgottenSessionIsRenewedOnce(t *testing.T) {
	t.Parallel()
	for _, switches := range []nsxtest.Switches{{}, {Unauthorized: true}} {
		t.Run(fmt.Sprint(switches.Unauthorized), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := oneVM(switches)
				client := connect(t, srv, withSession, slowly)
				if err := get(t.Context(), client); err != nil {
					t.Fatal(err)
				}
				srv.EndSessions()
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						if err := client.VirtualMachines.AddTags(t.Context(), vmID, nsx.Tag{Tag: "x"}); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if n := sent(srv, opLogin); n != 2 {
					t.Errorf("%d logins, want the first and one more for all eight calls", n)
				}
				time.Sleep(time.Hour) // idle for too long
				if err := get(t.Context(), client); err != nil || sent(srv, opLogin) != 3 {
					t.Errorf("after an hour: %v, %d logins", err, sent(srv, opLogin))
				}
			})
		})
	}
}

// A manager that takes the login and refuses everything after it must not be asked for ever.
func TestRenewalDoesNotLoop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, body := range []string{`{"error_code":98}`, `{"error_code":403}`, `{"error_code":"403"}`} {
			srv := oneVM(nsxtest.Switches{})
			client := connect(t, srv, withSession)
			srv.Inject(func(r *http.Request) bool { return !strings.Contains(r.URL.Path, "/session/") }, -1, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(http.StatusForbidden)
					fmt.Fprint(w, body)
				})
			})
			err := get(t.Context(), client)
			if !errors.Is(err, nsx.ErrUnauthorized) || errors.Is(err, nsx.ErrForbidden) || sent(srv, opLogin) != 2 || len(srv.Requests()) != 4 {
				t.Errorf("%s: %v after %d logins and %d requests; want 2 and 4", body, err, sent(srv, opLogin), len(srv.Requests()))
			}
		}
	})
}

func TestAMissingPermissionIsNoReasonToLogIn(t *testing.T) {
	t.Parallel()
	srv := oneVM(nsxtest.Switches{}, nsxtest.User{Name: "audit", Password: "secret", ReadOnly: true})
	client := connect(t, srv, func(c *nsx.Config) { c.Credentials = nsx.Session("audit", "secret") })
	for range 10 {
		err := client.VirtualMachines.AddTags(t.Context(), vmID, nsx.Tag{Tag: "x"})
		if !errors.Is(err, nsx.ErrForbidden) || errors.Is(err, nsx.ErrUnauthorized) {
			t.Fatalf("error = %v, want ErrForbidden", err)
		}
	}
	if n := sent(srv, opLogin); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

// Five refusals in fifteen minutes lock the account, for everybody who uses it.
func TestWrongCredentialsDoNotLockTheAccount(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		credentials nsx.Credentials
	}{
		{"basic", nsx.Basic(nsxtest.Username, "wrong")},
		{"session", nsx.Session(nsxtest.Username, "wrong")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := oneVM(nsxtest.Switches{})
				client := connect(t, srv, slowly, func(c *nsx.Config) { c.Credentials = tc.credentials })
				for range 29 { // five minutes, eight at a time
					var wg sync.WaitGroup
					for range 8 {
						wg.Go(func() {
							if err := get(t.Context(), client); !errors.Is(err, nsx.ErrUnauthorized) {
								t.Errorf("error = %v, want ErrUnauthorized", err)
							}
						})
					}
					wg.Wait()
					time.Sleep(10 * time.Second)
				}
				if n := len(srv.Requests()); n != 1 {
					t.Errorf("%d requests with wrong credentials in five minutes, want 1", n)
				}
				time.Sleep(time.Hour)
				for range 90 {
					_ = get(t.Context(), client)
					time.Sleep(10 * time.Second)
				}
				if locked := srv.State().Locked; len(locked) != 0 {
					t.Errorf("the account is locked: %v", locked)
				}
				good := connect(t, srv)
				if err := get(t.Context(), good); err != nil {
					t.Errorf("with the right password: %v", err)
				}
			})
		})
	}
}

func TestARefusalSaysWhatItIs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := oneVM(nsxtest.Switches{})
		for _, tc := range []struct {
			credentials nsx.Credentials
			first, then string
		}{
			{
				nsx.Basic(nsxtest.Username, "hidden"),
				"nsx: virtual_machines.get: 403 Forbidden: The credentials were incorrect or the account specified has been locked.",
				"nsx: virtual_machines.get: not tried, so that the account is not locked: the credentials were refused 7s ago: virtual_machines.get: 403 Forbidden: The credentials",
			},
			{
				nsx.Session(nsxtest.Username, "hidden"),
				"nsx: virtual_machines.get: session.create: 403 Forbidden: The credentials were incorrect or the account specified has been locked.",
				"nsx: virtual_machines.get: not tried, so that the account is not locked: the credentials were refused 7s ago: session.create: 403 Forbidden: The credentials",
			},
		} {
			client := connect(t, srv, func(c *nsx.Config) { c.Credentials = tc.credentials })
			for i, want := range []string{tc.first, tc.then} {
				err := get(t.Context(), client)
				if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
					t.Errorf("%d: error = %q\nwant prefix %q", i, err, want)
				}
				if e, ok := errors.AsType[*nsx.APIError](err); !ok || e.Code != 403 || e.StatusCode != http.StatusForbidden {
					t.Errorf("%d: error %v does not hold the answer", i, err)
				}
				time.Sleep(7 * time.Second)
			}
		}
	})
}

func TestAPasswordChangedMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := oneVM(nsxtest.Switches{})
		client := connect(t, srv, withSession, slowly)
		if err := get(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		srv.EndSessions()
		srv.Inject(func(r *http.Request) bool { return r.URL.Path == "/api/session/create" }, -1, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, `{"error_code":403}`)
			})
		})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := get(t.Context(), client); !errors.Is(err, nsx.ErrUnauthorized) {
					t.Errorf("error = %v, want ErrUnauthorized", err)
				}
			})
		}
		wg.Wait()
		if n := sent(srv, opLogin); n != 2 {
			t.Errorf("%d logins, want 2: the first, and one for all that were turned away", n)
		}
	})
}

func TestALoginThatFailsOtherwiseIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := oneVM(nsxtest.Switches{})
		client := connect(t, srv, withSession)
		srv.FailNext(1, http.StatusServiceUnavailable)
		if err := get(t.Context(), client); err != nil {
			t.Error(err)
		}
	})
	t.Run("an answer without a session", func(t *testing.T) {
		t.Parallel()
		s := &script{answers: []canned{ok("<html>welcome</html>")}}
		client, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: s}, Credentials: nsx.Session("u", "p")})
		if err != nil {
			t.Fatal(err)
		}
		want := "nsx: virtual_machines.get: session.create: the answer has no session in it: is this a manager, and are sessions allowed there?"
		if err := get(t.Context(), client); err == nil || err.Error() != want {
			t.Errorf("error = %q, want %q", err, want)
		}
	})
}

func TestWaitingToLogInEndsWithTheContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := oneVM(nsxtest.Switches{})
		client := connect(t, srv, withSession)
		srv.Inject(nil, 1, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Minute)
				next.ServeHTTP(w, r)
			})
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := get(t.Context(), client); err != nil {
				t.Error(err)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.Sleep(time.Millisecond)
		start := time.Now()
		if err := get(ctx, client); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Second {
			t.Errorf("error = %v after %s", err, time.Since(start))
		}
		wg.Wait()
	})
}

func TestTheFormIsEncodedAndTheSessionIsSent(t *testing.T) {
	t.Parallel()
	s := &recorder{}
	client, err := nsx.New(nsx.Config{
		BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: s}, Credentials: nsx.Session("svc@corp.example", "Blue+Kite&7 %41"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t.Context(), client); !errors.Is(err, nsx.ErrNotFound) {
		t.Fatal(err)
	}
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /api/session/create [application/x-www-form-urlencoded] cookie[] xsrf[] auth[] j_password=Blue%2BKite%267+%2541&j_username=svc%40corp.example",
		"GET /api/v1/fabric/virtual-machines [] cookie[JSESSIONID=9C41; route=node-2] xsrf[4b6d] auth[] ",
		"POST /api/session/destroy [] cookie[JSESSIONID=9C41; route=node-2] xsrf[4b6d] auth[] ",
	}
	for i, got := range s.seen {
		if i >= len(want) || got != want[i] {
			t.Errorf("request %d = %s\nwant %v", i, got, want)
		}
	}
}

// recorder is a manager that lets everybody in and knows no machine.
type recorder struct{ seen []string }

func (s *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		raw := make([]byte, 1000)
		n, _ := r.Body.Read(raw)
		body = string(raw[:n])
	}
	s.seen = append(s.seen, fmt.Sprintf("%s %s %v cookie%v xsrf%v auth%v %s",
		r.Method, r.URL.Path, r.Header.Values("Content-Type"), r.Header.Values("Cookie"), r.Header.Values("X-XSRF-TOKEN"), r.Header.Values("Authorization"), body))
	resp, err := (&script{answers: []canned{ok(`{"results":[]}`)}}).RoundTrip(r)
	if r.URL.Path == "/api/session/create" {
		resp.Header.Add("Set-Cookie", "JSESSIONID=9C41; Path=/; Secure; HttpOnly; SameSite=Lax")
		resp.Header.Add("Set-Cookie", "route=node-2; Path=/")
		resp.Header.Set("X-XSRF-TOKEN", "4b6d")
	}
	return resp, err
}

func TestSecretsCannotBePrinted(t *testing.T) {
	t.Parallel()
	for _, credentials := range []nsx.Credentials{nsx.Basic("hidden-user", "hidden-pass"), nsx.Session("hidden-user", "hidden-pass")} {
		cfg := nsx.Config{BaseURL: nsxtest.URL, Credentials: credentials}
		client, err := nsx.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%v %+v %#v %+v %#v", credentials, cfg, cfg, client, *client); strings.Contains(text, "hidden") {
			t.Errorf("printed: %s", text)
		}
	}
}

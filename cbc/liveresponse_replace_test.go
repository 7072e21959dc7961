package cbc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// given counts the commands of a name at the vendor.
func given(srv *cbctest.Server, name string) (n int) {
	for _, s := range srv.Sessions() {
		for _, c := range s.Commands {
			if c.Name == name {
				n++
			}
		}
	}
	return n
}

// unbounded is a client of the fake that may make any number of calls.
func unbounded(t *testing.T, srv *cbctest.Server) *cbc.Client {
	t.Helper()
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: srv.Client(),
		Rate: -1, Budget: cbc.Budget{Calls: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestSessionsThatAreFull gives more commands than a session takes.
func TestSessionsThatAreFull(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, _ *cbc.Client) {
		client := unbounded(t, srv)
		s := open(t, client, cbc.OpenOptions{Replace: true})
		first := s.ID
		for i := range 501 {
			if _, err := s.Processes(t.Context()); err != nil {
				t.Fatalf("command %d: %v", i, err)
			}
		}
		got := srv.Sessions()
		if len(got) != 3 || len(got[0].Commands) != 250 || len(got[1].Commands) != 250 || len(got[2].Commands) != 1 {
			t.Fatalf("%d sessions, want 3 with 250, 250 and 1 commands", len(got))
		}
		if got[0].Reason != "closed" || s.ID != first || string(s.Info().ID) != got[2].ID {
			t.Errorf("first session %+v, id %s, now %s; want it closed and the last one at hand", got[0].Reason, s.ID, s.Info().ID)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if got := srv.Sessions()[2]; got.Reason != "closed" {
			t.Errorf("the last session = %s, want it closed", got.Reason)
		}
	})
	t.Run("with many at work", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, _ *cbc.Client) {
			client := unbounded(t, srv)
			s := open(t, client, cbc.OpenOptions{Replace: true})
			errs := make(chan error)
			for range 20 {
				go func() {
					for range 40 {
						_, err := s.Processes(t.Context())
						errs <- err
					}
				}()
			}
			for range 800 {
				if err := <-errs; err != nil {
					t.Fatal(err)
				}
			}
			if n := given(srv, "process list"); n != 800 {
				t.Errorf("%d commands, want 800: none lost, none given twice", n)
			}
			for i, one := range srv.Sessions() {
				if len(one.Commands) > 250 {
					t.Errorf("session %d has %d commands", i, len(one.Commands))
				}
			}
		})
	})
	t.Run("and others work in it", func(t *testing.T) {
		world := lab(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.CommandLimit = 250 })
		inBubble(t, world, func(t *testing.T, srv *cbctest.Server, _ *cbc.Client) {
			client := unbounded(t, srv)
			theirs := open(t, client, cbc.OpenOptions{})
			ours := open(t, client, cbc.OpenOptions{Replace: true})
			for i := range 251 {
				if _, err := ours.Processes(t.Context()); err != nil {
					t.Fatalf("command %d: %v", i, err)
				}
			}
			if got := srv.Sessions()[0]; string(theirs.ID) != got.ID || got.Reason != "command limit" {
				t.Errorf("their session ended: %s, want it left to the vendor", got.Reason)
			}
		})
	})
	t.Run("unless that is not wanted", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, _ *cbc.Client) {
			client := unbounded(t, srv)
			s := open(t, client, cbc.OpenOptions{})
			var err error
			for range 251 {
				_, err = s.Processes(t.Context())
			}
			if !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("command 251 = %v, want ErrSessionEnded", err)
			}
		})
	})
}

// TestSessionsThatEnd gives a command to a session that has ended: it was not taken, so that it can be given again whatever it is.
func TestSessionsThatEnd(t *testing.T) {
	for name, act := range map[string]func(context.Context, *cbc.Session) error{
		"process list": func(ctx context.Context, s *cbc.Session) error { return second(s.Processes(ctx)) },
		"kill":         func(ctx context.Context, s *cbc.Session) error { return s.Kill(ctx, 5120) },
		"delete file":  func(ctx context.Context, s *cbc.Session) error { return s.DeleteFile(ctx, `C:\Users\kim\plan.txt`) },
		"put file": func(ctx context.Context, s *cbc.Session) error {
			return s.PutFile(ctx, `C:\Users\kim\new.txt`, strings.NewReader("x"))
		},
		"get file": func(ctx context.Context, s *cbc.Session) error {
			r, err := s.GetFile(ctx, invoice)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				_ = r.Close()
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{Replace: true})
				time.Sleep(time.Hour)
				if err := act(t.Context(), s); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if n := given(srv, name); n != 1 || len(srv.Sessions()) != 2 {
					t.Errorf("%d commands in %d sessions, want 1 in 2", n, len(srv.Sessions()))
				}
				_ = s.Close(t.Context())
				if got := srv.Sessions()[1]; got.Reason != "closed" {
					t.Errorf("the second session = %s, want it closed", got.Reason)
				}
			})
		})
	}
	t.Run("an upload that can be read once is spent", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{Replace: true})
			time.Sleep(time.Hour)
			if err := s.PutFile(t.Context(), `C:\Users\kim\new.txt`, bytes.NewBufferString("x")); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("PutFile = %v, want ErrSessionEnded", err)
			}
			if got, there := onDevice(t, srv, `C:\Users\kim\new.txt`); there {
				t.Errorf("the file is there as %q", got)
			}
		})
	})
}

// TestResultsThatAreLost ends the session while a command is under way: only what may be done twice is done again.
func TestResultsThatAreLost(t *testing.T) {
	gone := fake.Status(http.StatusNotFound, nil, `{"error_code":"NOT_FOUND","message":"Session not found"}`)
	for name, tt := range map[string]struct {
		act   func(context.Context, *cbc.Session) error
		times int
	}{
		"process list": {func(ctx context.Context, s *cbc.Session) error { return second(s.Processes(ctx)) }, 2},
		"kill":         {func(ctx context.Context, s *cbc.Session) error { return s.Kill(ctx, 5120) }, 1},
		"create process": {func(ctx context.Context, s *cbc.Session) error {
			return second(s.StartProcess(ctx, cbc.ProcessSpec{CommandLine: "ipconfig"}))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{Replace: true})
				srv.Inject(onRequest("GET", "/commands/0"), 1, gone)
				srv.Inject(onRequest("POST", "/sessions"), 1, fake.Status(http.StatusCreated, nil, `{"id":"900:7","device_id":7,"status":"ACTIVE"}`))
				// The new session answers as the one that the fake has.
				srv.Inject(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "900:7") }, -1, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						r.URL.Path = strings.Replace(r.URL.Path, "900:7", string(s.ID), 1)
						next.ServeHTTP(w, r)
					})
				})
				err := tt.act(t.Context(), s)
				if tt.times == 2 && err != nil || tt.times == 1 && (!errors.Is(err, cbc.ErrSessionEnded) || !errors.Is(err, cbc.ErrUnfinished)) {
					t.Errorf("%s = %v", name, err)
				}
				if n := given(srv, name); n != tt.times {
					t.Errorf("%d commands, want %d", n, tt.times)
				}
			})
		})
	}
}

// TestWhatDoesNotReplaceASession tells the end of a session from other things that are not found, and gives up in the end.
func TestWhatDoesNotReplaceASession(t *testing.T) {
	t.Run("a gateway's 404", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{Replace: true})
			srv.Inject(onRequest("POST", "/commands"), -1, fake.Status(http.StatusNotFound, nil, "<html>no such page</html>"))
			if err := s.Kill(t.Context(), 5120); err == nil {
				t.Error("Kill succeeded")
			}
			if n := requests(srv, "POST", sessionsOp); n != 1 {
				t.Errorf("%d sessions were asked for, want 1", n)
			}
		})
	})
	t.Run("a session that lives after all", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{Replace: true})
			srv.Inject(onRequest("POST", "/commands"), -1, fake.Status(http.StatusNotFound, nil, `{"error_code":"NOT_FOUND","message":"what?"}`))
			if err := s.Kill(t.Context(), 5120); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("Kill = %v, want the 404", err)
			}
			if n := requests(srv, "POST", sessionsOp); n != 2 {
				t.Errorf("%d sessions were asked for, want 2", n)
			}
		})
	})
	t.Run("a session that was closed here", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{Replace: true})
			_ = s.Close(t.Context())
			if err := s.Kill(t.Context(), 5120); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("Kill = %v, want ErrSessionEnded", err)
			}
			if n := len(srv.Sessions()); n != 1 {
				t.Errorf("%d sessions, want 1", n)
			}
		})
	})
	t.Run("a device that has gone", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{Replace: true, CheckInTimeout: time.Minute})
			time.Sleep(time.Hour)
			srv.SetOffline(7, true)
			if err := s.Kill(t.Context(), 5120); !errors.Is(err, cbc.ErrNotConnected) {
				t.Errorf("Kill = %v, want ErrNotConnected", err)
			}
			for _, one := range srv.Sessions() {
				if one.Status != "ENDED" {
					t.Errorf("session %+v is left", one)
				}
			}
		})
	})
}

// TestClosingWhileASessionIsReplaced closes what is about to get another session: that must not stay.
func TestClosingWhileASessionIsReplaced(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{Replace: true})
		time.Sleep(time.Hour)
		srv.SetOffline(7, true)
		killed := make(chan error)
		go func() { killed <- s.Kill(t.Context(), 5120) }()
		time.Sleep(10 * time.Second)
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		srv.SetOffline(7, false)
		if err := <-killed; !errors.Is(err, cbc.ErrSessionEnded) {
			t.Errorf("Kill = %v, want ErrSessionEnded", err)
		}
		got := srv.Sessions()
		if len(got) != 2 || got[1].Reason != "closed" || len(got[1].Commands) != 0 {
			t.Errorf("sessions at the vendor = %+v, want the second one closed, without a command", got)
		}
	})
}

package cbc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// TestOpenGivesUp checks that nothing that was asked for and did not come about stays behind.
func TestOpenGivesUp(t *testing.T) {
	offline := lab(func(_ *cbctest.World, d *cbctest.Device) { d.Offline = true })
	t.Run("when the sensor does not come", func(t *testing.T) {
		inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			start := time.Now()
			_, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{})
			wait(t, start, cbc.DefaultCheckInTimeout, cbc.DefaultCheckInTimeout+time.Second)
			e, ok := errors.AsType[*cbc.SessionError](err)
			if !errors.Is(err, cbc.ErrNotConnected) || !ok || e.DeviceID != 7 || e.Status != "PENDING" || e.Left || !e.Retryable() {
				t.Errorf("Open = %v, want ErrNotConnected", err)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open = %v, which blames the caller's context", err)
			}
			if got := srv.Sessions()[0]; got.Reason != "closed" {
				t.Errorf("session at the vendor = %+v, want it closed", got)
			}
		})
	})
	t.Run("when the context is canceled", func(t *testing.T) {
		inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Minute, cancel)
			start := time.Now()
			_, err := client.LiveResponse.Open(ctx, 7, cbc.OpenOptions{})
			wait(t, start, time.Minute, time.Minute+time.Second)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Open = %v, want the error of the context", err)
			}
			if got := srv.Sessions()[0]; got.Reason != "closed" {
				t.Errorf("session at the vendor = %+v, want it closed", got)
			}
		})
	})
	t.Run("within a second when the vendor hangs", func(t *testing.T) {
		inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			srv.Inject(onRequest("DELETE", ""), -1, fake.Delay(time.Hour))
			start := time.Now()
			_, err := client.LiveResponse.Open(ctx, 7, cbc.OpenOptions{})
			wait(t, start, time.Minute, time.Minute+time.Second)
			if e, ok := errors.AsType[*cbc.SessionError](err); !ok || !e.Left || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open = %v, want one that says that the session is left", err)
			}
		})
	})
	t.Run("when the vendor does", func(t *testing.T) {
		inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			start := time.Now()
			_, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{CheckInTimeout: time.Hour})
			wait(t, start, 15*time.Minute, 15*time.Minute+10*time.Second)
			if !errors.Is(err, cbc.ErrNotConnected) || !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("Open = %v, want ErrNotConnected and ErrSessionEnded", err)
			}
			if n := requests(srv, "DELETE", sessionOp); n != 0 {
				t.Errorf("a session that is no more was closed %d times", n)
			}
		})
	})
	t.Run("when the start fails", func(t *testing.T) {
		failing := lab(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.FailStart = true })
		inBubble(t, failing, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			_, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{})
			if e, ok := errors.AsType[*cbc.SessionError](err); !errors.Is(err, cbc.ErrSessionEnded) || !ok || e.Status != "ERROR" {
				t.Errorf("Open = %v, want ErrSessionEnded", err)
			}
			if got := srv.Sessions()[0]; got.Reason != "closed" {
				t.Errorf("session at the vendor = %+v, want it closed", got)
			}
		})
	})
	t.Run("when looking is refused", func(t *testing.T) {
		inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			srv.Inject(onRequest("GET", ":7"), -1, fake.Status(http.StatusForbidden, nil, "no"))
			_, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{})
			if !errors.Is(err, cbc.ErrForbidden) {
				t.Errorf("Open = %v, want ErrForbidden", err)
			}
			if got := srv.Sessions()[0]; got.Reason != "closed" {
				t.Errorf("session at the vendor = %+v, want it closed", got)
			}
		})
	})
}

// TestStartWithoutAnAnswer checks that a session that may or may not have been started is looked for and withdrawn.
func TestStartWithoutAnAnswer(t *testing.T) {
	offline := lab(func(_ *cbctest.World, d *cbctest.Device) { d.Offline = true })
	for name, fault := range map[string]func(http.Handler) http.Handler{
		"answered by a gateway": fake.ActThenFail(http.StatusServiceUnavailable),
		"not answered":          fake.ActThenDrop(),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				srv.Inject(onRequest("POST", "/sessions"), -1, fault)
				if _, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{}); err == nil {
					t.Error("Open succeeded without an answer")
				}
				if got := srv.Sessions(); len(got) != 1 || got[0].Reason != "closed" {
					t.Errorf("sessions at the vendor = %+v, want one that is closed", got)
				}
			})
		})
	}
	t.Run("canceled before the answer", func(t *testing.T) {
		inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			srv.Inject(onRequest("POST", "/sessions"), 1, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(httptest.NewRecorder(), r)
					<-r.Context().Done()
					panic(http.ErrAbortHandler)
				})
			})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			start := time.Now()
			if _, err := client.LiveResponse.Open(ctx, 7, cbc.OpenOptions{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open = %v, want the error of the context", err)
			}
			wait(t, start, 2*time.Second, 3*time.Second)
			if got := srv.Sessions(); len(got) != 1 || got[0].Reason != "closed" {
				t.Errorf("sessions at the vendor = %+v, want one that is closed", got)
			}
		})
	})
	t.Run("answered the second time", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			srv.Inject(onRequest("POST", "/sessions"), 1, fake.ActThenDrop())
			s, err := client.LiveResponse.Start(t.Context(), 7, cbc.OpenOptions{})
			if err != nil {
				t.Fatalf("Start: %v", err)
			}
			if got := srv.Sessions(); len(got) != 1 || got[0].ID != string(s.ID) {
				t.Errorf("sessions at the vendor = %+v, want %s alone", got, s.ID)
			}
		})
	})
	t.Run("another's is left alone", func(t *testing.T) {
		inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			if _, err := client.LiveResponse.Start(t.Context(), 7, cbc.OpenOptions{}); err != nil {
				t.Fatal(err)
			}
			srv.Inject(onRequest("POST", "/sessions"), -1, fake.ActThenDrop())
			if _, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{}); err == nil {
				t.Error("Open succeeded without an answer")
			}
			if got := srv.Sessions(); len(got) != 1 || got[0].Status != "PENDING" {
				t.Errorf("sessions at the vendor = %+v, want one that is pending", got)
			}
		})
	})
}

func TestSharedSessions(t *testing.T) {
	t.Run("one that is active survives our closing", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			first, second := open(t, client, cbc.OpenOptions{}), open(t, client, cbc.OpenOptions{})
			if first.Shared || !second.Shared || first.ID != second.ID {
				t.Fatalf("sessions = %+v and %+v, want the second one to be the first, shared", first, second)
			}
			if err := second.Close(t.Context()); err != nil {
				t.Errorf("Close: %v", err)
			}
			if _, err := second.Processes(t.Context()); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("Processes after Close = %v, want ErrSessionEnded", err)
			}
			if _, err := first.Processes(t.Context()); err != nil {
				t.Errorf("Processes in the other's session: %v", err)
			}
			if err := second.CloseForAll(t.Context()); err != nil {
				t.Errorf("CloseForAll: %v", err)
			}
			if got := srv.Sessions()[0]; got.Reason != "closed" {
				t.Errorf("session at the vendor = %+v, want it closed", got)
			}
			if _, err := first.Processes(t.Context()); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("Processes after the other's CloseForAll = %v, want ErrSessionEnded", err)
			}
		})
	})
	t.Run("one that is pending survives our giving up", func(t *testing.T) {
		offline := lab(func(_ *cbctest.World, d *cbctest.Device) { d.Offline = true })
		inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			if _, err := client.LiveResponse.Start(t.Context(), 7, cbc.OpenOptions{}); err != nil {
				t.Fatal(err)
			}
			_, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{CheckInTimeout: time.Minute})
			if !errors.Is(err, cbc.ErrNotConnected) {
				t.Errorf("Open = %v, want ErrNotConnected", err)
			}
			if got := srv.Sessions()[0]; got.Status != "PENDING" {
				t.Errorf("session at the vendor = %+v, want it pending", got)
			}
		})
	})
	t.Run("one that is picked up again", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
			first := open(t, client, cbc.OpenOptions{})
			again, err := client.LiveResponse.Resume(t.Context(), first.ID, cbc.OpenOptions{})
			if err != nil || !again.Shared || again.DeviceID != 7 {
				t.Fatalf("Resume = %+v, %v", again, err)
			}
			if err := first.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := client.LiveResponse.Resume(t.Context(), first.ID, cbc.OpenOptions{}); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("Resume of a closed session = %v, want ErrSessionEnded", err)
			}
		})
	})
}

func TestOpenRefusals(t *testing.T) {
	t.Run("an unknown device", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
			if _, err := client.LiveResponse.Open(t.Context(), 8, cbc.OpenOptions{}); !errors.Is(err, cbc.ErrNotFound) {
				t.Errorf("Open(8) = %v, want ErrNotFound", err)
			}
		})
	})
	t.Run("no device", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			if _, err := client.LiveResponse.Open(t.Context(), 0, cbc.OpenOptions{}); err == nil || len(srv.Requests()) != 0 {
				t.Errorf("Open(0) = %v after %d requests, want an error before any", err, len(srv.Requests()))
			}
		})
	})
	t.Run("no session is left", func(t *testing.T) {
		world := lab(func(w *cbctest.World, _ *cbctest.Device) {
			w.Devices = append(w.Devices, cbctest.Device{ID: 8, Name: "LAB-8"})
			w.Switches.LiveResponse.SessionLimit = 1
		})
		inBubble(t, world, func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
			open(t, client, cbc.OpenOptions{})
			_, err := client.LiveResponse.Open(t.Context(), 8, cbc.OpenOptions{})
			if e, ok := errors.AsType[*cbc.SessionError](err); !errors.Is(err, cbc.ErrSessionLimit) || !ok || !e.Retryable() || e.DeviceID != 8 {
				t.Errorf("Open(8) = %v, want ErrSessionLimit", err)
			}
		})
	})
	t.Run("nobody knows which sessions there are", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			for _, fault := range []func(http.Handler) http.Handler{
				fake.Status(http.StatusForbidden, nil, "no"), fake.Status(http.StatusOK, nil, `[{"status":"ACTIVE"}]`),
			} {
				srv.Inject(onRequest("GET", "/sessions"), 1, fault)
				if s, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{}); err == nil {
					t.Errorf("Open(7) = %+v, want an error", s)
				}
			}
			if n := requests(srv, "POST", sessionsOp); n != 0 {
				t.Errorf("%d sessions were asked for, want none", n)
			}
		})
	})
	t.Run("a session that has failed already", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			srv.Inject(onRequest("POST", "/sessions"), 1, fake.Status(http.StatusCreated, nil, `{"id":"1:7","device_id":7,"status":"ERROR"}`))
			if _, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{}); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("Open(7) = %v, want ErrSessionEnded", err)
			}
		})
	})
	for _, body := range []string{`{"id":"1:8","device_id":8,"status":"ACTIVE"}`, `{"id":"1:7","device_id":7,"status":"ACTIVE"}`} {
		t.Run("an answer about another session: "+body, func(t *testing.T) {
			inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				srv.Inject(onRequest("GET", ":7"), 1, fake.Status(http.StatusOK, nil, body))
				if s, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{}); err == nil {
					t.Errorf("Open(7) = %+v, want an error", s)
				}
				if got := srv.Sessions()[0]; got.Reason != "closed" {
					t.Errorf("session at the vendor = %+v, want it closed", got)
				}
			})
		})
	}
	t.Run("a session of another device", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			body := `{"id":"1:8","device_id":8,"status":"ACTIVE"}`
			srv.Inject(onRequest("POST", "/sessions"), 1, fake.Status(http.StatusCreated, nil, body))
			if s, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{}); err == nil {
				t.Errorf("Open(7) = %+v, want an error", s)
			}
		})
	})
}

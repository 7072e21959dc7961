package cbc_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

const (
	sessionsOp = "/appservices/v6/orgs/{org_key}/liveresponse/sessions"
	sessionOp  = sessionsOp + "/{session_id}"
	commandsOp = sessionOp + "/commands"
	invoice    = `C:\Users\kim\Downloads\invoice.exe`
)

// lab is a world with a machine on which a file of the name invoice runs.
func lab(change func(*cbctest.World, *cbctest.Device)) cbctest.World {
	w := cbctest.World{Devices: []cbctest.Device{{
		ID: 7, Name: "LAB-7",
		Running: []cbctest.RunningProcess{
			{PID: 880, Path: `C:\Windows\explorer.exe`, Username: `CORP\kim`},
			{PID: 5120, Path: invoice, CmdLine: invoice + " /s", Username: `CORP\kim`},
		},
		Files: []cbctest.File{{Path: invoice, Content: "MZ evil"}, {Path: `C:\Users\kim\plan.txt`, Content: "plan"}},
	}}}
	if change != nil {
		change(&w, &w.Devices[0])
	}
	return w
}

// inBubble runs a test on a fake in a bubble of its own time.
func inBubble(t *testing.T, world cbctest.World, test func(t *testing.T, srv *cbctest.Server, client *cbc.Client)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(world)
		test(t, srv, connect(t, srv.Client()))
	})
}

func open(t *testing.T, client *cbc.Client, opts cbc.OpenOptions) *cbc.Session {
	t.Helper()
	s, err := client.LiveResponse.Open(t.Context(), 7, opts)
	if err != nil {
		t.Fatalf("LiveResponse.Open(7): %v", err)
	}
	return s
}

// requests is how many requests the server has seen to the operation.
func requests(srv *cbctest.Server, method, route string) (n int) {
	for _, r := range srv.Requests() {
		if r.Operation == method+" "+route {
			n++
		}
	}
	return n
}

// onRequest matches the requests of a method whose path ends with suffix.
func onRequest(method, suffix string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.HasSuffix(r.URL.Path, suffix) }
}

func TestOpenWaitsForTheSensor(t *testing.T) {
	world := lab(func(_ *cbctest.World, d *cbctest.Device) { d.CheckIn = 40 * time.Second })
	inBubble(t, world, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		start := time.Now()
		s := open(t, client, cbc.OpenOptions{})
		wait(t, start, 40*time.Second, 46*time.Second)
		if n := requests(srv, "GET", sessionOp); n > 15 {
			t.Errorf("the session was looked at %d times in 40 s, want growing pauses", n)
		}
		info := s.Info()
		if s.Shared || s.DeviceID != 7 || info.Status != "ACTIVE" || len(info.SupportedCommands) == 0 || info.Created.IsZero() {
			t.Errorf("session = %+v, info %+v", s, info)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if got := srv.Sessions()[0]; got.Status != "ENDED" || got.Reason != "closed" {
			t.Errorf("session at the vendor = %+v, want it closed", got)
		}
	})
}

// TestSessionsOfOtherForms opens a session with all the forms that answers have had.
func TestSessionsOfOtherForms(t *testing.T) {
	for name, change := range map[string]func(*cbctest.LiveResponseSwitches){
		"lower case":         func(s *cbctest.LiveResponseSwitches) { s.LowerStatus = true },
		"nulls":              func(s *cbctest.LiveResponseSwitches) { s.NullWhilePending = true },
		"numbers for times":  func(s *cbctest.LiveResponseSwitches) { s.EpochTimes = true },
		"wrapped lists":      func(s *cbctest.LiveResponseSwitches) { s.WrappedLists = true },
		"absent results":     func(s *cbctest.LiveResponseSwitches) { s.AbsentResults = true },
		"a running status":   func(s *cbctest.LiveResponseSwitches) { s.RunningStatus = "IN PROGRESS"; s.CommandDelay = time.Second },
		"unsigned results":   func(s *cbctest.LiveResponseSwitches) { s.UnsignedResults = true },
		"an empty keepalive": func(s *cbctest.LiveResponseSwitches) { s.KeepAliveEmpty = true },
		"a status at the end": func(s *cbctest.LiveResponseSwitches) {
			s.EndedStatus = "CLOSED"
		},
	} {
		t.Run(name, func(t *testing.T) {
			world := lab(func(w *cbctest.World, d *cbctest.Device) {
				change(&w.Switches.LiveResponse)
				d.CheckIn = 5 * time.Second
			})
			inBubble(t, world, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				if got := time.Since(s.Info().Created); got < 0 || got > 10*time.Second {
					t.Errorf("the session was created %v ago", got)
				}
				if err := s.KeepAlive(t.Context()); err != nil {
					t.Errorf("KeepAlive: %v", err)
				}
				if err := s.Kill(t.Context(), 5120); err != nil {
					t.Errorf("Kill(5120): %v", err)
				}
				if err := s.Kill(t.Context(), 5120); !errors.Is(err, cbc.ErrProcessNotFound) {
					t.Errorf("second Kill(5120) = %v, want ErrProcessNotFound", err)
				}
				if list, err := client.LiveResponse.List(t.Context()); err != nil || len(list) != 1 || list[0].ID != s.ID {
					t.Errorf("List = %+v, %v, want the session", list, err)
				}
				if err := s.Close(t.Context()); err != nil {
					t.Errorf("Close: %v", err)
				}
				if _, err := client.LiveResponse.Resume(t.Context(), s.ID, cbc.OpenOptions{}); !errors.Is(err, cbc.ErrSessionEnded) {
					t.Errorf("Resume of a closed session = %v, want ErrSessionEnded", err)
				}
				if got := srv.Sessions()[0].Commands[0]; got.ID != 0 || got.Status != "COMPLETE" {
					t.Errorf("first command at the vendor = %+v", got)
				}
			})
		})
	}
}

func TestClose(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			if err := errors.Join(s.Close(t.Context()), s.Close(t.Context())); err != nil {
				t.Errorf("Close: %v", err)
			}
			if n := requests(srv, "DELETE", sessionOp); n != 1 {
				t.Errorf("the session was closed %d times, want 1", n)
			}
			if err := s.KeepAlive(t.Context()); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("KeepAlive after Close = %v, want ErrSessionEnded", err)
			}
		})
	})
	t.Run("when the session has ended", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			time.Sleep(31 * time.Minute)
			if err := s.KeepAlive(t.Context()); !errors.Is(err, cbc.ErrSessionEnded) || !errors.Is(err, cbc.ErrNotFound) {
				t.Errorf("KeepAlive after the end = %v, want ErrSessionEnded and ErrNotFound", err)
			}
			if err := s.Close(t.Context()); err != nil {
				t.Errorf("Close after the end: %v", err)
			}
		})
	})
	t.Run("when the context is over", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Close(ctx); err != nil {
				t.Errorf("Close: %v", err)
			}
			if got := srv.Sessions()[0]; got.Reason != "closed" {
				t.Errorf("session at the vendor = %+v, want it closed", got)
			}
		})
	})
	t.Run("the wrong organization is no success", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			srv.Inject(onRequest("DELETE", ""), 1, fake.Status(http.StatusNotFound, nil, `{"error_code":"NOT_FOUND","message":"org not found","resource_type":"org"}`))
			if err := s.Close(t.Context()); !errors.Is(err, cbc.ErrUnknownOrg) {
				t.Errorf("Close = %v, want ErrUnknownOrg", err)
			}
		})
	})
}

func TestKeepAliveKeeps(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		if _, err := s.Processes(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			time.Sleep(14 * time.Minute)
			if err := s.KeepAlive(t.Context()); err != nil {
				t.Fatalf("KeepAlive: %v", err)
			}
		}
		if got := srv.Sessions()[0]; got.Status != "ACTIVE" {
			t.Errorf("session at the vendor = %+v, want it active", got)
		}
	})
}

// TestManyCommandsAtOnce shares a session between goroutines.
func TestManyCommandsAtOnce(t *testing.T) {
	world := lab(func(_ *cbctest.World, d *cbctest.Device) {
		for i := range int64(20) {
			d.Running = append(d.Running, cbctest.RunningProcess{PID: 6000 + i, Path: `C:\evil` + strconv.FormatInt(i, 10) + `.exe`})
		}
	})
	inBubble(t, world, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		errs := make(chan error)
		for i := range int64(20) {
			go func() { errs <- s.Kill(t.Context(), 6000+i) }()
		}
		for range 20 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if d, _ := srv.Device(7); len(d.Running) != 2 {
			t.Errorf("%d processes run, want 2", len(d.Running))
		}
	})
}

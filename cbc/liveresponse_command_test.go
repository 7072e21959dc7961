package cbc_test

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// sensorOf answers for a session that its sensor has joined, and that takes the named commands.
func sensorOf(commands ...string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.MarshalWrite(w, map[string]any{
				"id": path.Base(r.URL.Path), "device_id": 7, "status": "ACTIVE", "supported_commands": commands,
			})
		})
	}
}

func TestUnsupportedCommandIsNotSent(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		srv.Inject(onRequest("GET", ":7"), 1, sensorOf("Process List"))
		s := open(t, client, cbc.OpenOptions{})
		if err := s.Kill(t.Context(), 5120); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Kill = %v, want ErrUnsupported", err)
		}
		if n := requests(srv, "POST", commandsOp); n != 0 {
			t.Errorf("%d commands were sent, want none", n)
		}
		if _, err := s.Processes(t.Context()); err != nil {
			t.Errorf("Processes: %v", err)
		}
	})
}

func TestProcesses(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		got, err := s.Processes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var found []cbc.RunningProcess
		for _, p := range got {
			if p.PID == 5120 {
				p.Started, p.SID = "", ""
				found = append(found, p)
			}
		}
		want := []cbc.RunningProcess{{PID: 5120, Path: strings.ToLower(invoice), CommandLine: invoice + " /s", Username: `CORP\kim`}}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("process 5120 mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestProcessListsThatAreNone checks that a list that got lost does not say that nothing runs.
func TestProcessListsThatAreNone(t *testing.T) {
	for _, body := range []string{
		`{"id":0,"name":"process list","status":"COMPLETE"}`,
		`{"id":0,"name":"process list","status":"COMPLETE","processes":[]}`,
		`{"id":0,"name":"process list","status":"COMPLETE","processes":null}`,
		`{"id":0,"name":"process list","status":"COMPLETE","processes":"x"}`,
		`{"id":0,"name":"process list","status":"COMPLETE","processes":[{"process_path":"c:\\x.exe"}]}`,
		`{"id":0,"name":"process list","status":"COMPLETE","result_code":-2147024891,"result_type":"WinHresult","processes":[{"process_pid":1}]}`,
		`{"id":1,"name":"process list","status":"COMPLETE","processes":[{"process_pid":1}]}`,
		`{"id":0,"name":"kill","status":"COMPLETE","processes":[{"process_pid":1}]}`,
	} {
		t.Run(body, func(t *testing.T) {
			inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{CommandTimeout: time.Minute})
				srv.Inject(onRequest("GET", "/commands/0"), 1, fake.Status(http.StatusOK, nil, body))
				if got, err := s.Processes(t.Context()); err == nil {
					t.Errorf("Processes = %+v, want an error", got)
				}
			})
		})
	}
}

func TestKill(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		if err := s.Kill(t.Context(), 5120); err != nil {
			t.Errorf("Kill(5120): %v", err)
		}
		if d, _ := srv.Device(7); len(d.Running) != 1 {
			t.Errorf("running = %+v, want one process less", d.Running)
		}
		err := s.Kill(t.Context(), 5120)
		e, ok := errors.AsType[*cbc.CommandError](err)
		if !errors.Is(err, cbc.ErrProcessNotFound) || !ok || e.Code != 0x80070057 || e.ID != 1 || e.Command != "kill" || e.DeviceID != 7 {
			t.Errorf("second Kill(5120) = %v, want ErrProcessNotFound", err)
		}
		if err := s.Kill(t.Context(), 4); !errors.Is(err, cbc.ErrAccessDenied) {
			t.Errorf("Kill(4) = %v, want ErrAccessDenied", err)
		}
		sent := requests(srv, "POST", commandsOp)
		for _, pid := range []int64{0, -1, 1<<32 + 5120} {
			if err := s.Kill(t.Context(), pid); err == nil {
				t.Errorf("Kill(%d) succeeded", pid)
			}
		}
		if n := requests(srv, "POST", commandsOp); n != sent {
			t.Errorf("%d commands were sent for process ids that are none", n-sent)
		}
	})
}

// TestCommandsThatActAreNotRepeated is about an answer that got lost: the process id may stand for another process already.
func TestCommandsThatActAreNotRepeated(t *testing.T) {
	for name, act := range map[string]func(context.Context, *cbc.Session) error{
		"kill":        func(ctx context.Context, s *cbc.Session) error { return s.Kill(ctx, 5120) },
		"delete file": func(ctx context.Context, s *cbc.Session) error { return s.DeleteFile(ctx, `C:\Users\kim\plan.txt`) },
	} {
		for fault, inject := range map[string]func(http.Handler) http.Handler{
			"a gateway error": fake.ActThenFail(http.StatusBadGateway), "a lost connection": fake.ActThenDrop(),
		} {
			t.Run(name+" and "+fault, func(t *testing.T) {
				inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
					s := open(t, client, cbc.OpenOptions{})
					srv.Inject(onRequest("POST", "/commands"), 1, inject)
					err := act(t.Context(), s)
					if _, ok := errors.AsType[*cbc.CommandError](err); ok || err == nil {
						t.Errorf("%s = %v, want an error that is no CommandError", name, err)
					}
					if got := srv.Sessions()[0].Commands; len(got) != 1 {
						t.Errorf("commands at the vendor = %+v, want one", got)
					}
				})
			})
		}
	}
}

func TestDeleteFile(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		for _, step := range []struct {
			path string
			want error
		}{
			{invoice, cbc.ErrInUse},
			{`C:\Users\kim\none.txt`, cbc.ErrFileNotFound},
			{`C:\no\such\directory\none.txt`, cbc.ErrFileNotFound},
			{`C:\Users\kim\plan.txt`, nil},
			{`C:\Users\kim\plan.txt`, cbc.ErrFileNotFound},
		} {
			if err := s.DeleteFile(t.Context(), step.path); !errors.Is(err, step.want) {
				t.Errorf("DeleteFile(%s) = %v, want %v", step.path, err, step.want)
			}
		}
		if err := s.Kill(t.Context(), 5120); err != nil {
			t.Error(err)
		}
		if err := s.DeleteFile(t.Context(), invoice); err != nil {
			t.Errorf("DeleteFile after Kill: %v", err)
		}
		d, _ := srv.Device(7)
		for _, f := range d.Files {
			if strings.HasPrefix(f.Path, `C:\Users\kim`) {
				t.Errorf("%s is still there", f.Path)
			}
		}
		sent := requests(srv, "POST", commandsOp)
		for _, name := range []string{"", "  ", "C:\\x\x00.exe"} {
			if err := s.DeleteFile(t.Context(), name); err == nil {
				t.Errorf("DeleteFile(%q) succeeded", name)
			}
		}
		if n := requests(srv, "POST", commandsOp); n != sent {
			t.Errorf("%d commands were sent for paths that are none", n-sent)
		}
	})
}

// TestAbandonedCommandIsTakenBack keeps a queued command from being carried out when nobody counts on it any more.
func TestAbandonedCommandIsTakenBack(t *testing.T) {
	slow := lab(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.CommandDelay = 10 * time.Minute })
	t.Run("out of time", func(t *testing.T) {
		inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			start := time.Now()
			err := s.Kill(t.Context(), 5120)
			wait(t, start, cbc.DefaultCommandTimeout, cbc.DefaultCommandTimeout+time.Second)
			e, ok := errors.AsType[*cbc.CommandError](err)
			if !errors.Is(err, cbc.ErrUnfinished) || !ok || !e.Withdrawn || e.Status != "PENDING" || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Kill = %v, want ErrUnfinished, taken back", err)
			}
			if n := requests(srv, "GET", commandsOp+"/{command_id}"); n > 80 {
				t.Errorf("the command was looked at %d times in two minutes, want growing pauses", n)
			}
			time.Sleep(11 * time.Minute)
			if d, _ := srv.Device(7); len(d.Running) != 2 {
				t.Errorf("running = %+v, want nothing killed", d.Running)
			}
		})
	})
	t.Run("canceled", func(t *testing.T) {
		inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			err := s.Kill(ctx, 5120)
			wait(t, start, 10*time.Second, 11*time.Second)
			if e, ok := errors.AsType[*cbc.CommandError](err); !errors.Is(err, context.DeadlineExceeded) || !ok || !e.Withdrawn {
				t.Errorf("Kill = %v, want the context's error, taken back", err)
			}
			if got := srv.Sessions()[0].Commands[0]; !strings.HasPrefix(got.Status, "CANCEL") {
				t.Errorf("command at the vendor = %+v, want it canceled", got)
			}
		})
	})
	t.Run("and it cannot be", func(t *testing.T) {
		inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{CommandTimeout: time.Second})
			srv.Inject(onRequest("DELETE", "/commands/0"), -1, fake.Status(http.StatusConflict, nil, "running"))
			if e, ok := errors.AsType[*cbc.CommandError](s.Kill(t.Context(), 5120)); !ok || e.Withdrawn || !errors.Is(e, cbc.ErrUnfinished) {
				t.Errorf("Kill = %v, want ErrUnfinished, not taken back", e)
			}
		})
	})
	t.Run("and the session has ended", func(t *testing.T) {
		inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			srv.Inject(onRequest("GET", "/commands/0"), -1, fake.Status(http.StatusNotFound, nil, `{"error_code":"NOT_FOUND","message":"Session not found"}`))
			err := s.Kill(t.Context(), 5120)
			if !errors.Is(err, cbc.ErrSessionEnded) || !errors.Is(err, cbc.ErrUnfinished) {
				t.Errorf("Kill = %v, want ErrSessionEnded and ErrUnfinished", err)
			}
			if n := requests(srv, "DELETE", commandsOp+"/{command_id}"); n != 0 {
				t.Errorf("%d attempts to take back a command of a session that is no more", n)
			}
		})
	})
}

// TestCommandsThatAreNot keeps an answer without an id from being taken for one about the first command.
func TestCommandsThatAreNot(t *testing.T) {
	for _, body := range []string{`{}`, `{"name":"kill","status":"COMPLETE"}`, `{"id":null,"status":"COMPLETE"}`, `{"id":"x","status":"PENDING"}`} {
		t.Run(body, func(t *testing.T) {
			inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				srv.Inject(onRequest("POST", "/commands"), 1, fake.Status(http.StatusCreated, nil, body))
				if err := s.Kill(t.Context(), 5120); err == nil {
					t.Error("Kill succeeded")
				}
			})
		})
	}
}

func TestCommandLimitEndsTheSession(t *testing.T) {
	world := lab(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.CommandLimit = 2 })
	inBubble(t, world, func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		var err error
		for range 3 {
			_, err = s.Processes(t.Context())
		}
		if !errors.Is(err, cbc.ErrSessionEnded) {
			t.Errorf("third Processes = %v, want ErrSessionEnded", err)
		}
	})
}

func TestPermissionToLookIsMissing(t *testing.T) {
	world := lab(func(w *cbctest.World, _ *cbctest.Device) {
		w.Keys = []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: []string{
			"org.liveresponse.session:CREATE", "org.liveresponse.session:READ", "org.liveresponse.session:DELETE", "org.liveresponse.file:DELETE",
		}}}
	})
	inBubble(t, world, func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		if err := s.DeleteFile(t.Context(), `C:\Users\kim\plan.txt`); !errors.Is(err, cbc.ErrForbidden) || !errors.Is(err, cbc.ErrUnfinished) {
			t.Errorf("DeleteFile = %v, want ErrForbidden and ErrUnfinished", err)
		}
		if _, err := s.Processes(t.Context()); !errors.Is(err, cbc.ErrForbidden) || errors.Is(err, cbc.ErrUnfinished) {
			t.Errorf("Processes = %v, want ErrForbidden", err)
		}
	})
}

// TestKeepingAliveIsNotTheCommand has the vendor refuse to keep a session alive while a command is waited for.
func TestKeepingAliveIsNotTheCommand(t *testing.T) {
	slow := lab(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.CommandDelay = 12 * time.Minute })
	inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		srv.Inject(onRequest("GET", "/keepalive"), -1, fake.Status(http.StatusForbidden, nil, "no"))
		if _, err := s.RunProcess(t.Context(), cbc.ProcessSpec{CommandLine: "ipconfig", Timeout: 20 * time.Minute}); err != nil {
			t.Errorf("RunProcess: %v", err)
		}
		if n := requests(srv, "GET", sessionOp+"/keepalive"); n != 2 {
			t.Errorf("the session was kept alive %d times in 12 minutes, want 2", n)
		}
	})
}

// TestACommandThatIsNotAnsweredInTime tells the limit of a command from the end of the caller's context.
func TestACommandThatIsNotAnsweredInTime(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{CommandTimeout: 10 * time.Second})
		srv.Inject(onRequest("POST", "/commands"), 1, fake.Delay(time.Hour))
		start := time.Now()
		err := s.Kill(t.Context(), 5120)
		wait(t, start, 10*time.Second, 11*time.Second)
		if _, taken := errors.AsType[*cbc.CommandError](err); err == nil || taken || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Kill = %v, want an error that does not blame the caller's context", err)
		}
	})
}

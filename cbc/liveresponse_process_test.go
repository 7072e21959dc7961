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

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// talking is a machine whose processes write something and end with a code.
func talking(change func(*cbctest.World, *cbctest.Device)) cbctest.World {
	return lab(func(w *cbctest.World, d *cbctest.Device) {
		w.Switches.LiveResponse.ProcessOutput, w.Switches.LiveResponse.ReturnCode = "hello\r\n", 3
		// The directory for temporary files is there as soon as something lies in it.
		d.Files = append(d.Files, cbctest.File{Path: `C:\Windows\Temp\other.log`, Content: "other"})
		if change != nil {
			change(w, d)
		}
	})
}

// paths are those of the files on the device.
func paths(srv *cbctest.Server) (all []string) {
	d, _ := srv.Device(7)
	for _, f := range d.Files {
		all = append(all, f.Path)
	}
	return all
}

func TestRunProcess(t *testing.T) {
	for name, top := range map[string]bool{"with details": false, "with details on top": true} {
		t.Run(name, func(t *testing.T) {
			world := talking(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.DetailsOnTop = top })
			inBubble(t, world, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				got, err := s.RunProcess(t.Context(), cbc.ProcessSpec{CommandLine: "ipconfig /all", WorkingDirectory: `C:\`, OutputFile: `C:\out.txt`})
				if err != nil || got.PID == 0 || got.ExitCode != 3 {
					t.Errorf("RunProcess = %+v, %v, want the exit code 3", got, err)
				}
				if text, _ := onDevice(t, srv, `C:\out.txt`); text != "hello\r\n" {
					t.Errorf("the output is %q", text)
				}
				pid, err := s.StartProcess(t.Context(), cbc.ProcessSpec{CommandLine: `"C:\Users\kim\Downloads\invoice.exe" /s`})
				if err != nil || pid == 0 {
					t.Errorf("StartProcess = %d, %v", pid, err)
				}
				d, _ := srv.Device(7)
				if last := d.Running[len(d.Running)-1]; last.PID != pid || last.CmdLine != `"C:\Users\kim\Downloads\invoice.exe" /s` {
					t.Errorf("running = %+v, want process %d", d.Running, pid)
				}
				if _, err := s.StartProcess(t.Context(), cbc.ProcessSpec{CommandLine: `C:\none.exe`}); !errors.Is(err, cbc.ErrFileNotFound) {
					t.Errorf("StartProcess of no program = %v, want ErrFileNotFound", err)
				}
				sent := requests(srv, "POST", commandsOp)
				for _, line := range []cbc.CommandLine{"", " ", "a\x00b", cbc.CommandLine(strings.Repeat("x", 10_000))} {
					if _, err := s.StartProcess(t.Context(), cbc.ProcessSpec{CommandLine: line}); err == nil {
						t.Errorf("StartProcess(%.5q) succeeded", line)
					}
				}
				if n := requests(srv, "POST", commandsOp); n != sent {
					t.Errorf("%d commands were sent for command lines that are none", n-sent)
				}
			})
		})
	}
}

func TestRunOutput(t *testing.T) {
	inBubble(t, talking(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		before := paths(srv)
		line, err := s.CommandLine("ipconfig", "/all", "two words")
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		got, err := s.RunOutput(t.Context(), cbc.ProcessSpec{CommandLine: line}, &out)
		if err != nil || got.ExitCode != 3 || out.String() != "hello\r\n" {
			t.Errorf("RunOutput = %+v, %v with the output %q", got, err, out.String())
		}
		if diff := cmp.Diff(before, paths(srv)); diff != "" {
			t.Errorf("files on the device (-want +got):\n%s", diff)
		}
		nothingLeft(t, s)
		if got := srv.Sessions()[0].Commands[0]; got.Object != `ipconfig /all "two words"` {
			t.Errorf("command = %+v", got)
		}
		if _, err := s.RunOutput(t.Context(), cbc.ProcessSpec{CommandLine: line, OutputFile: `C:\x`}, &out); err == nil {
			t.Error("RunOutput with an output file succeeded")
		}
	})
	t.Run("on Linux", func(t *testing.T) {
		world := talking(func(_ *cbctest.World, d *cbctest.Device) {
			d.OS, d.Running, d.Files = "LINUX", nil, []cbctest.File{{Path: "/tmp/other"}}
		})
		inBubble(t, world, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			var out bytes.Buffer
			if _, err := s.RunOutput(t.Context(), cbc.ProcessSpec{CommandLine: "uname -a"}, &out); err != nil || out.String() != "hello\r\n" {
				t.Errorf("RunOutput: %v with the output %q", err, out.String())
			}
			if diff := cmp.Diff([]string{"/tmp/other"}, paths(srv)); diff != "" {
				t.Errorf("files on the device (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("that nobody takes", func(t *testing.T) {
		inBubble(t, talking(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			before := paths(srv)
			r, w := io.Pipe()
			full := errors.New("disk full")
			_ = r.CloseWithError(full)
			if _, err := s.RunOutput(t.Context(), cbc.ProcessSpec{CommandLine: "ipconfig"}, w); !errors.Is(err, full) {
				t.Errorf("RunOutput = %v, want the writer's error", err)
			}
			if diff := cmp.Diff(before, paths(srv)); diff != "" {
				t.Errorf("files on the device (-want +got):\n%s", diff)
			}
			nothingLeft(t, s)
		})
	})
	t.Run("when the context ends", func(t *testing.T) {
		inBubble(t, talking(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			before := paths(srv)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			srv.Inject(onRequest("GET", "/content"), 1, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					cancel()
					panic(http.ErrAbortHandler)
				})
			})
			if _, err := s.RunOutput(ctx, cbc.ProcessSpec{CommandLine: "ipconfig"}, io.Discard); !errors.Is(err, context.Canceled) {
				t.Errorf("RunOutput = %v, want the context's error", err)
			}
			if diff := cmp.Diff(before, paths(srv)); diff != "" {
				t.Errorf("files on the device (-want +got):\n%s", diff)
			}
			nothingLeft(t, s)
		})
	})
	t.Run("that cannot be deleted", func(t *testing.T) {
		inBubble(t, talking(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			srv.Inject(func(r *http.Request) bool {
				raw, _ := io.ReadAll(r.Body)
				return strings.HasSuffix(r.URL.Path, "/commands") && bytes.Contains(raw, []byte("delete file"))
			}, -1, fake.Status(http.StatusForbidden, nil, "no"))
			var out bytes.Buffer
			got, err := s.RunOutput(t.Context(), cbc.ProcessSpec{CommandLine: "ipconfig"}, &out)
			if !errors.Is(err, cbc.ErrForbidden) || got.ExitCode != 3 || out.String() != "hello\r\n" || !strings.Contains(err.Error(), `C:\\Windows\\Temp\\pphunt-`) {
				t.Errorf("RunOutput = %+v, %v with the output %q; want it all, and the name of the file that is left", got, err, out.String())
			}
		})
	})
	t.Run("of a process that is not started", func(t *testing.T) {
		inBubble(t, talking(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			if _, err := s.RunOutput(t.Context(), cbc.ProcessSpec{CommandLine: `C:\none.exe`}, io.Discard); !errors.Is(err, cbc.ErrFileNotFound) {
				t.Errorf("RunOutput = %v, want ErrFileNotFound", err)
			}
			if n := requests(srv, "GET", filesOp+"/{file_id}/content"); n != 0 {
				t.Errorf("the output of no process was fetched %d times", n)
			}
		})
	})
	t.Run("of a process that takes too long", func(t *testing.T) {
		slow := talking(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.CommandDelay = 40 * time.Second })
		inBubble(t, slow, func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			start := time.Now()
			_, err := s.RunOutput(t.Context(), cbc.ProcessSpec{CommandLine: "ipconfig", Timeout: 30 * time.Second}, io.Discard)
			if !errors.Is(err, cbc.ErrUnfinished) {
				t.Errorf("RunOutput = %v, want ErrUnfinished", err)
			}
			wait(t, start, 30*time.Second, 46*time.Second)
		})
	})
}

func TestMemoryDump(t *testing.T) {
	for name, opts := range map[string]cbc.MemoryOptions{
		"plain": {}, "compressed": {Compress: true}, "elsewhere": {Directory: `C:\Users\kim\`},
	} {
		t.Run(name, func(t *testing.T) {
			slow := talking(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.CommandDelay = 10 * time.Second })
			inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				before := paths(srv)
				r, err := s.MemoryDump(t.Context(), opts)
				if err != nil {
					t.Fatalf("MemoryDump: %v", err)
				}
				if diff := cmp.Diff(before, paths(srv)); diff != "" {
					t.Errorf("files on the device (-want +got):\n%s", diff)
				}
				got, err := io.ReadAll(r)
				if err := errors.Join(err, r.Close()); err != nil || string(got) != "PAGEDU64" {
					t.Errorf("MemoryDump read %q, %v", got, err)
				}
				nothingLeft(t, s)
				if opts.Directory != "" {
					if got := srv.Sessions()[0].Commands[0]; !strings.HasPrefix(got.Object, `C:\Users\kim\pphunt-`) {
						t.Errorf("command = %+v, want the dump in the directory", got)
					}
				}
			})
		})
	}
	t.Run("for longer than a session is idle", func(t *testing.T) {
		slow := talking(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.CommandDelay = 50 * time.Minute })
		inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			srv.Inject(func(r *http.Request) bool {
				raw, _ := io.ReadAll(r.Body)
				return strings.HasSuffix(r.URL.Path, "/commands") && bytes.Contains(raw, []byte("get file"))
			}, 1, fake.Status(http.StatusForbidden, nil, "no"))
			if _, err := s.MemoryDump(t.Context(), cbc.MemoryOptions{}); !errors.Is(err, cbc.ErrForbidden) || errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("MemoryDump = %v, want the error of the fetch", err)
			}
			if n := requests(srv, "GET", commandsOp+"/{command_id}"); n > 650 {
				t.Errorf("the dump was looked at %d times in 50 minutes, want long pauses", n)
			}
		})
	})
	t.Run("that fails", func(t *testing.T) {
		inBubble(t, talking(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			if _, err := s.MemoryDump(t.Context(), cbc.MemoryOptions{Directory: `C:\none`}); !errors.Is(err, cbc.ErrFileNotFound) {
				t.Errorf("MemoryDump into no directory = %v, want ErrFileNotFound", err)
			}
			srv.Inject(onRequest("POST", "/commands"), 1, fake.Status(http.StatusCreated, nil,
				`{"id":9,"name":"memdump","status":"COMPLETE","mem_dump":{"return_code":-2147024784,"complete":false}}`))
			_, err := s.MemoryDump(t.Context(), cbc.MemoryOptions{})
			if e, ok := errors.AsType[*cbc.CommandError](err); !ok || e.Code != 0x80070070 || e.ID != 9 {
				t.Errorf("MemoryDump = %v, want the code of the dump", err)
			}
		})
	})
}

func TestCommands(t *testing.T) {
	for name, wrapped := range map[string]bool{"bare": false, "wrapped": true} {
		t.Run(name, func(t *testing.T) {
			slow := lab(func(w *cbctest.World, _ *cbctest.Device) {
				w.Switches.LiveResponse.CommandDelay, w.Switches.LiveResponse.WrappedLists = time.Minute, wrapped
			})
			inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				if err := s.Kill(t.Context(), 999); !errors.Is(err, cbc.ErrProcessNotFound) {
					t.Errorf("Kill = %v", err)
				}
				done := make(chan error)
				go func() { done <- s.DeleteFile(t.Context(), `C:\Users\kim\plan.txt`) }()
				time.Sleep(time.Second)
				got, err := s.Commands(t.Context())
				if err != nil || len(got) != 2 {
					t.Fatalf("Commands = %+v, %v, want two", got, err)
				}
				if got[0].Created.IsZero() || got[0].Finished.Sub(got[0].Created) < time.Minute {
					t.Errorf("times = %v to %v, want a minute", got[0].Created, got[0].Finished)
				}
				for i := range got {
					got[i].Created, got[i].Finished = time.Time{}, time.Time{}
				}
				want := []cbc.CommandInfo{
					{ID: 0, Name: "kill", Object: "999", Status: "ERROR", Code: 0x80070057, ResultType: "WinHresult"},
					{ID: 1, Name: "delete file", Object: `C:\Users\kim\plan.txt`, Status: "PENDING"},
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("Commands mismatch (-want +got):\n%s", diff)
				}
				if err := s.CancelCommand(t.Context(), 1); err != nil {
					t.Errorf("CancelCommand(1): %v", err)
				}
				err = <-done
				if e, ok := errors.AsType[*cbc.CommandError](err); !ok || !strings.HasPrefix(e.Status, "CANCEL") || errors.Is(err, cbc.ErrUnfinished) {
					t.Errorf("DeleteFile = %v, want it canceled", err)
				}
				if _, there := onDevice(t, srv, `C:\Users\kim\plan.txt`); !there {
					t.Error("the file was deleted all the same")
				}
				for id, want := range map[int]error{0: cbc.ErrConflict, 1: cbc.ErrConflict, 17: cbc.ErrNotFound} {
					if err := s.CancelCommand(t.Context(), id); !errors.Is(err, want) || errors.Is(err, cbc.ErrSessionEnded) {
						t.Errorf("CancelCommand(%d) = %v, want %v", id, err, want)
					}
				}
				if err := s.CancelCommand(t.Context(), -1); err == nil {
					t.Error("CancelCommand(-1) succeeded")
				}
				_ = s.Close(t.Context())
				if _, err := s.Commands(t.Context()); !errors.Is(err, cbc.ErrSessionEnded) {
					t.Errorf("Commands after the end = %v, want ErrSessionEnded", err)
				}
			})
		})
	}
	for status := range map[int]bool{http.StatusConflict: true, http.StatusBadRequest: true} {
		inner := status
		t.Run(http.StatusText(status), func(t *testing.T) {
			slow := lab(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.CommandDelay = time.Minute })
			inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				go func() { _ = s.Kill(t.Context(), 5120) }()
				time.Sleep(time.Second)
				srv.Inject(onRequest("DELETE", "/commands/0"), 1, fake.Status(inner, nil, "running"))
				if err := s.CancelCommand(t.Context(), 0); !errors.Is(err, cbc.ErrConflict) {
					t.Errorf("CancelCommand = %v, want ErrConflict", err)
				}
				time.Sleep(5 * time.Minute)
			})
		})
	}
}

// TestADumpThatIsNotReadStays breaks the way of a memory dump to the caller: the device has deleted it, the vendor must not.
func TestADumpThatIsNotReadStays(t *testing.T) {
	for name, fault := range map[string]func(http.Handler) http.Handler{
		"cut off": fake.Truncate(4), "not opened": fake.Fail(http.StatusServiceUnavailable),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, talking(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				stop := false
				srv.Inject(func(r *http.Request) bool { return !stop && strings.HasPrefix(r.URL.Path, "/cbc-object-store/") }, -1, fault)
				r, err := s.MemoryDump(t.Context(), cbc.MemoryOptions{})
				if err == nil {
					_, err = io.ReadAll(r)
					_ = r.Close()
				}
				if err == nil {
					t.Error("MemoryDump read it all")
				}
				stop = true
				left, err := s.Transfers(t.Context())
				if err != nil || len(left) != 1 {
					t.Fatalf("Transfers = %+v, %v, want the dump", left, err)
				}
				again, err := s.OpenTransfer(t.Context(), left[0].ID)
				if err != nil {
					t.Fatalf("OpenTransfer: %v", err)
				}
				got, err := io.ReadAll(again)
				if err := errors.Join(err, again.Close()); err != nil || string(got) != "PAGEDU64" {
					t.Errorf("OpenTransfer read %q, %v, want the dump", got, err)
				}
			})
		})
	}
}

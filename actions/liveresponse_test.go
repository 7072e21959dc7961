package actions_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

const (
	evilPath = `C:\Users\kim\Invoice.exe`
	evil     = "MZ the condemned file"
	opOpen   = "POST /appservices/v6/orgs/{org_key}/liveresponse/sessions"
)

// found is evilPath as a search tells it.
var found = strings.ToLower(evilPath)

// lab is a device with a shell, and what else is given.
func lab(running []cbctest.RunningProcess, files ...cbctest.File) cbctest.Device {
	return cbctest.Device{
		ID: 7, Name: "LAB-7", Files: files,
		Running: append([]cbctest.RunningProcess{{PID: 880, Path: `C:\Windows\explorer.exe`}}, running...),
	}
}

func newLiveResponse(t testing.TB, client *cbc.Client, dir string) hunt.Action {
	t.Helper()
	a, err := actions.NewLiveResponse(actions.LiveResponseConfig{Sessions: client.LiveResponse, Devices: client.Devices, EvidenceDir: dir})
	if err != nil {
		t.Fatalf("NewLiveResponse: %v", err)
	}
	return a
}

// left is what runs and lies on device 7 apart from the shell.
func left(srv *cbctest.Server) (running map[int64]string, files []string) {
	running = make(map[int64]string)
	for _, p := range srv.Running(7) {
		if p.PID != 880 {
			running[p.PID] = p.Path
		}
	}
	for _, f := range srv.Files(7) {
		if f.Path != `C:\Windows\explorer.exe` {
			files = append(files, f.Path)
		}
	}
	return running, files
}

func TestLiveResponseHitsTheRightProcessAndFile(t *testing.T) {
	t.Parallel()
	evilFile := cbctest.File{Path: evilPath, Content: evil}
	run := func(pid int64, path string) cbctest.RunningProcess {
		return cbctest.RunningProcess{PID: pid, Path: path}
	}
	for _, c := range []struct {
		name    string
		device  cbctest.Device
		task    hunt.Task
		status  hunt.Status
		detail  string
		running map[int64]string
		files   []string
	}{
		{
			"kills by id and path in any case, and deletes", lab([]cbctest.RunningProcess{run(5120, evilPath)}, evilFile),
			fileTask("live_response", 7, found, evil, 5120), hunt.Done, "killed process 5120; deleted c:",
			map[int64]string{},
			nil,
		},
		{
			"takes doubled separators for one", lab([]cbctest.RunningProcess{run(5120, evilPath)}, evilFile),
			fileTask("live_response", 7, strings.ReplaceAll(found, `\`, `\\`), evil, 5120), hunt.Done, "killed process 5120",
			map[int64]string{},
			nil,
		},
		{
			"kills each of several ids", lab([]cbctest.RunningProcess{run(5120, evilPath), run(5124, evilPath)}, evilFile),
			fileTask("live_response", 7, found, evil, 5120, 5124), hunt.Done, "killed process 5120; killed process 5124; deleted",
			map[int64]string{},
			nil,
		},
		{
			"leaves a program that got the id since", lab([]cbctest.RunningProcess{run(5120, `C:\Windows\lsass.exe`)}, evilFile),
			fileTask("live_response", 7, found, evil, 5120), hunt.Done, `process 5120 is c:\windows\lsass.exe now: not killed; deleted`,
			map[int64]string{5120: `C:\Windows\lsass.exe`},
			[]string{`C:\Windows\lsass.exe`},
		},
		{
			"leaves a file of the same name elsewhere", lab([]cbctest.RunningProcess{run(5120, `D:\Invoice.exe`)}),
			fileTask("live_response", 7, found, evil, 5120), hunt.Already, `not killed; the file is gone`,
			map[int64]string{5120: `D:\Invoice.exe`},
			[]string{`D:\Invoice.exe`},
		},
		{
			"leaves another process of the same path, and the file that it holds", lab([]cbctest.RunningProcess{run(999, evilPath)}, evilFile),
			fileTask("live_response", 7, found, evil, 5120), hunt.Failed, "process 999 runs the same path but is not the one that was found: not killed",
			map[int64]string{999: evilPath},
			[]string{evilPath},
		},
		{
			"leaves a file that has another content now", lab(nil, cbctest.File{Path: evilPath, Content: "MZ harmless"}),
			fileTask("live_response", 7, found, evil, 5120), hunt.Already, "is another one now",
			map[int64]string{},
			[]string{evilPath},
		},
		{
			"leaves a process to a person whose file is another one by now", lab([]cbctest.RunningProcess{run(5120, evilPath)}, cbctest.File{Path: evilPath, Content: "MZ harmless"}),
			fileTask("live_response", 7, found, evil, 5120), hunt.Held, "process 5120 runs from there: not killed, look at it",
			map[int64]string{5120: evilPath},
			[]string{evilPath},
		},
		{
			"finds nothing left to do", lab(nil),
			fileTask("live_response", 7, found, evil, 5120), hunt.Already, "the process does not run any more; the file is gone",
			map[int64]string{},
			nil,
		},
		{
			"deletes where no id is known", lab(nil, evilFile),
			fileTask("live_response", 7, found, evil), hunt.Done, "deleted",
			map[int64]string{},
			nil,
		},
		{
			"does nothing by an id alone", lab([]cbctest.RunningProcess{run(5120, evilPath)}, evilFile),
			fileTask("live_response", 7, "", evil, 5120), hunt.Failed, "path of the file is not known",
			map[int64]string{5120: evilPath},
			[]string{evilPath},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{c.device}})
				o := only(t, newLiveResponse(t, connect(t, srv.Client()), "").Do(t.Context(), []hunt.Task{c.task}))
				expect(t, o, c.status, c.detail)
				running, files := left(srv)
				if diff := cmp.Diff(c.running, running); diff != "" {
					t.Errorf("running processes mismatch (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.files, files); diff != "" {
					t.Errorf("files mismatch (-want +got):\n%s", diff)
				}
				if c.status != hunt.Failed || len(srv.Sessions()) > 0 { // what cannot be done opens none
					closed(t, srv)
				}
			})
		})
	}
}

// closed checks that one session was opened and that it is closed.
func closed(t *testing.T, srv *cbctest.Server) {
	t.Helper()
	sessions := srv.Sessions()
	if len(sessions) != 1 || sessions[0].Reason != "closed" || sessions[0].Opened != 1 {
		t.Errorf("sessions = %+v, want one, opened once and closed", sessions)
	}
}

func TestLiveResponseOnLinux(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		running []cbctest.RunningProcess
		status  hunt.Status
		detail  string
	}{
		{"takes the spelling of the running process", []cbctest.RunningProcess{{PID: 5120, Path: "/tmp/Invoice"}}, hunt.Done, "deleted /tmp/Invoice"},
		{"does not call a file gone whose spelling nobody told", nil, hunt.Held, "look for one with capital letters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				device := cbctest.Device{ID: 7, Name: "lab-7", OS: "LINUX", Running: c.running, Files: []cbctest.File{{Path: "/tmp/Invoice", Content: evil}}}
				device.Running = append(device.Running, cbctest.RunningProcess{PID: 1, Path: "/sbin/init"})
				srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{device}})
				task := fileTask("live_response", 7, "/tmp/invoice", evil, 5120)
				task.Sightings[0].Device.OS = "LINUX"
				expect(t, only(t, newLiveResponse(t, connect(t, srv.Client()), "").Do(t.Context(), []hunt.Task{task})), c.status, c.detail)
			})
		})
	}
}

func TestLiveResponseKeepsACopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab(nil, cbctest.File{Path: evilPath, Content: evil}, cbctest.File{Path: `C:\other.exe`, Content: "MZ other"})}})
		task := fileTask("live_response", 7, found, evil, 5120)
		action := newLiveResponse(t, connect(t, srv.Client()), dir)
		changed := fileTask("live_response", 7, `c:\other.exe`, evil, 5124)
		expect(t, action.Do(t.Context(), []hunt.Task{task, changed})[0], hunt.Done, "kept a copy")

		names, err := filepath.Glob(filepath.Join(dir, "*"))
		want := filepath.Join(dir, task.Sightings[0].SHA256.String()+".evidence")
		if err != nil || len(names) != 1 || names[0] != want {
			t.Fatalf("evidence = %v (%v), want the one file %s", names, err, want)
		}
		content, err := os.ReadFile(want)
		if err != nil || string(content) != evil {
			t.Errorf("the copy is %q (%v), want %q", content, err, evil)
		}
		if info, err := os.Stat(want); err != nil || info.Mode().Perm() != 0o400 {
			t.Errorf("the copy's mode is %v (%v), want 0400", info.Mode(), err)
		}
	})
}

func TestLiveResponseDeletesNothingWithoutItsCopy(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "evidence")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab(nil, cbctest.File{Path: evilPath, Content: evil})}})
		action := newLiveResponse(t, connect(t, srv.Client()), dir)
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		expect(t, only(t, action.Do(t.Context(), []hunt.Task{fileTask("live_response", 7, found, evil)})), hunt.Failed, "keeping a copy")
		if _, files := left(srv); len(files) != 1 {
			t.Errorf("files = %v, want the condemned one still there", files)
		}
		closed(t, srv)
	})
}

func TestLiveResponseUsesOneSessionForADevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		second := lab([]cbctest.RunningProcess{{PID: 1, Path: `C:\b.exe`}})
		second.ID, second.Name = 8, "LAB-8"
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{
			lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath}, {PID: 5124, Path: evilPath}}, cbctest.File{Path: evilPath, Content: evil}), second,
		}})
		tasks := []hunt.Task{
			fileTask("live_response", 7, found, evil, 5120), fileTask("live_response", 8, `c:\b.exe`, "MZ", 1), fileTask("live_response", 7, found, evil, 5124),
		}
		got := ends(newLiveResponse(t, connect(t, srv.Client()), "").Do(t.Context(), tasks))
		want := map[string]hunt.Status{tasks[0].Target: hunt.Done, tasks[1].Target: hunt.Done, tasks[2].Target: hunt.Done}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
		if running, files := left(srv); len(running)+len(files) != 0 {
			t.Errorf("left on the device: %v, %v; want nothing", running, files)
		}
		if n, sessions := calls(srv, opOpen), srv.Sessions(); n != 2 || sessions[0].Reason != "closed" || sessions[1].Reason != "closed" {
			t.Errorf("%d sessions were asked for and are %+v; want one for each device, closed", n, sessions)
		}
	})
}

func TestLiveResponseLeavesASharedSessionOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab(nil, cbctest.File{Path: evilPath, Content: evil})}})
		client := connect(t, srv.Client())
		analyst, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, only(t, newLiveResponse(t, client, "").Do(t.Context(), []hunt.Task{fileTask("live_response", 7, found, evil)})), hunt.Done)
		if _, err := analyst.Processes(t.Context()); err != nil {
			t.Errorf("the analyst's session does not work any more: %v", err)
		}
		if sessions := srv.Sessions(); len(sessions) != 1 || sessions[0].Status != "ACTIVE" {
			t.Errorf("sessions = %+v, want the analyst's, still active", sessions)
		}
	})
}

func TestLiveResponseClosesItsSession(t *testing.T) {
	t.Parallel()
	isKill := func(r *http.Request) bool {
		return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/commands")
	}
	for _, c := range []struct {
		name   string
		match  func(*http.Request) bool
		fault  func(cancel context.CancelFunc) func(http.Handler) http.Handler
		detail string
	}{
		{"when a command is refused", isKill, func(context.CancelFunc) func(http.Handler) http.Handler {
			return func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
			}
		}, "403"},
		{"when the run is stopped", isKill, func(cancel context.CancelFunc) func(http.Handler) http.Handler {
			return func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(w, r)
					cancel()
				})
			}
		}, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath}})}})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				srv.Inject(c.match, 1, c.fault(cancel))
				tasks := []hunt.Task{fileTask("live_response", 7, found, evil, 5120)}
				expect(t, only(t, newLiveResponse(t, connect(t, srv.Client()), "").Do(ctx, tasks)), hunt.Failed, c.detail)
				closed(t, srv)
			})
		})
	}
}

func TestLiveResponseOutOfReach(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*cbctest.Device)
		detail string
		asked  int
	}{
		{"a policy that does not allow it", func(d *cbctest.Device) { d.PolicyID = 5 }, `policy "Locked" does not allow Live Response`, 0},
		{"a sensor on which it was ended for good", func(d *cbctest.Device) { d.SensorStates = []string{"LIVE_RESPONSE_ENABLED", "LIVE_RESPONSE_KILLED"} }, "Live Response disabled for good", 0},
		{"a sensor that was uninstalled", func(d *cbctest.Device) { d.Status = "DEREGISTERED" }, "the sensor is DEREGISTERED", 0},
		{"a device that is not there", func(d *cbctest.Device) { d.ID = 70 }, "not found", 0},
		{"a device that is off", func(d *cbctest.Device) { d.Offline = true }, "device 7", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				device := lab(nil, cbctest.File{Path: evilPath, Content: evil})
				c.change(&device)
				srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{device}, Policies: []cbctest.Policy{{ID: 4, Name: "Standard"}, {ID: 5, Name: "Locked", NoLiveResponse: true}}})
				begun := time.Now()
				task := fileTask("live_response", 7, found, evil)
				expect(t, only(t, newLiveResponse(t, connect(t, srv.Client()), "").Do(t.Context(), []hunt.Task{task})), hunt.Failed, c.detail)
				if n := calls(srv, opOpen); n != c.asked {
					t.Errorf("%d sessions were asked for, want %d", n, c.asked)
				}
				for _, s := range srv.Sessions() {
					if s.Reason != "closed" || time.Since(begun) > 3*time.Minute {
						t.Errorf("session %+v after %s, want it withdrawn after two minutes", s, time.Since(begun))
					}
				}
			})
		})
	}
}

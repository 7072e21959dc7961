package actions_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

func TestLiveResponseThereAndBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath}}, cbctest.File{Path: evilPath, Content: evil})}})
		a := newLiveResponse(t, connect(t, srv.Client()), dir)
		task := planTask(t, a, fileTask("live_response", 7, found, evil, 5120))
		if want := `{"path":"c:\\users\\kim\\invoice.exe","sha256":"` + evilHash().String() + `"}`; string(task.Before) != want {
			t.Errorf("the state before is %s, want %s", task.Before, want)
		}
		if n := len(srv.Sessions()); n != 0 {
			t.Errorf("Look opened %d sessions, want none", n)
		}
		asked := calls(srv, opDeviceSearch)
		ended := only(t, a.Do(t.Context(), []hunt.Task{task}))
		expect(t, ended, hunt.Done)
		if n := calls(srv, opDeviceSearch) - asked; n != 0 {
			t.Errorf("Do read the device again: %d calls", n)
		}
		if want := `{"path":"c:\\users\\kim\\invoice.exe","sha256":"` + evilHash().String() + `","deleted":true,"killed":[5120]}`; string(ended.Before) != want {
			t.Errorf("the state before is %s, want %s", ended.Before, want)
		}
		o := takeBack(t, a, undoOf(ended), func() bool { _, files := left(srv); return len(files) != 0 })
		expect(t, o, hunt.Undone, "back from its copy", "process 5120 was killed, which cannot be taken back")
		for _, f := range srv.Files(7) {
			if f.Path == found && f.Content != evil {
				t.Errorf("the file has the content %q, want %q", f.Content, evil)
			}
		}
		if running, files := left(srv); len(running) != 0 || len(files) != 1 {
			t.Errorf("there are %v and %v, want the file alone", running, files)
		}
		for _, s := range srv.Sessions() {
			if s.Reason != "closed" {
				t.Errorf("session %+v, want it closed", s)
			}
		}
		// Once more there is nothing to do, as after an undo whose process died before it was recorded.
		expect(t, takeBackAgain(t, a, undoOf(ended)), hunt.Already, "there again")
	})
}

// takeBackAgain takes back without looking first: Look cannot see the device's files.
func takeBackAgain(t *testing.T, a hunt.Action, task hunt.Task) hunt.Outcome {
	t.Helper()
	return only(t, a.(hunt.Undoer).Undo(t.Context(), []hunt.Task{task}))
}

func TestLiveResponseUndoWithout(t *testing.T) {
	t.Parallel()
	deleted := func(more string) string {
		return `{"path":"c:\\users\\kim\\invoice.exe","sha256":"` + evilHash().String() + `"` + more + `}`
	}
	for _, c := range []struct {
		name, before string
		device       cbctest.Device
		dir          bool
		content      string // of the copy
		status       hunt.Status
		details      []string
		sessions     int
	}{
		{name: "a directory for copies", before: deleted(`,"deleted":true`), device: lab(nil), status: hunt.Held, details: []string{"no copy"}},
		{name: "its copy", before: deleted(`,"deleted":true,"killed":[9]`), device: lab(nil), dir: true, status: hunt.Held, details: []string{"no copy", "process 9 was killed"}},
		{
			name: "a copy that is the file", before: deleted(`,"deleted":true`), device: lab(nil), dir: true, content: "something else",
			status: hunt.Held, details: []string{"not what its name says"},
		},
		{
			name: "a free place", before: deleted(`,"deleted":true`), device: lab(nil, cbctest.File{Path: `C:\Users\Kim\INVOICE.exe`, Content: "new"}),
			dir: true, content: evil, status: hunt.Held, details: []string{"there is another file"}, sessions: 1,
		},
		{
			name: "its directory", before: deleted(`,"deleted":true`), device: lab(nil), dir: true, content: evil,
			status: hunt.Held, details: []string{"directory", ".evidence"}, sessions: 1,
		},
		{name: "a deletion", before: deleted(`,"deleted":false,"killed":[9]`), device: lab(nil), dir: true, content: evil, status: hunt.Held, details: []string{"no file was deleted", "process 9"}},
		{name: "a record of a deletion", before: deleted(""), device: lab(nil), dir: true, content: evil, status: hunt.Held, details: []string{"should it be missing, there is a copy as"}},
		{name: "a record of a deletion and a copy", before: deleted(""), device: lab(nil), dir: true, status: hunt.Held, details: []string{"not recorded, and there is no copy"}},
		{name: "any record", before: "", device: lab(nil), dir: true, content: evil, status: hunt.Held, details: []string{"not recorded"}},
		{
			name: "a sensor", before: deleted(`,"deleted":true`), device: cbctest.Device{ID: 7, Name: "LAB-7", Status: "DEREGISTERED"}, dir: true, content: evil,
			status: hunt.Held, details: []string{"DEREGISTERED"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := ""
			if c.dir {
				dir = t.TempDir()
			}
			if c.content != "" {
				if err := os.WriteFile(copyName(dir), []byte(c.content), 0o400); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{c.device}})
				_, before := left(srv)
				task := fileTask("live_response", 7, found, evil, 5120)
				task.Undo, task.Before = true, []byte(c.before)
				a := newLiveResponse(t, connect(t, srv.Client()), dir)
				var o hunt.Outcome
				if c.sessions > 0 {
					o = takeBackAgain(t, a, task)
				} else {
					o = takeBack(t, a, task, never)
				}
				expect(t, o, c.status, c.details...)
				if _, files := left(srv); !cmp.Equal(before, files) {
					t.Errorf("files = %v, want %v as before", files, before)
				}
				if n := len(srv.Sessions()); n != c.sessions {
					t.Errorf("%d sessions were opened, want %d", n, c.sessions)
				}
			})
		})
	}
}

// What arrives on the device may be something else than what was sent.
func TestLiveResponseUndoBelievesItsEyes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(copyName(dir), []byte(evil), 0o400); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab(nil, cbctest.File{Path: `C:\Users\kim\other.txt`})}})
		srv.Inject(func(r *http.Request) bool {
			return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/files")
		}, 1, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte(evil), []byte(strings.Repeat("x", len(evil))), 1)))
				next.ServeHTTP(w, r)
			})
		})
		task := fileTask("live_response", 7, found, evil, 5120)
		task.Undo, task.Before = true, []byte(`{"path":"c:\\users\\kim\\invoice.exe","sha256":"`+evilHash().String()+`","deleted":true}`)
		expect(t, takeBackAgain(t, newLiveResponse(t, connect(t, srv.Client()), dir), task), hunt.Failed, "is not the one that was deleted")
	})
}

// What a first go killed and a second one deleted is one task.
func TestLiveResponseRecordsBothGoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath}, {PID: 5124, Path: evilPath}}, cbctest.File{Path: evilPath, Content: evil})}})
		tasks := []hunt.Task{fileTask("live_response", 7, found, evil, 5120), fileTask("live_response", 7, found, evil, 5124)}
		a := newLiveResponse(t, connect(t, srv.Client()), dir)
		got := make(map[string]string)
		var back []hunt.Task
		for _, o := range a.Do(t.Context(), tasks) {
			expect(t, o, hunt.Done)
			got[o.Task.Target] = string(o.Before)
			back = append(back, undoOf(o))
		}
		head := `{"path":"c:\\users\\kim\\invoice.exe","sha256":"` + evilHash().String() + `"`
		want := map[string]string{tasks[0].Target: head + `,"deleted":false,"killed":[5120]}`, tasks[1].Target: head + `,"deleted":true,"killed":[5124]}`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("states before mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]hunt.Status{tasks[0].Target: hunt.Held, tasks[1].Target: hunt.Undone}, ends(a.(hunt.Undoer).Undo(t.Context(), back))); diff != "" {
			t.Errorf("undo mismatch (-want +got):\n%s", diff)
		}
		if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) != 1 {
			t.Errorf("evidence = %v (%v), want one copy", names, err)
		}
	})
}

const opDeviceSearch = "POST /appservices/v6/orgs/{org_key}/devices/_search"

func TestLiveResponseOffline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		device := lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath}}, cbctest.File{Path: evilPath, Content: evil})
		device.Offline = true
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{device}})
		a := newLiveResponse(t, connect(t, srv.Client()), "")
		task := planTask(t, a, fileTask("live_response", 7, found, evil, 5120))
		o := only(t, a.Do(t.Context(), []hunt.Task{task}))
		expect(t, o, hunt.Failed, "the device is offline since 1999-12-31T00:00:00Z, and is tried again")
		if o.Refused {
			t.Error("a device that is offline is taken for a refusal")
		}
		srv.SetOffline(7, false)
		expect(t, only(t, a.Do(t.Context(), []hunt.Task{task})), hunt.Done)
	})
}

// Somebody else's hundredth session is a 403 too, and passes.
func TestLiveResponseSessionLimitIsNoRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		other := lab(nil)
		other.ID, other.Name = 8, "LAB-8"
		srv := cbctest.New(cbctest.World{
			Devices: []cbctest.Device{lab(nil, cbctest.File{Path: evilPath, Content: evil}), other}, Switches: cbctest.Switches{LiveResponse: cbctest.LiveResponseSwitches{SessionLimit: 1}},
		})
		client := connect(t, srv.Client())
		if _, err := client.LiveResponse.Open(t.Context(), 8, cbc.OpenOptions{}); err != nil {
			t.Fatal(err)
		}
		o := only(t, newLiveResponse(t, client, "").Do(t.Context(), []hunt.Task{fileTask("live_response", 7, found, evil)}))
		expect(t, o, hunt.Failed, "403")
		if o.Refused {
			t.Error("the limit of sessions is taken for a refusal")
		}
	})
}

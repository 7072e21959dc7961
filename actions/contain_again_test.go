package actions_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
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

func evilHash() hunt.SHA256 { return sha256.Sum256([]byte(evil)) }

// target is what Contain is to end: the condemned file where a search saw it.
func target(pids ...int64) actions.Target {
	return actions.Target{PIDs: pids, Path: found, SHA256: evilHash()}
}

// onLab opens a session with a device of the fake.
func onLab(t *testing.T, world cbctest.Device) (*cbctest.Server, *cbc.Session) {
	t.Helper()
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{world}})
	s, err := connect(t, srv.Client()).LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return srv, s
}

func TestContainComparesTheStart(t *testing.T) {
	t.Parallel()
	began := time.Date(2025, 2, 11, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		started int64 // of the process that runs
		spared  bool
	}{
		"the same in seconds":               {began.Unix(), false},
		"the same in milliseconds":          {began.UnixMilli(), false},
		"a few seconds apart":               {began.Unix() + 4, false},
		"later":                             {began.Unix() + 60, true},
		"earlier, in milliseconds":          {began.UnixMilli() - 6000, true},
		"in a unit that nobody knows":       {133600123456, false},
		"in a larger unit, nobody knows":    {133600123456000000, false},
		"in no unit that could be this age": {began.Unix() * 1e6, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, s := onLab(t, lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath, Started: c.started}}, cbctest.File{Path: evilPath, Content: evil}))
				at := target(5120)
				at.Start = began
				got, err := actions.Contain(t.Context(), s, at)
				if err != nil || got.Unclear != c.spared || got.Deleted == c.spared || (len(got.Killed) == 0) != c.spared {
					t.Errorf("Contain = %+v, %v; want the process spared: %t", got, err, c.spared)
				}
				if running, files := left(srv); (len(running) == 1) != c.spared || (len(files) == 1) != c.spared {
					t.Errorf("left: %v, %v; want the process and its file spared: %t", running, files, c.spared)
				}
				if c.spared && !strings.Contains(strings.Join(got.Notes, "; "), "process 5120 was started 2025-02-11T") {
					t.Errorf("notes = %q, want both times", got.Notes)
				}
			})
		})
	}
}

func TestContainReadsTimesAsText(t *testing.T) {
	t.Parallel()
	d := &device{running: []cbc.RunningProcess{{PID: 7, Path: found, Started: "2025-02-11T10:00:00.5+01:00"}}, content: strings.NewReader(evil)}
	at := target(7)
	at.Start = time.Date(2025, 2, 11, 12, 0, 0, 0, time.UTC)
	if got, err := actions.Contain(t.Context(), d, at); err != nil || !got.Unclear || len(d.told) != 0 {
		t.Errorf("Contain = %+v, %v after %q; want a person to look", got, err, d.told)
	}
}

func TestContainOfWhatComesBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		restarts int
		killed   []int64
		detail   string
		err      string
	}{
		{"once", 1, []int64{5120, 5124}, "process 5124 had been started again from the same file", ""},
		{"again and again", 5, []int64{5120, 5124}, "", "something starts it again: process 5128"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, s := onLab(t, lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath, Restarts: c.restarts}}, cbctest.File{Path: evilPath, Content: evil}))
				got, err := actions.Contain(t.Context(), s, target(5120))
				if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) || got.Deleted != (c.err == "") {
					t.Errorf("Contain = %+v, %v; want the error %q", got, err, c.err)
				}
				if diff := cmp.Diff(c.killed, got.Killed); diff != "" {
					t.Errorf("killed mismatch (-want +got):\n%s", diff)
				}
				if !strings.Contains(strings.Join(got.Notes, "; "), c.detail) {
					t.Errorf("notes = %q, want %q", got.Notes, c.detail)
				}
				if running, files := left(srv); (len(running) == 0) != (c.err == "") || (len(files) == 0) != (c.err == "") {
					t.Errorf("left: %v, %v", running, files)
				}
			})
		})
	}
}

// undead is a device on which commands succeed and change nothing.
type undead struct {
	device
	back []cbc.RunningProcess // what runs after the first kill
}

func (u *undead) Kill(_ context.Context, pid int64) error {
	u.told = append(u.told, fmt.Sprint("kill ", pid))
	if u.back != nil {
		u.running = u.back
	}
	return u.kill
}

// GetFile gives the condemned file each time.
func (u *undead) GetFile(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(evil)), nil
}

func TestContainBelievesItsEyes(t *testing.T) {
	t.Parallel()
	it := cbc.RunningProcess{PID: 7, Path: found, Started: "1"}
	file := []cbc.FileInfo{{Name: "Invoice.exe", Size: int64(len(evil))}}
	for _, c := range []struct {
		name   string
		device *undead
		err    string
		told   []string
	}{
		{"a process that does not end", &undead{device: device{running: []cbc.RunningProcess{it}}}, "process 7 still runs", []string{"kill 7"}},
		{
			"a process that does not end though the device knows none",
			&undead{device: device{running: []cbc.RunningProcess{it}, kill: cbc.ErrProcessNotFound}}, "process 7 still runs",
			[]string{"kill 7"},
		},
		{
			"one that comes back under the same id", &undead{device: device{running: []cbc.RunningProcess{it}}, back: []cbc.RunningProcess{{PID: 7, Path: found, Started: "2"}}},
			"something starts it again: process 7",
			[]string{"kill 7", "kill 7"},
		},
		{
			"another one under the same id", &undead{device: device{running: []cbc.RunningProcess{it}}, back: []cbc.RunningProcess{{PID: 7, Path: `c:\windows\lsass.exe`, Started: "2"}}},
			"still there after it was deleted",
			[]string{"kill 7", "delete " + found},
		},
		{"a file that does not go", &undead{device: device{}}, "still there after it was deleted", []string{"delete " + found}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c.device.files = file
				begun := time.Now()
				got, err := actions.Contain(t.Context(), c.device, target(7))
				if waited := time.Since(begun); waited > 5*time.Second {
					t.Errorf("Contain waited %s", waited)
				}
				if err == nil || !strings.Contains(err.Error(), c.err) || got.Deleted {
					t.Errorf("Contain = %+v, %v; want %q", got, err, c.err)
				}
				if diff := cmp.Diff(c.told, c.device.told); diff != "" {
					t.Errorf("commands mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestContainLeavesStrangersToAPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		device := lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath}, {PID: 999, Path: evilPath}}, cbctest.File{Path: evilPath, Content: evil})
		srv := cbctest.New(cbctest.World{
			Devices: []cbctest.Device{device}, Switches: cbctest.Switches{LiveResponse: cbctest.LiveResponseSwitches{ImagesDeletable: true}},
		})
		task := fileTask("live_response", 7, found, evil, 5120)
		expect(t, only(t, newLiveResponse(t, connect(t, srv.Client()), "").Do(t.Context(), []hunt.Task{task})), hunt.Held, "killed process 5120", "process 999 runs the same path but is not the one that was found: not killed")
		if diff := cmp.Diff(map[int64]string{999: evilPath}, first(left(srv))); diff != "" {
			t.Errorf("running processes mismatch (-want +got):\n%s", diff)
		}
	})
}

func first(running map[int64]string, _ []string) map[int64]string { return running }

// A file that has a task for each of its processes is no stranger's.
func TestLiveResponseOfOneFileInTwoProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		device := lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath}, {PID: 5124, Path: evilPath}}, cbctest.File{Path: evilPath, Content: evil})
		srv := cbctest.New(cbctest.World{
			Devices: []cbctest.Device{device}, Switches: cbctest.Switches{LiveResponse: cbctest.LiveResponseSwitches{ImagesDeletable: true}},
		})
		tasks := []hunt.Task{fileTask("live_response", 7, found, evil, 5120), fileTask("live_response", 7, found, evil, 5124)}
		for _, o := range newLiveResponse(t, connect(t, srv.Client()), "").Do(t.Context(), tasks) {
			expect(t, o, hunt.Done)
		}
		if running, files := left(srv); len(running)+len(files) != 0 {
			t.Errorf("left: %v, %v; want nothing", running, files)
		}
	})
}

func TestContainLeavesTheEmptyFileAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, s := onLab(t, lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath}}, cbctest.File{Path: evilPath, Content: ""}))
		got, err := actions.Contain(t.Context(), s, actions.Target{PIDs: []int64{5120}, Path: found, SHA256: sha256.Sum256(nil)})
		if err != nil || !got.Unclear || got.Deleted || len(got.Killed) != 0 {
			t.Errorf("Contain = %+v, %v; want nothing done", got, err)
		}
		a, task := newLiveResponse(t, connect(t, srv.Client()), ""), fileTask("live_response", 7, found, "", 5120)
		expect(t, only(t, a.(hunt.Looker).Look(t.Context(), []hunt.Task{task})), hunt.Held, "empty file")
		expect(t, only(t, a.Do(t.Context(), []hunt.Task{task})), hunt.Held, "empty file")
		if running, files := left(srv); len(running) != 1 || len(files) != 1 {
			t.Errorf("left: %v, %v; want both", running, files)
		}
	})
}

package actions_test

import (
	"context"
	"errors"
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

// scripted is a device whose processes and file change by themselves.
type scripted struct {
	device
	lists [][]cbc.RunningProcess // one for each time that is asked, the last one for ever
	gets  []string               // the same for the file
	born  []cbc.RunningProcess   // what runs after the file was deleted
}

func (s *scripted) Processes(context.Context) ([]cbc.RunningProcess, error) {
	if len(s.lists) > 1 {
		defer func() { s.lists = s.lists[1:] }()
	}
	return s.lists[0], nil
}

func (s *scripted) GetFile(context.Context, string) (io.ReadCloser, error) {
	if len(s.gets) > 1 {
		defer func() { s.gets = s.gets[1:] }()
	}
	return io.NopCloser(strings.NewReader(s.gets[0])), nil
}

func (s *scripted) DeleteFile(ctx context.Context, path string) error {
	if s.born != nil {
		s.lists = [][]cbc.RunningProcess{s.born}
	}
	return s.device.DeleteFile(ctx, path)
}

func TestContainOfWhatComesBackDifferently(t *testing.T) {
	t.Parallel()
	it, back := []cbc.RunningProcess{{PID: 7, Path: found, Started: "1"}}, []cbc.RunningProcess{{PID: 8, Path: found, Started: "2"}}
	for _, c := range []struct {
		name   string
		device *scripted
		err    string
		told   []string
	}{
		{
			"with its file exchanged", &scripted{lists: [][]cbc.RunningProcess{it, it, back}, gets: []string{evil, "MZ harmless"}},
			"process 8 runs from",
			[]string{"kill 7"},
		},
		{
			"and is another one when it is to be killed",
			&scripted{lists: [][]cbc.RunningProcess{it, it, back, {{PID: 8, Path: found, Started: "3"}}}, gets: []string{evil}},
			"process 8 runs from",
			[]string{"kill 7"},
		},
		{
			"when its file was deleted", &scripted{lists: [][]cbc.RunningProcess{it, it, {{PID: 4}}}, gets: []string{evil}, born: back},
			"process 8 runs from",
			[]string{"kill 7", "delete " + found},
		},
		{
			"and is gone by then", &scripted{lists: [][]cbc.RunningProcess{it, it, back, {{PID: 4}}}, gets: []string{evil}},
			"",
			[]string{"kill 7", "delete " + found},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got, err := actions.Contain(t.Context(), c.device, target(7))
				if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("Contain = %+v, %v; want the error %q", got, err, c.err)
				}
				if diff := cmp.Diff(c.told, c.device.told); diff != "" {
					t.Errorf("commands mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A path alone is no identity: without a hash nothing is killed that was not asked for.
func TestContainWithoutAHashOfWhatComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, s := onLab(t, lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath, Restarts: 1}}, cbctest.File{Path: evilPath, Content: evil}))
		got, err := actions.Contain(t.Context(), s, actions.Target{PIDs: []int64{5120}, Path: found})
		if err == nil || !strings.Contains(err.Error(), "process 5124 runs from") || len(got.Killed) != 1 || got.Deleted {
			t.Errorf("Contain = %+v, %v; want the one process killed and the other named", got, err)
		}
		if diff := cmp.Diff(map[int64]string{5124: evilPath}, first(left(srv))); diff != "" {
			t.Errorf("running processes mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestLiveResponseHandsOnWhatItIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		change  func(*hunt.Task)
		limit   int64
		details []string
	}{
		"the limit of copies": {func(*hunt.Task) {}, 3, []string{"killed process 5120", "larger than a copy may be"}},
		"the start of the process": {func(t *hunt.Task) {
			t.Sightings[0].Process.Start = time.Unix(1739264400, 0)
		}, 0, []string{"process 5120 was started 2025-02-11T09:01:00Z, and the one that was found 2025-02-11T09:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath, Started: 1739264460}}, cbctest.File{Path: evilPath, Content: evil})}})
				client := connect(t, srv.Client())
				a, err := actions.NewLiveResponse(actions.LiveResponseConfig{Sessions: client.LiveResponse, Devices: client.Devices, EvidenceDir: dir, EvidenceLimit: c.limit})
				if err != nil {
					t.Fatal(err)
				}
				task := fileTask("live_response", 7, found, evil, 5120)
				c.change(&task)
				expect(t, only(t, a.Do(t.Context(), []hunt.Task{task})), hunt.Held, c.details...)
				if _, files := left(srv); len(files) != 1 {
					t.Errorf("files = %v, want the file still there", files)
				}
			})
		})
	}
}

// blind is a device that lists no directories.
type blind struct {
	device
	there bool // the file, after it was deleted
}

func (*blind) ListDirectory(context.Context, string) ([]cbc.FileInfo, error) {
	return nil, errors.ErrUnsupported
}

func (b *blind) GetFile(context.Context, string) (io.ReadCloser, error) {
	if len(b.told) > 0 && !b.there {
		return nil, cbc.ErrFileNotFound
	}
	return io.NopCloser(strings.NewReader(evil)), nil
}

func TestContainWithoutADirectoryToList(t *testing.T) {
	t.Parallel()
	for _, there := range []bool{true, false} {
		d := &blind{there: there}
		got, err := actions.Contain(t.Context(), d, target())
		if got.Deleted == there || (err != nil) != there {
			t.Errorf("Contain = %+v, %v; the file is still there: %t", got, err, there)
		}
	}
}

// A session takes 250 commands, and a machine may have many tasks that find nothing left.
func TestContainAsksLittleOfWhatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, s := onLab(t, lab(nil))
		if got, err := actions.Contain(t.Context(), s, target(5120, 5124)); err != nil || got.Unclear || got.Deleted {
			t.Errorf("Contain = %+v, %v; want nothing done", got, err)
		}
		var names []string
		for _, c := range srv.Sessions()[0].Commands {
			names = append(names, c.Name)
		}
		if diff := cmp.Diff([]string{"process list", "directory list", "get file"}, names); diff != "" {
			t.Errorf("commands mismatch (-want +got):\n%s", diff)
		}
	})
}

// A machine that tells upper from lower case has room for both.
func TestContainTellsCaseOnLinux(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, s := onLab(t, cbctest.Device{
			ID: 7, Name: "lab-7", OS: "LINUX", Running: []cbctest.RunningProcess{{PID: 1, Path: "/sbin/init"}, {PID: 5120, Path: "/tmp/invoice"}},
			Files: []cbctest.File{{Path: "/tmp/invoice", Content: evil}, {Path: "/tmp/Invoice", Content: "another"}},
		})
		for _, os := range []string{"LINUX", ""} {
			at := target(5120)
			at.Path, at.OS = "/tmp/invoice", os
			if got, err := actions.Contain(t.Context(), s, at); err != nil || got.Deleted != (os == "LINUX") {
				t.Errorf("Contain on %q = %+v, %v; want no error, and the file deleted once", os, got, err)
			}
		}
		for _, f := range srv.Files(7) {
			if f.Path == "/tmp/invoice" {
				t.Error("the file is still there")
			}
		}
	})
}

package actions_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// changing is a device on which the file is changed while its process is ended.
type changing struct {
	scripted
	later []cbc.FileInfo
}

func (c *changing) Kill(ctx context.Context, pid int64) error {
	c.files = c.later
	return c.scripted.Kill(ctx, pid)
}

func (c *changing) DeleteFile(ctx context.Context, path string) error {
	c.files = nil
	return c.scripted.DeleteFile(ctx, path)
}

func TestContainComparesTheFileAgainBeforeItIsDeleted(t *testing.T) {
	t.Parallel()
	began := time.Date(2025, 2, 11, 9, 0, 0, 0, time.UTC)
	file := cbc.FileInfo{Name: "invoice.exe", Size: int64(len(evil)), Created: began, Modified: began, Accessed: began}
	with := func(change func(*cbc.FileInfo)) []cbc.FileInfo {
		changed := file
		change(&changed)
		return []cbc.FileInfo{changed}
	}
	for _, c := range []struct {
		name    string
		later   []cbc.FileInfo
		gets    []string
		deleted bool
	}{
		{"exchanged", with(func(f *cbc.FileInfo) { f.Modified = began.Add(time.Minute) }), []string{evil, "MZ harmless"}, false},
		{"exchanged for a larger one", with(func(f *cbc.FileInfo) { f.Size++ }), []string{evil, "MZ harmless"}, false},
		{"exchanged for an older one", with(func(f *cbc.FileInfo) { f.Created = began.Add(-time.Minute) }), []string{evil, "MZ harmless"}, false},
		{"written again", with(func(f *cbc.FileInfo) { f.Modified = began.Add(time.Minute) }), []string{evil, evil}, true},
		{"read", with(func(f *cbc.FileInfo) { f.Accessed = began.Add(time.Minute) }), []string{evil, "is not read again"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				it := []cbc.RunningProcess{{PID: 7, Path: found, Started: "1"}}
				d := &changing{scripted: scripted{lists: [][]cbc.RunningProcess{it, it, {{PID: 4}}}, gets: c.gets}, later: c.later}
				d.files = []cbc.FileInfo{file}
				got, err := actions.Contain(t.Context(), d, target(7))
				if err != nil || got.Deleted != c.deleted {
					t.Errorf("Contain = %+v, %v; want the file deleted: %t", got, err, c.deleted)
				}
				want := []string{"kill 7"}
				if c.deleted {
					want = append(want, "delete "+found)
				} else if !strings.Contains(strings.Join(got.Notes, "; "), "is another one now") {
					t.Errorf("notes = %q, want them to tell why the file stays", got.Notes)
				}
				if diff := cmp.Diff(want, d.told); diff != "" {
					t.Errorf("commands mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestContainDeletesNoLink(t *testing.T) {
	t.Parallel()
	for path, deleted := range map[string]bool{"/tmp/invoice": false, `c:\users\kim\onedrive\invoice`: true} {
		d := &losing{device: device{content: strings.NewReader(evil), files: []cbc.FileInfo{{Name: "invoice", Attributes: []string{"REPARSE_POINT"}}}}}
		at := target()
		at.Path = path
		got, err := actions.Contain(t.Context(), d, at)
		if err != nil || got.Deleted != deleted || got.Unclear == deleted {
			t.Errorf("Contain of a link at %s = %+v, %v; want it deleted: %t", path, got, err, deleted)
		}
	}
}

// losing is a device that deletes a file and whose answer is lost.
type losing struct {
	device
	err   error
	stays bool
}

func (l *losing) DeleteFile(ctx context.Context, path string) error {
	if !l.stays {
		l.files = nil
	}
	_ = l.device.DeleteFile(ctx, path)
	return l.err
}

func TestContainLooksWhereTheAnswerWasLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		err     error
		stays   bool
		deleted bool
	}{
		{"and the file is gone", errors.New("the connection was lost"), false, true},
		{"and the file stays", errors.New("the connection was lost"), true, false},
		{"not where the device refused", &cbc.CommandError{Op: "live_response.delete_file", Status: "ERROR", Code: 0x80070005}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := &losing{device: device{content: strings.NewReader(evil), files: []cbc.FileInfo{{Name: "invoice.exe", Size: int64(len(evil))}}}, err: c.err, stays: c.stays}
			got, err := actions.Contain(t.Context(), d, target())
			if got.Deleted != c.deleted || (err != nil) == c.deleted || err != nil && !errors.Is(err, c.err) {
				t.Errorf("Contain = %+v, %v; want the file deleted: %t", got, err, c.deleted)
			}
		})
	}
}

// What has deleted its own file still runs.
func TestContainKillsWhatHasDeletedItself(t *testing.T) {
	t.Parallel()
	gone := func() error { return cbc.ErrFileNotFound }
	for path, c := range map[string]struct {
		target string
		killed bool
	}{
		"/tmp/Invoice (deleted)":  {"/tmp/invoice", true},
		"/tmp/invoice (Deleted)":  {"/tmp/invoice", false},
		"/tmp/invoice2 (deleted)": {"/tmp/invoice", false},
		"/tmp/other (deleted)":    {"/tmp/other (deleted)", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &device{running: []cbc.RunningProcess{{PID: 7, Path: path}}, content: reader(gone)}
			at := target(7)
			at.Path, at.OS = c.target, "LINUX"
			if got, err := actions.Contain(t.Context(), d, at); err != nil || (len(got.Killed) == 1) != c.killed || got.Unclear == c.killed {
				t.Errorf("Contain of %s where %s runs = %+v, %v; want it killed: %t", c.target, path, got, err, c.killed)
			}
		})
	}
}

func TestContainLeavesAProcessUnderAnotherNameToAPerson(t *testing.T) {
	t.Parallel()
	onMac := target(7)
	onMac.Path, onMac.OS = "/tmp/invoice", "MAC"
	d := &device{running: []cbc.RunningProcess{{PID: 7, Path: "/private/tmp/Invoice"}}, content: strings.NewReader(evil)}
	if got, err := actions.Contain(t.Context(), d, onMac); err != nil || !got.Unclear || len(got.Killed) != 0 {
		t.Errorf("Contain with a process behind a link = %+v, %v; want a person to look", got, err)
	}
	for path, unclear := range map[string]bool{
		`\Device\HarddiskVolume3\Users\kim\Invoice.exe`: true, `C:\Users\KIM~1\invoice.EXE`: true, `C:\Windows\lsass.exe`: false, `D:\invoice.exe`: false,
	} {
		d := &device{running: []cbc.RunningProcess{{PID: 7, Path: path}}, content: strings.NewReader(evil)}
		got, err := actions.Contain(t.Context(), d, target(7))
		if err != nil || got.Unclear != unclear || len(got.Killed) != 0 {
			t.Errorf("Contain with a process from %s = %+v, %v; want a person to look: %t", path, got, err, unclear)
		}
	}
}

func TestContainLeavesAProcessWithoutPathToAPerson(t *testing.T) {
	t.Parallel()
	began := time.Date(2025, 2, 11, 9, 0, 0, 0, time.UTC)
	for started, unclear := range map[string]bool{"": true, "2025-02-11T09:00:01Z": true, "2025-02-11T10:00:00Z": false} {
		d := &device{running: []cbc.RunningProcess{{PID: 7, Started: started}}, content: strings.NewReader(evil)}
		at := target(7)
		at.Start = began
		got, err := actions.Contain(t.Context(), d, at)
		if err != nil || got.Unclear != unclear || len(got.Killed) != 0 || !got.Deleted {
			t.Errorf("Contain with a process started %q = %+v, %v; want the file deleted, and a person to look: %t", started, got, err, unclear)
		}
	}
}

// Where upper and lower case are two files, what a search tells in lower case may be the wrong one of them.
func TestContainTakesNoSpellingForAnother(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		running []cbctest.RunningProcess
		files   []cbctest.File
		pids    []int64
		killed  []int64
	}{
		{
			name:  "a harmless file where the search has it",
			files: []cbctest.File{{Path: "/tmp/invoice", Content: "MZ harmless"}, {Path: "/tmp/Invoice", Content: evil}}, pids: []int64{5120},
		},
		{
			name:    "two processes, from two files",
			running: []cbctest.RunningProcess{{PID: 5120, Path: "/tmp/Invoice"}, {PID: 5124, Path: "/tmp/invoice"}},
			files:   []cbctest.File{{Path: "/tmp/invoice", Content: evil}, {Path: "/tmp/Invoice", Content: "MZ harmless"}},
			pids:    []int64{5120, 5124}, killed: []int64{5124},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, s := onLab(t, cbctest.Device{ID: 7, Name: "lab-7", OS: "LINUX", Running: append(c.running, cbctest.RunningProcess{PID: 1, Path: "/sbin/init"}), Files: c.files})
				at := target(c.pids...)
				at.Path, at.OS = "/tmp/invoice", "LINUX"
				got, err := actions.Contain(t.Context(), s, at)
				if err != nil || !got.Unclear || got.Deleted {
					t.Errorf("Contain = %+v, %v; want a person to look", got, err)
				}
				if diff := cmp.Diff(c.killed, got.Killed); diff != "" {
					t.Errorf("killed mismatch (-want +got):\n%s", diff)
				}
				for _, f := range c.files {
					if !has(srv.Files(7), f.Path) {
						t.Errorf("%s was deleted", f.Path)
					}
				}
			})
		})
	}
}

func has(files []cbctest.File, path string) bool {
	for _, f := range files {
		if f.Path == path {
			return true
		}
	}
	return false
}

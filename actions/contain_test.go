package actions_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
)

// device is one that does what a test says, and a record of what it was told.
type device struct {
	running []cbc.RunningProcess
	kill    error
	remove  error
	content io.Reader
	files   []cbc.FileInfo
	told    []string
}

func (d *device) Processes(context.Context) ([]cbc.RunningProcess, error) { return d.running, nil }

func (d *device) ListDirectory(context.Context, string) ([]cbc.FileInfo, error) { return d.files, nil }

func (d *device) Kill(_ context.Context, pid int64) error {
	d.told = append(d.told, fmt.Sprint("kill ", pid))
	if d.kill == nil {
		d.running = slices.DeleteFunc(slices.Clone(d.running), func(p cbc.RunningProcess) bool { return p.PID == pid })
	}
	return d.kill
}

func (d *device) GetFile(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(d.content), nil
}

func (d *device) DeleteFile(_ context.Context, path string) error {
	d.told = append(d.told, "delete "+path)
	return d.remove
}

// reader runs something when it is read.
type reader func() error

func (r reader) Read([]byte) (int, error) { return 0, r() }

func TestContainWithoutSuccess(t *testing.T) {
	t.Parallel()
	lost := errors.New("the connection was lost")
	running := []cbc.RunningProcess{{PID: 7, Path: found}}
	gone := filepath.Join(t.TempDir(), "evidence")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		device *device
		dir    string
		told   []string
	}{
		{"a process that cannot be killed keeps its file", &device{running: running, content: strings.NewReader(evil), kill: lost}, "", []string{"kill 7"}},
		{"a file that cannot be compared is not deleted", &device{content: reader(func() error { return lost })}, "", nil},
		{"a file whose copy cannot be kept is not deleted", &device{content: io.MultiReader(strings.NewReader(evil), reader(func() error {
			return cmp.Or(os.RemoveAll(gone), io.EOF)
		}))}, gone, nil},
		{"a file that cannot be deleted is told of", &device{content: strings.NewReader(evil), remove: lost}, "", []string{"delete " + found}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			task := fileTask("live_response", 7, found, evil)
			got, err := actions.Contain(t.Context(), c.device, actions.Target{PIDs: []int64{7}, Path: found, SHA256: task.Sightings[0].SHA256, EvidenceDir: c.dir})
			if err == nil || got.Deleted || len(got.Killed) != 0 {
				t.Errorf("Contain = %+v, %v; want an error and nothing done", got, err)
			}
			if diff := gocmp.Diff(c.told, c.device.told); diff != "" {
				t.Errorf("commands mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// Without a hash the caller answers for the path.
func TestContainKillsNothingThatRunsFromAnotherFile(t *testing.T) {
	t.Parallel()
	d := &device{running: []cbc.RunningProcess{{PID: 7, Path: found}}, content: strings.NewReader("a harmless program by now")}
	task := fileTask("live_response", 7, found, evil)
	got, err := actions.Contain(t.Context(), d, actions.Target{PIDs: []int64{7}, Path: found, SHA256: task.Sightings[0].SHA256})
	if err != nil || len(got.Killed) != 0 || got.Deleted || !got.Unclear || len(d.told) != 0 {
		t.Errorf("Contain = %+v, %v after %q; want nothing done, and a person to look", got, err, d.told)
	}
}

func TestContainKillsAlthoughTheFileCannotBeFetched(t *testing.T) {
	t.Parallel()
	d := &device{running: []cbc.RunningProcess{{PID: 7, Path: found}}, content: reader(func() error { return errors.New("lost") })}
	task := fileTask("live_response", 7, found, evil)
	got, err := actions.Contain(t.Context(), d, actions.Target{PIDs: []int64{7}, Path: found, SHA256: task.Sightings[0].SHA256})
	if diff := gocmp.Diff([]string{"kill 7"}, d.told); err == nil || got.Deleted || diff != "" {
		t.Errorf("Contain = %+v, %v; want the process killed, the file left and an error; commands (-want +got):\n%s", got, err, diff)
	}
}

func TestContainWithoutAHash(t *testing.T) {
	t.Parallel()
	d := &device{running: []cbc.RunningProcess{{PID: 7, Path: found}, {PID: 8, Path: found}, {PID: 9}}}
	got, err := actions.Contain(t.Context(), d, actions.Target{PIDs: []int64{7, 9}, Path: evilPath})
	if err != nil || !got.Deleted {
		t.Errorf("Contain = %+v, %v; want the file deleted", got, err)
	}
	if diff := gocmp.Diff([]string{"kill 7", "delete " + found}, d.told); diff != "" {
		t.Errorf("commands mismatch (-want +got):\n%s", diff)
	}
}

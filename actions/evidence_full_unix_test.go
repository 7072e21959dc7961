//go:build unix

package actions_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
)

// fullDisk is Contain in a process that may write no more than a few bytes to a file, as on a disk that is full.
func fullDisk() {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 4, Max: 4}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println("setrlimit:", err)
		os.Exit(7)
	}
	d := &device{running: []cbc.RunningProcess{{PID: 7, Path: found}}, content: strings.NewReader(evil)}
	at := target(7)
	at.EvidenceDir = os.Getenv("PPHUNT_TEST_OUT")
	got, err := actions.Contain(context.Background(), d, at) //nolint:usetesting // this is a process of its own
	fmt.Printf("killed %d, deleted %t, error: %v", len(got.Killed), got.Deleted, err)
}

func TestEvidenceOnAFullDisk(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "PPHUNT_TEST_COMMAND=full", "PPHUNT_TEST_OUT="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if text := string(out); !strings.HasPrefix(text, "killed 1, deleted false, error: actions: keeping a copy:") {
		t.Errorf("Contain: %s; want the process killed, the file left, and an error about the copy", text)
	}
	if got := kept(t, dir); len(got) != 0 {
		t.Errorf("evidence = %v, want no part of a copy", got)
	}
}

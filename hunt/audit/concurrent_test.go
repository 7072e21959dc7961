package audit_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt/audit"
)

// childLog, in the environment, makes the test binary one of several programs that append to a log.
const childLog = "AUDIT_TEST_LOG"

func TestMain(m *testing.M) {
	if path := os.Getenv(childLog); path != "" {
		if err := appendAsChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func appendAsChild(path string) error {
	n, err := strconv.Atoi(os.Getenv(childLog + "_ENTRIES"))
	if err != nil {
		return err
	}
	limit(os.Getenv(childLog + "_LIMIT"))
	log, err := audit.Open(path)
	if err != nil {
		return err
	}
	for i := range n {
		if err := log.Append(context.Background(), entry(i), entry(i)); err != nil {
			return err
		}
	}
	return log.Close()
}

func child(t *testing.T, path string, entries int, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), childLog+"="+path, childLog+"_ENTRIES="+strconv.Itoa(entries)), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestManyGoroutinesAppend(t *testing.T) {
	t.Parallel()
	for _, writers := range []int{2, 8} {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		logs := []*audit.Log{open(t, path), open(t, path)} // two programs would be no different
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range 10 {
					if err := logs[w%2].Append(t.Context(), entry(i), entry(i)); err != nil {
						t.Errorf("Append: %v", err)
					}
				}
			})
		}
		all.Wait()
		summary, err := audit.VerifyFile(t.Context(), path, logs[0].Head(), logs[1].Head())
		if err != nil || summary.Entries != uint64(writers)*20 || summary.Torn != 0 {
			t.Errorf("%d writers: VerifyFile = %+v, %v", writers, summary, err)
		}
	}
}

func TestManyProcessesAppend(t *testing.T) {
	t.Parallel()
	for _, processes := range []int{2, 8} {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		var running []*exec.Cmd
		for range processes {
			cmd := child(t, path, 10)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			running = append(running, cmd)
		}
		for range 20 { // readers never see a break
			if _, err := audit.VerifyFile(t.Context(), path); err != nil && !os.IsNotExist(err) {
				t.Logf("VerifyFile while it is written: %v", err)
				if kind, _ := kindOf(err); kind != "" && kind != "?" {
					t.Errorf("VerifyFile while it is written: %v", err)
				}
			}
		}
		for _, cmd := range running {
			if err := cmd.Wait(); err != nil {
				t.Errorf("a process: %v", err)
			}
		}
		summary, err := audit.VerifyFile(t.Context(), path)
		if err != nil || summary.Entries != uint64(processes)*20 || summary.Torn != 0 {
			t.Errorf("%d processes: VerifyFile = %+v, %v", processes, summary, err)
		}
	}
}

// Processes that are killed at any moment leave a log that holds, and that the next one goes on with.
func TestKilledProcessesLeaveALogThatHolds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log := open(t, path)
	for i := range 15 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(5+3*i)*time.Millisecond)
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), childLog+"="+path, childLog+"_ENTRIES=100000")
		_ = cmd.Run() // it is killed
		cancel()
		if err := log.Append(t.Context(), entry(i)); err != nil {
			t.Fatalf("after %d kills: %v", i+1, err)
		}
		if summary, err := audit.VerifyFile(t.Context(), path, log.Head()); err != nil {
			t.Fatalf("after %d kills: %+v, %v", i+1, summary, err)
		}
	}
}

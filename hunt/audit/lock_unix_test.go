//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package audit_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/hunt/audit"
)

// grab keeps a log as another process does that hangs.
func grab(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAnotherProcessKeepsTheLog(t *testing.T) {
	t.Parallel()
	path, text, _ := written(t, 1)
	log := open(t, path)
	other := grab(t, path)
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		err := log.Append(t.Context(), entry(2))
		if took := time.Since(begun); !errors.Is(err, audit.ErrLocked) || took < 10*time.Second || took > 11*time.Second {
			t.Errorf("Append = %v after %s, want ErrLocked after 10s", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := log.Append(ctx, entry(2)); !errors.Is(err, audit.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Append with a deadline = %v", err)
		}
		if _, err := audit.VerifyFile(ctx, path); !errors.Is(err, audit.ErrLocked) {
			t.Errorf("VerifyFile = %v, want ErrLocked", err)
		}
		if got := contents(t, path); string(got) != string(text) {
			t.Errorf("the log has %s", got)
		}
		go func() {
			time.Sleep(5 * time.Second)
			// Closing is not enough: a process that another test is starting has a copy of the file until it is under way.
			if err := syscall.Flock(int(other.Fd()), syscall.LOCK_UN); err != nil {
				t.Error(err)
			}
		}()
		if err := log.Append(t.Context(), entry(2)); err != nil {
			t.Errorf("Append to a log that became free = %v", err)
		}
	})
}

//go:build unix

package actions

import (
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// endGently makes the command the head of a process group, so that what it started ends with it. When its context ends, the group
// is asked to end, and killed after endGrace. The function that it returns is to be called after Run: it waits for the rest of the
// grace if the command has left others behind.
func endGently(cmd *exec.Cmd) func() {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var mu sync.Mutex
	var asked time.Time
	var timer *time.Timer
	cmd.Cancel = func() error {
		mu.Lock()
		defer mu.Unlock()
		group := -cmd.Process.Pid
		asked = time.Now()
		timer = time.AfterFunc(endGrace, func() { _ = syscall.Kill(group, syscall.SIGKILL) }) // an error means that it is gone
		if err := syscall.Kill(group, syscall.SIGTERM); errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		} else if err != nil {
			return err
		}
		return nil
	}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		if asked.IsZero() {
			return
		}
		timer.Stop()
		group := -cmd.Process.Pid
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for syscall.Kill(group, 0) == nil {
			if time.Since(asked) >= endGrace {
				_ = syscall.Kill(group, syscall.SIGKILL)
				return
			}
			<-tick.C
		}
	}
}

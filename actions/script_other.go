//go:build !unix

package actions

import (
	"os"
	"os/exec"
	"runtime"
	"time"
)

// endGently asks the command to end when its context ends, and kills it after endGrace. Windows cannot ask: it kills at once. The
// function that it returns is to be called after Run.
func endGently(cmd *exec.Cmd) func() {
	if runtime.GOOS == "windows" {
		return func() {} // killing is what Cmd does by itself
	}
	stop := make(chan struct{})
	cmd.Cancel = func() error {
		go func() {
			timer := time.NewTimer(endGrace)
			defer timer.Stop()
			select {
			case <-timer.C:
				_ = cmd.Process.Kill() // an error means that it is gone
			case <-stop:
			}
		}()
		return cmd.Process.Signal(os.Interrupt)
	}
	return func() { close(stop) }
}

package audit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// maxWait is how long another process may keep the log. It writes a few lines and waits for the disk.
const maxWait = 10 * time.Second

// lock takes the log for this process. The system gives it back when the process dies.
func lock(ctx context.Context, f *os.File, shared bool) error {
	deadline := time.Now().Add(maxWait)
	for pause := time.Millisecond; ; pause = min(2*pause, 32*time.Millisecond) {
		locked, err := tryLock(f, shared)
		if err != nil {
			return fmt.Errorf("locking: %w", err)
		}
		if locked {
			return nil
		}
		if !time.Now().Before(deadline) {
			return ErrLocked
		}
		timer := time.NewTimer(rand.N(pause) + 1) // #nosec G404 -- spreading, not secrecy
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", ErrLocked, ctx.Err())
		}
	}
}

package dedupehunt_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// While one hunter is at a machine, another holds something new that was found on it.
func TestWhatIsHeldMeanwhileIsNotLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		work     time.Duration
		patience time.Duration
		wantErr  bool
	}{
		{"it waits for the end and holds in the next round", 3 * time.Second, time.Minute, false},
		{"it does not wait for ever, and says so", 40 * time.Second, 5 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := new(dedupe.Memory)
				first, second := ledger(t, store, "first"), ledger(t, store, "second")
				ended := make(chan error)
				go func() {
					_, err := first.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "g")}, func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
						time.Sleep(c.work)
						return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done}}
					})
					ended <- err
				}()
				time.Sleep(time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				err := second.Hold(ctx, "run", hunt.Outcome{Task: seen(7, 2, "h"), Status: hunt.Held, Detail: "too many"})
				if (err != nil) != c.wantErr || c.wantErr && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Hold = %v, want an error: %t", err, c.wantErr)
				}
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if o := looked(t, second, seen(7, 2, "h")); !c.wantErr && (o.Status != hunt.Held || o.Task.Round != 2) {
					t.Errorf("Look = %s in round %d, want held in round 2", o.Status, o.Task.Round)
				}
			})
		})
	}
}

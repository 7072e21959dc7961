package hunt_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// cutting ends the context of the first task that it is given while the task's verdict is asked, as a lost claim does.
type cutting struct {
	*ledger
	first atomic.Bool
	cut   context.CancelFunc
}

func (c *cutting) Once(ctx context.Context, run string, tasks []hunt.Task, do hunt.DoFunc) ([]hunt.Outcome, error) {
	if c.first.CompareAndSwap(false, true) {
		ctx, c.cut = context.WithCancel(ctx)
	}
	return c.ledger.Once(ctx, run, tasks, do)
}

// Two machines have the same file. That the claim on the first is lost while its verdict is asked is no answer for the second.
func TestAVerdictThatWasCutShortIsAskedForAgain(t *testing.T) {
	t.Parallel()
	c := &cutting{ledger: new(ledger)}
	asked := 0
	hook := &recorder{spec: hunt.Spec{Name: "script", Scope: hunt.ScopeProcess, Evidence: hunt.Executed, Batch: hunt.BatchTask, InFlight: 1}}
	h := newHunter(t, hunt.Config{
		Source: source(nil, indicator(1)), Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(1, 8, hunt.Executed)),
		Ledger: c, Actions: []hunt.Action{hook}, Now: now,
		Verifier: hunt.VerifierFunc(func(ctx context.Context, _ hunt.Indicator) (bool, error) {
			if asked++; asked == 1 {
				c.cut()
				return false, ctx.Err()
			}
			return true, nil
		}),
	})
	r, err := h.Run(t.Context(), hunt.Window{})
	want := map[string]hunt.Status{
		"script/process/ORG-b-7/" + hash(1).String(): hunt.Failed, "script/process/ORG-b-8/" + hash(1).String(): hunt.Done,
	}
	if diff := cmp.Diff(want, statuses(r)); diff != "" || !errors.Is(err, hunt.ErrNotBegun) {
		t.Errorf("error %v, outcomes mismatch (-want +got):\n%s", err, diff)
	}
}

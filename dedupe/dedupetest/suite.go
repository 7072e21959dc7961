package dedupetest

import (
	"context"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// TestStore runs every check. It calls open for each: open returns an empty store, and closes it with t.Cleanup if need be.
func TestStore(t *testing.T, open func(t *testing.T) dedupe.Store) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := c.run(ctx, open(t)); err != nil {
				t.Errorf("%s: %v", c.rule, err)
			}
		})
	}
}

// TestShared runs the checks for stores that outlive a process, or that several share. It calls open for each check: open makes
// an empty ledger and returns a function that opens this ledger again, as another process would.
func TestShared(t *testing.T, open func(t *testing.T) (again func() dedupe.Store)) {
	for _, c := range sharedChecks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := c.run(ctx, open(t)); err != nil {
				t.Errorf("%s: %v", c.rule, err)
			}
		})
	}
}

// patience ends a check whose store waits for itself.
const patience = 2 * time.Minute

type check struct {
	name, rule string
	run        func(context.Context, dedupe.Store) error
}

type sharedCheck struct {
	name, rule string
	run        func(context.Context, func() dedupe.Store) error
}

func checks() []check {
	var all []check
	all = append(all, claimChecks()...)
	all = append(all, takeoverChecks()...)
	all = append(all, renewChecks()...)
	all = append(all, noteChecks()...)
	all = append(all, finishChecks()...)
	all = append(all, unfinishedChecks()...)
	all = append(all, scanChecks()...)
	all = append(all, forgetChecks()...)
	all = append(all, fidelityChecks()...)
	return append(all, concurrencyChecks()...)
}

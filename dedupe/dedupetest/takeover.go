package dedupetest

import (
	"context"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

func takeoverChecks() []check {
	return []check{
		{"takeover_expired", "a claim is won by the next claimant as soon as its lease has ended, with a higher attempt", takeoverExpired},
		{"takeover_failed", "a failed key is won at once, with a higher attempt", takeoverOf(dedupe.Failed)},
		{"takeover_released", "a released key is won at once, with a higher attempt", takeoverOf(dedupe.Released)},
		{"takeover_keeps", "a takeover keeps the note, the state before and the time of creation, and tells what stood there", takeoverKeeps},
	}
}

func takeoverExpired(ctx context.Context, s dedupe.Store) error {
	now := morning()
	first, err := win(ctx, s, "first", now, "k")
	if err != nil {
		return err
	}
	now = now.Add(lease) // Until itself is no longer part of the lease
	second, err := win(ctx, s, "second", now, "k")
	if err != nil {
		return err
	}
	third, err := win(ctx, s, "second", now.Add(10*lease), "k")
	if err != nil {
		return err
	}
	return rising(first, second, third)
}

func takeoverOf(state dedupe.State) func(context.Context, dedupe.Store) error {
	return func(ctx context.Context, s dedupe.Store) error {
		now := morning()
		first, err := ended(ctx, s, now, "k", state)
		if err != nil {
			return err
		}
		second, err := win(ctx, s, "second", now, "k")
		if err != nil {
			return err
		}
		if err := end(ctx, s, now, dedupe.Result{Claim: second.Claim, State: state}); err != nil {
			return err
		}
		third, err := win(ctx, s, "second", now.Add(time.Second), "k")
		if err != nil {
			return err
		}
		return rising(first, second, third)
	}
}

func rising(first, second, third dedupe.Grant) error {
	a, b, c := first.Claim.Attempt, second.Claim.Attempt, third.Claim.Attempt
	if b != a+1 || c != b+1 {
		return fmt.Errorf("the claims have the attempts %d, %d and %d, want each one more than the last", a, b, c)
	}
	return nil
}

func takeoverKeeps(ctx context.Context, s dedupe.Store) error {
	now := morning()
	if _, err := ended(ctx, s, now, "k", dedupe.Failed); err != nil {
		return err
	}
	want, err := found(ctx, s, "k")
	if err != nil {
		return err
	}
	later := now.Add(time.Hour)
	g, err := win(ctx, s, "second", later, "k")
	if err != nil {
		return err
	}
	if err := same("the grant's record", g.Record, want); err != nil {
		return err
	}
	want.State, want.Owner, want.Attempt, want.Until, want.Updated = dedupe.Claimed, "second", g.Claim.Attempt, later.Add(lease), later
	return stands(ctx, s, want)
}

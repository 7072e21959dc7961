package dedupetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/pphunt/pphunt/dedupe"
)

func concurrencyChecks() []check {
	return []check{
		{"one_winner", "exactly one of many who ask at once wins a key", func(ctx context.Context, s dedupe.Store) error {
			return oneWinner(ctx, func(int) dedupe.Store { return s })
		}},
		{"one_heir", "exactly one of many who ask at once wins a key whose holder died", oneHeir},
	}
}

func sharedChecks() []sharedCheck {
	return []sharedCheck{
		{"seen_by_others", "what one process records, another one sees", seenByOthers},
		{"one_winner", "exactly one of many processes that ask at once wins a key", func(ctx context.Context, again func() dedupe.Store) error {
			stores := make([]dedupe.Store, claimants)
			for i := range stores {
				stores[i] = again()
			}
			return oneWinner(ctx, func(i int) dedupe.Store { return stores[i] })
		}},
	}
}

const claimants = 8

// oneWinner lets claimants fight for the same keys, each asking in an order and in batches of its own.
func oneWinner(ctx context.Context, store func(int) dedupe.Store) error {
	keys := make([]dedupe.Key, 60)
	for i := range keys {
		keys[i] = dedupe.Key(fmt.Sprintf("k%02d", i))
	}
	return fight(keys, func(i int, won func(dedupe.Grant)) error {
		order := slices.Concat(keys[i*7%len(keys):], keys[:i*7%len(keys)])
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for batch := range slices.Chunk(order, 1+i*5) {
			grants, err := store(i).Claim(ctx, fmt.Sprintf("owner %d", i), morning(), lease, batch...)
			if err != nil {
				return err
			}
			for _, g := range grants {
				won(g)
			}
		}
		return nil
	})
}

func oneHeir(ctx context.Context, s dedupe.Store) error {
	if _, err := win(ctx, s, "dead", morning(), "k"); err != nil {
		return err
	}
	return fight([]dedupe.Key{"k"}, func(i int, won func(dedupe.Grant)) error {
		g, err := ask(ctx, s, fmt.Sprintf("heir %d", i), morning().Add(lease), "k")
		won(g)
		return err
	})
}

// fight runs the claimants at once and checks that each key was won once.
func fight(keys []dedupe.Key, claimant func(i int, won func(dedupe.Grant)) error) error {
	var mu sync.Mutex
	winners := make(map[dedupe.Key][]string)
	var problems []error
	var all sync.WaitGroup
	for i := range claimants {
		all.Go(func() {
			err := claimant(i, func(g dedupe.Grant) {
				if g.Won {
					mu.Lock()
					winners[g.Claim.Key] = append(winners[g.Claim.Key], g.Claim.Owner)
					mu.Unlock()
				}
			})
			mu.Lock()
			problems = append(problems, err)
			mu.Unlock()
		})
	}
	all.Wait()
	for _, key := range keys {
		if n := len(winners[key]); n != 1 {
			problems = append(problems, fmt.Errorf("%s has %d winners: %q", key, n, winners[key]))
		}
	}
	return errors.Join(problems...)
}

func seenByOthers(ctx context.Context, again func() dedupe.Store) error {
	one, other := again(), again()
	if _, err := ended(ctx, one, morning(), "k", dedupe.Done); err != nil {
		return err
	}
	want, err := found(ctx, one, "k")
	if err != nil {
		return err
	}
	if err := stands(ctx, other, want); err != nil {
		return fmt.Errorf("from the other process: %w", err)
	}
	_, err = lose(ctx, other, "second", morning(), "k")
	return err
}

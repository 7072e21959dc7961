package dedupetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

func claimChecks() []check {
	return []check{
		{"claim_new", "a new key is won with attempt 1 until now plus lease, and nothing stood there before", claimNew},
		{"claim_sorted", "a claim returns one grant for each distinct key, sorted by key", claimSorted},
		{"claim_done", "a done key is never won", claimDone},
		{"claim_live", "a live lease is never taken over, not by its own owner either", claimLive},
		{"claim_invalid", "arguments that break a rule give ErrInvalid, and nothing of the call is done", claimInvalid},
	}
}

func claimNew(ctx context.Context, s dedupe.Store) error {
	now := morning()
	g, err := win(ctx, s, "first", now, "k")
	if err != nil {
		return err
	}
	want := dedupe.Claim{Key: "k", Owner: "first", Attempt: 1, Until: now.Add(lease)}
	if g.Claim != want {
		return fmt.Errorf("the claim is %+v, want %+v", g.Claim, want)
	}
	if err := same("the grant's record", g.Record, dedupe.Record{}); err != nil {
		return err
	}
	return stands(ctx, s, dedupe.Record{
		Key: "k", State: dedupe.Claimed, Owner: "first", Attempt: 1, Until: now.Add(lease), Updated: now, Created: now,
	})
}

func claimSorted(ctx context.Context, s dedupe.Store) error {
	grants, err := s.Claim(ctx, "first", morning(), lease, "z", "m", "B", "z", "a", "é")
	if err != nil {
		return err
	}
	var got []dedupe.Key
	for _, g := range grants {
		got = append(got, g.Claim.Key)
	}
	if err := wantKeys("Claim(z m B z a é)", got, "B", "a", "m", "z", "é"); err != nil {
		return err
	}
	none, err := s.Claim(ctx, "first", morning(), lease)
	return nothing("a claim on no key", none, err)
}

func claimDone(ctx context.Context, s dedupe.Store) error {
	now := morning()
	if _, err := ended(ctx, s, now, "k", dedupe.Done); err != nil {
		return err
	}
	for _, later := range []time.Duration{0, lease, 10 * lease, 3 * 365 * 24 * time.Hour} {
		g, err := lose(ctx, s, "second", now.Add(later), "k")
		if err != nil {
			return err
		}
		if g.Record.State != dedupe.Done {
			return fmt.Errorf("the grant must say that the key is done; it has %s", show(g.Record))
		}
	}
	return nil
}

func claimLive(ctx context.Context, s dedupe.Store) error {
	now := morning()
	first, err := win(ctx, s, "first", now, "k")
	if err != nil {
		return err
	}
	for _, owner := range []string{"second", "first"} {
		g, err := lose(ctx, s, owner, now.Add(lease-time.Nanosecond), "k")
		if err != nil {
			return err
		}
		if g.Record.Claim() != first.Claim {
			return fmt.Errorf("the grant must say who holds the key; it has %s", show(g.Record))
		}
	}
	return nil
}

func claimInvalid(ctx context.Context, s dedupe.Store) error {
	now := morning()
	claim := func(owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) func() error {
		return func() error {
			_, err := s.Claim(ctx, owner, now, lease, keys...)
			return err
		}
	}
	finish := func(now time.Time, results ...dedupe.Result) func() error {
		return func() error {
			_, err := s.Finish(ctx, now, results...)
			return err
		}
	}
	note := func(now time.Time, notes ...dedupe.Note) func() error {
		return func() error {
			_, err := s.Note(ctx, now, notes...)
			return err
		}
	}
	held, err := win(ctx, s, "first", now, "held")
	if err != nil {
		return err
	}
	stood, err := found(ctx, s, "held")
	if err != nil {
		return err
	}
	done := dedupe.Result{Claim: held.Claim, State: dedupe.Done}
	before := dedupe.Note{Claim: held.Claim, Before: []byte("before")}
	long := dedupe.Key(strings.Repeat("k", dedupe.MaxKey+1))
	for what, call := range map[string]func() error{
		"Claim of an empty key":          claim("o", now, lease, "fresh", ""),
		"Claim of a key too long":        claim("o", now, lease, "fresh", long),
		"Claim of a key that is no text": claim("o", now, lease, "fresh", "\xff"),
		"Claim of a key with a zero":     claim("o", now, lease, "fresh", "a\x00b"),
		"Claim without an owner":         claim("", now, lease, "fresh"),
		"Claim without a lease":          claim("o", now, 0, "fresh"),
		"Claim without a time":           claim("o", time.Time{}, lease, "fresh"),
		"Finish as claimed":              finish(now, dedupe.Result{Claim: held.Claim, State: dedupe.Claimed}),
		"Finish without a time":          finish(time.Time{}, done),
		"Finish of one key twice":        finish(now, done, done),
		"Note of nothing before":         note(now, dedupe.Note{Claim: held.Claim}),
		"Note without a time":            note(time.Time{}, before),
		"Note on one key twice":          note(now, before, before),
		"Note on an empty key":           note(now, before, dedupe.Note{Before: []byte("before")}),
		"Renew without a lease": func() error {
			_, err := s.Renew(ctx, now, 0, held.Claim)
			return err
		},
		"Lookup of an empty key": func() error {
			_, err := s.Lookup(ctx, "held", "")
			return err
		},
	} {
		if err := wantError(what, call(), dedupe.ErrInvalid); err != nil {
			return err
		}
	}
	records, err := s.Lookup(ctx, "fresh")
	if err := nothing("a refused claim", records, err); err != nil {
		return err
	}
	return stands(ctx, s, stood)
}

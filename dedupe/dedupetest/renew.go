package dedupetest

import (
	"context"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

func renewChecks() []check {
	return []check{
		{"renew_prolongs", "renewing prolongs a claim to now plus lease", renewProlongs},
		{"renew_never_shortens", "renewing never shortens a lease", renewNeverShortens},
		{"renew_late", "renewing revives a claim whose lease has ended, as long as nobody has taken it over", renewLate},
		{"renew_lost", "renewing names the claims that are taken over, closed or unknown, and prolongs the others", renewLost},
	}
}

// renewed renews claims of which none may be lost.
func renewed(ctx context.Context, s dedupe.Store, now time.Time, lease time.Duration, claims ...dedupe.Claim) error {
	lost, err := s.Renew(ctx, now, lease, claims...)
	if err == nil && len(lost) > 0 {
		err = fmt.Errorf("renewing lost %q, though nobody took them over", lost)
	}
	return err
}

func until(ctx context.Context, s dedupe.Store, key dedupe.Key, want time.Time) error {
	r, err := found(ctx, s, key)
	if err == nil && !r.Until.Equal(want) {
		err = fmt.Errorf("the lease of %s ends %s, want %s", key, clock(r.Until), clock(want))
	}
	return err
}

func renewProlongs(ctx context.Context, s dedupe.Store) error {
	now := morning()
	g, err := win(ctx, s, "first", now, "k")
	if err != nil {
		return err
	}
	for range 3 {
		now = now.Add(lease / 3)
		if err := renewed(ctx, s, now, lease, g.Claim); err != nil {
			return err
		}
	}
	if err := until(ctx, s, "k", now.Add(lease)); err != nil {
		return err
	}
	return renewed(ctx, s, now, lease)
}

func renewNeverShortens(ctx context.Context, s dedupe.Store) error {
	now := morning()
	g, err := win(ctx, s, "first", now, "k")
	if err != nil {
		return err
	}
	if err := renewed(ctx, s, now, time.Second, g.Claim); err != nil {
		return err
	}
	return until(ctx, s, "k", now.Add(lease))
}

func renewLate(ctx context.Context, s dedupe.Store) error {
	now := morning()
	g, err := win(ctx, s, "first", now, "k")
	if err != nil {
		return err
	}
	now = now.Add(5 * lease)
	if err := renewed(ctx, s, now, lease, g.Claim); err != nil {
		return err
	}
	return until(ctx, s, "k", now.Add(lease))
}

func renewLost(ctx context.Context, s dedupe.Store) error {
	now := morning()
	var claims []dedupe.Claim
	for _, key := range []dedupe.Key{"z-taken", "kept", "closed", "same-owner"} {
		g, err := win(ctx, s, "first", now, key)
		if err != nil {
			return err
		}
		claims = append(claims, g.Claim)
	}
	claims = append(claims, dedupe.Claim{Key: "unknown", Owner: "first", Attempt: 1})
	if err := end(ctx, s, now, dedupe.Result{Claim: claims[2], State: dedupe.Failed}); err != nil {
		return err
	}
	now = now.Add(lease)
	if _, err := win(ctx, s, "second", now, "z-taken"); err != nil {
		return err
	}
	if _, err := win(ctx, s, "first", now, "same-owner"); err != nil { // another attempt: the fence is owner and attempt
		return err
	}
	claims = append(claims, claims[0]) // a key is named once, however many claims on it are lost
	later := now.Add(time.Second)
	lost, err := s.Renew(ctx, later, lease, claims...)
	if err != nil {
		return err
	}
	if err := wantKeys("Renew: lost", lost, "closed", "same-owner", "unknown", "z-taken"); err != nil {
		return err
	}
	for key, want := range map[dedupe.Key]time.Time{
		"kept": later.Add(lease), "z-taken": now.Add(lease), "same-owner": now.Add(lease), "closed": {},
	} {
		if err := until(ctx, s, key, want); err != nil {
			return err
		}
	}
	records, err := s.Lookup(ctx, "unknown")
	return nothing("what renewing an unknown claim left", records, err)
}

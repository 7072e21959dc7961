package dedupehunt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// keep renews claims on one goroutine until stop is called, which waits for its end. When a claim is lost it calls lost with the
// reason, and goes on with the others: their tasks are still being wound up. It goes on after ctx has ended too, for the same
// reason.
func (l *Ledger) keep(ctx context.Context, claims []dedupe.Claim, lost context.CancelCauseFunc) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var keeper sync.WaitGroup
	keeper.Go(func() { l.renew(ctx, claims, lost) })
	return func() {
		cancel()
		keeper.Wait()
	}
}

func (l *Ledger) renew(ctx context.Context, claims []dedupe.Claim, lost context.CancelCauseFunc) {
	until := claims[0].Until.Add(-l.margin())
	pause := l.cfg.Renew
	for len(claims) > 0 {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		now := l.cfg.Now()
		gone, err := l.renewOnce(ctx, now, until, claims)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !l.cfg.Now().Before(until) {
				lost(fmt.Errorf("%w: it could not be renewed in time: %w", ErrClaimLost, err))
			}
			pause = l.cfg.Renew / 10
			continue
		case len(gone) > 0:
			lost(fmt.Errorf("%w: %d of %d were taken over", ErrClaimLost, len(gone), len(claims)))
			claims = slices.DeleteFunc(slices.Clone(claims), func(c dedupe.Claim) bool { return slices.Contains(gone, c.Key) })
		}
		until, pause = now.Add(l.cfg.Lease-l.margin()), l.cfg.Renew
	}
}

// margin is how much sooner a lease is taken to end here than the store has it: clocks differ.
func (l *Ledger) margin() time.Duration { return l.cfg.Lease / 10 }

// renewOnce gives a store that does not answer no more time than the lease has.
func (l *Ledger) renewOnce(ctx context.Context, now, until time.Time, claims []dedupe.Claim) ([]dedupe.Key, error) {
	patience := l.cfg.Renew
	if left := until.Sub(now); left > 0 {
		patience = min(patience, left)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.cfg.Store.Renew(ctx, now, l.cfg.Lease, claims...)
}

// record tells the store what became of claims, on a context that outlives the caller's by [Config.Record]. It tries again while
// the store fails: what is not recorded is done twice.
func (l *Ledger) record(ctx context.Context, results []dedupe.Result) ([]dedupe.Key, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.Record)
	defer cancel()
	unsure := false
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		lost, err := l.cfg.Store.Finish(ctx, l.cfg.Now(), results...)
		if err == nil && unsure && len(lost) > 0 {
			lost, err = l.reallyLost(ctx, results, lost)
		}
		if err == nil || errors.Is(err, dedupe.ErrInvalid) {
			return lost, err
		}
		unsure = true
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

// reallyLost leaves out the claims that an earlier attempt closed just so, although its answer was an error.
func (l *Ledger) reallyLost(ctx context.Context, results []dedupe.Result, lost []dedupe.Key) ([]dedupe.Key, error) {
	records, err := l.cfg.Store.Lookup(ctx, lost...)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(lost, func(key dedupe.Key) bool {
		return slices.ContainsFunc(results, func(res dedupe.Result) bool {
			return res.Claim.Key == key && slices.ContainsFunc(records, func(r dedupe.Record) bool {
				return r.Key == key && r.Owner == res.Claim.Owner && r.Attempt == res.Claim.Attempt && r.State == res.State
			})
		})
	}), nil
}

package dedupetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

const lease = time.Minute

// morning is when every check begins. The stores read no clock, so it need not be today.
func morning() time.Time { return time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC) }

// win claims one key and says so when it is not won.
func win(ctx context.Context, s dedupe.Store, owner string, now time.Time, key dedupe.Key) (dedupe.Grant, error) {
	g, err := ask(ctx, s, owner, now, key)
	if err == nil && !g.Won {
		err = fmt.Errorf("%s did not win %s at %s; its record: %s", owner, key, clock(now), show(g.Record))
	}
	return g, err
}

// lose claims one key and says so when it is won.
func lose(ctx context.Context, s dedupe.Store, owner string, now time.Time, key dedupe.Key) (dedupe.Grant, error) {
	g, err := ask(ctx, s, owner, now, key)
	if err == nil && g.Won {
		err = fmt.Errorf("%s won %s at %s, where this stood: %s", owner, key, clock(now), show(g.Record))
	}
	return g, err
}

func ask(ctx context.Context, s dedupe.Store, owner string, now time.Time, key dedupe.Key) (dedupe.Grant, error) {
	grants, err := s.Claim(ctx, owner, now, lease, key)
	if err != nil {
		return dedupe.Grant{}, fmt.Errorf("Claim(%s): %w", key, err)
	}
	if len(grants) != 1 {
		return dedupe.Grant{}, fmt.Errorf("Claim(%s) returned %d grants, want 1", key, len(grants))
	}
	return grants[0], nil
}

// end finishes one claim and says so when it is lost.
func end(ctx context.Context, s dedupe.Store, now time.Time, result dedupe.Result) error {
	lost, err := s.Finish(ctx, now, result)
	if err == nil && len(lost) > 0 {
		err = fmt.Errorf("Finish(%s) as %s: the claim is lost, though nobody took it over", result.Claim.Key, result.State)
	}
	return err
}

// ended claims a key and finishes it.
func ended(ctx context.Context, s dedupe.Store, now time.Time, key dedupe.Key, state dedupe.State) (dedupe.Grant, error) {
	g, err := win(ctx, s, "first", now, key)
	if err != nil {
		return g, err
	}
	return g, end(ctx, s, now, dedupe.Result{Claim: g.Claim, State: state, Detail: "note", Before: []byte("before")})
}

// found looks one key up, which must be known.
func found(ctx context.Context, s dedupe.Store, key dedupe.Key) (dedupe.Record, error) {
	records, err := s.Lookup(ctx, key)
	if err != nil {
		return dedupe.Record{}, fmt.Errorf("Lookup(%s): %w", key, err)
	}
	if len(records) != 1 || records[0].Key != key {
		return dedupe.Record{}, fmt.Errorf("Lookup(%s) returned %d records, want the one of that key", key, len(records))
	}
	return records[0], nil
}

// stands says how the record of want.Key differs from want.
func stands(ctx context.Context, s dedupe.Store, want dedupe.Record) error {
	got, err := found(ctx, s, want.Key)
	if err != nil {
		return err
	}
	return same("Lookup", got, want)
}

func same(what string, got, want dedupe.Record) error {
	if show(got) != show(want) {
		return fmt.Errorf("%s:\n got %s\nwant %s", what, show(got), show(want))
	}
	return nil
}

// nothing says what should not be there.
func nothing[T any](what string, got []T, err error) error {
	if err == nil && len(got) > 0 {
		err = fmt.Errorf("%s: got %v, want nothing", what, got)
	}
	return err
}

// wantError says that a call ended in another way than with want.
func wantError(what string, got, want error) error {
	if errors.Is(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got the error %q, want %w", what, fmt.Sprint(got), want)
}

func wantKeys(what string, got []dedupe.Key, want ...dedupe.Key) error {
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s: got the keys %q, want %q", what, got, want)
	}
	return nil
}

func show(r dedupe.Record) string {
	if r.Key == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q %s by %q attempt %d until %s updated %s created %s detail %q before %q",
		r.Key, r.State, r.Owner, r.Attempt, clock(r.Until), clock(r.Updated), clock(r.Created), r.Detail, r.Before)
}

// clock shows the zone too: times must come back in UTC.
func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339Nano)
}

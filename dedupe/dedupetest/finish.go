package dedupetest

import (
	"context"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

func finishChecks() []check {
	return []check{
		{"finish_records", "finishing records state, note, state before and time, and ends the lease", finishRecords},
		{"finish_fence", "a holder whose claim was taken over changes nothing, and its key is returned as lost", finishFence},
		{"finish_closed", "a claim is closed once: a second result for it is lost", finishClosed},
		{"finish_late", "finishing counts after the lease has ended too, as long as nobody has taken the claim over", finishLate},
		{"finish_others", "lost keys are returned sorted, and the other results recorded", finishOthers},
		{"finish_before", "a result without a state before leaves the one of an earlier attempt", finishBefore},
	}
}

func finishRecords(ctx context.Context, s dedupe.Store) error {
	now := morning()
	for _, state := range []dedupe.State{dedupe.Done, dedupe.Failed, dedupe.Released} {
		g, err := win(ctx, s, "first", now, dedupe.Key(state))
		if err != nil {
			return err
		}
		want, err := found(ctx, s, g.Claim.Key)
		if err != nil {
			return err
		}
		later := now.Add(time.Second)
		result := dedupe.Result{Claim: g.Claim, State: state, Detail: "note on " + string(state), Before: []byte(`{"on":false}`)}
		if err := end(ctx, s, later, result); err != nil {
			return err
		}
		want.State, want.Until, want.Updated, want.Detail, want.Before = state, time.Time{}, later, result.Detail, result.Before
		if err := stands(ctx, s, want); err != nil {
			return err
		}
	}
	lost, err := s.Finish(ctx, now)
	if err != nil {
		return err
	}
	return wantKeys("Finish of nothing", lost)
}

func finishFence(ctx context.Context, s dedupe.Store) error {
	for _, owner := range []string{"second", "first"} { // the same owner with another attempt is somebody else
		now, key := morning(), dedupe.Key("taken by "+owner)
		late, err := win(ctx, s, "first", now, key)
		if err != nil {
			return err
		}
		now = now.Add(lease)
		if _, err := win(ctx, s, owner, now, key); err != nil {
			return err
		}
		want, err := found(ctx, s, key)
		if err != nil {
			return err
		}
		lost, err := s.Finish(ctx, now.Add(time.Second), dedupe.Result{Claim: late.Claim, State: dedupe.Done, Detail: "late"})
		if err != nil {
			return err
		}
		if err := stands(ctx, s, want); err != nil {
			return err
		}
		if err := wantKeys("Finish after the takeover: lost", lost, key); err != nil {
			return err
		}
	}
	return nil
}

func finishClosed(ctx context.Context, s dedupe.Store) error {
	now := morning()
	g, err := ended(ctx, s, now, "k", dedupe.Failed)
	if err != nil {
		return err
	}
	want, err := found(ctx, s, "k")
	if err != nil {
		return err
	}
	lost, err := s.Finish(ctx, now.Add(time.Second), dedupe.Result{Claim: g.Claim, State: dedupe.Done, Detail: "second"})
	if err != nil {
		return err
	}
	if err := stands(ctx, s, want); err != nil {
		return err
	}
	return wantKeys("second Finish: lost", lost, "k")
}

func finishLate(ctx context.Context, s dedupe.Store) error {
	g, err := win(ctx, s, "first", morning(), "k")
	if err != nil {
		return err
	}
	return end(ctx, s, morning().Add(5*lease), dedupe.Result{Claim: g.Claim, State: dedupe.Done})
}

func finishOthers(ctx context.Context, s dedupe.Store) error {
	now := morning()
	var results []dedupe.Result
	for _, key := range []dedupe.Key{"y", "c", "x", "a"} {
		g, err := win(ctx, s, "first", now, key)
		if err != nil {
			return err
		}
		results = append(results, dedupe.Result{Claim: g.Claim, State: dedupe.Failed})
	}
	// y and a are lost: one was never claimed by this owner, the other is unknown.
	results[0].Claim.Owner = "stranger"
	results[3].Claim.Key = "b"
	lost, err := s.Finish(ctx, now, results...)
	if err != nil {
		return err
	}
	if err := wantKeys("Finish: lost", lost, "b", "y"); err != nil {
		return err
	}
	for key, want := range map[dedupe.Key]dedupe.State{"a": dedupe.Claimed, "c": dedupe.Failed, "x": dedupe.Failed, "y": dedupe.Claimed} {
		r, err := found(ctx, s, key)
		if err != nil {
			return err
		}
		if r.State != want {
			return fmt.Errorf("%s is %s, want %s", key, r.State, want)
		}
	}
	records, err := s.Lookup(ctx, "b")
	return nothing("what finishing an unknown claim left", records, err)
}

func finishBefore(ctx context.Context, s dedupe.Store) error {
	now := morning()
	if _, err := ended(ctx, s, now, "k", dedupe.Failed); err != nil {
		return err
	}
	g, err := win(ctx, s, "second", now, "k")
	if err != nil {
		return err
	}
	if err := end(ctx, s, now, dedupe.Result{Claim: g.Claim, State: dedupe.Failed}); err != nil {
		return err
	}
	r, err := found(ctx, s, "k")
	if err == nil && (string(r.Before) != "before" || r.Detail != "") {
		err = fmt.Errorf("the second result should leave the state before and take the note away; there stands %s", show(r))
	}
	return err
}

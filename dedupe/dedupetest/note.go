package dedupetest

import (
	"context"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

func noteChecks() []check {
	return []check{
		{"note_records", "a note replaces the state before and the time, and changes nothing else; the claim goes on", noteRecords},
		{"note_lost", "a note on a claim that is taken over, closed or unknown is lost and changes nothing, and the others are recorded", noteLost},
		{"note_late", "a note counts after the lease has ended too, as long as nobody has taken the claim over", noteLate},
	}
}

// noted notes a state on one claim, which must not be lost.
func noted(ctx context.Context, s dedupe.Store, now time.Time, c dedupe.Claim, before string) error {
	lost, err := s.Note(ctx, now, dedupe.Note{Claim: c, Before: []byte(before)})
	if err != nil {
		return err
	}
	return wantKeys("Note on a claim that is held: lost", lost)
}

func noteRecords(ctx context.Context, s dedupe.Store) error {
	now := morning()
	if _, err := ended(ctx, s, now, "k", dedupe.Failed); err != nil {
		return err
	}
	g, err := win(ctx, s, "second", now, "k")
	if err != nil {
		return err
	}
	want, err := found(ctx, s, "k")
	if err != nil {
		return err
	}
	for _, before := range []string{`{"on":false}`, `{"on":true}`} {
		want.Before, want.Updated = []byte(before), want.Updated.Add(time.Second)
		if err := noted(ctx, s, want.Updated, g.Claim, before); err != nil {
			return err
		}
		if err := stands(ctx, s, want); err != nil {
			return err
		}
	}
	lost, err := s.Note(ctx, now)
	return nothing("Note of nothing: lost", lost, err)
}

func noteLost(ctx context.Context, s dedupe.Store) error {
	now := morning()
	var notes []dedupe.Note
	for _, key := range []dedupe.Key{"z-taken", "kept", "closed", "same-owner", "also-kept"} {
		g, err := win(ctx, s, "first", now, key)
		if err != nil {
			return err
		}
		notes = append(notes, dedupe.Note{Claim: g.Claim, Before: []byte("noted")})
	}
	notes = append(notes, dedupe.Note{Claim: dedupe.Claim{Key: "unknown", Owner: "first", Attempt: 1}, Before: []byte("noted")})
	if err := end(ctx, s, now, dedupe.Result{Claim: notes[2].Claim, State: dedupe.Failed, Before: []byte("before")}); err != nil {
		return err
	}
	now = now.Add(lease)
	for key, heir := range map[dedupe.Key]string{"z-taken": "second", "same-owner": "first"} { // the fence is owner and attempt
		if _, err := win(ctx, s, heir, now, key); err != nil {
			return err
		}
	}
	want := make(map[dedupe.Key]dedupe.Record)
	for _, key := range []dedupe.Key{"z-taken", "kept", "closed", "same-owner", "also-kept"} {
		r, err := found(ctx, s, key)
		if err != nil {
			return err
		}
		if key == "kept" || key == "also-kept" {
			r.Before, r.Updated = []byte("noted"), now.Add(time.Second)
		}
		want[key] = r
	}
	lost, err := s.Note(ctx, now.Add(time.Second), notes...)
	if err != nil {
		return err
	}
	if err := wantKeys("Note: lost", lost, "closed", "same-owner", "unknown", "z-taken"); err != nil {
		return err
	}
	for _, r := range want {
		if err := stands(ctx, s, r); err != nil {
			return err
		}
	}
	records, err := s.Lookup(ctx, "unknown")
	return nothing("what a note on an unknown claim left", records, err)
}

func noteLate(ctx context.Context, s dedupe.Store) error {
	g, err := win(ctx, s, "first", morning(), "k")
	if err != nil {
		return err
	}
	want, err := found(ctx, s, "k")
	if err != nil {
		return err
	}
	want.Before, want.Updated = []byte("late"), morning().Add(5*lease)
	if err := noted(ctx, s, want.Updated, g.Claim, "late"); err != nil {
		return err
	}
	return stands(ctx, s, want)
}

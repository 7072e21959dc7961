package dedupetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pphunt/pphunt/dedupe"
)

func fidelityChecks() []check {
	return []check{
		{"lookup", "looking up returns the known records, each once, sorted by key, and changes nothing", lookup},
		{"exact_keys", "keys are equal only when every byte is, whatever they are made of", exactKeys},
		{"exact_times", "times are kept to the nanosecond and given back in UTC", exactTimes},
		{"exact_notes", "notes and states before are kept exactly; what no text can hold is replaced, what is too long cut", exactNotes},
		{"own_memory", "a store shares no memory with its callers", ownMemory},
		{"context", "a call whose context has ended returns its error and changes nothing", endedContext},
		{"large_batches", "batches may have any size", largeBatches},
	}
}

func lookup(ctx context.Context, s dedupe.Store) error {
	now := morning()
	for _, key := range []dedupe.Key{"b", "a", "c"} {
		if _, err := ended(ctx, s, now, key, dedupe.Failed); err != nil {
			return err
		}
	}
	for range 2 {
		records, err := s.Lookup(ctx, "c", "unknown", "a", "c")
		if err != nil {
			return err
		}
		var keys []dedupe.Key
		for _, r := range records {
			keys = append(keys, r.Key)
			if r.State != dedupe.Failed || r.Owner != "first" || r.Detail != "note" || string(r.Before) != "before" {
				return fmt.Errorf("looking up gave %s, want what was recorded", show(r))
			}
		}
		if err := wantKeys("Lookup(c unknown a c)", keys, "a", "c"); err != nil {
			return err
		}
	}
	none, err := s.Lookup(ctx)
	return nothing("looking up no key", none, err)
}

func exactKeys(ctx context.Context, s dedupe.Store) error {
	keys := []dedupe.Key{
		"isolate/device/1", "ISOLATE/device/1", "isolate/device/1 ", " isolate/device/1", "isolate/device/01", "isolate/device/%",
		"'; DROP TABLE x --", `a"b`, "a`b", `a\b`, "a\nb", "a\x01b", "$1", "?1", ":key", "é", "e\u0301", "日本/プロセス",
		dedupe.Key(strings.Repeat("k", dedupe.MaxKey)),
	}
	for _, key := range keys {
		g, err := win(ctx, s, "first", morning(), key)
		if err != nil {
			return err
		}
		if g.Claim.Key != key {
			return fmt.Errorf("the claim on %q is for %q", key, g.Claim.Key)
		}
	}
	records, err := s.Lookup(ctx, keys...)
	if err == nil && len(records) != len(keys) {
		err = fmt.Errorf("%d keys have %d records", len(keys), len(records))
	}
	return err
}

func exactTimes(ctx context.Context, s dedupe.Store) error {
	now := time.Date(2026, 3, 1, 2, 59, 59, 123456789, time.FixedZone("CET", 3600))
	g, err := win(ctx, s, "first", now, "k")
	if err != nil {
		return err
	}
	utc := now.UTC()
	if want := utc.Add(lease); g.Claim.Until != want {
		return fmt.Errorf("the claim ends %s, want %s", clock(g.Claim.Until), clock(want))
	}
	r, err := found(ctx, s, "k")
	if err == nil && (r.Until != utc.Add(lease) || r.Updated != utc || r.Created != utc) {
		err = fmt.Errorf("a claim at %s is recorded as %s", clock(utc), show(r))
	}
	return err
}

func exactNotes(ctx context.Context, s dedupe.Store) error {
	long := strings.Repeat("日本", dedupe.MaxDetail)
	for i, c := range []struct{ detail, want, before string }{
		{"403 Forbidden: 'x' \"y\" %s ?1 $1\n日本", "403 Forbidden: 'x' \"y\" %s ?1 $1\n日本", "\x00\xff\xfe{}"},
		{"a\xffb\x00c", "a\uFFFDb\uFFFDc", "x"},
		{"", "", ""},
		{strings.Repeat("n", dedupe.MaxDetail), strings.Repeat("n", dedupe.MaxDetail), strings.Repeat("b", 1<<20)},
	} {
		key := dedupe.Key(fmt.Sprintf("k%d", i))
		g, err := win(ctx, s, "first", morning(), key)
		if err != nil {
			return err
		}
		if err := end(ctx, s, morning(), dedupe.Result{Claim: g.Claim, State: dedupe.Failed, Detail: c.detail, Before: []byte(c.before)}); err != nil {
			return err
		}
		r, err := found(ctx, s, key)
		if err != nil {
			return err
		}
		if r.Detail != c.want || string(r.Before) != c.before {
			return fmt.Errorf("note and state before %.60q, %.60q came back as %.60q, %.60q", c.detail, c.before, r.Detail, r.Before)
		}
	}
	g, err := win(ctx, s, "first", morning(), "long")
	if err != nil {
		return err
	}
	if err := end(ctx, s, morning(), dedupe.Result{Claim: g.Claim, State: dedupe.Failed, Detail: long}); err != nil {
		return err
	}
	r, err := found(ctx, s, "long")
	if err != nil {
		return err
	}
	start, cut := strings.CutSuffix(r.Detail, "…")
	if !cut || len(r.Detail) > dedupe.MaxDetail || !utf8.ValidString(r.Detail) || !strings.HasPrefix(long, start) {
		return fmt.Errorf("a note of %d bytes came back with %d, ending in %.30q", len(long), len(r.Detail), r.Detail[max(0, len(r.Detail)-9):])
	}
	return nil
}

func ownMemory(ctx context.Context, s dedupe.Store) error {
	g, err := win(ctx, s, "first", morning(), "k")
	if err != nil {
		return err
	}
	before := []byte("before")
	if err := end(ctx, s, morning(), dedupe.Result{Claim: g.Claim, State: dedupe.Failed, Before: before}); err != nil {
		return err
	}
	spoil := func(b []byte) {
		for i := range b {
			b[i] = 'X'
		}
	}
	spoil(before)
	r, err := found(ctx, s, "k")
	if err != nil {
		return err
	}
	if string(r.Before) != "before" {
		return errors.New("writing to Result.Before after Finish changed the store")
	}
	spoil(r.Before)
	g, err = win(ctx, s, "second", morning(), "k")
	if err != nil {
		return err
	}
	if string(g.Record.Before) != "before" {
		return errors.New("writing to Record.Before of a lookup changed the store")
	}
	spoil(g.Record.Before)
	for r, err := range s.Scan(ctx, "") {
		if err != nil {
			return err
		}
		if string(r.Before) != "before" {
			return errors.New("writing to Record.Before of a grant changed the store")
		}
		spoil(r.Before)
	}
	before = []byte("noted")
	if r, err = found(ctx, s, "k"); err != nil || string(r.Before) != "before" {
		return errors.Join(err, errors.New("writing to Record.Before of a scan changed the store"))
	}
	if lost, err := s.Note(ctx, morning(), dedupe.Note{Claim: g.Claim, Before: before}); err != nil || len(lost) > 0 {
		return errors.Join(err, wantKeys("Note: lost", lost))
	}
	spoil(before)
	if r, err = found(ctx, s, "k"); err == nil && string(r.Before) != "noted" {
		err = errors.New("writing to Note.Before after Note changed the store")
	}
	return err
}

func endedContext(ctx context.Context, s dedupe.Store) error {
	now := morning()
	held, err := win(ctx, s, "first", now, "held")
	if err != nil {
		return err
	}
	if _, err := ended(ctx, s, now, "done", dedupe.Done); err != nil {
		return err
	}
	want, err := s.Lookup(ctx, "fresh", "held", "done")
	if err != nil {
		return err
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	for what, call := range map[string]func() error{
		"Claim": func() error {
			_, err := s.Claim(over, "second", now.Add(lease), lease, "fresh", "held")
			return err
		},
		"Renew": func() error {
			_, err := s.Renew(over, now.Add(lease), lease, held.Claim)
			return err
		},
		"Finish": func() error {
			_, err := s.Finish(over, now, dedupe.Result{Claim: held.Claim, State: dedupe.Done})
			return err
		},
		"Note": func() error {
			_, err := s.Note(over, now, dedupe.Note{Claim: held.Claim, Before: []byte("late")})
			return err
		},
		"Lookup": func() error {
			_, err := s.Lookup(over, "held")
			return err
		},
		"Unfinished": func() error {
			_, err := s.Unfinished(over, "")
			return err
		},
		"Forget": func() error {
			_, err := s.Forget(over, now.Add(time.Hour))
			return err
		},
	} {
		if err := wantError(what, call(), context.Canceled); err != nil {
			return err
		}
	}
	got, err := s.Lookup(ctx, "fresh", "held", "done")
	if err == nil && !slices.EqualFunc(got, want, func(a, b dedupe.Record) bool { return show(a) == show(b) }) {
		err = fmt.Errorf("the records were %v and are %v", want, got)
	}
	return err
}

// largeBatches has more values than a statement may have parameters in SQLite: 32,766 for records of nine columns.
func largeBatches(ctx context.Context, s dedupe.Store) error {
	keys := make([]dedupe.Key, 4_000)
	for i := range keys {
		keys[i] = dedupe.Key(fmt.Sprintf("task/device/%05d", i))
	}
	grants, err := s.Claim(ctx, "first", morning(), lease, keys...)
	if err != nil {
		return err
	}
	claims := make([]dedupe.Claim, len(grants))
	results := make([]dedupe.Result, len(grants))
	for i, g := range grants {
		claims[i], results[i] = g.Claim, dedupe.Result{Claim: g.Claim, State: dedupe.Failed}
	}
	if err := renewed(ctx, s, morning(), lease, claims...); err != nil {
		return err
	}
	notes := make([]dedupe.Note, len(claims))
	for i, c := range claims {
		notes[i] = dedupe.Note{Claim: c, Before: []byte("noted")}
	}
	if lost, err := s.Note(ctx, morning(), notes...); err != nil || len(lost) > 0 {
		return errors.Join(err, wantKeys("Note: lost", lost))
	}
	lost, err := s.Finish(ctx, morning(), results...)
	if err != nil {
		return err
	}
	if err := wantKeys("Finish: lost", lost); err != nil {
		return err
	}
	records, err := s.Lookup(ctx, keys...)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.State != dedupe.Failed {
			return fmt.Errorf("%s is %s, want failed", r.Key, r.State)
		}
	}
	if len(grants) != len(keys) || len(records) != len(keys) {
		return fmt.Errorf("%d keys gave %d grants and %d records", len(keys), len(grants), len(records))
	}
	return nil
}

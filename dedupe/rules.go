package dedupe

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Take is the rule of [Store.Claim] for one key: given what stood there, zero if nothing, it returns the answer and what stands
// there afterwards. The arguments must have passed [CheckClaim].
func Take(stood Record, key Key, owner string, now time.Time, lease time.Duration) (Record, Grant) {
	now = instant(now)
	next := stood
	switch {
	case stood.Key == "":
		next = Record{Key: key, Created: now}
	case stood.State == Done, stood.State == Claimed && stood.Until.After(now):
		return stood, Grant{Claim: Claim{Key: key}, Record: stood}
	}
	next.State, next.Owner, next.Attempt = Claimed, owner, stood.Attempt+1
	next.Until, next.Updated = now.Add(lease), now
	return next, Grant{Claim: next.Claim(), Won: true, Record: stood}
}

// Prolong is the rule of [Store.Renew] for one claim: it returns what stands there afterwards, or false if the claim is lost.
func Prolong(stood Record, claim Claim, now time.Time, lease time.Duration) (Record, bool) {
	if !holds(stood, claim) {
		return stood, false
	}
	now = instant(now)
	if until := now.Add(lease); until.After(stood.Until) {
		stood.Until = until
	}
	stood.Updated = now
	return stood, true
}

// Annotate is the rule of [Store.Note] for one note: it returns what stands there afterwards, or false if the claim is lost.
func Annotate(stood Record, now time.Time, note Note) (Record, bool) {
	if !holds(stood, note.Claim) {
		return stood, false
	}
	stood.Before, stood.Updated = note.Before, instant(now)
	return stood, true
}

// Close is the rule of [Store.Finish] for one result: it returns what stands there afterwards, or false if the claim is lost.
func Close(stood Record, now time.Time, result Result) (Record, bool) {
	if !holds(stood, result.Claim) {
		return stood, false
	}
	stood.State, stood.Detail = result.State, result.Detail
	stood.Until, stood.Updated = time.Time{}, instant(now)
	if len(result.Before) > 0 {
		stood.Before = result.Before
	}
	return stood, true
}

// Outstanding is the rule of [Store.Unfinished] for one record.
func Outstanding(stood Record, prefix Key) bool {
	return stood.State != Done && Within(stood, prefix)
}

// Within is the rule of [Store.Scan] for one record.
func Within(stood Record, prefix Key) bool {
	return stood.Key != "" && strings.HasPrefix(string(stood.Key), string(prefix))
}

// Forgettable is the rule of [Store.Forget] for one record.
func Forgettable(stood Record, before time.Time) bool {
	return stood.State == Done && stood.Updated.Before(before)
}

func holds(stood Record, claim Claim) bool {
	return stood.State == Claimed && stood.Key == claim.Key && stood.Owner == claim.Owner && stood.Attempt == claim.Attempt
}

// CheckClaim checks the arguments of [Store.Claim] and returns the keys sorted and each once.
func CheckClaim(owner string, now time.Time, lease time.Duration, keys []Key) ([]Key, error) {
	if err := cmp.Or(checkText("owner", owner, MaxOwner), checkLease(now, lease)); err != nil {
		return nil, err
	}
	return CheckKeys(keys)
}

// CheckKeys checks keys and returns them sorted and each once. Back ends work in this order: two transactions that lock the
// same rows in different orders wait for each other for ever.
func CheckKeys(keys []Key) ([]Key, error) {
	for _, k := range keys {
		if err := k.Check(); err != nil {
			return nil, err
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(keys))), nil
}

// CheckRenew checks the arguments of [Store.Renew] and returns the claims sorted by key.
func CheckRenew(now time.Time, lease time.Duration, claims []Claim) ([]Claim, error) {
	if err := checkLease(now, lease); err != nil {
		return nil, err
	}
	for _, c := range claims {
		if err := c.Key.Check(); err != nil {
			return nil, err
		}
	}
	sorted := slices.Clone(claims)
	slices.SortStableFunc(sorted, func(a, b Claim) int { return cmp.Compare(a.Key, b.Key) })
	return sorted, nil
}

// CheckNote checks the arguments of [Store.Note] and returns the notes sorted by key, with memory of their own.
func CheckNote(now time.Time, notes []Note) ([]Note, error) {
	if err := checkTime(now); err != nil {
		return nil, err
	}
	sorted := slices.Clone(notes)
	slices.SortFunc(sorted, func(a, b Note) int { return cmp.Compare(a.Claim.Key, b.Claim.Key) })
	for i := range sorted {
		n := &sorted[i]
		if err := n.Claim.Key.Check(); err != nil {
			return nil, err
		}
		if i > 0 && sorted[i-1].Claim.Key == n.Claim.Key {
			return nil, fmt.Errorf("%w: two notes for %s", ErrInvalid, n.Claim.Key)
		}
		if len(n.Before) == 0 {
			return nil, fmt.Errorf("%w: the state before %s is empty", ErrInvalid, n.Claim.Key)
		}
		n.Before = bytes.Clone(n.Before)
	}
	return sorted, nil
}

// CheckFinish checks the arguments of [Store.Finish] and returns the results sorted by key, with details that every back end can
// keep and with memory of their own.
func CheckFinish(now time.Time, results []Result) ([]Result, error) {
	if err := checkTime(now); err != nil {
		return nil, err
	}
	sorted := slices.Clone(results)
	slices.SortFunc(sorted, func(a, b Result) int { return cmp.Compare(a.Claim.Key, b.Claim.Key) })
	for i := range sorted {
		r := &sorted[i]
		if err := r.Claim.Key.Check(); err != nil {
			return nil, err
		}
		if i > 0 && sorted[i-1].Claim.Key == r.Claim.Key {
			return nil, fmt.Errorf("%w: two results for %s", ErrInvalid, r.Claim.Key)
		}
		if r.State != Done && r.State != Failed && r.State != Released {
			return nil, fmt.Errorf("%w: %q is no end of %s", ErrInvalid, r.State, r.Claim.Key)
		}
		r.Detail, r.Before = keepable(r.Detail), bytes.Clone(r.Before)
	}
	return sorted, nil
}

func checkLease(now time.Time, lease time.Duration) error {
	if lease <= 0 {
		return fmt.Errorf("%w: the lease of %v is not positive", ErrInvalid, lease)
	}
	return cmp.Or(checkTime(now), checkTime(now.Add(lease)))
}

// checkTime keeps times within what 64 bits of nanoseconds hold, and finds the zero time that somebody forgot to set.
func checkTime(t time.Time) error {
	if y := t.UTC().Year(); y < 1971 || y > 2200 {
		return fmt.Errorf("%w: the time %s is outside the years 1971 to 2200", ErrInvalid, t.UTC().Format(time.RFC3339))
	}
	return nil
}

// instant is t without its zone and its monotonic reading, neither of which outlives a process.
func instant(t time.Time) time.Time { return t.UTC().Round(0) }

const ellipsis = "…"

// keepable makes any text one that every back end can keep: error texts carry other people's bytes.
func keepable(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= MaxDetail {
		return s
	}
	cut := MaxDetail - len(ellipsis)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + ellipsis
}

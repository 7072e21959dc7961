package cbc

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
)

// BySHA256 finds the overrides of each hash on either list, at most one of them being usual. Hashes without any have no key in
// the result. What merely mentions a hash is left out. An error means that nothing is known. It needs org.reputations (READ).
func (r *Reputation) BySHA256(ctx context.Context, hashes ...[32]byte) (map[[32]byte][]Override, error) {
	wanted := make(map[[32]byte]bool, len(hashes))
	for _, h := range hashes {
		wanted[h] = true
	}
	found := make(map[[32]byte][]Override)
	keep := func(o Override) {
		if h, _ := o.SHA256(); wanted[h] && o.For(h) {
			found[h] = append(found[h], o)
		}
	}
	if len(wanted) > 1 {
		// One listing answers for all hashes, unless it has more pages than there are hashes.
		rows, total, err := r.page(ctx, OverrideQuery{Type: ByHash}, 0)
		if err != nil {
			return nil, err
		}
		if total <= MaxRows && total <= len(wanted)*overrideRows {
			for o, err := range r.after(ctx, OverrideQuery{Type: ByHash}, rows, total) {
				if err != nil {
					return nil, err
				}
				keep(o)
			}
			return found, nil
		}
	}
	for h := range wanted {
		for o, err := range r.Search(ctx, OverrideQuery{Type: ByHash, Text: hex.EncodeToString(h[:])}) {
			if err != nil {
				return nil, err
			}
			if o.For(h) {
				keep(o)
			}
		}
	}
	return found, nil
}

// AllowListedError says that a file was not banned because the organization allows it. One of the two is wrong, which only a person
// can tell. It is an [ErrConflict].
type AllowListedError struct {
	// SHA256 is the hash that was to be banned.
	SHA256 [32]byte
	// Existing is the entry on the allow list.
	Existing Override
}

// Error names the entry that stands against the ban.
func (e *AllowListedError) Error() string {
	return fmt.Sprintf("cbc: reputation.ban: %x is on the allow list (override %s, by %s)", e.SHA256, printable(string(e.Existing.ID)), cmp.Or(printable(e.Existing.CreatedBy), "unknown"))
}

// Is makes the error an [ErrConflict].
func (e *AllowListedError) Is(target error) bool { return target == ErrConflict }

// Ban bans a file, once. It returns the entry, and whether this call made it: one that was there before is not this caller's to
// delete. A file that is on the allow list is not banned: that is an [*AllowListedError]. Ban needs org.reputations (READ, CREATE).
func (r *Reputation) Ban(ctx context.Context, ban Override) (entry Override, created bool, err error) {
	hash, ok := ban.SHA256()
	switch {
	case !ok || hash == [32]byte{}:
		return Override{}, false, errors.New("cbc: reputation.ban: no SHA-256 to ban")
	case ban.List != Banned || ban.Type != ByHash:
		return Override{}, false, fmt.Errorf("cbc: reputation.ban: a ban is on %s by %s: use BanOf", Banned, ByHash)
	}
	if entry, ok, err := r.banned(ctx, hash); ok || err != nil {
		return entry, false, err
	}
	entry, err = r.Create(ctx, ban)
	if err == nil {
		return entry, true, nil
	}
	if !mayExist(err) || ctx.Err() != nil {
		return Override{}, false, err
	}
	// Refused as a repetition, or done with the answer lost: the vendor does not say which, the list does.
	if entry, ok, lookup := r.banned(ctx, hash); ok || errors.Is(lookup, ErrConflict) {
		return entry, false, lookup
	}
	return Override{}, false, err
}

// banned finds the ban of a hash, unless the hash is allowed.
func (r *Reputation) banned(ctx context.Context, hash [32]byte) (Override, bool, error) {
	existing, err := r.BySHA256(ctx, hash)
	if err != nil {
		return Override{}, false, err
	}
	var ban Override
	for _, o := range existing[hash] {
		if !o.on(Banned) { // also a list that is not known: what it means for a ban is not known either
			return Override{}, false, &AllowListedError{SHA256: hash, Existing: o}
		}
		if ban.ID == "" {
			ban = o
		}
	}
	return ban, ban.ID != "", nil
}

// mayExist tells whether after this error of a creation there may be an entry.
func mayExist(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	return !ok || e.StatusCode == http.StatusBadRequest || e.StatusCode == http.StatusConflict || e.StatusCode >= 500 || e.StatusCode/100 == 2
}

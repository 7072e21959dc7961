package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// Undo implements [hunt.Undoer].
func (a *denylist) Undo(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	good, existing, outcomes := a.overrides(ctx, tasks)
	return append(outcomes, each(ctx, good, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		h, _ := hunt.ParseSHA256(t.Target) // parsed above
		ours, o, ok := weighBan(t, existing[h])
		if !ok {
			return o
		}
		err := a.reputation.Delete(ctx, ours.ID)
		switch {
		case errors.Is(err, cbc.ErrNotFound):
			return already(t, "the ban is gone")
		case err != nil:
			return failed(t, fmt.Errorf("actions: denylist: undo: %w", err))
		}
		detail := fmt.Sprintf("the ban (override %s) is deleted; sensors follow at their next check-ins", ours.ID)
		if i := slices.IndexFunc(existing[h], func(o cbc.Override) bool { return o.ID != ours.ID && isBan(o) }); i >= 0 {
			detail += fmt.Sprintf("; the file stays banned by override %s by %s", existing[h][i].ID, cmp.Or(existing[h][i].CreatedBy, "unknown"))
		}
		return undone(t, detail)
	})...)
}

// weighBan finds the ban that the task has made among what is listed of its file, and otherwise tells what is to be said.
func weighBan(t hunt.Task, existing []cbc.Override) (ours cbc.Override, o hunt.Outcome, ok bool) {
	var b denylistBefore
	if !parseBefore(t, &b) {
		return ours, held(t, noBefore), false
	}
	found := slices.DeleteFunc(slices.Clone(existing), func(o cbc.Override) bool { return !b.made(o) })
	switch {
	case len(found) > 1:
		return ours, held(t, fmt.Sprintf("stays: which of %d overrides of the file is ours is not recorded", len(found))), false
	case len(found) == 1 && !isBan(found[0]):
		return ours, held(t, fmt.Sprintf("stays: the override %s is on the list %s now", found[0].ID, found[0].List)), false
	case len(found) == 1:
		return found[0], o, true
	case len(existing) == 0:
		return ours, already(t, "the ban is gone"), false
	case b.Created == "":
		return ours, held(t, fmt.Sprintf("stays: override %s by %s of the file is not known to be ours", existing[0].ID, cmp.Or(existing[0].CreatedBy, "unknown"))), false
	}
	return ours, held(t, fmt.Sprintf("stays: somebody has put override %s by %s (%s) in the place of our ban", existing[0].ID, cmp.Or(existing[0].CreatedBy, "unknown"), existing[0].List)), false
}

// made tells whether an override is the one that was made. Where the process died before the answer came, it is the one that was not
// there before and has our description.
func (b denylistBefore) made(o cbc.Override) bool {
	if b.Created != "" {
		return strings.EqualFold(string(o.ID), string(b.Created))
	}
	there := slices.ContainsFunc(b.Overrides, func(l listed) bool { return l.ID == o.ID })
	return b.Overrides != nil && !there && described(o.Description) && strings.HasSuffix(o.Description, banEnds)
}

package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// Banner reads, makes and deletes reputation overrides. *cbc.Reputation is one.
type Banner interface {
	BySHA256(ctx context.Context, hashes ...[32]byte) (map[[32]byte][]cbc.Override, error)
	Create(ctx context.Context, override cbc.Override) (cbc.Override, error)
	Ban(ctx context.Context, ban cbc.Override) (entry cbc.Override, created bool, err error)
	Delete(ctx context.Context, id cbc.OverrideID) error
}

// NewDenylist bans the files that were executed, in the whole organization. A file that is banned already is left so. A file on
// the allow list is held: somebody has approved it, and which of the two is wrong only a person can say. The empty file is held. It
// needs the permission org.reputations (CREATE, READ). A ban stops executables from being run or loaded; for other files it has no
// effect.
//
// Undo deletes the ban that was made, as long as it is one; what somebody has put in its place stays and is held. It needs
// org.reputations (READ, DELETE).
func NewDenylist(reputation Banner) hunt.Action { return &denylist{reputation} }

type denylist struct{ reputation Banner }

// Spec implements [hunt.Action].
func (*denylist) Spec() hunt.Spec {
	return hunt.Spec{
		Name: "denylist", Scope: hunt.ScopeHash, Impact: hunt.Destroys, Evidence: hunt.Executed, Undo: "the ban can be deleted",
	}
}

// denylistBefore is the state before, and the override that was made, once it was.
type denylistBefore struct {
	Overrides []listed `json:"overrides"`
	// Created is empty where the answer to its making has not come.
	Created cbc.OverrideID `json:"created,omitempty"`
}

type listed struct {
	ID   cbc.OverrideID   `json:"id"`
	List cbc.OverrideList `json:"list"`
}

var errZero = errors.New("it is zero")

// overrides reads what is listed of the files of tasks. Tasks that are about no file, and all if it cannot be read, get their outcome.
func (a *denylist) overrides(ctx context.Context, tasks []hunt.Task) (good []hunt.Task, existing map[[32]byte][]cbc.Override, outcomes []hunt.Outcome) {
	var hashes [][32]byte
	for _, t := range tasks {
		h, err := hunt.ParseSHA256(t.Target)
		switch {
		case err != nil || h.IsZero():
			outcomes = append(outcomes, refusal(t, fmt.Errorf("actions: denylist: %q is no file's hash: %w", t.Target, cmp.Or(err, errZero))))
		case isEmptyFile(h) && !t.Undo:
			outcomes = append(outcomes, held(t, emptyFileWords))
		default:
			good, hashes = append(good, t), append(hashes, h)
		}
	}
	if len(good) == 0 {
		return nil, nil, outcomes
	}
	existing, err := a.reputation.BySHA256(ctx, hashes...)
	if err != nil {
		return nil, nil, append(outcomes, same(good, func(t hunt.Task) hunt.Outcome {
			return failed(t, fmt.Errorf("actions: denylist: the existing overrides could not be read: %w", err))
		})...)
	}
	return good, existing, outcomes
}

// Look implements [hunt.Looker].
func (a *denylist) Look(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	good, existing, outcomes := a.overrides(ctx, tasks)
	for _, t := range good {
		h, _ := hunt.ParseSHA256(t.Target) // parsed above
		if t.Undo {
			if _, o, ok := weighBan(t, existing[h]); !ok {
				outcomes = append(outcomes, o)
				continue
			}
			outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Planned, Detail: "the ban would be deleted"})
			continue
		}
		outcomes = append(outcomes, lookAtBan(t, existing[h]))
	}
	return outcomes
}

func lookAtBan(t hunt.Task, existing []cbc.Override) hunt.Outcome {
	for _, o := range existing {
		if !isBan(o) { // also a list that is not known
			return held(t, allowed(o))
		}
	}
	if len(existing) > 0 {
		return already(t, "the file is banned already")
	}
	return planned(t, denylistBefore{Overrides: []listed{}}, "would be banned")
}

func isBan(o cbc.Override) bool { return strings.EqualFold(string(o.List), string(cbc.Banned)) }

// Do implements [hunt.Action].
func (a *denylist) Do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	open, outcomes := lookFirst(ctx, tasks, a.Look)
	return append(outcomes, each(ctx, open, inFlight, a.ban)...)
}

func (a *denylist) ban(ctx context.Context, t hunt.Task) hunt.Outcome {
	hash, err := hunt.ParseSHA256(t.Target)
	switch {
	case err != nil:
		return refusal(t, fmt.Errorf("actions: denylist: %w", err))
	case isEmptyFile(hash):
		return held(t, emptyFileWords)
	}
	want := cbc.BanOf(hash, fileName(t), description(t))
	entry, err := a.reputation.Create(ctx, want)
	created := err == nil
	if err != nil && ctx.Err() == nil {
		// Another program may have been faster, or the answer was lost: Ban looks before it tries again.
		lost := answerLost(err)
		entry, created, err = a.reputation.Ban(ctx, want)
		// Look has seen none: where our answer was lost, one in our words is the one that we have made.
		created = created || err == nil && lost && entry.Description == want.Description
	}
	if e, ok := errors.AsType[*cbc.AllowListedError](err); ok {
		return held(t, allowed(e.Existing))
	}
	if err != nil {
		return failed(t, fmt.Errorf("actions: denylist: %w", err))
	}
	if !created {
		return already(t, "the file is banned already")
	}
	o := done(t, "banned; sensors follow at their next check-ins")
	b := denylistBefore{Overrides: []listed{}}
	if parseBefore(t, &b) && b.Overrides == nil {
		b.Overrides = []listed{}
	}
	b.Created = entry.ID
	o.Before = state(b)
	return o
}

// answerLost tells whether a call that ended with an error may have been carried out.
func answerLost(err error) bool {
	e, answered := errors.AsType[*cbc.APIError](err)
	return !answered || e.StatusCode >= http.StatusInternalServerError || e.StatusCode/100 == 2
}

func allowed(o cbc.Override) string {
	return fmt.Sprintf("not banned: the file is on the allow list (override %s by %s)", o.ID, cmp.Or(o.CreatedBy, "unknown"))
}

// fileName labels a ban: the name in the mail, else the path where it ran. It is a label only, nothing is matched by it.
func fileName(t hunt.Task) string {
	for _, ind := range t.Indicators {
		if names := ind.Files(); len(names) > 0 {
			return names[0]
		}
	}
	for _, s := range t.Sightings {
		if s.Process.Path != "" {
			return s.Process.Path
		}
	}
	return ""
}

// banEnds is how the description of a ban ends, by which it is known again.
const banEnds = ", set by pphunt"

func description(t hunt.Task) string {
	if len(t.Indicators) == 0 {
		return condemnedByTAP + banEnds
	}
	ind := t.Indicators[0]
	return fmt.Sprintf("%s (%s, threat %s)%s", whoCondemned(ind), ind.Threat.Classification, ind.Threat.ID, banEnds)
}

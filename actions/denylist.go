package actions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// Banner reads and makes reputation overrides. *cbc.Reputation is one.
type Banner interface {
	BySHA256(ctx context.Context, hashes ...[32]byte) (map[[32]byte][]cbc.Override, error)
	Create(ctx context.Context, override cbc.Override) (cbc.Override, error)
	Ban(ctx context.Context, ban cbc.Override) (entry cbc.Override, created bool, err error)
}

// NewDenylist bans the files that were executed, in the whole organization. A file that is banned already is left so. A file on
// the allow list is held: somebody has approved it, and which of the two is wrong only a person can say. It needs the permission
// org.reputations (CREATE, READ). A ban stops executables from being run or loaded; for other files it has no effect.
func NewDenylist(reputation Banner) hunt.Action {
	spec := hunt.Spec{Name: "denylist", Scope: hunt.ScopeHash, Evidence: hunt.Executed, Undo: "the ban can be deleted"}
	return hunt.NewAction(spec, func(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
		return denylist(ctx, reputation, tasks)
	})
}

var errZero = errors.New("it is zero")

func denylist(ctx context.Context, reputation Banner, tasks []hunt.Task) []hunt.Outcome {
	var outcomes []hunt.Outcome
	var good []hunt.Task
	var hashes [][32]byte
	for _, t := range tasks {
		h, err := hunt.ParseSHA256(t.Target)
		if err != nil || h.IsZero() {
			outcomes = append(outcomes, failed(t, fmt.Errorf("actions: denylist: %q is no file's hash: %w", t.Target, cmp.Or(err, errZero))))
			continue
		}
		good, hashes = append(good, t), append(hashes, h)
	}
	if len(good) == 0 {
		return outcomes
	}
	existing, err := reputation.BySHA256(ctx, hashes...)
	if err != nil {
		return append(outcomes, same(good, func(t hunt.Task) hunt.Outcome {
			return failed(t, fmt.Errorf("actions: denylist: the existing overrides could not be read: %w", err))
		})...)
	}
	return append(outcomes, each(ctx, good, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		h, _ := hunt.ParseSHA256(t.Target) // parsed above
		return ban(ctx, reputation, t, h, existing[h])
	})...)
}

func ban(ctx context.Context, reputation Banner, t hunt.Task, hash [32]byte, existing []cbc.Override) hunt.Outcome {
	banned := false
	for _, o := range existing {
		if !strings.EqualFold(string(o.List), string(cbc.Banned)) { // also a list that is not known
			return held(t, allowed(o))
		}
		banned = true
	}
	if banned {
		return already(t, "the file is banned already")
	}
	want := cbc.BanOf(hash, fileName(t), description(t))
	entry, err := reputation.Create(ctx, want)
	created := err == nil
	if err != nil && ctx.Err() == nil {
		// Another program may have been faster, or the answer was lost: Ban looks before it tries again.
		entry, created, err = reputation.Ban(ctx, want)
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
	o.Before, _ = json.Marshal(map[string]string{"created_override": string(entry.ID)}) // words cannot fail
	return o
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

func description(t hunt.Task) string {
	for _, ind := range t.Indicators {
		return fmt.Sprintf("Attachment condemned by Proofpoint TAP (%s, threat %s), set by pphunt", ind.Threat.Classification, ind.Threat.ID)
	}
	return "Attachment condemned by Proofpoint TAP, set by pphunt"
}

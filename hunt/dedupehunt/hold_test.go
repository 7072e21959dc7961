package dedupehunt_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

func hold(t *testing.T, l *dedupehunt.Ledger, reason string, tasks ...hunt.Task) {
	t.Helper()
	var held []hunt.Outcome
	for _, task := range tasks {
		held = append(held, hunt.Outcome{Task: task, Status: hunt.Held, Detail: reason})
	}
	if err := l.Hold(t.Context(), "run", held...); err != nil {
		t.Fatalf("Hold: %v", err)
	}
}

// looked is what the ledger says about one task, the zero outcome if nothing.
func looked(t *testing.T, l *dedupehunt.Ledger, task hunt.Task) hunt.Outcome {
	t.Helper()
	outcomes, err := l.Look(t.Context(), []hunt.Task{task})
	if err != nil || len(outcomes) > 1 {
		t.Fatalf("Look = %+v, %v", outcomes, err)
	}
	if len(outcomes) == 0 {
		return hunt.Outcome{}
	}
	return outcomes[0]
}

func TestHeldIsRememberedAndBlocksNothing(t *testing.T) {
	t.Parallel()
	ctx, now, store := t.Context(), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	task := seen(7, 1, "g")
	if o := looked(t, l, task); o.Status != "" {
		t.Errorf("Look before anything = %+v, want nothing", o)
	}
	hold(t, l, "more than 25 devices", task)
	first := state(t, store, 7)
	for _, c := range []struct {
		reason       string
		acknowledge  bool
		acknowledged bool
	}{
		{"more than 25 devices", false, false},
		{"more than 25 devices", true, true},
		{"more than 25 devices", false, true},
		{"a protected name", false, false},
		{"a protected name", true, true},
		{"more than 25 devices", false, false},
	} {
		now = now.Add(time.Hour)
		if c.reason != "" {
			hold(t, l, c.reason, task)
		}
		if c.acknowledge {
			if err := l.Acknowledge(ctx, task.Key()); err != nil {
				t.Errorf("Acknowledge: %v", err)
			}
		}
		if o := looked(t, l, task); o.Status != hunt.Held || o.Detail != c.reason || o.Acknowledged != c.acknowledged {
			t.Errorf("Look = %+v, want held because of %q, acknowledged %t", o, c.reason, c.acknowledged)
		}
		r := records(t, l)[0]
		if r.Status != hunt.Held || r.Detail != c.reason || r.Acknowledged != c.acknowledged || r.Attempts != 0 || r.Run != "run" || len(r.Task.Sightings) != 1 {
			t.Errorf("the record is %+v, want held because of %q, acknowledged %t", r, c.reason, c.acknowledged)
		}
	}
	if attempt := state(t, store, 7).Attempt - first.Attempt; attempt != 4 {
		t.Errorf("the record was written %d times, want 4: what is held just so is left alone", attempt)
	}
	put(t, store, now, task.Key(), dedupe.Claimed, "")
	if o := looked(t, l, task); o.Status != "" {
		t.Errorf("while somebody does it Look = %+v, want nothing", o)
	}
	now = now.Add(time.Minute)
	if o := ends(t, l, task, done()); o.Status != hunt.Done {
		t.Errorf("when nobody objected Once = %+v, want done", o)
	}
	if o := looked(t, l, task); o.Status != hunt.Already {
		t.Errorf("then Look = %+v, want already", o)
	}
}

// An action's own no is kept as a guard's is.
func TestHeldByTheAction(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	task, no := seen(7, 1, "g"), hunt.Outcome{Status: hunt.Held, Detail: "signed by a known signer"}
	if o := ends(t, l, task, no); o.Acknowledged {
		t.Errorf("Once = %+v, want it not acknowledged", o)
	}
	if err := l.Acknowledge(t.Context(), task.Key()); err != nil {
		t.Fatal(err)
	}
	hold(t, l, no.Detail, task) // as the hunt does with every outcome that is held
	if o := ends(t, l, task, no); !o.Acknowledged || o.Detail != no.Detail {
		t.Errorf("the next time Once = %+v, want it acknowledged still", o)
	}
	if o := ends(t, l, task, hunt.Outcome{Status: hunt.Held, Detail: "another reason"}); o.Acknowledged {
		t.Errorf("for another reason Once = %+v, want it not acknowledged", o)
	}
}

func TestHoldLeavesAloneWhatIsDoneOrBeingDone(t *testing.T) {
	t.Parallel()
	ban := hunt.Task{Action: "denylist", Scope: hunt.ScopeHash, Target: hunt.SHA256{1}.String()}
	now, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	ends(t, l, seen(7, 1, "g"), done())
	if _, err := store.Claim(t.Context(), "other", now, time.Minute, dedupe.Key(ban.Key())); err != nil {
		t.Fatal(err)
	}
	hold(t, l, "no", seen(7, 1, "g"), ban, hunt.Task{Action: "isolate", Scope: hunt.ScopeDevice, Target: "\xff"})
	being, err := store.Lookup(t.Context(), dedupe.Key(ban.Key()))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := state(t, store, 7), being[0]; a.State != dedupe.Done || b.State != dedupe.Claimed || b.Owner != "other" {
		t.Errorf("the records are %+v and %+v, want them as they were", a, b)
	}
	hold(t, l, "no", seen(7, 2, "h", 1, "g")) // what is new on the machine can be held
	if o := looked(t, l, seen(7, 2, "h")); o.Status != hunt.Held || o.Task.Key() != "isolate/device/7/2" || len(o.Task.Sightings) != 1 {
		t.Errorf("Look = %+v, want the second round held, for what is new", o)
	}
}

// A task that waits after a failure is held as any other, and what failed before it was held counts no more.
func TestHoldEndsTheHistoryOfFailures(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	ends(t, l, seen(7, 1, "g"), failure(true))
	hold(t, l, "no", seen(7, 1, "g"))
	now = now.Add(8 * 24 * time.Hour)
	if o := ends(t, l, seen(7, 1, "g"), failure(false)); errors.Is(o.Err, hunt.ErrGivenUp) {
		t.Errorf("Once = %+v, want it tried", o)
	}
	if r := records(t, l)[0]; r.GivenUp || !r.Next.IsZero() || r.Attempts != 2 {
		t.Errorf("the record is %+v, want a first failure", r)
	}
}

// To have taken note that something was given up is not to have taken note of a reason, even if the words are the same.
func TestGivenUpAndHeldAreTwoThings(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	o := ends(t, l, seen(7, 1, "g"), failure(true))
	now = now.Add(8 * 24 * time.Hour)
	if err := l.Acknowledge(t.Context(), task(7).Key()); err != nil {
		t.Fatal(err)
	}
	hold(t, l, o.Err.Error(), seen(7, 1, "g"))
	if r := records(t, l)[0]; r.Acknowledged {
		t.Errorf("the record is %+v, want it not acknowledged", r)
	}
}

// What is held rests on more than the record says: the record learns of it, and nobody has taken note of that yet.
func TestHoldLearnsOfNewFindings(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	hold(t, l, "no", seen(7, 1, "g"))
	if err := l.Acknowledge(t.Context(), task(7).Key()); err != nil {
		t.Fatal(err)
	}
	if o := looked(t, l, seen(7, 1, "g")); !o.Acknowledged {
		t.Errorf("Look = %+v, want it acknowledged", o)
	}
	if o := looked(t, l, seen(7, 1, "g", 2, "h")); o.Status != hunt.Held || o.Acknowledged {
		t.Errorf("Look = %+v, want what is new not acknowledged", o)
	}
	hold(t, l, "no", seen(7, 1, "g", 2, "h"))
	if r := records(t, l)[0]; len(r.Task.Sightings) != 2 || r.Acknowledged {
		t.Errorf("the record is %+v, want both findings, not acknowledged", r)
	}
	if err := l.Acknowledge(t.Context(), task(7).Key()); err != nil {
		t.Fatal(err)
	}
	hold(t, l, "no", seen(7, 2, "h"))
	if r := records(t, l)[0]; !r.Acknowledged {
		t.Errorf("the record is %+v, want it acknowledged still: less is no news", r)
	}
	// What was held is not what was done.
	hold(t, l, "no", seen(7, 1, "g"))
	ends(t, l, seen(7, 2, "h"), done())
	if o := ends(t, l, seen(7, 1, "g"), done()); o.Task.Round != 2 {
		t.Errorf("Once = %+v, want a second round for what was held the first time", o)
	}
}

func TestHoldTellsOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	err := ledger(t, refusing{new(dedupe.Memory)}, "o").Hold(t.Context(), "run", hunt.Outcome{Task: task(7), Status: hunt.Held})
	if !errors.Is(err, errStore) {
		t.Errorf("Hold = %v, want the store's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ledger(t, new(dedupe.Memory), "o").Hold(ctx, "run", hunt.Outcome{Task: task(7)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Hold = %v, want context.Canceled", err)
	}
}

package dedupehunt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

func TestWhatTheStoreIsTold(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	tried := func(r hunt.Record) hunt.Record {
		r.Task, r.Run, r.Attempts, r.First, r.Last = seen(7, 1, "g"), "run", 1, now, now
		return r
	}
	before := tried(hunt.Record{Status: hunt.Done, Detail: "d"})
	before.Task.Before = []byte(`{"on":false}`)
	odd := tried(hunt.Record{Status: hunt.Done})
	odd.Task.Before = []byte(`"no JSON"`)
	held := tried(hunt.Record{Status: hunt.Held, Detail: "allow-listed"})
	held.Attempts = 0
	for name, c := range map[string]struct {
		outcome *hunt.Outcome
		state   dedupe.State
		want    hunt.Record
		status  hunt.Status
	}{
		"done":               {&hunt.Outcome{Status: hunt.Done, Detail: "d", Before: []byte(`{"on":false}`)}, dedupe.Done, before, hunt.Done},
		"a state of no JSON": {&hunt.Outcome{Status: hunt.Done, Before: []byte("no JSON")}, dedupe.Done, odd, hunt.Done},
		"already":            {&hunt.Outcome{Status: hunt.Already, Detail: "so"}, dedupe.Done, tried(hunt.Record{Status: hunt.Already, Detail: "so"}), hunt.Already},
		"failed": {
			&hunt.Outcome{Status: hunt.Failed, Detail: "d", Err: errors.New("503")}, dedupe.Failed,
			tried(hunt.Record{Status: hunt.Failed, Detail: "503"}), hunt.Failed,
		},
		"refused": {
			&hunt.Outcome{Status: hunt.Failed, Detail: "d", Refused: true}, dedupe.Failed,
			tried(hunt.Record{Status: hunt.Failed, Detail: "d", Refused: true, Next: now.Add(6 * time.Hour)}), hunt.Failed,
		},
		"held":      {&hunt.Outcome{Status: hunt.Held, Detail: "allow-listed"}, dedupe.Released, held, hunt.Held},
		"not begun": {nil, dedupe.Released, hunt.Record{Task: seen(7, 1, "g"), Run: "run"}, hunt.Failed},
		"said to be not begun": {
			&hunt.Outcome{Status: hunt.Failed, Err: fmt.Errorf("%w: no", hunt.ErrNotBegun)}, dedupe.Released,
			hunt.Record{Task: seen(7, 1, "g"), Run: "run"},
			hunt.Failed,
		},
		"a word that is none": {&hunt.Outcome{Status: "splendid"}, dedupe.Released, hunt.Record{Task: seen(7, 1, "g"), Run: "run"}, "splendid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := new(dedupe.Memory)
			l := clockwork(t, store, &now)
			outcomes, err := l.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "g")}, func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
				if c.outcome == nil {
					return nil
				}
				o := *c.outcome
				o.Task = tasks[0]
				return []hunt.Outcome{o, {Task: task(99), Status: hunt.Done}, {Task: tasks[0], Status: hunt.Planned}}
			})
			if err != nil || len(outcomes) != 1 || outcomes[0].Status != c.status {
				t.Errorf("Once = %+v, %v; want one outcome, %s", outcomes, err, c.status)
			}
			if c.outcome == nil && !errors.Is(outcomes[0].Err, hunt.ErrNotBegun) {
				t.Errorf("the error is %v, want ErrNotBegun", outcomes[0].Err)
			}
			if r := state(t, store, 7); r.State != c.state {
				t.Errorf("the store has it as %s, want %s", r.State, c.state)
			}
			if diff := cmp.Diff([]hunt.Record{c.want}, records(t, l), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("records mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// Ctrl-C: what was done is recorded, what was not begun is given back, and nobody is waited for any longer.
func TestOnceRecordsAfterItsContextHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		ctx, cancel := context.WithCancel(t.Context())
		begun := time.Now()
		if _, err := store.Claim(ctx, "other", begun, time.Minute, dedupe.Key(task(9).Key())); err != nil {
			t.Fatal(err)
		}
		outcomes, err := ledger(t, store, "o").Once(ctx, "run", tasks(7, 8, 9), func(ctx context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			cancel()
			<-ctx.Done()
			return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done}}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Once = %v, want context.Canceled", err)
		}
		if diff := cmp.Diff([]hunt.Status{hunt.Done, hunt.Failed, hunt.Failed}, statuses(outcomes)); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
		for _, o := range outcomes[1:] {
			if !errors.Is(o.Err, hunt.ErrNotBegun) || !errors.Is(o.Err, context.Canceled) {
				t.Errorf("%s: %v, want ErrNotBegun because of context.Canceled", o.Task, o.Err)
			}
		}
		if a, b := state(t, store, 7), state(t, store, 8); a.State != dedupe.Done || b.State != dedupe.Released {
			t.Errorf("7 is %s and 8 is %s, want done and released", a.State, b.State)
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("it took %v to stop", took)
		}
	})
}

func TestOnceStopsWaitingWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		if _, err := store.Claim(t.Context(), "other", time.Now(), time.Hour, dedupe.Key(task(7).Key())); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		begun := time.Now()
		outcomes, err := ledger(t, store, "o").Once(ctx, "run", tasks(7), never(t))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "other") {
			t.Errorf("Once = %v, want DeadlineExceeded and who is waited for", err)
		}
		if !errors.Is(outcomes[0].Err, hunt.ErrNotBegun) || time.Since(begun) > 11*time.Second {
			t.Errorf("the outcome is %+v after %v", outcomes[0], time.Since(begun))
		}
	})
}

func TestOneBadKeyStopsNoOther(t *testing.T) {
	t.Parallel()
	bad := hunt.Task{Action: "script", Scope: hunt.ScopeProcess, Target: strings.Repeat("x", 600)}
	work := new(action)
	outcomes, err := ledger(t, new(dedupe.Memory), "o").Once(t.Context(), "run", []hunt.Task{bad, task(7)}, work.do)
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(outcomes[0].Err, dedupe.ErrInvalid) || outcomes[1].Status != hunt.Done {
		t.Errorf("outcomes = %+v, want ErrInvalid and done", outcomes)
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	store := new(dedupe.Memory)
	l := ledger(t, store, "o")
	if _, err := l.Once(t.Context(), "run", tasks(7), new(action).do); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Claim(t.Context(), "other", time.Now(), time.Hour, dedupe.Key(task(8).Key())); err != nil {
		t.Fatal(err)
	}
	outcomes, err := l.Look(t.Context(), tasks(9, 8, 7))
	if err != nil || len(outcomes) != 1 || outcomes[0].Status != hunt.Already || outcomes[0].Task.Target != "7" {
		t.Errorf("Look = %+v, %v; want already for 7 alone", outcomes, err)
	}
	if records, err := store.Lookup(t.Context(), dedupe.Key(task(9).Key())); err != nil || len(records) > 0 {
		t.Errorf("looking left %v, %v", records, err)
	}
}

func TestNewSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := dedupehunt.New(dedupehunt.Config{Lease: time.Minute, Renew: 40 * time.Second, Poll: -1, Owner: strings.Repeat("o", 300)})
	for _, want := range []string{"Store", "negative", "too seldom", "Owner"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want an error with %q", err, want)
		}
	}
}

func TestOwnersDiffer(t *testing.T) {
	t.Parallel()
	store := new(dedupe.Memory)
	for device := range 2 {
		if _, err := ledger(t, store, "").Once(t.Context(), "run", tasks(device), new(action).do); err != nil {
			t.Fatal(err)
		}
	}
	a, b := state(t, store, 0).Owner, state(t, store, 1).Owner
	if a == b || strings.Count(a, "/") != 2 {
		t.Errorf("two ledgers have the owners %q and %q", a, b)
	}
}

package hunt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// everything are the actions that a dry run must not begin, the script included.
func everything(t *testing.T) ([]string, []string) {
	t.Helper()
	mark := filepath.Join(t.TempDir(), "mark")
	t.Cleanup(func() {
		if _, err := os.Stat(mark); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the script was run: %v", err)
		}
	})
	return []string{"watchlist", "webhook", "script", "live_response", "isolate", "policy", "denylist", "nsx_tag"},
		[]string{os.Args[0], "-test.run=^TestArguments$", "--", mark, "{pid}"}
}

func TestRule7DryRunWritesNothing(t *testing.T) {
	t.Parallel()
	names, command := everything(t)
	path := filepath.Join(t.TempDir(), "ledger.sql")
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, plainWorld())
		store := openStore(t, path)
		defer closeStore(t, store)
		c := crew{actions: names, command: command, evidence: hunt.Touched, store: store}
		h := o.hunter(t, c)
		plan := h.Plan(t.Context(), o.window)
		r, err := h.Preview(t.Context(), plan)
		if err != nil {
			t.Errorf("Preview: %v", err)
		}
		if got := r.Count(hunt.Planned); !r.DryRun || got != len(r.Outcomes) || got != len(plan.Tasks) || got == 0 {
			t.Errorf("the dry run has %d of %d tasks as planned, DryRun %t", got, len(plan.Tasks), r.DryRun)
		}
		for _, op := range o.operations() {
			if !slices.Contains(readingOperations, op) {
				t.Errorf("the dry run called %s", op)
			}
		}
		var keys []dedupe.Key
		for _, task := range plan.Tasks {
			keys = append(keys, dedupe.Key(task.Key()))
		}
		if records, err := store.Lookup(t.Context(), keys...); err != nil || len(records) > 0 {
			t.Errorf("the dry run left %v in the ledger, error %v", records, err)
		}
	})
}

func TestRule7GuardsComeBeforeWrites(t *testing.T) {
	t.Parallel()
	names, command := everything(t)
	broken := hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) { return nil, errors.New("no answer") })
	content := hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) { return nil, nil })
	// What merely tells is no guard's affair.
	acting := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "watchlist" || name == "webhook" })
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, plainWorld())
		r, err := o.hunter(t, crew{actions: acting, command: command, guards: []hunt.Guard{content, broken, content}}).Run(t.Context(), o.window)
		if err == nil || r.Count(hunt.Held) != len(r.Outcomes) || len(r.Outcomes) == 0 {
			t.Errorf("Run with a guard that fails: %d of %d tasks held, error %v; want all of them and an error", r.Count(hunt.Held), len(r.Outcomes), err)
		}
		for _, op := range o.operations() {
			if !slices.Contains(readingOperations, op) {
				t.Errorf("%s was called although a guard could not decide", op)
			}
		}
	})
}

// atMost holds every task of an action beyond a number.
func atMost(n int, action string) hunt.Guard {
	return hunt.GuardFunc(func(_ context.Context, r hunt.Review) ([]hunt.Hold, error) {
		var holds []hunt.Hold
		seen := 0
		for _, task := range r.Tasks {
			if task.Action != action {
				continue
			}
			if seen++; seen > n {
				holds = append(holds, hunt.Hold{Key: task.Key(), Reason: fmt.Sprintf("more than %d devices", n)})
			}
		}
		return holds, nil
	})
}

func TestRule7CeilingHoldsTheSurplus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, plainWorld())
		capped := crew{actions: []string{"isolate"}, evidence: hunt.Touched, guards: []hunt.Guard{atMost(1, "isolate")}}
		want := map[string]hunt.Status{"isolate/device/7": hunt.Done, "isolate/device/8": hunt.Held}
		r := o.run(t, capped)
		if diff := cmp.Diff(want, statuses(r)); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
		if got := r.Outcomes[1].Detail; got != "more than 1 devices" {
			t.Errorf("the held task says %q, want the guard's reason", got)
		}
		if o.device(t, savedIt).Quarantined {
			t.Error("the device beyond the ceiling was isolated")
		}
		capped.guards = nil // a person has decided
		want = map[string]hunt.Status{"isolate/device/7": hunt.Already, "isolate/device/8": hunt.Done}
		if diff := cmp.Diff(want, statuses(o.run(t, capped))); diff != "" {
			t.Errorf("outcomes without the guard mismatch (-want +got):\n%s", diff)
		}
	})
}

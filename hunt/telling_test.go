package hunt_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// Who is told may take his time: no machine waits for it to be contained, and the run does wait for his answer.
func TestNobodyWaitsForWhoIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var mu sync.Mutex
		took := make(map[string]time.Duration)
		note := func(action string) {
			mu.Lock()
			defer mu.Unlock()
			took[action] = time.Since(begun)
		}
		hook := &recorder{spec: hunt.Spec{Name: "webhook", Scope: hunt.ScopeProcess, Impact: hunt.Tells, Evidence: hunt.Named}}
		hook.see = func(hunt.Task) {
			time.Sleep(time.Minute)
			note("webhook")
		}
		move := &recorder{spec: hunt.Spec{Name: "policy", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Evidence: hunt.Executed}}
		move.see = func(hunt.Task) {
			time.Sleep(time.Second)
			note("policy")
		}
		iso := isolate()
		iso.see = func(hunt.Task) { note("isolate") }
		r := run(t, hunt.Config{
			Source: source(nil, indicator(1)), Searcher: searcher(sighting(1, 7, hunt.Executed)), Ledger: new(ledger),
			Actions: []hunt.Action{hook, move, iso},
		})
		want := map[string]time.Duration{"webhook": time.Minute, "policy": time.Second, "isolate": time.Second}
		if diff := cmp.Diff(want, took); diff != "" {
			t.Errorf("done after mismatch (-want +got):\n%s", diff)
		}
		var order []string
		for _, o := range r.Outcomes {
			order = append(order, o.Task.Action+" "+string(o.Status))
		}
		if diff := cmp.Diff([]string{"webhook done", "policy done", "isolate done"}, order); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
	})
}

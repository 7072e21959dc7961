package dedupehunt_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// Whatever stands in a ledger, what is remembered under a key is about the task of that key, and a task under it has an end.
func FuzzRecords(f *testing.F) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for _, key := range []string{"isolate/device/7", "isolate/device/7/2", "undo/isolate/device/7", "undo/a/hash/b/again/1", "undo/undo/device/7", "audit/device/7"} {
		f.Add(key, []byte(`{"pphunt":1,"status":"failed","failing":"2026-03-01T00:00:00Z","task":{"action":"isolate","scope":"device","target":"7"}}`), true)
		f.Add(key, []byte(`{"policy_id":4}`), false)
	}
	f.Fuzz(func(t *testing.T, key string, before []byte, failed bool) {
		if dedupe.Key(key).Check() != nil {
			return
		}
		store, state := new(dedupe.Memory), dedupe.Done
		if failed {
			state = dedupe.Failed
		}
		put(t, store, now, key, state, string(before))
		l := clockwork(t, store, &now)
		for _, r := range records(t, l) {
			if got := r.Task.Key(); got != key && !strings.HasPrefix(key, got+"/again/") {
				t.Errorf("the record under %q is of the task %q", key, got)
			}
			outcomes, err := l.Once(t.Context(), "run", []hunt.Task{r.Task}, (&action{}).do)
			if err != nil || len(outcomes) != 1 || outcomes[0].Status == "" {
				t.Errorf("Once of the task under %q = %+v, %v", key, outcomes, err)
			}
		}
	})
}

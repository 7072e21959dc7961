package dedupehunt_test

import (
	"context"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

func TestNothingToDoCanBeLookedAtAgain(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
		l := clockwork(t, new(dedupe.Memory), &now)
		task := hunt.Task{Action: "tag", Scope: hunt.ScopeDevice, Target: "7"}
		calls := 0
		for range 2 {
			outcomes, err := l.Once(t.Context(), "run", []hunt.Task{task}, func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
				calls++
				return []hunt.Outcome{{Task: tasks[0], Status: hunt.Already, Again: again}}
			})
			if err != nil || len(outcomes) != 1 || outcomes[0].Status != hunt.Already {
				t.Fatalf("Once = %+v, %v; want one that is already so", outcomes, err)
			}
		}
		if want := map[bool]int{false: 1, true: 2}[again]; calls != want {
			t.Errorf("with Again %t the action was asked %d times by two runs, want %d", again, calls, want)
		}
	}
}

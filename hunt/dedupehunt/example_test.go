package dedupehunt_test

import (
	"context"
	"fmt"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// Two runs over the same tasks do each of them once.
func ExampleNew() {
	ctx := context.Background()
	store := new(dedupe.Memory) // sqlitededupe.Open where it has to outlive the process
	for run := range 2 {
		ledger, err := dedupehunt.New(dedupehunt.Config{Store: store})
		if err != nil {
			fmt.Println(err)
			return
		}
		tasks := []hunt.Task{{Action: "isolate", Scope: hunt.ScopeDevice, Target: "4571602"}}
		outcomes, err := ledger.Once(ctx, "run", tasks, func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
			fmt.Println("isolating", tasks[0].Target)
			return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done, Detail: "isolated"}}
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("run %d: %s\n", run+1, outcomes[0].Status)
	}
	// Output:
	// isolating 4571602
	// run 1: done
	// run 2: already
}

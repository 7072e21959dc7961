package hunt_test

import (
	"context"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// A hunt wired of functions: that is also how a hunt is tested without any service.
func Example() {
	hunter, err := hunt.New(hunt.Config{
		Source:   source(nil, indicator(1), indicator(2)),
		Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(2, 8, hunt.Touched)),
		Ledger:   &ledger{},
		Actions: []hunt.Action{hunt.NewAction(
			hunt.Spec{Name: "page", Scope: hunt.ScopeDevice, Evidence: hunt.Executed},
			func(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
				var outcomes []hunt.Outcome
				for _, t := range tasks {
					fmt.Println("calling the owner of", t.Sightings[0].Device.Name)
					outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Done})
				}
				return outcomes
			},
		)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	end := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	report, err := hunter.Run(context.Background(), hunt.Window{Start: end.Add(-time.Hour), End: end})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(len(report.Indicators), "files,", report.Count(hunt.Done), "done")
	for _, l := range report.LeftAlone {
		fmt.Println(l.Device+":", l.Reason)
	}
	// Output:
	// calling the owner of HOST-7
	// 2 files, 1 done
	// HOST-8: touched is not enough evidence for page
}

package hunt_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// A plan is made and saved by one person, and read, compared and applied by another.
func ExampleHunter_ApplySaved() {
	ctx := context.Background()
	lamp := &lamps{name: "isolate"}
	hunter, err := hunt.New(response(new(memory), nil, lamp))
	if err != nil {
		fmt.Println(err)
		return
	}
	plan := hunter.Plan(ctx, hunt.Window{Start: now().Add(-time.Hour), End: now()})
	preview, err := hunter.Preview(ctx, plan)
	if err != nil {
		fmt.Println(err)
		return
	}
	saved, err := hunter.Save(plan, preview)
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if _, err := saved.WriteTo(&file); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("before:", lamp.lit())

	approved, err := hunt.ReadPlan(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range approved.Outcomes {
		fmt.Println(o.Status, o.Task, "because of", len(o.Task.Sightings), "sightings")
	}
	report, err := hunter.ApplySaved(ctx, approved, "ada")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("after:", lamp.lit(), report.Count(hunt.Done), "done")
	// Output:
	// before: []
	// planned isolate HOST-7 (7) because of 1 sightings
	// planned isolate HOST-8 (8) because of 2 sightings
	// planned isolate HOST-9 (9) because of 1 sightings
	// after: [7 8 9] 3 done
}

// A guard of one's own, beside the ceilings. What it holds waits for a person, who can release it.
func ExampleGuard() {
	ctx := context.Background()
	lunch := hunt.GuardFunc(func(_ context.Context, r hunt.Review) ([]hunt.Hold, error) {
		var holds []hunt.Hold
		for _, t := range r.Tasks {
			if d, ok := t.Device(); ok && d.Name == "HOST-7" {
				holds = append(holds, hunt.Hold{Key: t.Key(), Reason: "the canteen's till, and it is noon"})
			}
		}
		return holds, nil
	})
	ledger, lamp := new(memory), &lamps{name: "isolate"}
	cfg := response(ledger, nil, lamp)
	cfg.Guards = []hunt.Guard{hunt.DefaultCeilings(func(context.Context) (int, error) { return 400, nil }), lunch}
	hunter, err := hunt.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := hunter.Run(ctx, hunt.Window{})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(lamp.lit(), report.Held(), "held")

	for record, err := range ledger.Records(ctx, time.Time{}) {
		if err != nil || record.Status != hunt.Held {
			continue
		}
		fmt.Println(record.Task, "is held:", record.Detail)
		if _, err := hunter.Release(ctx, "ada", false, record); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(lamp.lit())
	// Output:
	// [8 9] 1 held
	// isolate HOST-7 (7) is held: the canteen's till, and it is noon
	// [7 8 9]
}

// Undo takes back what one run did, and leaves what was so before.
func ExampleHunter_Undo() {
	ctx := context.Background()
	lamp := &lamps{name: "isolate", on: map[string]bool{"9": true}} // somebody else has isolated 9
	hunter, err := hunt.New(response(new(memory), nil, lamp))
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := hunter.Run(ctx, hunt.Window{})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(lamp.lit())
	undone, err := hunter.Undo(ctx, hunt.Undo{Run: report.Run, By: "ada"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range undone.Outcomes {
		fmt.Println(o.Status, o.Task)
	}
	fmt.Println(lamp.lit())
	// Output:
	// [7 8 9]
	// undone isolate HOST-7 (7)
	// undone isolate HOST-8 (8)
	// [9]
}

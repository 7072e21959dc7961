package dedupe_test

import (
	"context"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// A task is claimed before it is begun and finished after it has ended. Whoever comes second learns that it is done.
func ExampleStore() {
	ctx := context.Background()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var store dedupe.Store = new(dedupe.Memory)

	for _, owner := range []string{"host-a/4711", "host-b/815"} {
		grants, err := store.Claim(ctx, owner, now, time.Minute, "isolate/device/4571602")
		if err != nil {
			fmt.Println(err)
			return
		}
		g := grants[0]
		if !g.Won {
			fmt.Printf("%s: %s by %s\n", owner, g.Record.State, g.Record.Owner)
			continue
		}
		fmt.Printf("%s: attempt %d, isolating\n", owner, g.Claim.Attempt)
		result := dedupe.Result{Claim: g.Claim, State: dedupe.Done, Before: []byte(`{"quarantined":false}`)}
		if _, err := store.Finish(ctx, now.Add(2*time.Second), result); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// host-a/4711: attempt 1, isolating
	// host-b/815: done by host-a/4711
}

// A holder that dies leaves its claim behind. When the lease has ended, the next claimant takes it over, and whatever the dead
// one still sends changes nothing.
func ExampleMemory() {
	ctx := context.Background()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	store := new(dedupe.Memory)

	first, err := store.Claim(ctx, "first", now, time.Minute, "denylist/hash/9c5d")
	if err != nil {
		fmt.Println(err)
		return
	}
	second, err := store.Claim(ctx, "second", now.Add(time.Minute), time.Minute, "denylist/hash/9c5d")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("second won:", second[0].Won, "attempt", second[0].Claim.Attempt)

	lost, err := store.Finish(ctx, now.Add(2*time.Minute), dedupe.Result{Claim: first[0].Claim, State: dedupe.Done})
	fmt.Println("first lost:", lost, err)
	// Output:
	// second won: true attempt 2
	// first lost: [denylist/hash/9c5d] <nil>
}

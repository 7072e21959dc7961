package proofpoint_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/pphunt/pphunt/proofpoint"
)

func ExamplePoller() {
	client := exampleClient()
	ctx := context.Background()
	stored := ""  // what an earlier run has stored, nothing yet
	for range 2 { // two runs of a program
		config := proofpoint.PollerConfig{Feed: proofpoint.FeedIssues, Start: exampleTime().Add(-3 * time.Hour)}
		if stored != "" {
			if err := config.Cursor.UnmarshalText([]byte(stored)); err != nil {
				log.Fatal(err)
			}
		}
		poller, err := proofpoint.NewPoller(client, config)
		if err != nil {
			log.Fatal(err)
		}
		count := 0
		for record, err := range poller.Poll(ctx) {
			if err != nil {
				log.Print(err) // nothing comes after it, and the next poll goes on from there
				break
			}
			if record.Message != nil || record.Click != nil {
				count++
			}
		}
		text, err := poller.Cursor().MarshalText() // now that the records are safe
		if err != nil {
			log.Fatal(err)
		}
		stored = string(text)
		fmt.Println(count, "new records; what came since", poller.Cursor().Next().Format(time.TimeOnly), "is asked for again")
	}
	// Output:
	// 2 new records; what came since 08:30:00 is asked for again
	// 0 new records; what came since 08:30:00 is asked for again
}

func ExampleWindow_Slice() {
	backlog := proofpoint.Window{Start: exampleTime().Add(-169 * time.Hour), End: exampleTime()}
	slicing, err := backlog.Slice(exampleTime(), proofpoint.SliceOptions{})
	if err != nil {
		log.Fatal(err)
	}
	first := slicing.Windows[0]
	fmt.Println(len(slicing.Windows), "calls, the first from", first.Start.Format(time.DateTime))
	fmt.Println("lost:", slicing.TooOld.End.Sub(slicing.TooOld.Start))
	fmt.Println("too early:", slicing.NotYet.End.Sub(slicing.NotYet.Start))
	// Output:
	// 168 calls, the first from 2026-02-26 09:45:00
	// lost: 1h15m0s
	// too early: 1m0s
}

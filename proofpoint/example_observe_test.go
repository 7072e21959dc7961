package proofpoint_test

import (
	"context"
	"fmt"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// What the hook is told counts calls and failures for a metric, or keeps a record of them.
func ExampleCall() {
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, HTTPClient: proofpointtest.New(proofpointtest.World{}).Client(),
		Credentials: proofpoint.Basic(proofpointtest.Principal, "not the secret"),
		Observe: func(_ context.Context, c proofpoint.Call) {
			fmt.Printf("%s, attempt %d: status %d\n", c.Op, c.Attempt, c.Status)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Threats.Summary(context.Background(), "0123456789abcdef")
	fmt.Println(err != nil)
	// Output:
	// threats.summary, attempt 1: status 401
	// true
}

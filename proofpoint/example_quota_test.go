package proofpoint_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func ExampleQuota() {
	quota, err := proofpoint.NewQuota(map[proofpoint.Bucket]int{proofpoint.BucketForensicsThreat: 1})
	if err != nil {
		log.Fatal(err)
	}
	// What an earlier run has counted.
	if err := quota.UnmarshalText([]byte("tap-quota/1\nforensics_threat 0 0 1772699400\n")); err != nil {
		log.Fatal(err)
	}
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL:     proofpointtest.URL,
		Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient:  proofpointtest.New(proofpointtest.World{Now: exampleTime}).Client(),
		Quota:       quota,
		Now:         exampleTime,
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Forensics.ByThreat(context.Background(), "any", proofpoint.ForensicsOptions{})
	if full, ok := errors.AsType[*proofpoint.QuotaError](err); ok {
		fmt.Printf("%s: %d of %d used, next in %s\n", full.Bucket, full.Used, full.Limit, full.NextFree.Sub(exampleTime()))
	}
	for _, u := range client.Quotas() {
		if u.Left() == 0 {
			fmt.Println("nothing left of", u.Bucket)
		}
	}
	text, err := quota.MarshalText()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", text)
	// Output:
	// forensics_threat: 1 of 1 used, next in 23h0m0s
	// nothing left of forensics_threat
	// tap-quota/1
	// forensics_threat 0 0 1772699400
}

package proofpoint_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// exampleClientOf is a client of a service with this world, at the time of the examples.
func exampleClientOf(world proofpointtest.World) *proofpoint.Client {
	world.Now, world.Switches.Stable = exampleTime, true
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL:     proofpointtest.URL,
		Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient:  proofpointtest.New(world).Client(),
		Now:         exampleTime,
	})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleCampaigns_IDs() {
	client := exampleClientOf(proofpointtest.World{Campaigns: []proofpointtest.Campaign{{
		ID: "7d1c52a9-0b3f-4f0a-9f6d-21c4e8a7b630", Name: "Freight invoices", Start: exampleTime().Add(-30 * time.Hour),
		Members: []proofpointtest.Member{{
			Threat: "f90e79e658248810706f88f708e2b48913252a7cb14d6e39ee1cda9b9985d17d", Time: exampleTime().Add(-20 * time.Hour),
		}},
	}}})
	ctx := context.Background()
	yesterday := proofpoint.Window{Start: exampleTime().Add(-25 * time.Hour), End: exampleTime().Add(-time.Hour)}
	for ref, err := range client.Campaigns.IDs(ctx, proofpoint.CampaignQuery{Window: yesterday}) {
		if err != nil {
			log.Fatal(err)
		}
		campaign, err := client.Campaigns.Get(ctx, ref.ID)
		if _, partial := errors.AsType[*proofpoint.MalformedError](err); err != nil && !partial {
			log.Fatal(err)
		}
		for _, m := range campaign.Members {
			fmt.Println(campaign.Name, m.SubType, m.Artifact)
		}
	}
	// Output:
	// Freight invoices ATTACHMENT f90e79e658248810706f88f708e2b48913252a7cb14d6e39ee1cda9b9985d17d
}

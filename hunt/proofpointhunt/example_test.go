package proofpointhunt_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// exampleClient reaches a service with one mail: a logo, and a file that was condemned after it was delivered.
func exampleClient(now time.Time) *proofpoint.Client {
	srv := proofpointtest.New(proofpointtest.World{
		Now: func() time.Time { return now },
		Messages: []proofpointtest.Message{{
			Time: now.Add(-26 * time.Hour), Subject: "Your offer", Recipients: []string{"mia@lab.example"},
			Parts: []proofpointtest.Part{
				{Filename: "logo.png", SHA256: strings.Repeat("c", 64), SandboxStatus: "CLEAN"},
				{Filename: "offer.iso", SHA256: strings.Repeat("a", 64), SandboxStatus: "inprogress"},
			},
			Threats: []proofpointtest.Threat{{Artifact: strings.Repeat("a", 64), Time: now.Add(-time.Hour)}},
		}},
	})
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL:     proofpointtest.URL,
		Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient:  srv.Client(),
		Now:         func() time.Time { return now },
	})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleNew() {
	now := time.Date(2026, time.March, 5, 9, 30, 0, 0, time.UTC)
	source, err := proofpointhunt.New(exampleClient(now), proofpointhunt.Options{Delivered: true})
	if err != nil {
		log.Fatal(err)
	}
	window := hunt.Window{Start: now.Add(-75 * time.Minute), End: now.Add(-15 * time.Minute)}
	leave := func(l hunt.LeftAlone) { fmt.Printf("left alone: %s: %s\n", l.File, l.Reason) }
	for ind, err := range source.Indicators(context.Background(), hunt.Ask{Window: window, OnLeft: leave}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("condemned:", ind.Files(), ind.Threat.Classification, "sent to", ind.Recipients())
	}
	// Output:
	// left alone: logo.png: nothing condemns this part of the mail
	// condemned: [offer.iso] malware sent to [mia@lab.example]
}

func ExampleSource_Judge() {
	client, err := proofpoint.New(proofpoint.Config{Credentials: proofpoint.Basic("principal", "secret")})
	if err != nil {
		log.Fatal(err)
	}
	source, err := proofpointhunt.New(client, proofpointhunt.Options{Delivered: true})
	if err != nil {
		log.Fatal(err)
	}
	condemned, left := source.Judge(proofpoint.Message{
		Parts: []proofpoint.Part{{FileName: "offer.iso", SHA256: strings.Repeat("a", 64), SandboxStatus: "THREAT"}},
		Threats: []proofpoint.Threat{{
			Artifact: strings.Repeat("a", 64), Type: "attachment", Classification: "malware", Status: "cleared",
		}},
	})
	fmt.Println(len(condemned), left[0].File, left[0].Reason)
	// Output:
	// 0 offer.iso the verdict was cleared
}

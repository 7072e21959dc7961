package proofpoint_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// exampleTime is when the examples take place.
func exampleTime() time.Time { return time.Date(2026, time.March, 5, 9, 30, 0, 0, time.UTC) }

// exampleClient is a client of a service with two mails, one of them with a record that nobody can read behind it.
func exampleClient() *proofpoint.Client {
	const bad = "f90e79e658248810706f88f708e2b48913252a7cb14d6e39ee1cda9b9985d17d"
	srv := proofpointtest.New(proofpointtest.World{
		Now:      exampleTime,
		Switches: proofpointtest.Switches{Stable: true},
		Messages: []proofpointtest.Message{
			{
				GUID: "mail-1", Time: exampleTime().Add(-2 * time.Hour), Subject: "Your offer", Recipients: []string{"mia@lab.example"},
				Parts: []proofpointtest.Part{
					{Filename: "logo.png", SHA256: "ab211233b6576dbb0f8b5826447eeac61e2a833a99ac5d788fbc1a174c3c6ce5"},
					{Filename: "offer.iso", SHA256: bad, SandboxStatus: "inprogress"},
				},
				Threats: []proofpointtest.Threat{{Artifact: bad, Time: exampleTime().Add(-50 * time.Minute)}},
			},
			{
				GUID: "mail-2", Blocked: true, Time: exampleTime().Add(-time.Hour), Subject: "Parcel", Recipients: []string{"tom@lab.example"},
				Threats: []proofpointtest.Threat{{Artifact: "parcel.example/track", Type: "url", Classification: "phish"}},
			},
			{Blocked: true, Raw: proofpointtest.Raw(`"not a record"`)},
		},
		Clicks: []proofpointtest.Click{{
			GUID: "mail-3", URL: "http://login.example/r", Recipient: "mia@lab.example",
			Time: exampleTime().Add(-9 * 24 * time.Hour), ThreatTime: exampleTime().Add(-20 * time.Minute),
		}},
	})
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL:     proofpointtest.URL,
		Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient:  srv.Client(),
		Now:         exampleTime,
	})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func exampleWindow() proofpoint.Window {
	end := exampleTime().Add(-15 * time.Minute)
	return proofpoint.Window{Start: end.Add(-time.Hour), End: end}
}

func ExampleNew() {
	_, err := proofpoint.New(proofpoint.Config{Credentials: proofpoint.Basic("principal", "")})
	fmt.Println(err)
	// Output:
	// proofpoint: new: the secret of the credentials is empty
}

func ExampleSIEM_MessagesDelivered() {
	client := exampleClient()
	query := proofpoint.MessageQuery{Window: exampleWindow(), ThreatTypes: []proofpoint.ThreatType{proofpoint.TypeAttachment}}
	for m, err := range client.SIEM.MessagesDelivered(context.Background(), query) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s for %v, condemned at %s\n", m.Subject, m.Recipients, m.Created().Format(time.TimeOnly))
		for _, p := range m.Parts {
			hash, ok := p.Hash()
			fmt.Printf("%s is condemned: %t\n", p.FileName, ok && len(m.ThreatsNaming(hash)) > 0)
		}
	}
	// Output:
	// Your offer for [mia@lab.example], condemned at 08:40:00
	// logo.png is condemned: false
	// offer.iso is condemned: true
}

func ExampleSIEM_MessagesBlocked() {
	client := exampleClient()
	query := proofpoint.MessageQuery{Window: exampleWindow(), OnMalformed: func(m proofpoint.Malformed) {
		fmt.Printf("put aside: %s: %v\n", m.Raw, m.Err)
	}}
	for m, err := range client.SIEM.MessagesBlocked(context.Background(), query) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.GUID, m.Threats[0].Type, m.Threats[0].Artifact)
	}
	// Output:
	// mail-2 url parcel.example/track
	// put aside: "not a record": a text where an object belongs
}

func ExampleSIEM_All() {
	client := exampleClient()
	var seen []string
	for m, err := range client.SIEM.All(context.Background(), proofpoint.MessageQuery{Since: time.Hour}) {
		if bad, ok := errors.AsType[*proofpoint.MalformedError](err); ok {
			fmt.Println("unreadable records:", bad.Total) // the others were all handed out
		} else if err != nil {
			log.Fatal(err)
		} else {
			seen = append(seen, fmt.Sprint(m.GUID, " ", m.Category))
		}
	}
	slices.Sort(seen)
	fmt.Println(seen)
	// Output:
	// unreadable records: 1
	// [mail-1 messagesDelivered mail-2 messagesBlocked]
}

func ExampleSIEM_ClicksPermitted() {
	client := exampleClient()
	for c, err := range client.SIEM.ClicksPermitted(context.Background(), proofpoint.Query{Window: exampleWindow()}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s clicked %s %.0f days before it was condemned\n", c.Recipient, c.URL, c.ThreatTime.Sub(c.Time).Hours()/24)
	}
	// Output:
	// mia@lab.example clicked http://login.example/r 9 days before it was condemned
}

// Blocked clicks are those that the gateway stopped; issues are what got through, mails and clicks.
func ExampleSIEM_Issues() {
	ctx, client := context.Background(), exampleClient()
	for c, err := range client.SIEM.ClicksBlocked(ctx, proofpoint.Query{Window: exampleWindow()}) {
		fmt.Println("stopped:", c.URL, err)
	}
	for r, err := range client.SIEM.Issues(ctx, proofpoint.Query{Window: exampleWindow()}) {
		switch {
		case err != nil:
			log.Fatal(err)
		case r.Message != nil:
			fmt.Println("delivered:", r.Message.Subject)
		case r.Click != nil:
			fmt.Println("clicked:", r.Click.URL)
		}
	}
	// Unordered output:
	// delivered: Your offer
	// clicked: http://login.example/r
}

func ExampleSIEM_Records() {
	client := exampleClient()
	var seen []string
	for r, err := range client.SIEM.Records(context.Background(), proofpoint.FeedIssues, proofpoint.Query{Window: exampleWindow()}) {
		switch {
		case err != nil:
			log.Fatal(err)
		case r.Message != nil:
			seen = append(seen, "delivered "+r.Message.GUID)
		case r.Click != nil:
			seen = append(seen, "clicked "+r.Click.URL)
		}
	}
	slices.Sort(seen)
	fmt.Println(seen)
	// Output:
	// [clicked http://login.example/r delivered mail-1]
}

func ExampleThreats_Summary() {
	client := exampleClient()
	const id = "f90e79e658248810706f88f708e2b48913252a7cb14d6e39ee1cda9b9985d17d"
	summary, err := client.Threats.Summary(context.Background(), id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(summary.Type, summary.Category, summary.Status.Is(proofpoint.StatusActive), summary.Severity)

	_, err = client.Threats.Summary(context.Background(), "unknown")
	fmt.Println(errors.Is(err, proofpoint.ErrNotFound))
	// Output:
	// attachment malware true 420
	// true
}

func ExampleWindow_Check() {
	w := proofpoint.Window{Start: exampleTime().Add(-2 * time.Hour), End: exampleTime().Add(-30 * time.Second)}
	err := w.Check(exampleTime())
	fmt.Println(err)
	fmt.Println(errors.Is(err, proofpoint.ErrTooLong), errors.Is(err, proofpoint.ErrTooOld))
	// Output:
	// proofpoint: window: the window is longer than an hour: it has 1h59m30s
	// the window is still current: it must have ended a minute ago, and ended 30s ago
	// true false
}

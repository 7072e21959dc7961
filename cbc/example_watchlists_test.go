package cbc_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"

	"github.com/pphunt/pphunt/cbc"
)

// Are the services for feeds and watchlists there at all?
func ExampleFeeds_Healthy() {
	ctx, client := context.Background(), exampleClient()
	fmt.Println(client.Feeds.Healthy(ctx), client.Watchlists.Healthy(ctx))
	// Output: <nil> <nil>
}

// Public feeds are listed when they are asked for.
func ExampleFeeds_ListAll() {
	feeds, err := exampleClient().Feeds.ListAll(context.Background())
	fmt.Println(len(feeds), err)
	// Output: 2 <nil>
}

func ExampleFeeds_Report() {
	ctx, client := context.Background(), exampleClient()
	const feed = cbc.FeedID("q7TnVd3kQyGm0sWb5LxRfA")
	report := cbc.Report{ID: "invoice", Title: "Invoice", Description: "Seen in mail", Severity: 9, IOCs: []cbc.IOC{cbc.HashIOC(sha256.Sum256([]byte("MZ")))}}
	if _, err := client.Feeds.PutReport(ctx, feed, report); err != nil {
		log.Fatal(err)
	}
	got, err := client.Feeds.Report(ctx, feed, "invoice")
	fmt.Println(got.Title, len(got.IOCs), err)
	fmt.Println(client.Feeds.DeleteReport(ctx, feed, "invoice"))
	fmt.Println(client.Feeds.ClearReports(ctx, feed))
	fmt.Println(client.Feeds.Delete(ctx, feed))
	_, err = client.Feeds.Get(ctx, feed)
	fmt.Println(errors.Is(err, cbc.ErrNotFound))
	// Output:
	// Invoice 1 <nil>
	// <nil>
	// <nil>
	// <nil>
	// true
}

// A query of the older product in the language of this one.
func ExampleFeeds_Translate() {
	fmt.Println(exampleClient().Feeds.Translate(context.Background(), "process_name:invoice.exe"))
	// Output: process_name:invoice.exe <nil>
}

// The switches of a watchlist, one by one.
func ExampleWatchlists_EnableTags() {
	ctx, client := context.Background(), exampleClient()
	const list = cbc.WatchlistID("b3ZkT0mLSx6eN1yQvHc2Kg")
	for _, step := range []func(context.Context, cbc.WatchlistID) error{
		client.Watchlists.EnableTags, client.Watchlists.DisableTags, client.Watchlists.EnableAlerts,
	} {
		if err := step(ctx, list); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(client.Watchlists.TagsEnabled(ctx, list))
	fmt.Println(client.Watchlists.AlertsEnabled(ctx, list))
	fmt.Println(client.Watchlists.Delete(ctx, list))
	// Output:
	// false <nil>
	// true <nil>
	// <nil>
}

// A report of its own: written, changed, ignored for a while, and deleted.
func ExampleWatchlists_UpdateReport() {
	ctx, client := context.Background(), exampleClient()
	report, err := client.Watchlists.CreateReport(ctx, cbc.Report{
		Title: "Invoice", Description: "Seen in mail", Severity: 9, IOCs: []cbc.IOC{cbc.DomainIOC("evil.example")},
	})
	if err != nil {
		log.Fatal(err)
	}
	id := cbc.WatchlistReportID(report.ID)
	report.Title = "Freight invoice"
	if _, err := client.Watchlists.UpdateReport(ctx, id, report); err != nil {
		log.Fatal(err)
	}
	got, err := client.Watchlists.Report(ctx, id)
	fmt.Println(got.Title, err)
	fmt.Println(client.Watchlists.IgnoreReport(ctx, id))
	fmt.Println(client.Watchlists.ReportIgnored(ctx, id))
	fmt.Println(client.Watchlists.HeedReport(ctx, id))
	fmt.Println(client.Watchlists.DeleteReport(ctx, id))
	// Output:
	// Freight invoice <nil>
	// <nil>
	// true <nil>
	// <nil>
	// <nil>
}

// The severities that the organization set, and how to let one go.
func ExampleWatchlists_Severities() {
	ctx, client := context.Background(), exampleClient()
	id := cbc.FeedReportID("0sWb5LxRfAq7TnVd3kQyGm", "noisy")
	report := cbc.Report{ID: "noisy", Title: "Noisy", Description: "d", Severity: 9, IOCs: []cbc.IOC{cbc.DomainIOC("cdn.example")}}
	if _, err := client.Feeds.PutReport(ctx, "0sWb5LxRfAq7TnVd3kQyGm", report); err != nil {
		log.Fatal(err)
	}
	if err := client.Watchlists.SetSeverity(ctx, id, 2); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Watchlists.Severity(ctx, id))
	fmt.Println(client.Watchlists.Severities(ctx))
	fmt.Println(client.Watchlists.ResetSeverity(ctx, id))
	if err := client.Watchlists.IgnoreIOC(ctx, id, "cdn.example"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Watchlists.HeedIOC(ctx, id, "cdn.example"))
	// Output:
	// 2 <nil>
	// map[0sWb5LxRfAq7TnVd3kQyGm-noisy:2] <nil>
	// <nil>
	// <nil>
}

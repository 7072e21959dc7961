package cbc_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// exampleClient is a client of a made-up console: a laptop on which a file runs, and two feeds.
func exampleClient() *cbc.Client {
	const invoice = `C:\Users\kim\Downloads\invoice.exe`
	srv := cbctest.New(cbctest.World{
		Devices: []cbctest.Device{{
			ID: 7, Name: "LAB-7",
			Running: []cbctest.RunningProcess{{PID: 5120, Path: invoice}},
			Files:   []cbctest.File{{Path: invoice, Content: "MZ"}},
		}},
		Feeds: []cbctest.Feed{
			{ID: "q7TnVd3kQyGm0sWb5LxRfA", Name: "Mail gateway", ProviderURL: "https://intel.example", Summary: "Attachments", Category: "Partner"},
			{ID: "0sWb5LxRfAq7TnVd3kQyGm", Name: "Lab", ProviderURL: "https://intel.example", Summary: "Samples", Category: "Partner"},
		},
		Watchlists: []cbctest.Watchlist{{ID: "b3ZkT0mLSx6eN1yQvHc2Kg", Name: "Lab alerts", AlertsEnabled: true, FeedID: "0sWb5LxRfAq7TnVd3kQyGm"}},
	})
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: srv.Client(),
	})
	if err != nil {
		panic(err)
	}
	return client
}

// End a process and delete its file, if the process id still stands for that file.
func ExampleLiveResponse_Open() {
	ctx, client := context.Background(), exampleClient()
	session, err := client.LiveResponse.Open(ctx, 7, cbc.OpenOptions{CheckInTimeout: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close(ctx)

	running, err := session.Processes(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range running {
		if p.PID == 5120 && p.Path == `c:\users\kim\downloads\invoice.exe` {
			fmt.Println("kill:", session.Kill(ctx, p.PID))
		}
	}
	fmt.Println("delete:", session.DeleteFile(ctx, `C:\Users\kim\Downloads\invoice.exe`))
	err = session.DeleteFile(ctx, `C:\Users\kim\Downloads\invoice.exe`)
	fmt.Println("gone already:", errors.Is(err, cbc.ErrFileNotFound))
	// Output:
	// kill: <nil>
	// delete: <nil>
	// gone already: true
}

// A command that the device could not carry out is an error with the device's own number.
func ExampleCommandError() {
	ctx, client := context.Background(), exampleClient()
	session, err := client.LiveResponse.Open(ctx, 7, cbc.OpenOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close(ctx)

	err = session.Kill(ctx, 999)
	if e, ok := errors.AsType[*cbc.CommandError](err); ok {
		fmt.Printf("%s: 0x%08X\n", e.Command, e.Code)
	}
	fmt.Println(errors.Is(err, cbc.ErrProcessNotFound))
	// Output:
	// kill: 0x80070057
	// true
}

// Keep a copy of a file as evidence. The file is streamed and never held as a whole.
func ExampleSession_GetFile() {
	ctx, client := context.Background(), exampleClient()
	session, err := client.LiveResponse.Open(ctx, 7, cbc.OpenOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close(ctx)

	file, err := session.GetFile(ctx, `C:\Users\kim\Downloads\invoice.exe`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, file)
	fmt.Printf("%d bytes, %x..., %v\n", n, hash.Sum(nil)[:4], err)
	// Output: 2 bytes, 9b8db510..., <nil>
}

// Start asks for a session without waiting; Resume picks it up later, in another program too.
func ExampleLiveResponse_Resume() {
	ctx, client := context.Background(), exampleClient()
	started, err := client.LiveResponse.Start(ctx, 7, cbc.OpenOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := client.LiveResponse.Resume(ctx, started.ID, cbc.OpenOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := session.Wait(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(session.Info().Status, session.KeepAlive(ctx))
	all, err := client.LiveResponse.List(ctx)
	fmt.Println(len(all), err)
	fmt.Println(session.CloseForAll(ctx))
	// Output:
	// ACTIVE <nil>
	// 1 <nil>
	// <nil>
}

// Put a hash on a feed, and see to it that somebody is alerted.
func ExampleFeeds_PutReport() {
	ctx, client := context.Background(), exampleClient()
	feed, err := client.Feeds.ByName(ctx, "Mail gateway")
	if err != nil {
		fmt.Println(err)
		return
	}
	hash := sha256.Sum256([]byte("MZ"))
	report := cbc.Report{
		ID: "invoice", Title: "active malware attachment", Description: "Seen in mail", Severity: 9, IOCs: []cbc.IOC{cbc.HashIOC(hash)},
	}
	if _, err := client.Feeds.PutReport(ctx, feed.ID, report); err != nil {
		fmt.Println(err)
		return
	}
	subscription, err := client.Watchlists.Subscribe(ctx, feed.ID, cbc.NewWatchlist{Name: "Mail gateway"})
	fmt.Println(subscription.Created, subscription.Watchlist.AlertsEnabled, err)
	reports, err := client.Feeds.Reports(ctx, feed.ID)
	fmt.Println(len(reports), reports[0].Title, err)
	// Output:
	// true true <nil>
	// 1 active malware attachment <nil>
}

func ExampleFeeds_Create() {
	ctx, client := context.Background(), exampleClient()
	feed := cbc.Feed{Name: "New", ProviderURL: "https://intel.example", Summary: "Hashes", Category: "Partner"}
	made, err := client.Feeds.Create(ctx, feed)
	fmt.Println(made.Name, made.Access, err)
	_, err = client.Feeds.Create(ctx, cbc.Feed{Name: "New"})
	fmt.Println(err)
	// Output:
	// New private <nil>
	// cbc: feeds.create: the feed's ProviderURL is empty
	// the feed's Summary is empty
	// the feed's Category is empty
}

func ExampleFeeds_ByName() {
	ctx, client := context.Background(), exampleClient()
	_, err := client.Feeds.ByName(ctx, "mail gateway")
	fmt.Println(errors.Is(err, cbc.ErrNotFound), err)
	// Output: true cbc: feeds.by_name: no feed is named "mail gateway": not found
}

func ExampleFeeds_List() {
	feeds, err := exampleClient().Feeds.List(context.Background())
	for _, f := range feeds {
		fmt.Println(f.ID, f.Name)
	}
	fmt.Println(err)
	// Output:
	// q7TnVd3kQyGm0sWb5LxRfA Mail gateway
	// 0sWb5LxRfAq7TnVd3kQyGm Lab
	// <nil>
}

// Subscribe makes no second watchlist for a feed that has one, whatever its name.
func ExampleWatchlists_Subscribe() {
	ctx, client := context.Background(), exampleClient()
	got, err := client.Watchlists.Subscribe(ctx, "0sWb5LxRfAq7TnVd3kQyGm", cbc.NewWatchlist{Name: "Mine"})
	fmt.Println(got.Created, got.Watchlist.Name, err)
	// Output: false Lab alerts <nil>
}

func ExampleWatchlists_DisableAlerts() {
	ctx, client := context.Background(), exampleClient()
	if err := client.Watchlists.DisableAlerts(ctx, "b3ZkT0mLSx6eN1yQvHc2Kg"); err != nil {
		fmt.Println(err)
		return
	}
	got, err := client.Watchlists.Get(ctx, "b3ZkT0mLSx6eN1yQvHc2Kg")
	fmt.Println(got.AlertsEnabled, err)
	// Output: false <nil>
}

package cbc_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// Change the description of a feed: read it first, since what is left out is lost.
func ExampleFeeds_Update() {
	ctx, client := context.Background(), exampleClient()
	feed, err := client.Feeds.ByName(ctx, "Lab")
	if err != nil {
		fmt.Println(err)
		return
	}
	feed.Muted = true
	feed, err = client.Feeds.Update(ctx, feed)
	fmt.Println(feed.Name, feed.Summary, feed.Muted, err)
	// Output: Lab Samples true <nil>
}

// Keep a feed to exactly these reports. Others that it had are deleted.
func ExampleFeeds_ReplaceReports() {
	ctx, client := context.Background(), exampleClient()
	const feed = cbc.FeedID("q7TnVd3kQyGm0sWb5LxRfA")
	report := cbc.Report{ID: "mail-1", Title: "Dropper", Description: "Seen in mail", Severity: 8, IOCs: []cbc.IOC{
		cbc.HashIOC(sha256.Sum256([]byte("MZ"))),
		cbc.DomainIOC("portal.evil.example"),
		cbc.QueryIOC("macro", cbc.And(cbc.Field("parent_name").AnyOf("winword.exe"), cbc.Field("process_name").AnyOf("powershell.exe"))),
	}}
	fmt.Println(client.Feeds.CheckQueries(ctx, report))
	fmt.Println(client.Feeds.ReplaceReports(ctx, feed, []cbc.Report{report}))
	_, reports, err := client.Feeds.GetWithReports(ctx, feed)
	fmt.Println(len(reports), reports[0].IOCs[2].Values, err)
	// Output:
	// <nil>
	// <nil>
	// 1 [parent_name:winword.exe AND process_name:powershell.exe] <nil>
}

// A report of a feed raised too many alerts: ignore one of its indicators, and give the rest a lower severity.
func ExampleWatchlists_IgnoreIOC() {
	ctx, client := context.Background(), exampleClient()
	report, err := client.Feeds.PutReport(ctx, "0sWb5LxRfAq7TnVd3kQyGm", cbc.Report{
		ID: "noisy", Title: "Noisy", Description: "d", Severity: 9, IOCs: []cbc.IOC{cbc.DomainIOC("cdn.example"), cbc.DomainIOC("evil.example")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	id := cbc.FeedReportID("0sWb5LxRfAq7TnVd3kQyGm", report.ID)
	fmt.Println(client.Watchlists.IgnoreIOC(ctx, id, "cdn.example"))
	fmt.Println(client.Watchlists.IOCIgnored(ctx, id, "cdn.example"))
	fmt.Println(client.Watchlists.IOCIgnored(ctx, id, "evil.example"))
	fmt.Println(client.Watchlists.SetSeverity(ctx, id, 4))
	// Output:
	// <nil>
	// true <nil>
	// false <nil>
	// <nil>
}

// A watchlist of one report that belongs to no feed.
func ExampleWatchlists_CreateReport() {
	ctx, client := context.Background(), exampleClient()
	report, err := client.Watchlists.CreateReport(ctx, cbc.Report{
		Title: "Invoice", Description: "Seen in mail", Severity: 9, IOCs: []cbc.IOC{cbc.HashIOC(sha256.Sum256([]byte("MZ")))},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := client.Watchlists.Create(ctx, cbc.NewWatchlist{Name: "Invoice", ReportIDs: []cbc.WatchlistReportID{cbc.WatchlistReportID(report.ID)}})
	fmt.Println(len(list.ReportIDs), list.AlertsEnabled, err)
	// Output: 1 true <nil>
}

// Switch the alerts of a watchlist off and leave the rest of it alone.
func ExampleWatchlists_Update() {
	ctx, client := context.Background(), exampleClient()
	list, err := client.Watchlists.Update(ctx, "b3ZkT0mLSx6eN1yQvHc2Kg", cbc.WatchlistChange{Alerts: new(false)})
	fmt.Println(list.Name, list.AlertsEnabled, err)
	// Output: Lab alerts false <nil>
}

// exampleStore is a client of a console that knows one program.
func exampleStore() (*cbc.Client, [32]byte) {
	hash := sha256.Sum256([]byte("MZ"))
	text := hex.EncodeToString(hash[:])
	srv := cbctest.New(cbctest.World{
		Devices:   []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		Processes: []cbctest.Process{{DeviceID: 7, Name: `c:\users\kim\invoice.exe`, Hashes: []string{text}}},
		Binaries: []cbctest.Binary{{
			SHA256: text, Size: 2, Data: []byte("MZ"), Extra: map[string]any{"original_filename": "setup.exe"},
			Signatures: []cbctest.BinarySignature{{SignedBy: "Example Tools Ltd"}},
		}},
	})
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: srv.Client(),
	})
	if err != nil {
		panic(err)
	}
	return client, hash
}

// Look before a ban: what is the program, who signed it, how many machines know it?
func ExampleBinaries_Get() {
	client, hash := exampleStore()
	ctx := context.Background()
	binary, err := client.Binaries.Get(ctx, hash)
	fmt.Println(binary.OriginalFilename, err)
	signatures, err := client.Binaries.Signatures(ctx, hash, 10)
	fmt.Println(signatures[0].SignedBy, err)
	devices, err := client.Binaries.Devices(ctx, hash)
	fmt.Println(devices.Devices, devices.First.DeviceName, err)
	paths, err := client.Binaries.Paths(ctx, hash, 10)
	fmt.Println(paths.Paths[0].Path, err)
	// Output:
	// setup.exe <nil>
	// Example Tools Ltd <nil>
	// 1 LAB-7 <nil>
	// c:\users\kim\invoice.exe <nil>
}

func ExampleBinaries_Links() {
	client, hash := exampleStore()
	ctx := context.Background()
	links, err := client.Binaries.Links(ctx, 5*time.Minute, hash)
	if err != nil || len(links.Links) == 0 {
		fmt.Println(links, err)
		return
	}
	body, err := client.Binaries.Open(ctx, links.Links[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, 64<<20))
	if err != nil {
		fmt.Println(err)
		return
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	fmt.Println(archive.File[0].Name, archive.File[0].UncompressedSize64, err)
	// Output: filedata 2 <nil>
}

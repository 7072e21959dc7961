package cbc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// outbreak is what the examples of the search services work on: a mail program started an attachment, which started a shell.
func outbreak() cbctest.World {
	const attachment = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
	seen := time.Now().Add(-time.Hour)
	return cbctest.World{
		Devices: []cbctest.Device{{ID: 4571602, Name: `CORP\LAP-0417`}, {ID: 4571777, Name: "lap-0593.corp.example"}},
		Processes: []cbctest.Process{
			{
				GUID: "7QRST4UV-1", DeviceID: 4571602, PIDs: []int64{412}, Name: `c:\office\outlook.exe`,
				Events: []cbctest.Event{
					{Type: "filemod", Time: seen, Name: `c:\users\pat\invoice.exe`, SHA256: attachment, Actions: []string{"ACTION_FILE_CREATE", "ACTION_FILE_LAST_WRITE"}},
					{Type: "modload", Time: seen.Add(-time.Minute), Name: `c:\office\mso.dll`, Actions: []string{"ACTION_LOAD_MODULE"}},
				},
			},
			{GUID: "7QRST4UV-2", DeviceID: 4571602, PIDs: []int64{6700}, Name: `c:\users\pat\invoice.exe`, ParentGUID: "7QRST4UV-1", Hashes: []string{attachment}},
			{GUID: "7QRST4UV-3", DeviceID: 4571602, PIDs: []int64{6912}, Name: `c:\windows\cmd.exe`, ParentGUID: "7QRST4UV-2"},
			{GUID: "7QRST4UV-4", DeviceID: 4571777, PIDs: []int64{99}, Name: `c:\users\kim\invoice.exe`, Hashes: []string{attachment}},
		},
		// So that the example does not take a second.
		Switches: cbctest.Switches{Search: cbctest.SearchSwitches{StartDelay: time.Millisecond, Duration: 2 * time.Millisecond, SegmentsAtOnce: true}},
	}
}

// Counting is the cheap way to learn on which devices a hash was seen.
func ExampleProcesses_Facets() {
	client, ctx := newClient(outbreak()), context.Background()
	facets, err := client.Processes.Facets(ctx, cbc.FacetQuery{
		Query: cbc.Field("process_hash").SHA256(attachment), Terms: []string{"device_id"},
	})
	if err != nil {
		log.Fatal(err) // the counts are too low
	}
	for _, v := range facets.Terms[0].Values {
		fmt.Println(v.ID, v.Total)
	}
	// Output:
	// 4571602 1
	// 4571777 1
}

func ExampleProcesses_Tree() {
	client, ctx := newClient(outbreak()), context.Background()
	tree, err := client.Processes.Tree(ctx, "7QRST4UV-1")
	if err != nil {
		log.Fatal(err)
	}
	for depth, node := range tree.Walk() {
		fmt.Println(strings.Repeat("  ", depth) + node.Filename)
	}
	_, err = client.Processes.Tree(ctx, "7QRST4UV-9")
	fmt.Println(errors.Is(err, cbc.ErrNotFound))
	// Output:
	// outlook.exe
	//   invoice.exe
	//     cmd.exe
	// true
}

func ExampleProcesses_Details() {
	client, ctx := newClient(outbreak()), context.Background()
	for p, err := range client.Processes.Details(ctx, "7QRST4UV-2", "7QRST4UV-9") {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(p.Name, p.ParentName)
	}
	// Output:
	// c:\users\pat\invoice.exe c:\office\outlook.exe
	// cbc: processes.details: process GUID 7QRST4UV-9: not found
}

// The events of a process tell which files it wrote, where and when.
func ExampleProcesses_Events() {
	client, ctx := newClient(outbreak()), context.Background()
	query := cbc.EventQuery{Query: cbc.Field("filemod_sha256").SHA256(attachment)}
	for e, err := range client.Processes.Events(ctx, "7QRST4UV-1", query) {
		if err != nil {
			log.Fatal(err)
		}
		switch d := e.Detail.(type) {
		case cbc.FileMod:
			fmt.Println(d.Path, d.Actions)
		default:
			fmt.Println("something else:", e.Type)
		}
	}
	// Output:
	// c:\users\pat\invoice.exe [ACTION_FILE_CREATE ACTION_FILE_LAST_WRITE]
}

func ExampleObservations_Search() {
	world := outbreak()
	world.Observations = []cbctest.Observation{
		{ID: "O-1", Type: "CB_ANALYTICS", Description: "A mail program started an unknown file.", ProcessGUID: "7QRST4UV-2", AlertIDs: []string{"A-1"}},
		{ID: "O-2", Type: "CONTEXTUAL_ACTIVITY", Description: "A shell was started.", ProcessGUID: "7QRST4UV-2"},
	}
	client, ctx := newClient(world), context.Background()
	query := cbc.ObservationQuery{Query: cbc.And(
		cbc.Field("process_hash").SHA256(attachment), cbc.Field("observation_type").AnyOf("CB_ANALYTICS"),
	)}
	for o, err := range client.Observations.Search(ctx, query) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(o.ID, o.DeviceID, o.Description)
	}
	// Output:
	// O-1 4571602 A mail program started an unknown file.
}

// Alerts of an attachment are found by its hash, and closed with the same query.
func ExampleAlerts_Close() {
	world := outbreak()
	world.Alerts = []cbctest.Alert{
		{ID: "A-1", Type: "WATCHLIST", Severity: 7, ProcessGUID: "7QRST4UV-2"},
		{ID: "A-2", Type: "CB_ANALYTICS", Severity: 3, ProcessGUID: "7QRST4UV-3"},
	}
	world.Switches.Jobs = cbctest.JobSwitches{StartDelay: time.Nanosecond, Duration: 2 * time.Nanosecond}
	client, ctx := newClient(world), context.Background()
	query := cbc.AlertQuery{ProcessSHA256: [][32]byte{attachment}}
	job, err := client.Alerts.Close(ctx, query, cbc.Closure{Reason: cbc.ClosedResolved, Determination: cbc.TruePositive, Note: "file deleted"})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := job.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	for alert, err := range client.Alerts.Search(ctx, query) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(alert.ID, alert.Severity, alert.Workflow.Status, alert.Workflow.ClosureReason, alert.Determination.Value)
	}
	_, err = client.Alerts.Close(ctx, cbc.AlertQuery{Window: time.Hour}, cbc.Closure{})
	fmt.Println(err)
	// Output:
	// A-1 7 CLOSED RESOLVED TRUE_POSITIVE
	// cbc: alerts.close: the query does not say which alerts: all of them are not changed at once
}

// What is read from the queue is gone from it.
func ExampleAuditLog_Queue() {
	world := outbreak()
	world.Audit = []cbctest.AuditEntry{{Actor: "pat@corp.example", Description: "Logged in"}, {Actor: "kim@corp.example", Description: "Changed a policy", Flagged: true}}
	client, ctx := newClient(world), context.Background()
	for {
		entries, err := client.AuditLog.Queue(ctx)
		for _, e := range entries { // those that came are kept, whatever the error
			fmt.Println(e.Actor, e.Description, e.Flagged)
		}
		if err != nil {
			log.Fatal(err)
		}
		if len(entries) == 0 {
			fmt.Println("nothing more")
			break // and ask again some time
		}
	}
	// Output:
	// pat@corp.example Logged in false
	// kim@corp.example Changed a policy true
	// nothing more
}

func ExampleAuditLog_Search() {
	world := outbreak()
	world.Audit = []cbctest.AuditEntry{{Actor: "pat@corp.example", Description: "Logged in"}, {Actor: "kim@corp.example", Description: "Changed a policy", Flagged: true}}
	client, ctx := newClient(world), context.Background()
	for e, err := range client.AuditLog.Search(ctx, cbc.AuditQuery{Flagged: new(true), Window: 24 * time.Hour}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Actor, e.Description)
	}
	// Output:
	// kim@corp.example Changed a policy
}

package cbc_test

import (
	"context"
	"fmt"
	"log"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// alarming is the outbreak with two alerts of one cause.
func alarming() cbctest.World {
	world := outbreak()
	world.Alerts = []cbctest.Alert{
		{ID: "A-1", ThreatID: "T-1", Severity: 7, ProcessGUID: "7QRST4UV-2"},
		{ID: "A-2", ThreatID: "T-1", Severity: 3, ProcessGUID: "7QRST4UV-3"},
	}
	world.Switches.Jobs = cbctest.JobSwitches{StartDelay: 1, Duration: 2}
	return world
}

func ExampleAlerts_Notes() {
	client, ctx := newClient(alarming()), context.Background()
	note, err := client.Alerts.AddNote(ctx, "A-1", "machine isolated")
	if err != nil {
		log.Fatal(err)
	}
	notes, err := client.Alerts.Notes(ctx, "A-1")
	fmt.Println(len(notes), notes[0].Text, err)
	fmt.Println(client.Alerts.DeleteNote(ctx, "A-1", note.ID))
	// Output:
	// 1 machine isolated <nil>
	// <nil>
}

// What is noted of a threat is there with all of its alerts, those to come included.
func ExampleAlerts_ThreatNotes() {
	client, ctx := newClient(alarming()), context.Background()
	note, err := client.Alerts.AddThreatNote(ctx, "T-1", "freight invoice, see ticket 417")
	if err != nil {
		log.Fatal(err)
	}
	notes, err := client.Alerts.ThreatNotes(ctx, "T-1")
	fmt.Println(notes[0].Text, err)
	fmt.Println(client.Alerts.DeleteThreatNote(ctx, "T-1", note.ID))
	// Output:
	// freight invoice, see ticket 417 <nil>
	// <nil>
}

func ExampleAlerts_AddThreatTags() {
	client, ctx := newClient(alarming()), context.Background()
	if _, err := client.Alerts.AddThreatTags(ctx, "T-1", "mail", "contained"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Alerts.ThreatTags(ctx, "T-1"))
	// Output: [mail contained] <nil>
}

// The history tells who closed an alert, and when.
func ExampleAlerts_History() {
	client, ctx := newClient(alarming()), context.Background()
	job, err := client.Alerts.Close(ctx, cbc.AlertQuery{IDs: []cbc.AlertID{"A-1"}}, cbc.Closure{Reason: cbc.ClosedResolved})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := job.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	changes, err := client.Alerts.History(ctx, "A-1")
	if err != nil {
		log.Fatal(err)
	}
	for _, change := range changes {
		fmt.Println(change.Workflow.Status, change.Workflow.ClosureReason)
	}
	alert, err := client.Alerts.Get(ctx, "A-1")
	fmt.Println(alert.Workflow.Status, err)
	// Output:
	// CLOSED RESOLVED
	// CLOSED <nil>
}

// How many alerts are open, by severity?
func ExampleAlerts_Facets() {
	client, ctx := newClient(alarming()), context.Background()
	facets, err := client.Alerts.Facets(ctx, cbc.AlertFacetQuery{Terms: []string{"severity"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, value := range facets[0].Values {
		fmt.Println(value.Name, value.Total)
	}
	// Output:
	// 3 1
	// 7 1
}

// Mark alerts as being worked on, and open them again.
func ExampleAlerts_Begin() {
	client, ctx := newClient(alarming()), context.Background()
	query := cbc.AlertQuery{ThreatIDs: []cbc.ThreatID{"T-1"}}
	for _, step := range []func(context.Context, cbc.AlertQuery, string) (*cbc.ServiceJob, error){client.Alerts.Begin, client.Alerts.Reopen} {
		job, err := step(ctx, query, "")
		if err != nil {
			log.Fatal(err)
		}
		if _, err := job.Wait(ctx); err != nil {
			log.Fatal(err)
		}
		alert, err := client.Alerts.Get(ctx, "A-2")
		fmt.Println(alert.Workflow.Status, err)
	}
	// Output:
	// IN_PROGRESS <nil>
	// OPEN <nil>
}

// The audit log as a file, with the progress that the vendor tells of its making.
func ExampleAuditLog_Export() {
	world := alarming()
	world.Audit = []cbctest.AuditEntry{{Actor: "pat@corp.example", Description: "Logged in"}}
	client, ctx := newClient(world), context.Background()
	job, err := client.AuditLog.Export(ctx, cbc.AuditQuery{}, cbc.AuditCSV)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := job.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	progress, err := client.Jobs.Progress(ctx, job.ID)
	fmt.Println(progress.Completed, "of", progress.Total, err)
	file, err := job.Download(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	info, err := client.Jobs.Get(ctx, job.ID)
	fmt.Println(info.Status, err)
	// Output:
	// 1 of 1 <nil>
	// COMPLETED <nil>
}

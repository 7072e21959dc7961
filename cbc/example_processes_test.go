package cbc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// A search that a person typed is judged by the vendor before it runs.
func ExampleProcesses_Validate() {
	client, ctx := newClient(outbreak()), context.Background()
	fmt.Println(client.Processes.Validate(ctx, cbc.Raw("process_name:invoice.exe AND netconn_port:[1 TO 1024]")))
	err := client.Processes.Validate(ctx, cbc.Raw("process_name:invoice.exe OR OR cmd.exe"))
	fmt.Println(errors.Is(err, cbc.ErrQuerySyntax))
	fmt.Println(client.Processes.ValidateEvents(ctx, cbc.Field("event_type").AnyOf("filemod")))
	fmt.Println(client.Observations.Validate(ctx, cbc.Field("observation_type").AnyOf("CB_ANALYTICS")))
	// Output:
	// <nil>
	// true
	// <nil>
	// <nil>
}

// What fields begin with "process_ha"?
func ExampleProcesses_Suggest() {
	client, ctx := newClient(remarked()), context.Background()
	fields, err := client.Processes.Suggest(ctx, "process_ha", 5)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range fields {
		fmt.Println(s.Term)
	}
	more, err := client.Observations.Suggest(ctx, "observation_", 5)
	fmt.Println(len(more) > 0, err)
	// Output:
	// process_hash
	// true <nil>
}

// A search in steps: begun, found again by its id, watched and ended before its time.
func ExampleSearchJob_Cancel() {
	world := outbreak()
	world.Switches.Search.Duration = time.Hour // it is under way until it is ended
	client, ctx := newClient(world), context.Background()
	job, err := client.Processes.Start(ctx, cbc.ProcessQuery{Query: cbc.Field("process_hash").SHA256(attachment)})
	if err != nil {
		log.Fatal(err)
	}
	running, err := client.Processes.Jobs(ctx)
	fmt.Println(len(running), running[0] == job.ID, err)
	fmt.Println(client.Processes.Job(job.ID).Cancel(ctx))
	// Output:
	// 1 true <nil>
	// <nil>
}

// How far back can be searched?
func ExampleProcesses_Limits() {
	client, ctx := newClient(outbreak()), context.Background()
	bounds, err := client.Processes.Limits(ctx)
	fmt.Println(bounds.Newest.Sub(bounds.Oldest).Hours() > 24*7, err)
	// Output: true <nil>
}

// Jobs can be kept by their id and picked up again, by another process as well.
func ExampleProcesses_StartFacets() {
	client, ctx := newClient(outbreak()), context.Background()
	started, err := client.Processes.StartFacets(ctx, cbc.FacetQuery{Query: cbc.Field("process_hash").SHA256(attachment), Terms: []string{"device_id"}})
	if err != nil {
		log.Fatal(err)
	}
	facets, err := client.Processes.FacetJob(started.ID).Results(ctx)
	fmt.Println(len(facets.Terms[0].Values), "devices", err)

	details, err := client.Processes.StartDetails(ctx, "7QRST4UV-2")
	if err != nil {
		log.Fatal(err)
	}
	for p, err := range client.Processes.DetailJob(details.ID).Results(ctx) {
		fmt.Println(p.Name, err)
	}

	summary, err := client.Processes.StartSummary(ctx, cbc.SummaryQuery{GUID: "7QRST4UV-2"})
	if err != nil {
		log.Fatal(err)
	}
	around, err := client.Processes.SummaryJob(summary.ID).Summary(ctx)
	fmt.Println(around.Parent.GUID, len(around.Children), err)
	// Output:
	// 2 devices <nil>
	// c:\users\pat\invoice.exe <nil>
	// 7QRST4UV-1 1 <nil>
}

// What did a process do, by kind?
func ExampleProcesses_EventFacets() {
	client, ctx := newClient(outbreak()), context.Background()
	facets, err := client.Processes.EventFacets(ctx, "7QRST4UV-1", cbc.FacetQuery{Terms: []string{"event_type"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, value := range facets.Terms[0].Values {
		fmt.Println(value.Name, value.Total)
	}
	// Output:
	// filemod 1
	// modload 1
}

// remarked is the outbreak with what the vendor found remarkable about it.
func remarked() cbctest.World {
	world := outbreak()
	world.Observations = []cbctest.Observation{
		{ID: "O-1", Type: "CB_ANALYTICS", Description: "A mail program started an unknown file.", ProcessGUID: "7QRST4UV-2", AlertIDs: []string{"A-1"}},
		{ID: "O-2", Description: "A shell was started.", ProcessGUID: "7QRST4UV-2"},
	}
	return world
}

// Put what was found into groups, by the device for example.
func ExampleObservationJob_Groups() {
	client, ctx := newClient(remarked()), context.Background()
	job, err := client.Observations.Start(ctx, cbc.ObservationQuery{Query: cbc.Field("process_hash").SHA256(attachment)})
	if err != nil {
		log.Fatal(err)
	}
	groups, err := job.Groups(ctx, cbc.GroupQuery{Fields: []string{"device_id"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, g := range groups {
		fmt.Println(g.Field, g.Value, g.Total)
	}
	// Output: device_id 4571602 2
}

func ExampleObservations_Details() {
	client, ctx := newClient(remarked()), context.Background()
	job, err := client.Observations.StartDetails(ctx, "O-1")
	if err != nil {
		log.Fatal(err)
	}
	for o, err := range client.Observations.DetailJob(job.ID).Results(ctx) {
		fmt.Println(o.ID, o.Type, err)
	}
	for o, err := range client.Observations.ByAlert(ctx, "A-1") { // all that belong to an alert
		fmt.Println(o.ID, err)
	}
	counts, err := client.Observations.StartFacets(ctx, cbc.FacetQuery{Query: cbc.Field("process_hash").SHA256(attachment), Terms: []string{"observation_type"}})
	if err != nil {
		log.Fatal(err)
	}
	facets, err := client.Observations.FacetJob(counts.ID).Results(ctx)
	fmt.Println(len(facets.Terms[0].Values), err)
	// Output:
	// O-1 CB_ANALYTICS <nil>
	// O-1 <nil>
	// 2 <nil>
}

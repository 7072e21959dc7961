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
		Switches: cbctest.Switches{Search: cbctest.SearchSwitches{StartDelay: time.Millisecond, Duration: 2 * time.Millisecond, SegmentDelay: time.Nanosecond}},
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

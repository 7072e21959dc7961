package cbc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// newClient is a client of a fake, in the same process.
func newClient(world cbctest.World) *cbc.Client {
	client, err := cbc.New(cbc.Config{
		BaseURL:     cbctest.URL,
		OrgKey:      cbctest.OrgKey,
		Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret),
		HTTPClient:  cbctest.New(world).Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// company is what the examples work on: an attachment ran on one machine, and a mail program wrote it to disk on another.
func company() cbctest.World {
	const attachment = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
	return cbctest.World{
		Policies: []cbctest.Policy{{ID: 88231, Name: "Standard"}, {ID: 88402, Name: "Contain"}, {ID: 88403, Name: "Contain VDI"}},
		Devices:  []cbctest.Device{{ID: 4571602, Name: `CORP\LAP-0417`}, {ID: 4571777, Name: "lap-0593.corp.example"}},
		Processes: []cbctest.Process{
			{GUID: "7QRST4UV-1", DeviceID: 4571602, PIDs: []int64{6700}, Name: `c:\users\pat\invoice.exe`, Hashes: []string{attachment}},
			{
				GUID: "7QRST4UV-2", DeviceID: 4571777, PIDs: []int64{412}, Name: `c:\office\outlook.exe`,
				Touched: map[string][]string{"filemod_hash": {attachment}},
			},
		},
		// So that the example does not take a second.
		Switches: cbctest.Switches{Search: cbctest.SearchSwitches{StartDelay: time.Millisecond, Duration: 2 * time.Millisecond}},
	}
}

// attachment is the hash that the examples look for.
var attachment = [32]byte{
	0xb5, 0xbb, 0x9d, 0x80, 0x14, 0xa0, 0xf9, 0xb1, 0xd6, 0x1e, 0x21, 0xe7, 0x96, 0xd7, 0x8d, 0xcc,
	0xdf, 0x13, 0x52, 0xf2, 0x3c, 0xd3, 0x28, 0x12, 0xf4, 0x85, 0x0b, 0x87, 0x8a, 0xe4, 0x94, 0x4c,
}

func ExampleNew() {
	_, err := cbc.New(cbc.Config{
		BaseURL:     "defense-prod05.conferdeploy.net",
		OrgKey:      "",
		Credentials: cbc.APIKey("A1B2C3D4E5", "SECRET WITH A SPACE"),
	})
	fmt.Println(err)
	// Output:
	// cbc: new: OrgKey is empty
	// cbc: new: the secret of the API key has a character that no key has, such as a space or a slash
}

func ExampleProcesses_Search() {
	client, ctx := newClient(company()), context.Background()
	query := cbc.ProcessQuery{Query: cbc.Field("process_hash").SHA256(attachment), Window: 14 * 24 * time.Hour}
	for p, err := range client.Processes.Search(ctx, query) {
		if err != nil {
			log.Fatal(err) // the search is not complete
		}
		fmt.Println(p.DeviceID, p.DeviceName, p.PIDs, p.Name)
	}
	// Output:
	// 4571602 corp\lap-0417 [6700] c:\users\pat\invoice.exe
}

// A search in other fields also finds what only touched the file: here a mail program, which nobody wants to kill.
func ExampleProcess_HasSHA256() {
	client, ctx := newClient(company()), context.Background()
	query := cbc.ProcessQuery{Query: cbc.Or(
		cbc.Field("hash").SHA256(attachment),
		cbc.Field("scriptload_hash").SHA256(attachment),
	)}
	found := map[bool][]string{}
	for p, err := range client.Processes.Search(ctx, query) {
		if err != nil {
			log.Fatal(err)
		}
		executed := p.HasSHA256(attachment)
		found[executed] = append(found[executed], p.Name)
	}
	fmt.Println("executed:", found[true])
	fmt.Println("touched:", found[false])
	// Output:
	// executed: [c:\users\pat\invoice.exe]
	// touched: [c:\office\outlook.exe]
}

// A job outlives the process that started it, and tells its numbers.
func ExampleProcesses_Start() {
	client, ctx := newClient(company()), context.Background()
	job, err := client.Processes.Start(ctx, cbc.ProcessQuery{Query: cbc.Field("process_hash").SHA256(attachment)})
	if err != nil {
		log.Fatal(err)
	}
	again := client.Processes.Job(job.ID) // in another process, perhaps
	status, err := again.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d of %d searchers answered, %d rows\n", status.Completed, status.Contacted, status.Available)
	for p, err := range again.Results(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.GUID)
	}
	// Output:
	// 24 of 24 searchers answered, 1 rows
	// 7QRST4UV-1
}

func ExampleField() {
	seen := cbc.And(
		cbc.Field("process_hash").AnyOf("aa", "bb"),
		cbc.Not(cbc.Field("device_name").AnyOf(`corp\lap-0417`)),
	)
	fmt.Println(seen)
	fmt.Println(cbc.Field("process_name").AnyOf(`" OR process_name:*`)) // stays a name
	fmt.Println(cbc.And(seen, cbc.Raw("a) OR (b")).Err())
	// Output:
	// process_hash:(aa OR bb) AND NOT device_name:corp\\lap\-0417
	// process_name:\"\ OR\ process_name\:\*
	// cbc: query: an expression with a ')' too many
}

func ExampleDevices_Quarantine() {
	client, ctx := newClient(company()), context.Background()
	if err := client.Devices.Quarantine(ctx, 4571602, 4571777); err != nil {
		log.Fatal(err)
	}
	devices, err := client.Devices.ByIDs(ctx, 4571602, 4571777, 1)
	for _, d := range devices {
		fmt.Println(d.Host(), d.Quarantined)
	}
	fmt.Println(err, errors.Is(err, cbc.ErrNotFound))
	// Output:
	// lap-0417 true
	// lap-0593 true
	// cbc: devices.by_ids: device 1: not found true
}

func ExampleDevices_Search() {
	client, ctx := newClient(company()), context.Background()
	for d, err := range client.Devices.Search(ctx, cbc.DeviceQuery{OS: []string{"WINDOWS"}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.ID, d.Host(), d.PolicyName, d.LiveResponse())
	}
	// Output:
	// 4571602 lap-0417 Standard true
	// 4571777 lap-0593 Standard true
}

func ExampleDevices_SetPolicy() {
	client, ctx := newClient(company()), context.Background()
	policy, err := client.Policies.ByName(ctx, "Contain")
	if err != nil {
		log.Fatal(err)
	}
	before, err := client.Devices.Get(ctx, 4571602)
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Devices.SetPolicy(ctx, policy.ID, before.ID); err != nil {
		log.Fatal(err)
	}
	after, err := client.Devices.Get(ctx, before.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(before.PolicyName, before.PolicyOverride, "->", after.PolicyName, after.PolicyOverride)
	// Output:
	// Standard false -> Contain true
}

func ExamplePolicies_ByName() {
	client, ctx := newClient(company()), context.Background()
	_, err := client.Policies.ByName(ctx, "contain")
	fmt.Println(err)
	// Output:
	// cbc: policies.by_name: no policy is named "contain": not found
}

func ExamplePolicies_List() {
	client, ctx := newClient(company()), context.Background()
	policies, err := client.Policies.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range policies {
		fmt.Println(p.ID, p.Name, p.Devices)
	}
	// Output:
	// 88231 Standard 2
	// 88402 Contain 0
	// 88403 Contain VDI 0
}

func ExampleReputation_Ban() {
	world := company()
	world.Overrides = []cbctest.Override{{
		ID: "c0ffee", List: "WHITE_LIST", SHA256: "1111111111111111111111111111111111111111111111111111111111111111", CreatedBy: "it@corp.example",
	}}
	client, ctx := newClient(world), context.Background()

	ban, created, err := client.Reputation.Ban(ctx, cbc.BanOf(attachment, "invoice.exe", "condemned by the mail gateway"))
	fmt.Println(ban.List, ban.FileName, created, err)
	_, created, err = client.Reputation.Ban(ctx, cbc.BanOf(attachment, "invoice.exe", "condemned by the mail gateway"))
	fmt.Println(created, err)

	var allowed [32]byte
	for i := range allowed {
		allowed[i] = 0x11
	}
	_, _, err = client.Reputation.Ban(ctx, cbc.BanOf(allowed, "", ""))
	fmt.Println(err)
	// Output:
	// BLACK_LIST invoice.exe true <nil>
	// false <nil>
	// cbc: reputation.ban: 1111111111111111111111111111111111111111111111111111111111111111 is on the allow list (override c0ffee, by it@corp.example)
}

func ExampleReputation_BySHA256() {
	client, ctx := newClient(company()), context.Background()
	if _, _, err := client.Reputation.Ban(ctx, cbc.BanOf(attachment, "invoice.exe", "")); err != nil {
		log.Fatal(err)
	}
	found, err := client.Reputation.BySHA256(ctx, attachment, [32]byte{1})
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range found[attachment] {
		fmt.Println(o.List, o.FileName)
	}
	fmt.Println(len(found), "of 2 hashes have an override")
	// Output:
	// BLACK_LIST invoice.exe
	// 1 of 2 hashes have an override
}

func ExampleFieldName_Match() {
	fmt.Println(cbc.Field("process_name").Match(cbc.Literal(`c:\users\`), cbc.AnyText(), cbc.Literal("invoice (1)"), cbc.AnyChar(), cbc.Literal("exe")))
	// Output:
	// process_name:c\:\\users\\*invoice\ \(1\)?exe
}

func ExampleFieldName_Range() {
	noon := time.Date(2025, 2, 11, 12, 0, 0, 0, time.UTC)
	fmt.Println(cbc.Field("netconn_port").Range(cbc.Number(1024), cbc.Bound{}))
	fmt.Println(cbc.Field("device_timestamp").Range(cbc.Instant(noon.Add(-time.Hour)), cbc.Instant(noon).Excluded()))
	// Output:
	// netconn_port:[1024 TO *]
	// device_timestamp:[2025-02-11T11:00:00.000Z TO 2025-02-11T12:00:00.000Z}
}

// An expression tells how large it is, so that what is looked for can be split among several searches.
func ExampleExpr_Clauses() {
	hashes := make([][32]byte, 250)
	for batch := range slices.Chunk(hashes, 100) {
		e := cbc.Field("process_hash").SHA256(batch...)
		fmt.Println(e.Clauses(), "clauses in", e.Len(), "bytes")
	}
	// Output:
	// 100 clauses in 6811 bytes
	// 100 clauses in 6811 bytes
	// 50 clauses in 3411 bytes
}

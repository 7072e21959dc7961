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

// estate is what the examples of devices and jobs work on.
func estate() cbctest.World {
	world := company()
	world.Devices = append(world.Devices, cbctest.Device{
		ID: 4571802, Name: "srv-db-02", OS: "LINUX", DeploymentType: "WORKLOAD", NSXEnabled: true, NSXTag: "CB-NSX-Quarantine",
		AssetGroups: []string{"Servers"},
	})
	// So that the examples do not take seconds.
	world.Switches.Jobs = cbctest.JobSwitches{StartDelay: 1, Duration: 2}
	world.Switches.NSX = cbctest.NSXSwitches{StartDelay: 1, Duration: 2}
	return world
}

// A scroll reaches every device, however many there are.
func ExampleDevices_Scroll() {
	client, ctx := newClient(estate()), context.Background()
	for d, err := range client.Devices.Scroll(ctx, cbc.DeviceQuery{ContactedWithin: 30 * 24 * time.Hour}) {
		if err != nil {
			log.Fatal(err) // the scroll is not complete
		}
		fmt.Println(d.ID, d.Host(), d.DeploymentType)
	}
	// Unordered output:
	// 4571602 lap-0417 ENDPOINT
	// 4571777 lap-0593 ENDPOINT
	// 4571802 srv-db-02 WORKLOAD
}

// The position after each page can be stored, so that a program that was stopped goes on where it was.
func ExampleDevices_ScrollPage() {
	client, ctx := newClient(estate()), context.Background()
	var stored cbc.DeviceCursor
	seen := 0
	for {
		page, err := client.Devices.ScrollPage(ctx, cbc.DeviceQuery{Rows: 2}, stored)
		if err != nil {
			log.Fatal(err)
		}
		seen += len(page.Devices)
		if stored = page.Next; stored == "" {
			break
		}
	}
	fmt.Println(seen, "devices")
	// Output:
	// 3 devices
}

func ExampleDevices_Facet() {
	client, ctx := newClient(estate()), context.Background()
	facets, err := client.Devices.Facet(ctx, cbc.DeviceQuery{}, "os", "policy_id")
	if err != nil {
		log.Fatal(err)
	}
	for _, facet := range facets {
		for _, value := range facet.Values {
			fmt.Println(facet.Field, value.Name, value.Total)
		}
	}
	// Output:
	// os WINDOWS 2
	// os LINUX 1
	// policy_id Standard 3
}

// An export is a job, whose file is read while it arrives.
func ExampleDevices_Export() {
	client, ctx := newClient(estate()), context.Background()
	job, err := client.Devices.Export(ctx, cbc.DeviceQuery{OS: []string{"WINDOWS"}})
	if err != nil {
		log.Fatal(err)
	}
	file, err := job.Download(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	for row, err := range cbc.DeviceRows(file) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row.Value("id"), row.Value("name"), row.Value("policy_name"))
	}
	// Output:
	// 4571602 CORP\LAP-0417 Standard
	// 4571777 lap-0593.corp.example Standard
}

// A job can be picked up by another process, which has only its id.
func ExampleJobs_Job() {
	client, ctx := newClient(estate()), context.Background()
	started, err := client.Devices.Export(ctx, cbc.DeviceQuery{})
	if err != nil {
		log.Fatal(err)
	}
	job := client.Jobs.Job(started.ID)
	info, err := job.Wait(ctx)
	if errors.Is(err, cbc.ErrJobFailed) {
		log.Fatal("the vendor has given up: ", err)
	}
	if err != nil {
		log.Fatal(err) // nobody knows yet
	}
	fmt.Println(info.Type, info.Status)
	// Output:
	// ENDPOINTS COMPLETED
}

// An action by search takes one call, and refuses to take everything by accident.
func ExampleDevices_Where() {
	client, ctx := newClient(estate()), context.Background()
	windows := client.Devices.Where(cbc.DeviceQuery{OS: []string{"WINDOWS"}}).AtMost(10)
	n, err := windows.Quarantine(ctx)
	fmt.Println(n, err)

	_, err = client.Devices.Where(cbc.DeviceQuery{}).Quarantine(ctx)
	fmt.Println(err)
	_, err = client.Devices.All().AtMost(2).Quarantine(ctx)
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// cbc: devices.quarantine: the query restricts nothing: use Devices.All if every device is meant
	// cbc: devices.quarantine: 3 devices match where 2 may: nothing was done
}

// A machine that is switched off is cut off when it comes back, so that waiting needs an end.
func ExampleDevices_WaitFor() {
	world := estate()
	world.Devices[1].Offline = true
	client := newClient(world)
	if err := client.Devices.Quarantine(context.Background(), 4571602, 4571777); err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer stop()
	_, err := client.Devices.WaitFor(ctx, cbc.IsQuarantined, 4571602, 4571777)
	fmt.Println(err)
	// Output:
	// cbc: devices.wait_for: device 4571777: 1 of 2 are not as wanted: incomplete: context deadline exceeded
}

func ExampleDevices_PreviewSetPolicy() {
	client, ctx := newClient(estate()), context.Background()
	changes, err := client.Devices.PreviewSetPolicy(ctx, 88402, 4571602, 4571777)
	if err != nil {
		log.Fatal(err)
	}
	for _, change := range changes {
		fmt.Println(change.Devices, "devices from", change.Current.ID, "to", change.New.ID)
	}
	// Output:
	// 2 devices from 88231 to 88402
}

// What a publisher has signed is allowed, and a certificate cannot be banned.
func ExampleAllowCertificate() {
	client, ctx := newClient(estate()), context.Background()
	entry := cbc.AllowCertificate("Example Tools Ltd", "", "our deployment tool")
	made, err := client.Reputation.Create(ctx, entry)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(made.List, made.Type, made.SignedBy)
	entry.List = cbc.Banned
	_, err = client.Reputation.Create(ctx, entry)
	fmt.Println(err)
	// Output:
	// WHITE_LIST CERT Example Tools Ltd
	// cbc: reputation.create: only a hash can be banned
}

func ExampleReputation_DeleteMany() {
	world := estate()
	world.Overrides = []cbctest.Override{{ID: "c0ffee01", SHA256: "1111111111111111111111111111111111111111111111111111111111111111"}}
	client, ctx := newClient(world), context.Background()
	deleted, err := client.Reputation.DeleteMany(ctx, "c0ffee01", "c0ffee02")
	fmt.Println(deleted)
	fmt.Println(err)
	// Output:
	// [c0ffee01]
	// cbc: reputation.delete_many: override c0ffee02: not deleted
}

// A ban has an effect where the policy says so.
func ExamplePolicies_CreateRule() {
	client, ctx := newClient(estate()), context.Background()
	rule, err := client.Policies.CreateRule(ctx, 88402, cbc.PolicyRule{
		Required: true, Action: "DENY", Operation: "RUN",
		Application: cbc.PolicyApplication{Type: "REPUTATION", Value: "COMPANY_BLACK_LIST"},
	})
	if err != nil {
		log.Fatal(err)
	}
	policy, err := client.Policies.Get(ctx, 88402)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(policy.Rules), rule.Action, rule.Application.Value, policy.LiveResponse())
	// Output:
	// 1 DENY COMPANY_BLACK_LIST true
}

// A policy is changed by sending back what came, with the change.
func ExamplePolicies_Replace() {
	client, ctx := newClient(estate()), context.Background()
	policy, err := client.Policies.Get(ctx, 88402)
	if err != nil {
		log.Fatal(err)
	}
	policy.Description = "for machines that ran a condemned attachment"
	changed, err := client.Policies.Replace(ctx, policy)
	fmt.Println(changed.Name+":", changed.Description, err)
	// Output:
	// Contain: for machines that ran a condemned attachment <nil>
}

// A machine has one tag at a time: Switch takes the old one off first.
func ExampleWorkloads_Switch() {
	client, ctx := newClient(estate()), context.Background()
	if err := client.Workloads.Switch(ctx, cbc.NSXIsolate, 4571802); err != nil {
		log.Fatal(err)
	}
	device, err := client.Devices.Get(ctx, 4571802)
	fmt.Println(device.NSXTag, err)
	// Output:
	// CB-NSX-Isolate <nil>
}

func ExampleWorkloads_Tag() {
	client, ctx := newClient(estate()), context.Background()
	device, err := client.Devices.Get(ctx, 4571602)
	if err != nil {
		log.Fatal(err)
	}
	if err := device.NSXEligible(); err != nil {
		fmt.Println(err)
		return
	}
	jobs, err := client.Workloads.Tag(ctx, cbc.NSXQuarantine, device.ID)
	if err != nil {
		log.Fatal(err)
	}
	if err := jobs.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// cbc: device 4571602 is of the deployment type "ENDPOINT", not WORKLOAD
}

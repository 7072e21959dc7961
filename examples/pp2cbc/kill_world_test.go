package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// The machines of the small world on which something condemned runs.
const (
	smallLaptop  = 1001
	smallVirtual = 1002
)

func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// smallWorld is a world in which each action has something to do and a hunt is short: two condemned files, of which the first runs
// on a laptop, where a mail program has written it, and the second on a virtual machine. Everything has an id of its own, so that
// two such worlds have the same tasks. The other machines are there to be left alone, and to make these two a small part of all.
func smallWorld(now time.Time) lab.World {
	now = now.UTC().Truncate(time.Second)
	mailed := now.Add(-30 * time.Minute)
	const first, second = "made-up malware: the first", "made-up malware: the second"
	const onLaptop, onVirtual = `c:\users\ann\downloads\first.exe`, `c:\users\bob\desktop\second.exe`
	mail := func(n int, name, content string) proofpointtest.Message {
		return proofpointtest.Message{
			ID: fmt.Sprintf("0f8fad5b-d9cb-469f-a165-70867728950%d", n), GUID: fmt.Sprintf("mail-%d", n), Time: mailed, Subject: "Invoice", Sender: "billing@freight.example",
			Recipients: []string{"ann@corp.example"},
			Parts:      []proofpointtest.Part{{Filename: name, SHA256: digestOf(content), ContentType: "application/octet-stream", SandboxStatus: "THREAT"}},
			Threats:    []proofpointtest.Threat{{Artifact: digestOf(content), Time: mailed}},
		}
	}
	w := lab.World{
		TAP: proofpointtest.World{Messages: []proofpointtest.Message{mail(1, "first.exe", first), mail(2, "second.exe", second)}},
		CBC: cbctest.World{
			Policies: []cbctest.Policy{{ID: 501, Name: "Standard", System: true}, {ID: 502, Name: "Contain", PriorityLevel: "HIGH"}},
			Processes: []cbctest.Process{
				{GUID: "7QRST4UV-000003e9-00001a2c-00000000-1dc000000000001", DeviceID: smallLaptop, PIDs: []int64{6700}, Name: onLaptop, Hashes: []string{digestOf(first)}, Start: mailed, Time: mailed},
				{
					GUID: "7QRST4UV-000003e9-000008a2-00000000-1dc000000000002", DeviceID: smallLaptop, PIDs: []int64{2210}, Name: `c:\program files\office\outlook.exe`,
					Hashes: []string{digestOf("made-up mail program")}, Touched: map[string][]string{"filemod_hash": {digestOf(first)}}, Start: mailed, Time: mailed,
				},
				{GUID: "7QRST4UV-000003ea-00000d10-00000000-1dc000000000003", DeviceID: smallVirtual, PIDs: []int64{3344}, Name: onVirtual, Hashes: []string{digestOf(second)}, Start: mailed, Time: mailed},
			},
			Switches: cbctest.Switches{Search: cbctest.SearchSwitches{StartDelay: 1, Duration: 2}},
		},
		NSX: nsxtest.World{VMs: []nsxtest.VM{
			{Name: "vm-2", ExternalID: "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94", ComputerName: "VM-2"},
			{Name: "vm-3", ExternalID: "50217c3e-4b1d-9a60-2f77-c1d20e8a5b95", ComputerName: "VM-3"},
		}},
	}
	for id := int64(smallLaptop); id < smallLaptop+40; id++ {
		d := cbctest.Device{ID: id, Name: fmt.Sprintf("LAP-%d", id-1000), PolicyID: 501}
		switch id {
		case smallLaptop:
			d.Running = []cbctest.RunningProcess{{PID: 6700, Path: onLaptop}, {PID: 2210, Path: `c:\program files\office\outlook.exe`}}
			d.Files = []cbctest.File{{Path: onLaptop, Content: first}}
		case smallVirtual:
			d.Name, d.DeploymentType, d.NSXEnabled = "VM-2", "WORKLOAD", true
			d.Running = []cbctest.RunningProcess{{PID: 3344, Path: onVirtual}}
			d.Files = []cbctest.File{{Path: onVirtual, Content: second}}
		}
		w.CBC.Devices = append(w.CBC.Devices, d)
	}
	return w
}

// smallKills are the kills that the small world calls for, and the tasks that they belong to.
func smallKills() map[string]string {
	return map[string]string{
		"kill 1001/6700": "live_response/process/7QRST4UV-000003e9-00001a2c-00000000-1dc000000000001/" + digestOf("made-up malware: the first"),
		"kill 1002/3344": "live_response/process/7QRST4UV-000003ea-00000d10-00000000-1dc000000000003/" + digestOf("made-up malware: the second"),
	}
}

// smallFiles are the files that are deleted in the small world, with the kills that go before.
func smallFiles() map[string]string {
	return map[string]string{"kill 1001/6700": `c:\users\ann\downloads\first.exe`, "kill 1002/3344": `c:\users\bob\desktop\second.exe`}
}

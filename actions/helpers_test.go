package actions_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// TestMain lets the test binary be the command that script tests run.
func TestMain(m *testing.M) {
	switch os.Getenv("PPHUNT_TEST_COMMAND") {
	case "":
		os.Exit(m.Run())
	case "args":
		text, _ := json.Marshal(os.Args[1:])
		if err := os.WriteFile(os.Getenv("PPHUNT_TEST_OUT"), text, 0o600); err != nil {
			os.Exit(9)
		}
	case "fail":
		fmt.Fprintln(os.Stderr, "no \x1b[31mroute\nto host")
		os.Exit(3)
	case "leak":
		// As a script under set -x does, or one that prints its usage.
		fmt.Fprintln(os.Stderr, "calling with", os.Args[1:], "as", os.Getenv("PP2CBC_CARBONBLACK_CUSTOM_API_KEY"), "via http://proxy-user:proxy-pw@proxy.example")
		fmt.Fprintln(os.Stderr, strings.Repeat("ü", 4000))
		os.Exit(3)
	case "full":
		fullDisk()
	case "leave":
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PPHUNT_TEST_COMMAND=linger")
		cmd.Stderr = os.Stderr
		if cmd.Start() != nil {
			os.Exit(9)
		}
	case "linger":
		<-time.After(3 * time.Second)
	case "hang":
		<-time.After(time.Minute)
	}
}

func hash(n byte) hunt.SHA256 { return hunt.SHA256{0: n, 31: n} }

// processTask is a task on one file in one process.
func processTask(action string, n byte, device int64, path string, pids ...int64) hunt.Task {
	s := hunt.Sighting{
		SHA256: hash(n), Evidence: hunt.Executed,
		Process: hunt.Process{GUID: fmt.Sprintf("ORG-%d-%d", device, n), PIDs: pids, Path: path, Raw: []byte(`{"process_guid":"raw"}`)},
		Device:  hunt.Device{ID: device, Name: fmt.Sprintf(`CORP\HOST-%d`, device)},
	}
	return hunt.Task{
		Action: action, Scope: hunt.ScopeProcess, Target: s.Process.GUID + "/" + s.SHA256.String(),
		Indicators: []hunt.Indicator{{
			SHA256: s.SHA256, Threat: hunt.Threat{ID: "t1", Status: "active", Type: "attachment", Classification: "malware"},
			Mails: []hunt.Mail{{ID: "m1", Subject: "one", FileName: "a.exe", Raw: []byte(`{"GUID":"g1"}`)}, {ID: "m2", Subject: "two", Raw: []byte("not json")}},
		}},
		Sightings: []hunt.Sighting{s},
	}
}

// deviceTask is a task on a device.
func deviceTask(action string, device int64) hunt.Task {
	t := processTask(action, 1, device, `c:\a.exe`, 7)
	t.Scope, t.Target = hunt.ScopeDevice, fmt.Sprint(device)
	return t
}

// hashTask is a task on a file.
func hashTask(action string, n byte) hunt.Task {
	t := processTask(action, n, 1, `c:\a.exe`, 7)
	t.Scope, t.Target = hunt.ScopeHash, hash(n).String()
	return t
}

// ends maps targets to what became of them.
func ends(outcomes []hunt.Outcome) map[string]hunt.Status {
	all := make(map[string]hunt.Status)
	for _, o := range outcomes {
		all[o.Task.Target] = o.Status
	}
	return all
}

package audit_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

func TestADecisionBecomesAnEntry(t *testing.T) {
	t.Parallel()
	hash := hunt.SHA256{1}
	task := hunt.Task{
		Action: "isolate", Scope: hunt.ScopeDevice, Target: "7", Round: 2, Released: true,
		Indicators: []hunt.Indicator{{
			SHA256: hash, Threat: hunt.Threat{ID: "t-1", Status: "active", Classification: "malware", URL: "https://threats.example/t-1"},
			Mails: []hunt.Mail{{Subject: "SUBJECT", Sender: "SENDER", Recipients: []string{"RECIPIENT"}, Raw: []byte("RAW")}},
		}},
		Sightings: []hunt.Sighting{{
			SHA256: hash, Evidence: hunt.Executed, Field: "process_hash", Time: noon, Device: hunt.Device{ID: 7, Name: "LAB-7"},
			Process: hunt.Process{GUID: "g-1", Path: `c:\x.exe`, CommandLine: "COMMANDLINE", User: "USER", Raw: []byte("RAW")},
		}},
		Before: []byte(`{"quarantined":false}`),
	}
	got := audit.Decision(hunt.Decision{
		Time: noon, Run: "r-1", By: "pat",
		Outcome: hunt.Outcome{
			Task: task, Status: hunt.Failed, Detail: "isolating", Err: errors.New("403"),
			Requests: []hunt.Request{{Op: "devices.quarantine", Status: 403, ID: "q-1"}},
		},
	})
	want := audit.Entry{
		Time: noon, Run: "r-1", Event: audit.EventDecision, Key: "isolate/device/7/2", EventID: task.EventID(), Action: "isolate",
		Scope: hunt.ScopeDevice, Target: "7", Device: audit.Device{ID: 7, Name: "LAB-7"}, Status: hunt.Failed, Detail: "isolating", Error: "403",
		Evidence: "executed", Hashes: []hunt.SHA256{hash}, Threats: []audit.Threat{{ID: "t-1", Status: "active", Classification: "malware"}},
		Findings: []audit.Finding{{SHA256: hash, ProcessGUID: "g-1", Path: `c:\x.exe`, Evidence: "executed", Field: "process_hash", Time: noon}},
		Before:   []byte(`{"quarantined":false}`), Requests: []hunt.Request{{Op: "devices.quarantine", Status: 403, ID: "q-1"}}, By: "pat", Released: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Decision (-want +got):\n%s", diff)
	}
	text, _ := line(t, got)
	for _, personal := range []string{"SUBJECT", "SENDER", "RECIPIENT", "RAW", "COMMANDLINE", "USER"} {
		if bytes.Contains(text, []byte(personal)) {
			t.Errorf("the line has %s in it: %s", personal, text)
		}
	}
}

func TestAnOutcomesOwnStateAndReason(t *testing.T) {
	t.Parallel()
	got := audit.Decision(hunt.Decision{Outcome: hunt.Outcome{
		Task:   hunt.Task{Action: "hold", Scope: hunt.ScopeHold, Target: "x", Reason: "too many devices", Before: []byte("1")},
		Status: hunt.Done, Before: []byte("2"),
	}})
	if got.Detail != "too many devices" || string(got.Before) != "2" || got.Device != (audit.Device{}) || got.Evidence != "none" {
		t.Errorf("Decision = %+v", got)
	}
}

func TestTheLogIsTheAuditorOfAHunt(t *testing.T) {
	t.Parallel()
	path, _, _ := written(t, 1)
	log := open(t, path)
	var auditor hunt.Auditor = log
	decision := hunt.Decision{Time: noon, Run: "r", Outcome: hunt.Outcome{Status: hunt.Held, Task: hunt.Task{Action: "isolate", Scope: hunt.ScopeDevice, Target: "7"}}}
	if err := auditor.Audit(t.Context(), decision, decision); err != nil {
		t.Fatal(err)
	}
	if err := auditor.Audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	summary, err := audit.VerifyFile(t.Context(), path, log.Head())
	if err != nil || summary.Entries != 3 || summary.Decisions[hunt.Held] != 2 {
		t.Errorf("VerifyFile = %+v, %v", summary, err)
	}
}

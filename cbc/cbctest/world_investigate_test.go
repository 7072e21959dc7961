package cbctest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestWorldFileOfAlerts(t *testing.T) {
	t.Parallel()
	const file = `{
		"devices": [{"id": 7, "name": "LAB-7"}],
		"processes": [{"guid": "p", "device_id": 7, "events": [{"type": "scriptload", "content_length": 9}]}],
		"observations": [{"id": "O", "type": "TAMPER", "process_guid": "p", "alert_ids": ["A"], "time": "2025-02-11T08:00:00Z"}],
		"alerts": [{"id": "A", "severity": 9, "process_guid": "p", "report_id": "F-R", "watchlists": [{"id": "W", "name": "w"}],
			"notes": [{"note": "seen", "author": "me"}], "extra": {"attack_tactic": "TA0002"}}],
		"threats": [{"id": "T", "tags": ["a"], "notes": [{"note": "n"}]}],
		"audit": [{"actor": "root", "description": "did it", "flagged": true, "created": "2025-02-11T08:00:00Z"}],
		"switches": {"alerts": {"default_window": "72h0m0s", "no_totals": true}, "audit": {"queue_size": 5}}
	}`
	var world cbctest.World
	if err := json.Unmarshal([]byte(file), &world); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 2, 11, 8, 0, 0, 0, time.UTC)
	want := cbctest.World{
		Devices:      []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		Processes:    []cbctest.Process{{GUID: "p", DeviceID: 7, Events: []cbctest.Event{{Type: "scriptload", ContentLength: 9}}}},
		Observations: []cbctest.Observation{{ID: "O", Type: "TAMPER", ProcessGUID: "p", AlertIDs: []string{"A"}, Time: at}},
		Alerts: []cbctest.Alert{{
			ID: "A", Severity: 9, ProcessGUID: "p", ReportID: "F-R", Watchlists: []cbctest.AlertWatchlist{{ID: "W", Name: "w"}},
			Notes: []cbctest.AlertNote{{Note: "seen", Author: "me"}}, Extra: map[string]any{"attack_tactic": "TA0002"},
		}},
		Threats: []cbctest.Threat{{ID: "T", Tags: []string{"a"}, Notes: []cbctest.AlertNote{{Note: "n"}}}},
		Audit:   []cbctest.AuditEntry{{Actor: "root", Description: "did it", Flagged: true, Created: at}},
		Switches: cbctest.Switches{
			Alerts: cbctest.AlertSwitches{DefaultWindow: 72 * time.Hour, NoTotals: true}, Audit: cbctest.AuditSwitches{QueueSize: 5},
		},
	}
	noClock := cmpopts.IgnoreFields(cbctest.World{}, "Now")
	if diff := cmp.Diff(want, world, noClock); diff != "" {
		t.Errorf("the world of a file (-want +got):\n%s", diff)
	}
	if err := world.Check(); err != nil {
		t.Errorf("a good world: %v", err)
	}
	var second cbctest.World
	if err := json.Unmarshal([]byte(jsonText(t, world)), &second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, second, noClock); diff != "" {
		t.Errorf("written and read again (-want +got):\n%s", diff)
	}

	c := newConsole(t, world)
	state := c.srv.State()
	if len(state.Alerts) != 1 || state.Alerts[0].DeviceID != 7 || state.Alerts[0].Type != "WATCHLIST" || len(state.Alerts[0].Notes) != 1 {
		t.Errorf("alerts of the state = %+v", state.Alerts)
	}
	if len(state.Threats) != 2 || len(state.Audit) != 1 || len(c.srv.Observations()) != 1 {
		t.Errorf("state = %+v, observations = %+v", state, c.srv.Observations())
	}
	c.srv.AddObservations(cbctest.Observation{ID: "O2", DeviceID: 7})
	if list := c.srv.Observations(); len(list) != 2 || list[1].Type != "CONTEXTUAL_ACTIVITY" || list[1].Time.IsZero() {
		t.Errorf("Observations() = %+v", list)
	}
}

func TestWorldCheckOfAlerts(t *testing.T) {
	t.Parallel()
	for _, good := range []cbctest.World{alarmed(), watched(), logged(), subscribed(), sdkWorld()} {
		if err := good.Check(); err != nil {
			t.Errorf("a good world: %v", err)
		}
	}
	bad := cbctest.World{
		Observations: []cbctest.Observation{{ID: "O"}, {ID: "O", DeviceID: 9}},
		Alerts: []cbctest.Alert{
			{ID: "A", Severity: 11},
			{ID: "A", DeviceID: 9, Status: "DONE", ClosureReason: "WHY", Determination: "MAYBE"},
			{Notes: []cbctest.AlertNote{{}}},
		},
		Threats: []cbctest.Threat{{}, {ID: "T"}, {ID: "T", Notes: []cbctest.AlertNote{{ID: "n", Note: "x"}, {ID: "n", Note: "x"}}}},
		Audit: []cbctest.AuditEntry{
			{Description: "x", Created: noon}, {ActorIP: "nowhere"}, {Description: "y", Created: noon}, {Description: "z", Created: noon.Add(-1)},
		},
		Switches: cbctest.Switches{Alerts: cbctest.AlertSwitches{DefaultWindow: -1}, Audit: cbctest.AuditSwitches{QueueSize: -1}},
	}
	err := bad.Check()
	if err == nil {
		t.Fatal("a bad world has no problems")
	}
	for _, want := range []string{
		"the observation O is there twice", "observations[1] is about device 9", "the alert A is there twice", "severity of alerts[0]",
		"alerts[1] is about device 9", `"DONE"`, `"WHY"`, `"MAYBE"`, "a note of alerts[2]", "threats[0] lacks its id",
		"the threat T is there twice", "the note n is there twice", "audit[1] lacks its description", "actor_ip of audit[1]",
		"audit[3] is older", "default_window of alerts", "queue_size",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Check() does not say %s:\n%v", want, err)
		}
	}
}

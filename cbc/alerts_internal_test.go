package cbc

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDecodeAlert(t *testing.T) {
	t.Parallel()
	changed := time.Date(2025, 2, 11, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		file string
		want Alert
	}{
		{"alert_watchlist.json", Alert{
			ID: "be6ff259-88e3-6286-789f-74defa192e2e", Type: AlertWatchlistHit, Severity: 7, ThreatID: "9B0D38AB3B2C5D1E",
			Reason:   `Process invoice_0417.exe was detected by the report "malware: b5bb9d80"`,
			Detected: time.Date(2025, 2, 11, 8, 15, 30, 123e6, time.UTC), Backend: time.Date(2025, 2, 11, 8, 17, 2, 410e6, time.UTC),
			DeviceID: 4571602, DeviceName: `CORP\LAP-0417`,
			ProcessGUID: "7QRST4UV-0045c1d2-00001a2c-00000000-1db7c3f1a2b4c5d", ProcessPID: 6700, ProcessName: `c:\users\pat\downloads\invoice_0417.exe`,
			ProcessSHA256: sampleHash, ProcessMD5: sampleMD5, CommandLine: "invoice_0417.exe /s", Username: `CORP\pat`,
			Workflow:      AlertWorkflow{Status: AlertClosed, ClosureReason: ClosedResolved, Changed: changed, ChangedByType: "API", ChangedBy: "A1B2C3D4E5"},
			Determination: AlertDetermination{Value: TruePositive, Changed: changed, ChangedByType: "API", ChangedBy: "A1B2C3D4E5"},
			HasNotes:      true,
			ReportID:      "f1-r1", ReportName: "malware: b5bb9d80", ReportTags: []string{"active", "malware"}, ReportLink: "https://tap.example/1",
			IOCID: "b5bb9d80", IOCField: "process_hash", IOCHit: "process_hash:b5bb9d80", Watchlists: []AlertWatchlist{{ID: "w1", Name: "Mail"}},
		}},
		{"alert_odd.json", Alert{
			ID: "17", Type: "SOMETHING_NEW", Severity: 3, DeviceID: 4571602, Determination: AlertDetermination{Value: "UNDECIDED"},
			ReportTags: []string{"one"}, Watchlists: []AlertWatchlist{{ID: "w1"}},
		}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			raw := sample(t, "alerts/"+tt.file)
			got, err := decodeAlert(raw, forgiving())
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Alert{}, "Raw")); err != nil || diff != "" {
				t.Errorf("decodeAlert, error %v (-want +got):\n%s", err, diff)
			}
			if string(got.Raw) != string(raw) {
				t.Errorf("Raw = %s, want the alert as it came", got.Raw)
			}
		})
	}
	got, err := decodeAlert([]byte(`{"id":"A","watchlists":[{"id":7,"name":"Mail"},{"id":null,"name":["Web"]}]}`), forgiving())
	if diff := cmp.Diff([]AlertWatchlist{{ID: "7", Name: "Mail"}, {Name: "Web"}}, got.Watchlists); err != nil || diff != "" {
		t.Errorf("watchlists in odd forms, error %v (-want +got):\n%s", err, diff)
	}
	for _, raw := range []string{`{}`, `null`, `[]`, `{"id":""}`, `{"id":"A"`, `{"id":"A","id":"B"}`} {
		if got, err := decodeAlert([]byte(raw), forgiving()); err == nil {
			t.Errorf("decodeAlert(%s) = %+v, want an error", raw, got)
		}
	}
}

func TestDecodeNote(t *testing.T) {
	t.Parallel()
	got, err := decodeNote(sample(t, "alerts/note.json"), forgiving())
	want := AlertNote{
		ID: "3gsgsfds", Author: "pat@corp.example", Text: "process killed, file deleted", Source: "CUSTOMER",
		Created: time.Date(2025, 2, 11, 9, 0, 0, 0, time.UTC), Updated: time.Date(2025, 2, 11, 9, 1, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("decodeNote, error %v (-want +got):\n%s", err, diff)
	}
	if note, err := decodeNote([]byte(`{"note":"x"}`), forgiving()); err == nil {
		t.Errorf("decodeNote without an id = %+v", note)
	}
}

func TestDecodeChange(t *testing.T) {
	t.Parallel()
	var answer struct{ History []json.RawMessage }
	if err := json.Unmarshal(sample(t, "alerts/history.json"), &answer); err != nil {
		t.Fatal(err)
	}
	at := func(hour, minute int) time.Time { return time.Date(2025, 2, 11, hour, minute, 0, 0, time.UTC) }
	want := []AlertChange{
		{Time: at(8, 17), Workflow: AlertWorkflow{Status: AlertOpen, ClosureReason: ClosedWithoutReason, Changed: at(8, 17), ChangedByType: "SYSTEM", ChangedBy: "ALERT_CREATION"}},
		{Time: at(8, 30), Note: AlertNote{ID: "n1", Author: "pat@corp.example", Text: "mine", Created: at(8, 30)}},
		{Time: at(9, 0), Determination: AlertDetermination{Value: TruePositive}},
		{},
	}
	for i, raw := range answer.History {
		got := decodeChange(jsontext.Value(raw), forgiving())
		if diff := cmp.Diff(want[i], got, cmpopts.IgnoreFields(AlertChange{}, "Raw")); diff != "" {
			t.Errorf("decodeChange(%s) (-want +got):\n%s", raw, diff)
		}
		if string(got.Raw) != string(raw) {
			t.Errorf("Raw = %s, want the entry as it came", got.Raw)
		}
	}
}

func TestDecodeAuditEntry(t *testing.T) {
	t.Parallel()
	var answer struct{ Results []json.RawMessage }
	if err := json.Unmarshal(sample(t, "alerts/audit.json"), &answer); err != nil {
		t.Fatal(err)
	}
	want := []AuditEntry{
		{Time: time.Date(2025, 2, 11, 8, 15, 30, 123e6, time.UTC), Actor: "pat@corp.example", ActorIP: "203.0.113.9", Description: "Logged in successfully", Verbose: true, OrgKey: "7QRST4UV"},
		{Time: time.Date(2025, 2, 11, 8, 15, 30, 123e6, time.UTC), Actor: "A1B2C3D4E5", Description: "Asked for QUARANTINE", Flagged: true},
	}
	for i, raw := range answer.Results {
		got, err := decodeAuditEntry(jsontext.Value(raw), forgiving())
		if i == len(want) {
			if err == nil {
				t.Errorf("decodeAuditEntry(%s) = %+v, want an error", raw, got)
			}
			break
		}
		if diff := cmp.Diff(want[i], got, cmpopts.IgnoreFields(AuditEntry{}, "Raw")); err != nil || diff != "" {
			t.Errorf("decodeAuditEntry(%s), error %v (-want +got):\n%s", raw, err, diff)
		}
		if string(got.Raw) != string(raw) {
			t.Errorf("Raw = %s, want the entry as it came", got.Raw)
		}
	}
}

func FuzzDecodeAlert(f *testing.F) {
	for _, name := range []string{"alert_watchlist.json", "alert_odd.json", "note.json", "history.json", "audit.json"} {
		f.Add(sample(f, "alerts/"+name))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := decodeAlert(raw, forgiving())
		switch {
		case err != nil && !cmp.Equal(a, Alert{}):
			t.Errorf("decodeAlert(%q) = %+v together with %v", raw, a, err)
		case err == nil && (a.ID == "" || string(a.Raw) != string(raw)):
			t.Errorf("decodeAlert(%q) = %+v", raw, a)
		}
		if n, err := decodeNote(raw, forgiving()); err == nil && n.ID == "" {
			t.Errorf("decodeNote(%q) = %+v", raw, n)
		}
		if c := decodeChange(raw, forgiving()); string(c.Raw) != string(raw) {
			t.Errorf("decodeChange(%q) keeps %q", raw, c.Raw)
		}
		if e, err := decodeAuditEntry(raw, forgiving()); err == nil && e.Time.IsZero() && e.Description == "" {
			t.Errorf("decodeAuditEntry(%q) = %+v", raw, e)
		}
	})
}

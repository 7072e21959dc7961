package main

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/hunt"
)

func TestWhatFailedIsTakenUpByTheNextRunWhateverItsWindow(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "isolate = True\n[hunt]\nrehunt = 0")
	if err := c.lab.Inject(lab.Fault{Service: "cbc", PathContains: "device_actions", Status: http.StatusConflict, Count: 1}); err != nil {
		t.Fatal(err)
	}
	if r := c.run(t); r.code != exitFailed || len(c.isolated()) != 1 {
		t.Fatalf("the first run ended with %d and isolated %q, want 1 and nothing new: %s", r.code, c.isolated(), r.err)
	}
	now := time.Now().UTC()
	empty := []string{"--start-time", now.Add(-5 * time.Minute).Format(time.RFC3339), "--end-time", now.Add(-4 * time.Minute).Format(time.RFC3339)}
	if r := c.run(t, empty...); r.code != exitDone || len(c.isolated()) != 4 {
		t.Errorf("the second run, on a window without mails, ended with %d and left %q isolated, want 0 and four: %s", r.code, c.isolated(), r.err)
	}
	before := len(c.lab.Requests())
	r := c.run(t, empty...)
	for _, call := range c.lab.Requests()[before:] {
		if call.Service != "tap" { // the mails of the window, and the verdicts on what was done
			t.Errorf("the third run made the call %s, want none to Carbon Black Cloud", call.Operation)
		}
	}
	if r.code != exitDone {
		t.Errorf("the third run ended with %d, want 0: %s", r.code, r.err)
	}
}

func TestOldScriptsRecordsAreRespected(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "isolate = True")
	guid, hash := "", ""
	for _, sg := range c.sightings(t) {
		if sg.Device.ID == 4571601 && sg.Evidence == hunt.Executed {
			guid, hash = sg.Process.GUID, sg.SHA256.String()
		}
	}
	c.oldDatabase(t, [][4]any{
		{time.Now().UTC().Format("2006-01-02T15:04:05Z"), 4571601, guid, hash},
		{time.Now().UTC().Format("2006-01-02T15:04:05Z"), 4571602, "another-process", hash},
	})
	c.run(t, "--dry-run").is(t, exitDone, []string{"the old script has acted on this"}, nil) // before the first run as well
	if r := c.run(t); r.code != exitDone || !strings.Contains(r.out, "the old script has acted on this") || r.err != "" {
		t.Errorf("the run ended with %d and told %s: %s", r.code, r.out, r.err)
	}
	c.run(t, "--dry-run").is(t, exitDone, []string{"the old script has acted on this"}, nil)
	if got := c.isolated(); slices.Contains(got, `CORP\LAP-0401`) || !slices.Contains(got, "LAP-0402") {
		t.Errorf("isolated %q, want not the machine that the old script has handled, and the one with a new process on it", got)
	}
}

// sightings are what a dry run finds.
func (c *company) sightings(t *testing.T) []hunt.Sighting {
	t.Helper()
	r := c.run(t, "--dry-run", "--json")
	var report struct{ Sightings []hunt.Sighting }
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("the report is no JSON: %v", err)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "app.sql")); err == nil {
		t.Error("the dry run made a ledger")
	}
	return report.Sightings
}

// oldDatabase writes a database as the old script had it.
func (c *company) oldDatabase(t *testing.T, rows [][4]any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(c.dir, "app.sql"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE records (id INTEGER PRIMARY KEY, timestamp TEXT, device_id INTEGER, process_guid TEXT, sha256 TEXT)"); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if _, err := db.ExecContext(t.Context(), "INSERT INTO records (timestamp, device_id, process_guid, sha256) VALUES (?, ?, ?, ?)", r[0], r[1], r[2], r[3]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailedSearchIsToldInTheReport(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "isolate = True")
	if err := c.lab.Inject(lab.Fault{Service: "cbc", PathContains: "search_jobs", Status: http.StatusForbidden, Count: -1}); err != nil {
		t.Fatal(err)
	}
	r := c.run(t)
	if r.code != exitFailed || !strings.Contains(r.out, "COULD NOT BE ASKED") || !strings.Contains(r.out, "Could not be asked: 1.") {
		t.Errorf("the run ended with %d and told %s", r.code, r.out)
	}
}

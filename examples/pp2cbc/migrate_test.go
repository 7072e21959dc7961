package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// oldPlace is a folder with the configuration and the database of the old script.
func oldPlace(t *testing.T, config string, lastPull time.Time, guids ...string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if lastPull.IsZero() {
		return path
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "app.sql"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	at := lastPull.Format("2006-01-02T15:04:05Z")
	lines := []string{
		"CREATE TABLE records (id INTEGER PRIMARY KEY, timestamp TEXT, device_id INTEGER, process_guid TEXT, sha256 TEXT)",
		"CREATE TABLE last_pull (id INTEGER PRIMARY KEY, timestamp TEXT)",
		"INSERT INTO last_pull (timestamp) VALUES ('" + at + "')",
	}
	for _, guid := range guids {
		lines = append(lines, "INSERT INTO records (timestamp, device_id, process_guid, sha256) VALUES ('"+at+"', 7, '"+guid+"', '"+strings.Repeat("ab", 32)+"')")
	}
	for _, line := range lines {
		if _, err := db.ExecContext(t.Context(), line); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// migrated is what migrate tells as JSON.
func migrated(t *testing.T, now time.Time, args ...string) (migration, int) {
	t.Helper()
	r := runAt(t.Context(), func() time.Time { return now }, append([]string{"migrate", "--json"}, args...)...)
	var m migration
	if err := json.Unmarshal([]byte(r.out), &m); err != nil {
		t.Fatalf("it ended with %d and printed no JSON (%v): %s%s", r.code, err, r.out, r.err)
	}
	return m, r.code
}

func (m migration) advised(key string) (advice, bool) {
	i := slices.IndexFunc(m.Add, func(a advice) bool { return a.Key == key })
	if i < 0 {
		return advice{}, false
	}
	return m.Add[i], true
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	config := strings.Replace(oldConfig, "script = python3", "webhook = https://hook.example/t0ken\nscript = python3", 1)
	path := oldPlace(t, config, now.Add(-50*time.Hour), "guid-1", "guid-2")
	database := filepath.Join(filepath.Dir(path), "app.sql")
	before := contents(t, database)

	m, code := migrated(t, now, path, "--dry-run")
	if code != exitDone || m.Database == nil || !m.Database.Old || !m.Database.Left {
		t.Errorf("the dry run ended with %d: %+v", code, m.Database)
	}
	if !bytes.Equal([]byte(before), []byte(contents(t, database))) {
		t.Error("the dry run changed the database")
	}

	if a, ok := m.advised("hunt.first_run"); !ok || a.Value != "52h" || m.Database.Records != 2 {
		t.Errorf("the dry run advises %+v with %+v", a, m.Database)
	}

	m, code = migrated(t, now, path)
	if code != exitDone || m.Database == nil || m.Database.Records != 2 || m.Database.Imported != 2 || m.Database.Left {
		t.Errorf("it ended with %d: %+v", code, m.Database)
	}
	understood := make(map[string]setting)
	for _, s := range m.Understood {
		understood[s.Key] = s
	}
	if s := understood["actions.script"]; strings.Contains(s.Value, "file_path") {
		t.Errorf("the script is told as %+v", s)
	}
	if s := understood["CarbonBlack.window"]; s.Value != "3d" || s.Secret {
		t.Errorf("the window is told as %+v", s)
	}
	for _, key := range []string{"CarbonBlack.custom_api_key", "Proofpoint.secret", "actions.webhook"} {
		if s := understood[key]; !s.Secret || s.Value != "" {
			t.Errorf("%s is told as %+v", key, s)
		}
	}
	if !slices.ContainsFunc(m.Warnings, func(w string) bool { return strings.Contains(w, "api_id") }) {
		t.Errorf("the warnings are %q", m.Warnings)
	}
	changed := func(key string) bool {
		return slices.ContainsFunc(m.Changed, func(c change) bool { return c.Key == key })
	}
	if !changed("actions.isolate") || changed("actions.denylist") || changed("actions.policy") || !changed("") {
		t.Errorf("changed are %+v", m.Changed)
	}
	for key, value := range map[string]string{
		"guard.protect_names": "DC-*, ...", "actions.live_response": "True", "actions.webhook_secret_file": "FILE", "CarbonBlack.custom_api_key_file": "FILE", "hunt.first_run": "52h",
	} {
		if a, ok := m.advised(key); !ok || a.Value != value {
			t.Errorf("%s is advised as %+v (%t)", key, a, ok)
		}
	}
	if !slices.Contains(m.Permissions, "Carbon Black Cloud: device.quarantine (EXECUTE)") || slices.ContainsFunc(m.Permissions, func(p string) bool { return strings.Contains(p, "liveresponse") }) {
		t.Errorf("the permissions are %q", m.Permissions)
	}

	if m, _ = migrated(t, now, path); m.Database.Imported != 0 || m.Database.Records != 2 {
		t.Errorf("the second time: %+v", m.Database)
	}
	r := run(t.Context(), "migrate", "--config", path)
	r.is(t, exitDone, []string{"(a secret)", "then: ", "2 records of the old script, 0 taken over now", "pp2cbc doctor --config"}, nil)
	for _, secret := range []string{"S3CR3T", "t0ken", "= secret"} {
		if strings.Contains(r.out+r.err, secret) {
			t.Errorf("it tells the secret %s: %s", secret, r.out)
		}
	}
	// A first run that is chosen already stays, and seven days are the most.
	m, _ = migrated(t, now, oldPlace(t, oldConfig+"[hunt]\nfirst_run = 2h\n", now.Add(-50*time.Hour)))
	if a, ok := m.advised("hunt.first_run"); ok {
		t.Errorf("a first run is advised where there is one: %+v", a)
	}
	m, _ = migrated(t, now, oldPlace(t, oldConfig, now.Add(-50*24*time.Hour)))
	if a, _ := m.advised("hunt.first_run"); a.Value != "6d" {
		t.Errorf("after 50 days the first run is advised as %+v", a)
	}
	m, _ = migrated(t, now, oldPlace(t, oldConfig, time.Time{}))
	if a, ok := m.advised("hunt.first_run"); ok || m.Database != nil {
		t.Errorf("without a database: %+v, %+v", a, m.Database)
	}
}

func TestMigrateOfWhatCannotWork(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	path := oldPlace(t, strings.Replace(oldConfig, "org_key = 7QRST4UV", "isolat = yes", 1), now, "guid-1")
	before := contents(t, filepath.Join(filepath.Dir(path), "app.sql"))
	r := run(t.Context(), "migrate", path)
	r.is(t, exitUsage, []string{"To be mended first", "CarbonBlack.org_key: is missing", "unknown key CarbonBlack.isolat", "the database was left as it is"}, nil)
	if contents(t, filepath.Join(filepath.Dir(path), "app.sql")) != before {
		t.Error("the database was touched although the configuration is wrong")
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "app.sql"), []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(oldConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t.Context(), "migrate", path).is(t, exitFailed, []string{"What has changed"}, []string{"not an SQLite database"})
	run(t.Context(), "migrate", path, path).is(t, exitUsage, nil, []string{"one configuration"})
	run(t.Context(), "migrate", path+".none").is(t, exitUsage, nil, []string{"there is no configuration file"})
	run(t.Context(), "migrate", "-h").is(t, exitDone, []string{"flags of migrate"}, nil)
}

// TestChangesAreOfKeysThatThereAre keeps the list of changes from naming what does not exist.
func TestChangesAreOfKeysThatThereAre(t *testing.T) {
	t.Parallel()
	for _, c := range changes() {
		section, name, _ := strings.Cut(c.Key, ".")
		if _, ok := lookupKey(section, name); !ok && c.Key != "" || c.Key == "" && !c.always {
			t.Errorf("there is no key %q", c.Key)
		}
	}
}

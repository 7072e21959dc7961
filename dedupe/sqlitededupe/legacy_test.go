package sqlitededupe_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

const hash = "9c5d7b1f0b1e4ea0c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172839"

// oldFile makes what the old script makes on its first start, with rows of our own.
func oldFile(t testing.TB, rows ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.sql")
	statements := []string{
		`CREATE TABLE records (id integer PRIMARY KEY, timestamp text, device_id text, process_guid text, sha256 text)`,
		`CREATE TABLE last_pull (id integer PRIMARY KEY, timestamp text)`,
		`INSERT INTO last_pull (timestamp) VALUES ('2026-02-27T09:30:00Z')`,
	}
	for _, row := range rows {
		statements = append(statements, `INSERT INTO records (timestamp, device_id, process_guid, sha256) VALUES (`+row+`)`)
	}
	run(t, path, statements...)
	return path
}

// isolation makes the task that the rows of these tests stand for.
func isolation(r sqlitededupe.LegacyRecord) []dedupe.Key {
	return []dedupe.Key{dedupe.Key(fmt.Sprintf("isolate/device/%d", r.DeviceID))}
}

func TestImportLegacyReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for name, c := range map[string]struct {
		row  string
		want sqlitededupe.LegacyRecord
	}{
		"as the script wrote it":      {`'2026-02-03T04:05:06Z', 7, 'ABCD1234-1', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at, DeviceID: 7, ProcessGUID: "ABCD1234-1"}},
		"with milliseconds":           {`'2026-02-03T04:05:06.000Z', '7', 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at, DeviceID: 7, ProcessGUID: "g"}},
		"with an offset":              {`'2026-02-03T06:05:06+02:00', '7', 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at, DeviceID: 7, ProcessGUID: "g"}},
		"as Python prints times":      {`'2026-02-03 04:05:06.250000', '7', 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at.Add(250 * time.Millisecond), DeviceID: 7, ProcessGUID: "g"}},
		"seconds as a number":         {`1770091506, 7.0, 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at, DeviceID: 7, ProcessGUID: "g"}},
		"milliseconds as text":        {`'1770091506000', ' 7 ', ' g ', '` + strings.ToUpper(hash) + `'`, sqlitededupe.LegacyRecord{Time: at, DeviceID: 7, ProcessGUID: "g"}},
		"a blob of text":              {`CAST('2026-02-03T04:05:06Z' AS BLOB), CAST('7' AS BLOB), 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at, DeviceID: 7, ProcessGUID: "g"}},
		"a time that nobody can read": {`'yesterday', '7', 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: noon(), DeviceID: 7, ProcessGUID: "g"}},
		"no time":                     {`NULL, '7', 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: noon(), DeviceID: 7, ProcessGUID: "g"}},
		"a time to come":              {`'2087-02-03T04:05:06Z', '7', 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: noon(), DeviceID: 7, ProcessGUID: "g"}},
		"no device":                   {`'2026-02-03T04:05:06Z', NULL, 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at, ProcessGUID: "g"}},
		"a device that is a name":     {`'2026-02-03T04:05:06Z', 'LAB-7', 'g', '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at, ProcessGUID: "g"}},
		"no process":                  {`'2026-02-03T04:05:06Z', '7', NULL, '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at, DeviceID: 7}},
		"a process that is no text":   {`'2026-02-03T04:05:06Z', '7', CAST(x'ff00' AS TEXT), '` + hash + `'`, sqlitededupe.LegacyRecord{Time: at, DeviceID: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, oldFile(t, c.row))
			c.want.ID = 1
			if _, err := hex.Decode(c.want.SHA256[:], []byte(hash)); err != nil {
				t.Fatal(err)
			}
			var got []sqlitededupe.LegacyRecord
			n, err := s.ImportLegacy(t.Context(), noon(), func(r sqlitededupe.LegacyRecord) []dedupe.Key {
				got = append(got, r)
				return []dedupe.Key{"a", "b"}
			})
			if diff := cmp.Diff([]sqlitededupe.LegacyRecord{c.want}, got); diff != "" {
				t.Errorf("records mismatch (-want +got):\n%s", diff)
			}
			if n != 2 || err != nil {
				t.Errorf("ImportLegacy = %d, %v; want 2 tasks", n, err)
			}
			want := dedupe.Record{
				Key: "a", State: dedupe.Done, Owner: "legacy script", Attempt: 1, Updated: c.want.Time, Created: c.want.Time,
				Detail: "row 1 of the old script",
			}
			records, err := s.Lookup(t.Context(), "a")
			if diff := cmp.Diff([]dedupe.Record{want}, records); diff != "" || err != nil {
				t.Errorf("Lookup mismatch (-want +got), error %v:\n%s", err, diff)
			}
		})
	}
}

func TestImportLegacyTakesEachRowOnceAndLeavesTheOldTablesAlone(t *testing.T) {
	t.Parallel()
	path := oldFile(t, `'2026-02-03T04:05:06Z', 7, 'g1', '`+hash+`'`, `'2026-02-04T04:05:06Z', 8, 'g2', 'no hash'`)
	before := dump(t, path)
	s := open(t, path)
	if l, err := s.Legacy(t.Context()); err != nil || l != (sqlitededupe.Legacy{Records: 2, Waiting: 2, LastPull: time.Date(2026, 2, 27, 9, 30, 0, 0, time.UTC)}) {
		t.Errorf("Legacy = %+v, %v; want 2 records, both waiting, and the last pull", l, err)
	}
	if n, err := s.ImportLegacy(t.Context(), noon(), isolation); n != 2 || err != nil {
		t.Errorf("first ImportLegacy = %d, %v; want 2", n, err)
	}
	none := func(sqlitededupe.LegacyRecord) []dedupe.Key {
		t.Error("a row was taken twice")
		return nil
	}
	if n, err := s.ImportLegacy(t.Context(), noon(), none); n != 0 || err != nil {
		t.Errorf("second ImportLegacy = %d, %v; want 0", n, err)
	}
	if after := dump(t, path); after != before {
		t.Errorf("the old tables were\n%s\nand are\n%s", before, after)
	}
	// The script is still running beside the new program.
	run(t, path, `INSERT INTO records (timestamp, device_id, process_guid, sha256) VALUES ('2026-02-28T00:00:00Z', 9, 'g3', '')`)
	if n, err := s.ImportLegacy(t.Context(), noon(), isolation); n != 1 || err != nil {
		t.Errorf("third ImportLegacy = %d, %v; want the row that was added", n, err)
	}
	// It forgot everything, as it does at each start, and counts from 1 again: to less than before, then to more.
	for i, devices := range [][]int{{10}, {11, 12, 13, 14}} {
		run(t, path, `DELETE FROM records`)
		for _, device := range devices {
			run(t, path, fmt.Sprintf(`INSERT INTO records (timestamp, device_id, process_guid, sha256) VALUES ('2026-02-28T00:00:00Z', %d, 'g', '')`, device))
		}
		if n, err := s.ImportLegacy(t.Context(), noon(), isolation); n != len(devices) || err != nil {
			t.Errorf("ImportLegacy after it began anew for the %d. time = %d, %v; want %d", i+1, n, err, len(devices))
		}
	}
	if l, err := s.Legacy(t.Context()); err != nil || l.Records != 4 || l.Waiting != 0 {
		t.Errorf("Legacy = %+v, %v; want 4 records, none waiting", l, err)
	}
	grants, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "isolate/device/7", "isolate/device/10", "isolate/device/11", "isolate/device/15")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range grants {
		if g.Won != (g.Claim.Key == "isolate/device/15") {
			t.Errorf("the claim on %s: won %v; only 15 was never done", g.Claim.Key, g.Won)
		}
	}
}

// dump is what the old tables hold and how they are made.
func dump(t *testing.T, path string) string {
	t.Helper()
	db := openRaw(t, path)
	var b strings.Builder
	for _, query := range []string{
		`SELECT sql AS line FROM sqlite_master WHERE name IN ('records', 'last_pull') ORDER BY name`,
		`SELECT id || '|' || timestamp || '|' || device_id || '|' || process_guid || '|' || sha256 AS line FROM records ORDER BY id`,
		`SELECT id || '|' || timestamp AS line FROM last_pull`,
	} {
		var lines string
		err := db.QueryRowContext(t.Context(), `SELECT coalesce(group_concat(line, char(10)), '') FROM (`+query+`)`).Scan(&lines)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(lines + "\n")
	}
	return b.String()
}

func TestImportLegacyOfManyRows(t *testing.T) {
	t.Parallel()
	path := oldFile(t)
	// 1,500 rows of 500 devices: a device's newest row, several transactions later, is what counts.
	run(t, path, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
		INSERT INTO records (timestamp, device_id, process_guid, sha256) SELECT 1760000000 + i * 60, i % 500, 'g' || i, '' FROM n`)
	s := open(t, path)
	if n, err := s.ImportLegacy(t.Context(), noon(), isolation); n != 500 || err != nil {
		t.Errorf("ImportLegacy = %d, %v; want 500", n, err)
	}
	records, err := s.Lookup(t.Context(), "isolate/device/1")
	if want := time.Unix(1760000000+1001*60, 0).UTC(); err != nil || len(records) != 1 || !records[0].Updated.Equal(want) {
		t.Errorf("Lookup = %+v, %v; want a task done at %v", records, err, want)
	}
}

// The script's clock was set back between two rows about one device.
func TestImportLegacyRemembersTheLatestTime(t *testing.T) {
	t.Parallel()
	s := open(t, oldFile(t, `'2026-02-04T00:00:00Z', 7, 'g1', ''`, `'2026-02-03T00:00:00Z', 7, 'g2', ''`))
	if n, err := s.ImportLegacy(t.Context(), noon(), isolation); n != 1 || err != nil {
		t.Errorf("ImportLegacy = %d, %v; want 1", n, err)
	}
	records, err := s.Lookup(t.Context(), "isolate/device/7")
	if want := time.Date(2026, 2, 4, 0, 0, 0, 0, time.UTC); err != nil || len(records) != 1 || !records[0].Updated.Equal(want) {
		t.Errorf("Lookup = %+v, %v; want done at %v", records, err, want)
	}
}

func TestImportLegacyResumesWhereItStopped(t *testing.T) {
	t.Parallel()
	path := oldFile(t)
	run(t, path, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1300)
		INSERT INTO records (timestamp, device_id, process_guid, sha256) SELECT 1760000000 + i, i, 'g' || i, '' FROM n`)
	s := open(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	first, err := s.ImportLegacy(ctx, noon(), func(r sqlitededupe.LegacyRecord) []dedupe.Key {
		if r.ID == 700 {
			cancel()
		}
		return isolation(r)
	})
	if !errors.Is(err, context.Canceled) || first == 0 || first >= 700 {
		t.Errorf("ImportLegacy whose context ends at row 700 = %d, %v", first, err)
	}
	second, err := s.ImportLegacy(t.Context(), noon(), isolation)
	if err != nil || first+second != 1300 {
		t.Errorf("the second ImportLegacy = %d, %v after %d; want 1300 together", second, err, first)
	}
}

func TestImportLegacyLeavesBadKeysOut(t *testing.T) {
	t.Parallel()
	s := open(t, oldFile(t, `'2026-02-03T04:05:06Z', 7, 'g1', ''`, `'2026-02-04T04:05:06Z', 8, 'g2', ''`))
	n, err := s.ImportLegacy(t.Context(), noon(), func(r sqlitededupe.LegacyRecord) []dedupe.Key {
		if r.ID == 1 {
			return []dedupe.Key{""}
		}
		return isolation(r)
	})
	if n != 1 || !errors.Is(err, dedupe.ErrInvalid) || !strings.Contains(err.Error(), "row 1") {
		t.Errorf("ImportLegacy = %d, %v; want 1 and an error that names row 1", n, err)
	}
}

// What this ledger knows is newer than what the old script wrote.
func TestImportLegacyLeavesOwnRecordsAlone(t *testing.T) {
	t.Parallel()
	s := open(t, oldFile(t, `'2026-02-03T04:05:06Z', 7, 'g1', ''`, `'2026-02-03T04:05:06Z', 8, 'g2', ''`))
	keys := []dedupe.Key{"isolate/device/7", "isolate/device/8"}
	grants, err := s.Claim(t.Context(), "owner", noon(), time.Minute, keys...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish(t.Context(), noon(), dedupe.Result{Claim: grants[0].Claim, State: dedupe.Done, Detail: "ours"}); err != nil {
		t.Fatal(err)
	}
	want, err := s.Lookup(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.ImportLegacy(t.Context(), noon(), isolation); n != 0 || err != nil {
		t.Errorf("ImportLegacy = %d, %v; want 0", n, err)
	}
	got, err := s.Lookup(t.Context(), keys...)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Lookup mismatch (-want +got), error %v:\n%s", err, diff)
	}
}

func TestLegacyIsNothingInANewFile(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "app.sql"))
	if l, err := s.Legacy(t.Context()); err != nil || l != (sqlitededupe.Legacy{}) {
		t.Errorf("Legacy = %+v, %v; want nothing", l, err)
	}
	if n, err := s.ImportLegacy(t.Context(), noon(), isolation); n != 0 || err != nil {
		t.Errorf("ImportLegacy = %d, %v; want nothing", n, err)
	}
}

// Without the table of the last pull, and with the columns in another order and of other types, it is the old file all the same.
func TestOtherShapesOfTheOldFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.sql")
	run(t, path, `CREATE TABLE Records (SHA256 BLOB, Process_GUID, Device_ID INTEGER, Timestamp INTEGER, note TEXT)`,
		`CREATE TABLE settings (name TEXT, value TEXT)`,
		`INSERT INTO Records VALUES ('`+hash+`', 'g', 7, 1770091506, 'x')`)
	s := open(t, path)
	if n, err := s.ImportLegacy(t.Context(), noon(), isolation); n != 1 || err != nil {
		t.Errorf("ImportLegacy = %d, %v; want 1", n, err)
	}
	if l, err := s.Legacy(t.Context()); err != nil || l != (sqlitededupe.Legacy{Records: 1}) {
		t.Errorf("Legacy = %+v, %v; want 1 record and no last pull", l, err)
	}
}

func FuzzParseLegacyTime(f *testing.F) {
	for _, s := range []string{"2026-02-03T04:05:06Z", "2026-02-03T04:05:06.000Z", "1770091506", "1770091506000", "1.77e9", "", "NaN", "-1", "9e99", "2026-02-03"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := sqlitededupe.ParseLegacyTime(text)
		if ok && (got.Location() != time.UTC || got.Year() < 1971 || got.Year() > 2200) {
			t.Errorf("ParseLegacyTime(%q) = %v", text, got)
		}
		if !ok && !got.IsZero() {
			t.Errorf("ParseLegacyTime(%q) = %v without being sure", text, got)
		}
		if again, ok2 := sqlitededupe.ParseLegacyTime(got.Format(time.RFC3339Nano)); ok && (!ok2 || !again.Equal(got)) {
			t.Errorf("ParseLegacyTime(%q) = %v, which reads back as %v", text, got, again)
		}
	})
}

func FuzzParseLegacyNumber(f *testing.F) {
	for _, s := range []string{"7", "7.0", " 7 ", "7e3", "0", "-7", "7.5", "9223372036854775807", "9223372036854775808", "1e300", "Inf", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := sqlitededupe.ParseLegacyNumber(text); ok && n < 1 {
			t.Errorf("ParseLegacyNumber(%q) = %d, %v", text, n, ok)
		}
	})
}

func TestLegacyNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"7": 7, "4571602.0": 4571602, " 7 ": 7, "0": 0, "-7": 0, "7.5": 0, "1e300": 0, "NaN": 0, "LAB-7": 0, "": 0} {
		got, ok := sqlitededupe.ParseLegacyNumber(text)
		if !ok {
			got = 0
		}
		if got != want {
			t.Errorf("ParseLegacyNumber(%q) = %d, want %d", text, got, want)
		}
	}
}

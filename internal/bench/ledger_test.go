package bench_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

// remembered is how many records the ledger has in the benchmark.
const remembered = 100_000

// BenchmarkLedger claims new tasks in a ledger that has many. The package sqlitededupe has the benchmarks that compare with the driver, with
// more rows and with more workers.
func BenchmarkLedger(b *testing.B) {
	for _, size := range []int{1, 500} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) { claims(b, size) })
	}
	b.Run("script", scriptLedger)
}

func claims(b *testing.B, size int) {
	now := time.Now()
	s, err := sqlitededupe.Open(b.Context(), filepath.Join(b.TempDir(), "app.sql"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	next := 0
	claim := func(n int) []dedupe.Grant {
		keys := make([]dedupe.Key, n)
		for i := range keys {
			next++
			keys[i] = dedupe.Key(fmt.Sprintf("isolate/device/%d", next))
		}
		grants, err := s.Claim(b.Context(), "owner", now, time.Minute, keys...)
		if err != nil {
			b.Fatal(err)
		}
		return grants
	}
	for range remembered / 1000 {
		var results []dedupe.Result
		for _, g := range claim(1000) {
			results = append(results, dedupe.Result{Claim: g.Claim, State: dedupe.Done})
		}
		if _, err := s.Finish(b.Context(), now, results...); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for range b.N {
		claim(size)
	}
	b.ReportMetric(float64(b.N)*float64(size)/b.Elapsed().Seconds(), "claims/s")
}

// scriptLedger is the script's way: a table without an index, in which it looks before it writes, one by one.
func scriptLedger(b *testing.B) {
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "app.sql"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, statement := range []string{
		`CREATE TABLE records (id INTEGER PRIMARY KEY, timestamp TEXT, device_id TEXT, process_guid TEXT, sha256 TEXT)`,
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO records SELECT i, '2026-02-03T04:05:06Z', i, 'ORGKEY-00001234-00001a2c-00000000-1db7c' || i, hex(i) FROM n`, remembered),
	} {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for n := range b.N {
		var id int
		guid := fmt.Sprintf("ORGKEY-00001235-00001a2c-00000000-1db7c%d", n)
		err := db.QueryRowContext(b.Context(), `SELECT id FROM records WHERE process_guid = ?`, guid).Scan(&id)
		if !errors.Is(err, sql.ErrNoRows) {
			b.Fatalf("the process is known: %v", err)
		}
		if _, err := db.ExecContext(b.Context(), `INSERT INTO records (timestamp, device_id, process_guid, sha256) VALUES ('', ?, ?, '')`, n, guid); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "claims/s")
}

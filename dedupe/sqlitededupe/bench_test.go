package sqlitededupe_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// BenchmarkClaim claims tasks that are new. The baseline is the old script's way: look for the process in a table without an
// index, then insert, each on its own; its speed depends on the rows that are there already, that of a claim does not.
func BenchmarkClaim(b *testing.B) {
	for _, there := range []int{0, 100_000} {
		for _, size := range []int{1, 50, 500} {
			b.Run(fmt.Sprintf("rows=%d/batch=%d", there, size), func(b *testing.B) {
				s := open(b, filepath.Join(b.TempDir(), "app.sql"))
				fill(b, s.Writer(), there, `INSERT INTO pphunt_tasks SELECT 'isolate/device/' || i, 'done', 'o', 1, 0, i, i, '', NULL FROM n`)
				next := there
				b.ResetTimer()
				for range b.N {
					keys := make([]dedupe.Key, size)
					for i := range keys {
						next++
						keys[i] = dedupe.Key(fmt.Sprintf("isolate/device/%d", next))
					}
					if _, err := s.Claim(b.Context(), "owner", noon(), time.Minute, keys...); err != nil {
						b.Fatal(err)
					}
				}
				perSecond(b, size)
			})
		}
		b.Run(fmt.Sprintf("rows=%d/old_script", there), func(b *testing.B) {
			path := oldFile(b)
			db := openRaw(b, path)
			fill(b, db, there, `INSERT INTO records SELECT i, '2026-02-03T04:05:06Z', i, 'guid-' || i, '`+hash+`' FROM n`)
			next := there
			b.ResetTimer()
			for range b.N {
				next++
				guid := fmt.Sprintf("guid-%d", next)
				var id int
				err := db.QueryRowContext(b.Context(), `SELECT id FROM records WHERE process_guid = ?`, guid).Scan(&id)
				if !errors.Is(err, sql.ErrNoRows) {
					b.Fatalf("the process is known: %v", err)
				}
				if _, err := db.ExecContext(b.Context(), `INSERT INTO records (timestamp, device_id, process_guid, sha256) VALUES (?, ?, ?, ?)`,
					"2026-02-03T04:05:06Z", next, guid, hash); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b, 1)
		})
	}
}

// BenchmarkDone asks for tasks that are all done, as the second run of the same window does.
func BenchmarkDone(b *testing.B) {
	for _, size := range []int{1, 500} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "app.sql"))
			fill(b, s.Writer(), 100_000, `INSERT INTO pphunt_tasks SELECT 'isolate/device/' || i, 'done', 'o', 1, 0, i, i, '', NULL FROM n`)
			keys := make([]dedupe.Key, size)
			for i := range keys {
				keys[i] = dedupe.Key(fmt.Sprintf("isolate/device/%d", 1+i*199))
			}
			b.ResetTimer()
			for range b.N {
				grants, err := s.Claim(b.Context(), "owner", noon(), time.Minute, keys...)
				if err != nil || grants[0].Won {
					b.Fatal(err)
				}
			}
			perSecond(b, size)
		})
	}
}

// BenchmarkFinish records the ends of tasks that were claimed.
func BenchmarkFinish(b *testing.B) {
	for _, size := range []int{1, 500} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "app.sql"))
			next := 0
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				keys := make([]dedupe.Key, size)
				for i := range keys {
					next++
					keys[i] = dedupe.Key(fmt.Sprintf("isolate/device/%d", next))
				}
				grants, err := s.Claim(b.Context(), "owner", noon(), time.Minute, keys...)
				if err != nil {
					b.Fatal(err)
				}
				results := make([]dedupe.Result, size)
				for i, g := range grants {
					results[i] = dedupe.Result{Claim: g.Claim, State: dedupe.Done, Before: []byte(`{"quarantined":false}`)}
				}
				b.StartTimer()
				if _, err := s.Finish(b.Context(), noon(), results...); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b, size)
		})
	}
}

func fill(b *testing.B, db *sql.DB, rows int, insert string) {
	b.Helper()
	if rows == 0 {
		return
	}
	if _, err := db.ExecContext(b.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < `+fmt.Sprint(rows)+`) `+insert); err != nil {
		b.Fatal(err)
	}
}

func perSecond(b *testing.B, size int) {
	b.Helper()
	b.ReportMetric(float64(b.N)*float64(size)/b.Elapsed().Seconds(), "keys/s")
	b.ReportMetric(0, "ns/op")
}

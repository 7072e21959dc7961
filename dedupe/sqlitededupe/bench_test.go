package sqlitededupe_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// BenchmarkClaim claims tasks that are new. The baseline is the old script's way: look for the process in a table without an
// index, then insert, each on its own; its speed depends on the rows that are there already, that of a claim does not.
func BenchmarkClaim(b *testing.B) {
	for _, there := range []int{1000, 100_000, 1_000_000} {
		for _, size := range []int{1, 500} {
			for _, workers := range []int{1, 8} {
				b.Run(fmt.Sprintf("rows=%d/batch=%d/workers=%d", there, size, workers), func(b *testing.B) {
					s := open(b, filepath.Join(b.TempDir(), "app.sql"))
					fill(b, s.Writer(), there, `INSERT INTO pphunt_tasks SELECT 'isolate/device/' || i, 'done', 'o', 1, 0, i, i, '', NULL FROM n`)
					var next atomic.Int64
					next.Store(int64(there))
					share(b, workers, func() error {
						keys := make([]dedupe.Key, size)
						for i := range keys {
							keys[i] = dedupe.Key(fmt.Sprintf("isolate/device/%d", next.Add(1)))
						}
						_, err := s.Claim(b.Context(), "owner", noon(), time.Minute, keys...)
						return err
					})
					perSecond(b, size)
				})
			}
			b.Run(fmt.Sprintf("rows=%d/batch=%d/bare_driver", there, size), func(b *testing.B) { bare(b, there, size) })
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

// share has workers do b.N things.
func share(b *testing.B, workers int, do func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wait sync.WaitGroup
	b.ResetTimer()
	for range workers {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

// bare is what the driver does with the statement alone, in the same table and as durably.
func bare(b *testing.B, there, size int) {
	b.Helper()
	s := open(b, filepath.Join(b.TempDir(), "app.sql"))
	db := s.Writer()
	fill(b, db, there, `INSERT INTO pphunt_tasks SELECT 'isolate/device/' || i, 'done', 'o', 1, 0, i, i, '', NULL FROM n`)
	insert, err := db.PrepareContext(b.Context(), `INSERT INTO pphunt_tasks (key, state, owner, attempt, until, updated, created, detail, before)
		VALUES (?, 'claimed', 'owner', 1, ?, ?, ?, '', NULL) ON CONFLICT (key) DO NOTHING`)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = insert.Close() }()
	next := there
	transaction := func() error {
		tx, err := db.BeginTx(b.Context(), nil)
		if err != nil {
			return err
		}
		bound := tx.StmtContext(b.Context(), insert)
		defer func() { _ = bound.Close() }()
		for range size {
			next++
			if _, err := bound.ExecContext(b.Context(), fmt.Sprintf("isolate/device/%d", next), 2, 1, 1); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	b.ResetTimer()
	for range b.N {
		if err := transaction(); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, size)
}

// BenchmarkForget forgets everything that is there, while others claim.
func BenchmarkForget(b *testing.B) {
	const rows = 1_000_000
	for range b.N {
		b.StopTimer()
		s := open(b, filepath.Join(b.TempDir(), "app.sql"))
		fill(b, s.Writer(), rows, `INSERT INTO pphunt_tasks SELECT 'isolate/device/' || i, 'done', 'o', 1, 0, i, i, '', NULL FROM n`)
		ended := make(chan error, 1)
		b.StartTimer()
		go func() {
			n, err := s.Forget(b.Context(), noon())
			if err == nil && n != rows {
				err = fmt.Errorf("forgot %d of %d", n, rows)
			}
			ended <- err
		}()
		var waits []time.Duration
		for done := false; !done; {
			begun := time.Now()
			if _, err := s.Claim(b.Context(), "owner", noon(), time.Minute, dedupe.Key(fmt.Sprintf("policy/device/%d", len(waits)))); err != nil {
				b.Fatal(err)
			}
			waits = append(waits, time.Since(begun))
			select {
			case err := <-ended:
				done = true
				if err != nil {
					b.Fatal(err)
				}
			default:
			}
		}
		slices.Sort(waits)
		b.ReportMetric(float64(waits[len(waits)-1].Microseconds())/1000, "ms-longest-wait")
		b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "ms-wait-p99")
		b.ReportMetric(float64(len(waits)), "claims-meanwhile")
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

func fill(b testing.TB, db *sql.DB, rows int, insert string) {
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

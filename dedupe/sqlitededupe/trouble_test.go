package sqlitededupe_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

func TestManyOpenOneNewFileAtOnce(t *testing.T) {
	t.Parallel()
	for range 2 {
		path := filepath.Join(t.TempDir(), "app.sql")
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				s, err := sqlitededupe.Open(t.Context(), path)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Claim(t.Context(), fmt.Sprintf("owner %d", i), noon(), time.Minute, "k"); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		r, err := open(t, path).Lookup(t.Context(), "k")
		if err != nil || len(r) != 1 || r[0].Attempt != 1 {
			t.Errorf("Lookup = %+v, %v; want one record with attempt 1", r, err)
		}
	}
}

// hold begins a writing transaction on the file as another program would.
func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(context.WithoutCancel(t.Context()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestLockedFile(t *testing.T) {
	t.Parallel()
	path := oldFile(t, `'2026-02-03T04:05:06Z', 7, 'g', ''`)
	s, err := sqlitededupe.OpenBusy(t.Context(), path, 30*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	release := hold(t, path)
	defer release()
	_, err = s.Claim(t.Context(), "owner", noon(), time.Minute, "k")
	if !errors.Is(err, sqlitededupe.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("Claim on a locked file: %v, want ErrLocked with the path", err)
	}
	if records, err := s.Lookup(t.Context(), "k"); err != nil || len(records) > 0 {
		t.Errorf("Lookup on a locked file = %v, %v; want nothing: reading waits for nobody", records, err)
	}
	if _, err := s.ImportLegacy(t.Context(), noon(), isolation); !errors.Is(err, sqlitededupe.ErrLocked) || strings.Count(err.Error(), path) != 1 {
		t.Errorf("ImportLegacy on a locked file: %v, want ErrLocked with the path once", err)
	}
	if second, err := sqlitededupe.OpenBusy(t.Context(), path, 30*time.Millisecond); !errors.Is(err, sqlitededupe.ErrLocked) {
		t.Errorf("Open of a locked file = %v, %v; want ErrLocked", second, err)
	}
	release()
	if _, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "k"); err != nil {
		t.Errorf("Claim after the lock was released: %v", err)
	}
}

// Ctrl-C must not wait for the other process.
func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.sql")
	s := open(t, path)
	release := hold(t, path)
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := s.Claim(ctx, "owner", noon(), time.Minute, "k")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Claim whose context ends while it waits: %v, want DeadlineExceeded", err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("Claim ended %v after its context", took)
	}
	release()
	if _, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "k"); err != nil {
		t.Errorf("Claim after that: %v", err)
	}
}

// A file that is not yet in WAL mode has to be had alone for a moment.
func TestOpenWaitsForTheOldScript(t *testing.T) {
	t.Parallel()
	path := oldFile(t)
	release := hold(t, path)
	timer := time.AfterFunc(200*time.Millisecond, release)
	defer timer.Stop()
	defer release()
	open(t, path)
}

// The old script died in the middle of a transaction: what it had not committed is not there.
func TestOpenAfterTheOldScriptDied(t *testing.T) {
	t.Parallel()
	from := oldFile(t, `'2026-02-03T04:05:06Z', 7, 'g', ''`)
	db := openRaw(t, from+"?_txlock=immediate")
	if _, err := db.ExecContext(t.Context(), `PRAGMA cache_size = 1`); err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO records (timestamp, device_id, process_guid, sha256) SELECT 1760000000 + i, i, 'g' || i, '' FROM n`); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "app.sql")
	for _, suffix := range []string{"", "-journal"} { // what is on the disk at this moment
		content, err := os.ReadFile(from + suffix)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path+suffix, string(content))
	}
	if l, err := open(t, path).Legacy(t.Context()); err != nil || l.Records != 1 {
		t.Errorf("Legacy = %+v, %v; want the one row that was committed", l, err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "app.sql"))
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "trusted_schema": "0", "busy_timeout": "5000", "application_id": "1347438676",
	} {
		var got string
		if err := s.Writer().QueryRowContext(t.Context(), `PRAGMA `+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", pragma, got, err, want)
		}
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.sql")
	s := open(t, path)
	grants, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Writer().ExecContext(t.Context(), `PRAGMA max_page_count = 1`); err != nil {
		t.Fatal(err)
	}
	large := dedupe.Result{Claim: grants[0].Claim, State: dedupe.Done, Before: make([]byte, 1<<20)}
	if _, err := s.Finish(t.Context(), noon(), large); !errors.Is(err, sqlitededupe.ErrFull) || !strings.Contains(err.Error(), path) {
		t.Errorf("Finish on a full disk: %v, want ErrFull with the path", err)
	}
	r, err := s.Lookup(t.Context(), "k")
	if err != nil || len(r) != 1 || r[0].State != dedupe.Claimed {
		t.Errorf("after that, Lookup = %+v, %v; want the claim as it was", r, err)
	}
	if _, err := s.Writer().ExecContext(t.Context(), `PRAGMA max_page_count = 1000000`); err != nil {
		t.Fatal(err)
	}
	if lost, err := s.Finish(t.Context(), noon(), large); err != nil || len(lost) > 0 {
		t.Errorf("Finish when there is room again: %v, %v", lost, err)
	}
}

func TestClosedStore(t *testing.T) {
	t.Parallel()
	s, err := sqlitededupe.Open(t.Context(), filepath.Join(t.TempDir(), "app.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "k"); err == nil {
		t.Error("Claim on a closed store succeeded")
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

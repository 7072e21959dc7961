package sqlitededupe

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LegacyRecord is what the old script noted when it had acted on a process: every action that was switched on then, on the
// process, its device and its file.
type LegacyRecord struct {
	// ID is the number of the row.
	ID int64
	// Time is when the script wrote it, UTC.
	Time time.Time
	// DeviceID is zero when the row has no number there.
	DeviceID int64
	// ProcessGUID is empty when the row has none, or none that could be part of a key.
	ProcessGUID string
	// SHA256 is zero when the row has no hash there.
	SHA256 [32]byte
}

// Legacy is what an old script's tables in the same file hold. It is zero if there are none.
type Legacy struct {
	// Records counts the rows, and Waiting those that [Store.ImportLegacy] would take.
	Records, Waiting int
	// LastPull is the end of the last window that the script asked Proofpoint about, zero if it never did. The script took it
	// from the local clock and called it UTC, so it may be wrong by the offset of its time zone.
	LastPull time.Time
}

// legacySource is the name under which the rows are imported.
const legacySource = "records"

// hasLegacy tells whether the table of the old script is there.
func hasLegacy(ctx context.Context, q querier) (bool, error) {
	columns, err := names(ctx, q, `SELECT lower(name) FROM pragma_table_info('records')`)
	if err != nil {
		return false, err
	}
	for _, want := range []string{"timestamp", "device_id", "process_guid", "sha256"} {
		if !slices.Contains(columns, want) {
			return false, nil
		}
	}
	return true, nil
}

// Legacy tells what the old script left in this file.
func (s *Store) Legacy(ctx context.Context) (Legacy, error) {
	l, err := s.legacy(ctx)
	if err != nil {
		return Legacy{}, fmt.Errorf("sqlitededupe: legacy: %w", explain(s.path, err))
	}
	return l, nil
}

func (s *Store) legacy(ctx context.Context) (Legacy, error) {
	ok, err := hasLegacy(ctx, s.read)
	if err != nil || !ok {
		return Legacy{}, err
	}
	from, err := s.legacyMark(ctx)
	if err != nil {
		return Legacy{}, err
	}
	var l Legacy
	if err := s.read.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE rowid > ?) FROM records`, from).Scan(&l.Records, &l.Waiting); err != nil {
		return Legacy{}, err
	}
	if l.LastPull, err = lastPull(ctx, s.read); err != nil {
		return Legacy{}, err
	}
	return l, nil
}

func lastPull(ctx context.Context, q querier) (time.Time, error) {
	columns, err := names(ctx, q, `SELECT lower(name) FROM pragma_table_info('last_pull')`)
	if err != nil || !slices.Contains(columns, "timestamp") {
		return time.Time{}, err
	}
	var text string
	err = q.QueryRowContext(ctx, `SELECT coalesce(CAST(timestamp AS TEXT), '') FROM last_pull ORDER BY rowid LIMIT 1`).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, err
	}
	t, _ := parseLegacyTime(text)
	return t, nil
}

// legacyMark is the row up to which records were imported. The script empties its table at times and counts from 1 again: then
// the row of that number is missing or another one, and everything that is there is new.
func (s *Store) legacyMark(ctx context.Context) (int64, error) {
	mark, err := s.Imported(ctx, legacySource)
	if err != nil {
		return 0, err
	}
	number, _, _ := strings.Cut(mark, " ")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, nil //nolint:nilerr // no mark yet
	}
	rows, err := s.legacyRows(ctx, id-1, 1)
	if err != nil || len(rows) == 0 || rows[0].mark() != mark {
		return 0, err
	}
	return id, nil
}

// legacyRow is a row as it stands. Columns are read as text: the script declared text and wrote numbers, others did the reverse.
type legacyRow struct {
	id                     int64
	at, device, guid, hash string
}

// mark is the number of the row and what tells it from another with the same number.
func (r legacyRow) mark() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{r.at, r.device, r.guid, r.hash}, "\x00")))
	return strconv.FormatInt(r.id, 10) + " " + hex.EncodeToString(sum[:8])
}

// legacyRows reads the next rows behind a number.
func (s *Store) legacyRows(ctx context.Context, after int64, most int) (all []legacyRow, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT rowid, coalesce(CAST(timestamp AS TEXT), ''), coalesce(CAST(device_id AS TEXT), ''),
		coalesce(CAST(process_guid AS TEXT), ''), coalesce(CAST(sha256 AS TEXT), '')
		FROM records WHERE rowid > ? ORDER BY rowid LIMIT ?`, after, most)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r legacyRow
		if err := rows.Scan(&r.id, &r.at, &r.device, &r.guid, &r.hash); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

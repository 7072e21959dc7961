package sqlitededupe

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pphunt/pphunt/dedupe"
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

const (
	legacySource = "records"
	// legacyChunk is how many rows become one transaction.
	legacyChunk = 2000
	// legacyOwner stands as the owner of imported records.
	legacyOwner = "legacy script"
	// mostComplaints is how many rows an error names.
	mostComplaints = 5
)

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
	if l.LastPull, err = s.lastPull(ctx); err != nil {
		return Legacy{}, err
	}
	return l, nil
}

func (s *Store) lastPull(ctx context.Context) (time.Time, error) {
	columns, err := names(ctx, s.read, `SELECT lower(name) FROM pragma_table_info('last_pull')`)
	if err != nil || !slices.Contains(columns, "timestamp") {
		return time.Time{}, err
	}
	var text string
	err = s.read.QueryRowContext(ctx, `SELECT coalesce(CAST(timestamp AS TEXT), '') FROM last_pull ORDER BY rowid LIMIT 1`).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, err
	}
	t, _ := parseLegacyTime(text)
	return t, nil
}

// legacyMark is the row up to which records were imported. Should the highest row be lower than that, the script has emptied its
// table and begun to count anew.
func (s *Store) legacyMark(ctx context.Context) (int64, error) {
	mark, err := s.Imported(ctx, legacySource)
	if err != nil {
		return 0, err
	}
	var highest int64
	if err := s.read.QueryRowContext(ctx, `SELECT coalesce(max(rowid), 0) FROM records`).Scan(&highest); err != nil {
		return 0, err
	}
	if highest < mark {
		return 0, nil
	}
	return mark, nil
}

// ImportLegacy makes records of tasks that are done from the rows that the old script left in this file. The function says
// which tasks a row stands for; none is a good answer. A row is taken once: a second call takes only what the script has
// added since. The old tables stay as they are.
//
// The tasks count as done when the script wrote the row. Where that time cannot be read or lies after now, they count as done
// now: remembering too long leaves a host alone, forgetting too soon acts on it again. Tasks that the ledger knows already stay
// as they are. ImportLegacy returns how many are new. Keys that are no good are left out; the error names the first of their
// rows when everything else is imported.
func (s *Store) ImportLegacy(ctx context.Context, now time.Time, keys func(LegacyRecord) []dedupe.Key) (int, error) {
	n, err := s.importLegacy(ctx, now.UTC().Round(0), keys)
	if err != nil {
		return n, fmt.Errorf("sqlitededupe: import: %w", explain(s.path, err))
	}
	return n, nil
}

func (s *Store) importLegacy(ctx context.Context, now time.Time, keys func(LegacyRecord) []dedupe.Key) (int, error) {
	ok, err := hasLegacy(ctx, s.read)
	if err != nil || !ok {
		return 0, err
	}
	from, err := s.legacyMark(ctx)
	if err != nil {
		return 0, err
	}
	added := 0
	var bad complaints
	for {
		rows, err := s.legacyRows(ctx, from, now)
		if err != nil || len(rows) == 0 {
			return added, errors.Join(err, bad.err())
		}
		from = rows[len(rows)-1].ID
		n, err := s.Import(ctx, legacySource, from, legacyTasks(rows, keys, &bad)...)
		if err != nil {
			return added, err
		}
		added += n
	}
}

// legacyTasks makes one record for each good key. Should several rows stand for one task, the newest time stands.
func legacyTasks(rows []LegacyRecord, keys func(LegacyRecord) []dedupe.Key, bad *complaints) []dedupe.Record {
	newest := make(map[dedupe.Key]dedupe.Record)
	for _, row := range rows {
		for _, key := range keys(row) {
			if err := key.Check(); err != nil {
				bad.add(row.ID, err)
				continue
			}
			if have, ok := newest[key]; ok && !have.Updated.Before(row.Time) {
				continue
			}
			newest[key] = dedupe.Record{
				Key: key, State: dedupe.Done, Owner: legacyOwner, Attempt: 1, Updated: row.Time, Created: row.Time,
				Detail: "row " + strconv.FormatInt(row.ID, 10) + " of the old script",
			}
		}
	}
	records := make([]dedupe.Record, 0, len(newest))
	for _, rec := range newest {
		records = append(records, rec)
	}
	return records
}

// legacyRows reads the next rows. Columns are cast to text: the script declared text and wrote numbers, others did the reverse.
func (s *Store) legacyRows(ctx context.Context, from int64, now time.Time) (all []LegacyRecord, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT rowid, coalesce(CAST(timestamp AS TEXT), ''), coalesce(CAST(device_id AS TEXT), ''),
		coalesce(CAST(process_guid AS TEXT), ''), coalesce(CAST(sha256 AS TEXT), '')
		FROM records WHERE rowid > ? ORDER BY rowid LIMIT ?`, from, legacyChunk)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id int64
		var at, device, guid, hash string
		if err := rows.Scan(&id, &at, &device, &guid, &hash); err != nil {
			return nil, err
		}
		all = append(all, legacyRecord(id, at, device, guid, hash, now))
	}
	return all, rows.Err()
}

func legacyRecord(id int64, at, device, guid, hash string, now time.Time) LegacyRecord {
	rec := LegacyRecord{ID: id, Time: now}
	if t, ok := parseLegacyTime(at); ok && t.Before(now) {
		rec.Time = t
	}
	if n, ok := parseLegacyNumber(device); ok {
		rec.DeviceID = n
	}
	if guid = strings.TrimSpace(guid); utf8.ValidString(guid) && !strings.Contains(guid, "\x00") {
		rec.ProcessGUID = guid
	}
	if raw, err := hex.DecodeString(strings.TrimSpace(hash)); err == nil && len(raw) == len(rec.SHA256) {
		copy(rec.SHA256[:], raw)
	}
	return rec
}

// complaints counts rows that could not be imported and keeps the first.
type complaints struct {
	total int
	first []error
}

func (c *complaints) add(id int64, err error) {
	if c.total++; len(c.first) < mostComplaints {
		c.first = append(c.first, fmt.Errorf("row %d: %w", id, err))
	}
}

func (c *complaints) err() error {
	if c.total == 0 {
		return nil
	}
	return fmt.Errorf("%d keys of old records were left out: %w", c.total, errors.Join(c.first...))
}

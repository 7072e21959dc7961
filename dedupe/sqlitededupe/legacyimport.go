package sqlitededupe

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pphunt/pphunt/dedupe"
)

const (
	// legacyChunk is how many rows become one transaction.
	legacyChunk = 500
	// legacyOwner stands as the owner of imported records.
	legacyOwner = "legacy script"
	// mostComplaints is how many rows an error names.
	mostComplaints = 5
)

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
		rows, err := s.legacyRows(ctx, from, legacyChunk)
		if err != nil || len(rows) == 0 {
			return added, errors.Join(err, bad.err())
		}
		last := rows[len(rows)-1]
		from = last.id
		n, err := s.Import(ctx, legacySource, last.mark(), legacyTasks(rows, now, keys, &bad)...)
		if err != nil {
			return added, err
		}
		added += n
	}
}

// legacyTasks makes one record for each good key. Should several rows stand for one task, the newest time stands.
func legacyTasks(rows []legacyRow, now time.Time, keys func(LegacyRecord) []dedupe.Key, bad *complaints) []dedupe.Record {
	newest := make(map[dedupe.Key]dedupe.Record)
	for _, raw := range rows {
		row := raw.record(now)
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

// record makes sense of a row.
func (r legacyRow) record(now time.Time) LegacyRecord {
	rec := LegacyRecord{ID: r.id, Time: now}
	if t, ok := parseLegacyTime(r.at); ok && t.Before(now) {
		rec.Time = t
	}
	if n, ok := parseLegacyNumber(r.device); ok {
		rec.DeviceID = n
	}
	if guid := strings.TrimSpace(r.guid); utf8.ValidString(guid) && !strings.Contains(guid, "\x00") {
		rec.ProcessGUID = guid
	}
	if raw, err := hex.DecodeString(strings.TrimSpace(r.hash)); err == nil && len(raw) == len(rec.SHA256) {
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

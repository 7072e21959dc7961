package dedupehunt

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

var _ hunt.Journal = (*Ledger)(nil)

const (
	runPrefix dedupe.Key = "run/"
	// largestReport bounds the JSON of a kept report: a ledger that somebody has tampered with must not fill the memory.
	largestReport = 1 << 30
)

// ErrNoReport is the error of a run of which no report is kept.
var ErrNoReport = errors.New("dedupehunt: no report is kept of this run")

// KeepReport implements [hunt.Journal]. It keeps the news of the report, compressed, under the key run/<run>, until the store forgets
// what is done. A report that is kept already stays.
func (l *Ledger) KeepReport(ctx context.Context, r *hunt.Report) error {
	data, err := json.Marshal(r.News())
	if err != nil {
		return fmt.Errorf("dedupehunt: report: %w", err)
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err = zip.Write(data); err == nil {
		err = zip.Close()
	}
	if err != nil {
		return fmt.Errorf("dedupehunt: report: %w", err)
	}
	_, err = l.close(ctx, []dedupe.Key{runPrefix + dedupe.Key(r.Run)}, func(g dedupe.Grant) dedupe.Result {
		return dedupe.Result{Claim: g.Claim, State: dedupe.Done, Before: packed.Bytes()}
	})
	if err != nil {
		return fmt.Errorf("dedupehunt: report: %w", err)
	}
	return nil
}

// Report is what is kept of a run, without what earlier runs told, see [hunt.Report.News]. The error is [ErrNoReport] where nothing is.
func (l *Ledger) Report(ctx context.Context, run string) (*hunt.Report, error) {
	key := runPrefix + dedupe.Key(run)
	if err := key.Check(); err != nil {
		return nil, fmt.Errorf("%w: %q", ErrNoReport, run)
	}
	records, err := l.cfg.Store.Lookup(ctx, key)
	switch {
	case err != nil:
		return nil, fmt.Errorf("dedupehunt: report: %w", err)
	case len(records) == 0 || records[0].State != dedupe.Done:
		return nil, fmt.Errorf("%w: %q", ErrNoReport, run)
	}
	return unpack(records[0])
}

// Reports yields what is kept of the runs that ended at a time or after it, the oldest first. An error is about one report, or the last
// where it is about all.
func (l *Ledger) Reports(ctx context.Context, since time.Time) iter.Seq2[*hunt.Report, error] {
	return func(yield func(*hunt.Report, error) bool) {
		for rec, err := range l.cfg.Store.Scan(ctx, runPrefix) {
			if err != nil {
				yield(nil, fmt.Errorf("dedupehunt: reports: %w", err))
				return
			}
			if rec.State != dedupe.Done || rec.Updated.Before(since) {
				continue
			}
			if !yield(unpack(rec)) {
				return
			}
		}
	}
}

func unpack(rec dedupe.Record) (*hunt.Report, error) {
	fail := func(err error) (*hunt.Report, error) {
		return nil, fmt.Errorf("dedupehunt: the report %s cannot be read: %w", rec.Key, err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(rec.Before))
	if err != nil {
		return fail(err)
	}
	r := new(hunt.Report)
	limited := &io.LimitedReader{R: zip, N: largestReport}
	if err := json.NewDecoder(limited).Decode(r); err != nil {
		return fail(err)
	}
	if got := dedupe.Key(r.Run); runPrefix+got != rec.Key {
		return fail(fmt.Errorf("it is that of %s", got))
	}
	return r, nil
}

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
	"strconv"
	"strings"
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
// what is done. A saved plan that is applied again has the same name: what is kept already stays, and the next is under run/<run>/2.
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
	for n := 1; ; n++ {
		key := runPrefix + dedupe.Key(r.Run)
		if n > 1 {
			key += dedupe.Key("/" + strconv.Itoa(n))
		}
		missed, err := l.close(ctx, []dedupe.Key{key}, func(g dedupe.Grant) dedupe.Result {
			return dedupe.Result{Claim: g.Claim, State: dedupe.Done, Before: packed.Bytes()}
		})
		if err != nil {
			return fmt.Errorf("dedupehunt: report: %w", err)
		}
		if len(missed) == 0 {
			return nil
		}
	}
}

// Report is what is kept of a run, without what earlier runs told, see [hunt.Report.News]. Of a plan that was applied several times it is all of
// them as one. The error is [ErrNoReport] where nothing is.
func (l *Ledger) Report(ctx context.Context, run string) (*hunt.Report, error) {
	key := runPrefix + dedupe.Key(run)
	if err := key.Check(); err != nil {
		return nil, fmt.Errorf("%w: %q", ErrNoReport, run)
	}
	var all []*hunt.Report
	for rec, err := range l.cfg.Store.Scan(ctx, key) {
		if err != nil {
			return nil, fmt.Errorf("dedupehunt: report: %w", err)
		}
		if rec.State != dedupe.Done || rec.Key != key && !strings.HasPrefix(string(rec.Key), string(key)+"/") {
			continue
		}
		r, err := unpack(rec)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: %q", ErrNoReport, run)
	}
	return hunt.Merge(all...), nil
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
	if own := string(runPrefix) + r.Run; string(rec.Key) != own && !strings.HasPrefix(string(rec.Key), own+"/") {
		return fail(fmt.Errorf("it is that of %s", r.Run))
	}
	return r, nil
}

package cbchunt

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// Starter starts process searches. *cbc.Processes is one; it needs org.search.events (CREATE, READ, DELETE).
type Starter interface {
	Start(ctx context.Context, q cbc.ProcessQuery) (*cbc.SearchJob, error)
}

// Config wires a [Searcher]. Processes is required.
type Config struct {
	Processes Starter
	// ExecutedOnly leaves the search for touched evidence out, and with it one call or more for each batch.
	ExecutedOnly bool
	// Warn is told of searches that count as finished although a part of the vendor's searchers did not answer. Defaults to
	// nobody.
	Warn func(string)
	// Now is the clock. Defaults to [time.Now].
	Now func() time.Time
}

// Searcher finds files on endpoints. It is safe for concurrent use.
type Searcher struct {
	cfg Config
}

// New checks the configuration.
func New(cfg Config) (*Searcher, error) {
	if cfg.Processes == nil {
		return nil, errors.New("cbchunt: Config.Processes is missing")
	}
	if cfg.Warn == nil {
		cfg.Warn = func(string) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Searcher{cfg: cfg}, nil
}

// longestWindow is as far back as a search goes.
const longestWindow = 14 * 24 * time.Hour

// Search implements [hunt.Searcher]. An error names the search that was not completed; what was found until then is yielded
// before it.
func (s *Searcher) Search(ctx context.Context, batch []hunt.Indicator, since time.Time) iter.Seq2[hunt.Sighting, error] {
	return func(yield func(hunt.Sighting, error) bool) {
		if len(batch) == 0 {
			return
		}
		window := s.cfg.Now().Sub(since)
		if window <= 0 {
			yield(hunt.Sighting{}, fmt.Errorf("cbchunt: nothing can be searched since %s: it is not in the past", since.UTC().Format(time.RFC3339)))
			return
		}
		// The vendor takes whole seconds; one that is cut off may be the one that counts.
		window = (min(window, longestWindow) + time.Second - 1).Truncate(time.Second)
		q := &query{s: s, window: window, yield: yield, row: make(map[cbc.ProcessGUID]bool)}
		for _, ind := range batch {
			q.all = append(q.all, ind.SHA256)
		}
		slices.SortFunc(q.all, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
		q.all = slices.Compact(q.all)
		err := q.executed(ctx, q.all)
		if !s.cfg.ExecutedOnly && !q.stopped {
			if ctx.Err() == nil {
				err = errors.Join(err, q.touched(ctx))
			} else if err == nil {
				err = fmt.Errorf("searching for what touched %d files: %w", len(q.all), ctx.Err())
			}
		}
		if err != nil && !q.stopped {
			yield(hunt.Sighting{}, fmt.Errorf("cbchunt: %w", err))
		}
	}
}

// query is the search for one batch.
type query struct {
	s       *Searcher
	window  time.Duration
	all     [][32]byte
	yield   func(hunt.Sighting, error) bool
	stopped bool
	// row marks the processes that were yielded as executed.
	row map[cbc.ProcessGUID]bool
}

// executed looks for processes whose own executable is one of the files.
func (q *query) executed(ctx context.Context, hashes [][32]byte) error {
	nameless := false
	err := q.rows(ctx, cbc.Field("process_hash").SHA256(hashes...), 0, func(p cbc.Process) {
		own := false
		for _, h := range hashes {
			if p.HasSHA256(h) {
				own = true
				q.row[p.GUID] = true
				q.found(h, hunt.Executed, "process_hash", p)
			}
		}
		nameless = nameless || !own
	})
	if errors.Is(err, cbc.ErrTruncated) && len(hashes) > 1 && !q.stopped {
		half := len(hashes) / 2
		return errors.Join(q.executed(ctx, hashes[:half]), q.executed(ctx, hashes[half:]))
	}
	if err != nil {
		return fmt.Errorf("searching for processes of %d files: %w", len(hashes), err)
	}
	if nameless && !q.stopped {
		// The vendor matched rows that do not show the hash, for instance because they carry the MD5 alone. That is not enough to
		// call the file executed, and too much to keep silent about.
		return q.narrow(ctx, hashes, "process_hash", func(h ...[32]byte) cbc.Expr { return cbc.Field("process_hash").SHA256(h...) })
	}
	return nil
}

// touched looks for processes that loaded, wrote or interpreted one of the files.
func (q *query) touched(ctx context.Context) error {
	return q.narrow(ctx, q.all, "", func(h ...[32]byte) cbc.Expr {
		return cbc.And(
			cbc.Or(
				cbc.Field("hash").SHA256(h...),
				cbc.Field("scriptload_hash").SHA256(h...),
				cbc.Field("fileless_scriptload_hash").SHA256(h...),
				cbc.Field("blocked_hash").SHA256(h...),
			),
			cbc.Not(cbc.Field("process_hash").SHA256(q.all...)),
		)
	})
}

// narrow searches for a group of files at once and halves it as long as it has hits, so that each hit is told to one file.
func (q *query) narrow(ctx context.Context, hashes [][32]byte, field string, expr func(...[32]byte) cbc.Expr) error {
	if q.stopped {
		return nil
	}
	if len(hashes) == 1 {
		err := q.rows(ctx, expr(hashes[0]), 0, func(p cbc.Process) {
			if !q.row[p.GUID] {
				q.found(hashes[0], hunt.Touched, field, p)
			}
		})
		if err != nil {
			return fmt.Errorf("searching for what touched %x: %w", hashes[0], err)
		}
		return nil
	}
	hits := false
	err := q.rows(ctx, expr(hashes...), 1, func(cbc.Process) { hits = true })
	if errors.Is(err, cbc.ErrTruncated) {
		hits, err = true, nil // even if the one row that was kept could not be read
	}
	if err != nil {
		return fmt.Errorf("searching for what touched %d files: %w", len(hashes), err)
	}
	if !hits {
		return nil
	}
	half := len(hashes) / 2
	return errors.Join(q.narrow(ctx, hashes[:half], field, expr), q.narrow(ctx, hashes[half:], field, expr))
}

// rows runs one search to its end. At most the given number of rows is kept, all that can be had for 0.
func (q *query) rows(ctx context.Context, expr cbc.Expr, rows int, each func(cbc.Process)) error {
	job, err := q.s.cfg.Processes.Start(ctx, cbc.ProcessQuery{Query: expr, Window: q.window, Rows: rows})
	if err != nil {
		return err
	}
	status, err := job.Wait(ctx)
	for _, warning := range status.Warnings {
		q.s.cfg.Warn(warning)
	}
	if err != nil && !errors.Is(err, cbc.ErrIncomplete) {
		cancel(ctx, job)
		return err
	}
	for p, err := range job.Results(ctx) {
		if err != nil {
			if ctx.Err() != nil {
				cancel(ctx, job)
			}
			return err
		}
		each(p)
		if q.stopped {
			return nil
		}
	}
	if err == nil && status.Truncated {
		err = &cbc.IncompleteError{Op: "processes.search", Job: job.ID, Status: status}
	}
	return err
}

// cancel gives a search back that nobody waits for any more; few may run at once.
func cancel(ctx context.Context, job *cbc.SearchJob) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
	defer stop()
	_ = job.Cancel(ctx)
}

func (q *query) found(hash [32]byte, e hunt.Evidence, field string, p cbc.Process) {
	if q.stopped {
		return
	}
	if !q.yield(sighting(hash, e, field, p), nil) {
		q.stopped = true
	}
}

// sighting is a row of the search in the words of the hunt.
func sighting(hash [32]byte, e hunt.Evidence, field string, p cbc.Process) hunt.Sighting {
	return hunt.Sighting{
		SHA256: hash, Evidence: e, Field: field, Time: p.Time,
		Process: hunt.Process{
			GUID: string(p.GUID), PIDs: p.PIDs, Path: p.Name, CommandLine: first(p.CommandLines), User: first(p.Usernames),
			Reputation: reputation(p), Start: p.Start, Raw: p.Raw,
		},
		Device: hunt.Device{ID: int64(p.DeviceID), Name: p.DeviceName, OS: p.DeviceOS, PolicyID: int64(p.DevicePolicyID), Policy: p.DevicePolicy},
	}
}

// reputation is the one that the sensor went by, unless it is missing or the vendor trusts what the sensor did not know yet: then a guard
// has to see that.
func reputation(p cbc.Process) string {
	if p.EffectiveReputation == "" || trusted(p.Reputation) && !trusted(p.EffectiveReputation) {
		return p.Reputation
	}
	return p.EffectiveReputation
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

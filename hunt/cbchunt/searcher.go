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

// Lister lists what a process did. *cbc.Processes is one; it needs org.search.events (READ, and perhaps CREATE).
type Lister interface {
	Events(ctx context.Context, guid cbc.ProcessGUID, q cbc.EventQuery) iter.Seq2[cbc.Event, error]
}

// Config wires a [Searcher]. Processes is required.
type Config struct {
	Processes Starter
	// Events tell by which file, where and when a process touched it. Defaults to nobody: then files are told apart by halving
	// alone, sightings lack the path, and names are found in command lines only.
	Events Lister
	// Evidence is the weakest evidence that is searched for: [hunt.Executed], [hunt.Touched] or [hunt.Named]. Defaults to
	// [hunt.Named], which is everything. It makes the search longer, and costs no call where nothing is found.
	Evidence hunt.Evidence
	// Warn is told of searches that count as finished although a part of the vendor's searchers did not answer, of rows that contradict
	// themselves, and of what could not be told about a sighting. Defaults to nobody.
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
	var problems []error
	if cfg.Processes == nil {
		problems = append(problems, errors.New("cbchunt: Config.Processes is missing"))
	}
	if cfg.Evidence == hunt.None {
		cfg.Evidence = hunt.Named
	}
	if cfg.Evidence < hunt.None || cfg.Evidence > hunt.Executed {
		problems = append(problems, fmt.Errorf("cbchunt: Config.Evidence is %s: want executed, touched or named", cfg.Evidence))
	}
	if cfg.Warn == nil {
		cfg.Warn = func(string) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Searcher{cfg: cfg}, nil
}

// longestWindow is as far back as a search goes.
const longestWindow = 14 * 24 * time.Hour

// Search implements [hunt.Searcher]. The error is a [*hunt.SearchError] with the files for which something may be missing; what was found
// of them until then is yielded before it.
func (s *Searcher) Search(ctx context.Context, batch []hunt.Indicator, since time.Time) iter.Seq2[hunt.Sighting, error] {
	return func(yield func(hunt.Sighting, error) bool) {
		if len(batch) == 0 {
			return
		}
		now := s.cfg.Now()
		window := now.Sub(since)
		if window <= 0 {
			yield(hunt.Sighting{}, fmt.Errorf("cbchunt: nothing can be searched since %s: it is not in the past", since.UTC().Format(time.RFC3339)))
			return
		}
		// The vendor takes whole seconds; one that is cut off may be the one that counts.
		window = (min(window, longestWindow) + time.Second - 1).Truncate(time.Second)
		q := &query{s: s, now: now, yield: yield, told: make(map[told]bool), whole: make(map[cbc.ProcessGUID]bool)}
		for _, files := range q.parts(batch) {
			q.look(ctx, files, span{window: window})
		}
		if err := q.err(); err != nil && !q.stopped {
			yield(hunt.Sighting{}, err)
		}
	}
}

// query is the search for one batch.
type query struct {
	s       *Searcher
	now     time.Time
	yield   func(hunt.Sighting, error) bool
	stopped bool
	// searches counts those that were started.
	searches int
	told     map[told]bool
	// whole are the processes whose events came all.
	whole  map[cbc.ProcessGUID]bool
	failed []hunt.SHA256
	errs   []error
}

// told is a sighting that was yielded.
type told struct {
	guid     cbc.ProcessGUID
	file     hunt.SHA256
	evidence hunt.Evidence
}

// fail notes that a search for files is not complete.
func (q *query) fail(files []file, err error) {
	for _, f := range files {
		q.failed = append(q.failed, f.sha256)
	}
	what := "%d files"
	arg := any(len(files))
	if len(files) == 1 {
		what, arg = "%s", files[0].sha256
	}
	q.errs = append(q.errs, fmt.Errorf("cbchunt: searching for "+what+": %w", arg, err))
}

// mostErrors is how many errors of one search are told: when everything fails, it fails for one reason.
const mostErrors = 5

func (q *query) err() error {
	if len(q.errs) == 0 {
		return nil
	}
	slices.SortFunc(q.failed, func(a, b hunt.SHA256) int { return slices.Compare(a[:], b[:]) })
	errs := q.errs
	if more := len(errs) - mostErrors; more > 0 {
		errs = append(slices.Clone(errs[:mostErrors]), fmt.Errorf("cbchunt: and %d more searches failed", more))
	}
	return &hunt.SearchError{Hashes: slices.Compact(q.failed), Err: errors.Join(errs...)}
}

// found yields a sighting, once.
func (q *query) found(f file, e hunt.Evidence, p cbc.Process, change func(*hunt.Sighting)) {
	key := told{p.GUID, f.sha256, e}
	if q.stopped || q.told[key] {
		return
	}
	q.told[key] = true
	s := sighting(f.sha256, e, p)
	change(&s)
	s.Keep = e < hunt.Executed && q.allTold(p) // a row says by itself what was executed
	if !q.yield(s, nil) {
		q.stopped = true
	}
}

// allTold tells whether asking about a process again would bring nothing more.
func (q *query) allTold(p cbc.Process) bool { return q.whole[p.GUID] || q.s.cfg.Events == nil }

// sighting is a row of the search in the words of the hunt.
func sighting(hash hunt.SHA256, e hunt.Evidence, p cbc.Process) hunt.Sighting {
	return hunt.Sighting{
		SHA256: hash, Evidence: e, Time: p.Time,
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

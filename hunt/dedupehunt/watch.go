package dedupehunt

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// watchName stands where the run does in the key of a file that was finished with and stays open. No run has it for a name. A key that
// was settled is done for good, so that a file which comes again gets the next one: watch, watch2, watch3.
const watchName = "watch"

func watchKey(file string, generation int) dedupe.Key {
	name := watchName
	if generation > 1 {
		name += strconv.Itoa(generation)
	}
	return dedupe.Key(openPrefix + file + "/" + name)
}

func watches(key dedupe.Key) bool { return strings.HasPrefix(runOf(key), watchName) }

// watched is the note on such a file.
type watched struct {
	hunt.Indicator
	Seen     []hunt.Sighting `json:"seen,omitempty"`
	Since    time.Time       `json:"since"`
	Searched time.Time       `json:"searched"`
	Verified time.Time       `json:"verified,omitzero"`
	Expanded time.Time       `json:"expanded,omitzero"`
}

// Watch implements [hunt.Backlog]. What is kept by the run itself, and by earlier ones, is put together under one key. A file that somebody
// has settled since it was searched for stays settled.
func (l *Ledger) Watch(ctx context.Context, run string, open ...hunt.OpenIndicator) error {
	if err := l.watch(ctx, run, open); err != nil {
		return fmt.Errorf("dedupehunt: watch: %w", err)
	}
	return nil
}

func (l *Ledger) watch(ctx context.Context, run string, open []hunt.OpenIndicator) error {
	notes := make(map[string][]byte, len(open))
	searched := make(map[string]time.Time, len(open))
	hashes := make([]hunt.SHA256, 0, len(open))
	for _, o := range open {
		note, err := json.Marshal(watched{o.Indicator, o.Seen, o.Since.UTC(), o.Searched.UTC(), o.Verified.UTC(), o.Expanded.UTC()})
		if err != nil {
			return err
		}
		file := o.SHA256.String()
		notes[file], searched[file] = note, o.Searched
		hashes = append(hashes, o.SHA256)
	}
	records, err := l.ofFiles(ctx, hashes)
	if err != nil {
		return err
	}
	// The new word first: should the process die in between, the files are due once more.
	elsewhere, err := l.note(ctx, notes, searched)
	if err != nil {
		return err
	}
	var kept []dedupe.Key
	for _, r := range records {
		file := fileOf(r.Key)
		if !watches(r.Key) && !elsewhere[file] && (runOf(r.Key) == run || !r.Created.After(searched[file])) {
			kept = append(kept, r.Key)
		}
	}
	return l.settle(ctx, kept, "watched")
}

// note writes the notes on watched files, and returns those that another process is writing about at this moment: they stay due.
func (l *Ledger) note(ctx context.Context, notes map[string][]byte, searched map[string]time.Time) (elsewhere map[string]bool, err error) {
	elsewhere = make(map[string]bool)
	left := slices.Sorted(maps.Keys(notes))
	for generation := 1; len(left) > 0; generation++ {
		keys := make([]dedupe.Key, len(left))
		for i, file := range left {
			keys[i] = watchKey(file, generation)
		}
		missed, err := l.close(ctx, keys, func(g dedupe.Grant) dedupe.Result {
			return dedupe.Result{Claim: g.Claim, State: dedupe.Released, Before: notes[fileOf(g.Claim.Key)]}
		})
		if err != nil {
			return nil, err
		}
		left = nil
		for _, g := range missed {
			switch file := fileOf(g.Claim.Key); {
			case g.Record.State != dedupe.Done:
				elsewhere[file] = true
			case !g.Record.Updated.After(searched[file]):
				left = append(left, file)
			}
		}
	}
	return elsewhere, nil
}

// runOf is the part of an open indicator's key that is the run.
func runOf(key dedupe.Key) string {
	_, run, _ := strings.Cut(strings.TrimPrefix(string(key), openPrefix), "/")
	return run
}

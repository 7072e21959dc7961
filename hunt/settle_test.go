package hunt_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// mute is a ledger that cannot say what it knows, or remember what is held.
type mute struct {
	*memory
	look, hold error
}

func (m mute) Look(ctx context.Context, tasks []hunt.Task) ([]hunt.Outcome, error) {
	if m.look != nil {
		return nil, m.look
	}
	return m.memory.Look(ctx, tasks)
}

func (m mute) Hold(ctx context.Context, run string, held ...hunt.Outcome) error {
	if m.hold != nil {
		return m.hold
	}
	return m.memory.Hold(ctx, run, held...)
}

// What fails keeps those files open that it concerns, and no others.
func TestWhatKeepsAFileOpen(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk I/O error")
	for _, c := range []struct {
		name     string
		fault    func(*hunt.Config, *mute, *backlog)
		one, two bool
	}{
		{"nothing", func(*hunt.Config, *mute, *backlog) {}, false, false},
		{"a backlog that gives something up", func(_ *hunt.Config, _ *mute, b *backlog) { b.err = broken }, false, false},
		{"a ledger that does not say what is done", func(_ *hunt.Config, m *mute, _ *backlog) { m.look = broken }, true, true},
		{"a hold that nobody remembers", func(_ *hunt.Config, m *mute, _ *backlog) { m.hold = broken }, true, false},
		{"a guard that fails", func(c *hunt.Config, _ *mute, _ *backlog) {
			c.Guards = []hunt.Guard{hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) { return nil, broken })}
		}, true, true},
		{"a sighting without a process", func(c *hunt.Config, _ *mute, _ *backlog) {
			c.Searcher = hunt.SearcherFunc(func(context.Context, []hunt.Indicator, time.Time) iter.Seq2[hunt.Sighting, error] {
				return sequence(nil, hunt.Sighting{SHA256: hash(1), Evidence: hunt.Executed, Device: hunt.Device{ID: 7}})
			})
		}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ledger, kept := &mute{memory: new(memory)}, new(backlog)
			cfg := response(ledger.memory, new(court), &lamps{name: "isolate"})
			cfg.Searcher = searcher(sighting(1, 7, hunt.Executed), sighting(2, 9, hunt.Executed))
			cfg.Backlog, cfg.Guards = kept, []hunt.Guard{holdFile(1)}
			c.fault(&cfg, ledger, kept)
			cfg.Ledger, cfg.Archive = ledger, ledger
			r, _ := newHunter(t, cfg).Run(t.Context(), hunt.Window{})
			if kept.has(1) != c.one || kept.has(2) != c.two {
				t.Errorf("open: file 1 %t, file 2 %t; want %t and %t; problems %v", kept.has(1), kept.has(2), c.one, c.two, r.Problems)
			}
			if ledger.look != nil && len(ledger.records) != 1 {
				t.Errorf("the ledger remembers %v, want no hold of a guard that did not know what is done", ledger.records)
			}
		})
	}
}

package hunt_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// The verdict behind what was done is asked about once an hour, also of files that rest; one that was taken back is reported by every run.
func TestVerdictsAreAskedAgainByTheHour(t *testing.T) {
	t.Parallel()
	for _, days := range []int{0, 3} {
		verdicts, store := new(court), new(memory)
		p := newPatience(verdicts, &lamps{name: "isolate"})
		p.cfg.Ledger, p.cfg.Archive = store, store
		p.found = []hunt.Sighting{sighting(1, 7, hunt.Executed)}
		run(t, p.cfg)
		p.after(t, time.Duration(days)*24*time.Hour+time.Hour) // asked about, and everything is done
		begun := verdicts.asked
		for range 12 {
			if r := p.after(t, 15*time.Minute); len(r.Turned) > 0 {
				t.Fatalf("turned %v", r.Turned)
			}
		}
		if n := verdicts.asked - begun; n != 3 {
			t.Errorf("after %d days: asked %d times in three hours, want 3", days, n)
		}
		verdicts.clear(hash(1))
		reported := 0
		for range 8 {
			p.now = p.now.Add(15 * time.Minute)
			p.cfg.Source = source(nil)
			r, _ := newHunter(t, p.cfg).Run(t.Context(), hunt.Window{})
			reported += len(r.Turned)
		}
		if reported < 5 {
			t.Errorf("after %d days: a verdict that was taken back was reported by %d of 8 runs, want by all from the first hour on", days, reported)
		}
	}
}

// What the source says was taken back is asked about at once.
func TestVerdictThatTheSourceDoubtsIsAskedAtOnce(t *testing.T) {
	t.Parallel()
	verdicts, store := new(court), new(memory)
	p := newPatience(verdicts, &lamps{name: "isolate"})
	p.cfg.Ledger, p.cfg.Archive = store, store
	p.found = []hunt.Sighting{sighting(1, 7, hunt.Executed)}
	run(t, p.cfg)
	verdicts.clear(hash(1))
	p.now = p.now.Add(time.Minute)
	p.cfg.Source = hunt.SourceFunc(func(_ context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
		ask.Cleared(hash(1))
		return sequence[hunt.Indicator](nil)
	})
	if r, _ := newHunter(t, p.cfg).Run(t.Context(), hunt.Window{}); len(r.Turned) != 1 {
		t.Errorf("turned %v, want file 1", r.Turned)
	}
}

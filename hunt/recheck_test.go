package hunt_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// The verdict behind what was done is asked about once an hour, also of files that rest; of few files by every run, and of many a few. One
// that was taken back is reported by every run from then on.
func TestVerdictsAreAskedAgainByTheHour(t *testing.T) {
	t.Parallel()
	for _, days := range []int{0, 3} {
		for files, want := range map[byte]int{1: 12, 8: 96, 40: 12*8 + 3*8} { // the last eight of forty come with none of the others' turns
			verdicts, store := new(court), new(memory)
			p := newPatience(verdicts, &lamps{name: "isolate"})
			p.cfg.Ledger, p.cfg.Archive = store, store
			var all []hunt.Indicator
			for n := range files {
				all = append(all, indicator(n+1))
				p.found = append(p.found, sighting(n+1, int64(n)+1, hunt.Executed))
			}
			p.cfg.Source = source(nil, all...)
			run(t, p.cfg)
			p.after(t, time.Duration(days)*24*time.Hour+time.Hour) // asked about, and everything is done
			begun := verdicts.asked
			most := 0
			for range 12 {
				before := verdicts.asked
				if r := p.after(t, 15*time.Minute); len(r.Turned) > 0 {
					t.Fatalf("turned %v", r.Turned)
				}
				most = max(most, verdicts.asked-before)
			}
			if n := verdicts.asked - begun; n < want || n > 2*want || files <= 8 && n != want {
				t.Errorf("after %d days: asked %d times about %d files in three hours, want %d", days, n, files, want)
			}
			verdicts.clear(hash(1))
			reported := 0
			for range 8 {
				p.now = p.now.Add(15 * time.Minute)
				p.cfg.Source = source(nil)
				r, _ := newHunter(t, p.cfg).Run(t.Context(), hunt.Window{})
				reported += len(r.Turned)
			}
			if reported < 5 || files <= 8 && reported != 8 {
				t.Errorf("after %d days: that the verdict on one of %d files was taken back was reported by %d of 8 runs", days, files, reported)
			}
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

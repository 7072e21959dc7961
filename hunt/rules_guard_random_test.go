package hunt_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/pphunt/pphunt/hunt"
)

// In no world does a run, or several of them on one ledger, reach more machines than the ceilings allow, or deal with a file in part.
func TestRule7NoWorldPassesTheCeilings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		held, done := 0, 0
		for seed := range uint64(60) {
			random := rand.New(rand.NewPCG(seed, 7))
			const fleet = 12
			c := hunt.Ceilings{DevicesPerHash: random.IntN(5), DevicesPerRun: random.IntN(8), FleetShare: float64(random.IntN(6)) / 10, Fleet: fleetOf(fleet)}
			w := acted{t: t, seed: seed, ever: make(map[hunt.SHA256]map[int64]bool)}
			l := &ledger{}
			var seen []hunt.Sighting
			for range 3 {
				for range random.IntN(8) {
					seen = append(seen, sighting(byte(random.IntN(6)+1), int64(random.IntN(fleet)+1), hunt.Executed))
				}
				r, err := newTeam().hunted(t, l, seen, c)
				if err != nil {
					t.Fatal(err)
				}
				w.check(c, r, max(1, int(c.FleetShare*fleet+1e-9)))
				held, done = held+r.Count(hunt.Held), done+r.Count(hunt.Done)
			}
		}
		if held < 100 || done < 100 {
			t.Errorf("%d tasks were held and %d done: the worlds do not tell much", held, done)
		}
	})
}

// acted is what the runs in one world did.
type acted struct {
	t    *testing.T
	seed uint64
	// ever are the devices that were handled because of each file.
	ever map[hunt.SHA256]map[int64]bool
}

func (w *acted) check(c hunt.Ceilings, r *hunt.Report, share int) {
	w.t.Helper()
	devices, done := make(map[int64]bool), make(map[hunt.SHA256]bool)
	for _, o := range r.Outcomes {
		if o.Status != hunt.Done || o.Task.Impact == hunt.Tells {
			continue
		}
		for _, s := range o.Task.Sightings {
			devices[s.Device.ID], done[s.SHA256] = true, true
			if w.ever[s.SHA256] == nil {
				w.ever[s.SHA256] = make(map[int64]bool)
			}
			w.ever[s.SHA256][s.Device.ID] = true
		}
	}
	for _, o := range r.Outcomes {
		for _, ind := range o.Task.Indicators {
			if o.Status == hunt.Held && done[ind.SHA256] {
				w.t.Errorf("world %d: %s is held, and something else was done because of its file", w.seed, o.Task)
			}
		}
	}
	if n := len(devices); c.DevicesPerRun > 0 && n > c.DevicesPerRun || c.FleetShare > 0 && n > share {
		w.t.Errorf("world %d: a run handled %d devices, more than %d or %d", w.seed, n, c.DevicesPerRun, share)
	}
	for file, on := range w.ever {
		if c.DevicesPerHash > 0 && len(on) > c.DevicesPerHash {
			w.t.Errorf("world %d: file %d was handled on %d devices, more than %d", w.seed, file[0], len(on), c.DevicesPerHash)
		}
	}
}

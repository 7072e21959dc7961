package hunt_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// alsoSeen adds a sighting to what a searcher finds.
func alsoSeen(more hunt.Sighting) func(hunt.Searcher) hunt.Searcher {
	return func(next hunt.Searcher) hunt.Searcher {
		return hunt.SearcherFunc(func(ctx context.Context, batch []hunt.Indicator, since time.Time) iter.Seq2[hunt.Sighting, error] {
			return func(yield func(hunt.Sighting, error) bool) {
				for s, err := range next.Search(ctx, batch, since) {
					if !yield(s, err) {
						return
					}
				}
				yield(more, nil)
			}
		})
	}
}

func TestRule3AnAnalystsHandWins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, plainWorld())
		c := crew{actions: []string{"isolate"}}
		first := o.run(t, c)
		_, console, _ := o.clients(t, crew{})
		release := func() {
			if err := console.Devices.Release(t.Context(), ranIt); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		release()
		for range 2 {
			if diff := cmp.Diff(map[string]hunt.Status{"isolate/device/7": hunt.Already}, statuses(o.run(t, c))); diff != "" {
				t.Errorf("outcomes for the same finding mismatch (-want +got):\n%s", diff)
			}
		}
		if o.device(t, ranIt).Quarantined {
			t.Error("the device that an analyst released was isolated again for the same finding")
		}

		c.searcher = alsoSeen(hunt.Sighting{
			SHA256: invoice.hash(), Evidence: hunt.Executed, Time: time.Now(),
			Process: hunt.Process{GUID: "7QRST4UV-0045c1d2-00001f3a-00000000-1dc9a2b3c4d5e6f", Path: invoiceAt, PIDs: []int64{9001}},
			Device:  hunt.Device{ID: ranIt, Name: `CORP\FIN-1`},
		})
		again := o.run(t, c)
		if len(again.Outcomes) != 1 || again.Outcomes[0].Status != hunt.Done || !strings.Contains(again.Outcomes[0].Detail, "new finding") {
			t.Fatalf("outcomes for a new process: %+v", again.Outcomes)
		}
		if again.Outcomes[0].Task.EventID() == first.Outcomes[0].Task.EventID() {
			t.Error("the new task has the event id of the old one")
		}
		if n := len(again.Outcomes[0].Task.Sightings); n != 1 {
			t.Errorf("the new task rests on %d sightings, want the new one alone", n)
		}
		time.Sleep(time.Minute)
		if !o.device(t, ranIt).Quarantined {
			t.Error("the device was not isolated for a new process")
		}
		release()
		if r := o.run(t, c); r.Count(hunt.Already) != 1 || o.device(t, ranIt).Quarantined {
			t.Errorf("after the second release: %v, isolated %t", statuses(r), o.device(t, ranIt).Quarantined)
		}
	})
}

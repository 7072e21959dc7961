package dedupehunt_test

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// caseFiles is a source of one's own: the files that analysts have condemned in the cases of a SOC.
type caseFiles struct{ cases map[string][]string }

// Indicators implements [hunt.Source].
func (c caseFiles) Indicators(_ context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
	return func(yield func(hunt.Indicator, error) bool) {
		for name, hashes := range c.cases {
			for _, text := range hashes {
				hash, err := hunt.ParseSHA256(text)
				if err != nil {
					yield(hunt.Indicator{}, fmt.Errorf("case %s: %w", name, err))
					return
				}
				threat := hunt.Threat{ID: name, Type: hunt.ThreatListed, Classification: "malware", Status: "active", Time: ask.Window.End}
				if !yield(hunt.Indicator{SHA256: hash, Threat: threat}, nil) {
					return
				}
			}
		}
	}
}

// inventory is a searcher of one's own, such as a lake of process events.
func inventory(seen map[string][]hunt.Device) hunt.Searcher {
	return hunt.SearcherFunc(func(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
		return func(yield func(hunt.Sighting, error) bool) {
			for _, ind := range batch {
				for _, d := range seen[ind.SHA256.String()] {
					s := hunt.Sighting{SHA256: ind.SHA256, Evidence: hunt.Executed, Device: d, Process: hunt.Process{GUID: fmt.Sprintf("process-on-%d", d.ID)}}
					if !yield(s, nil) {
						return
					}
				}
			}
		}
	})
}

// ticket is an action of one's own. It changes nothing on a machine, so that no guard holds it.
func ticket() hunt.Action {
	spec := hunt.Spec{Name: "ticket", Scope: hunt.ScopeDevice, Evidence: hunt.Touched, Impact: hunt.Tells}
	return hunt.NewAction(spec, func(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
		outcomes := make([]hunt.Outcome, len(tasks))
		for i, t := range tasks {
			// The event id is the same should the ticket system have to be told twice.
			fmt.Printf("ticket %.8s: %s ran a condemned file\n", t.EventID(), t.Sightings[0].Device.Name)
			outcomes[i] = hunt.Outcome{Task: t, Status: hunt.Done, Detail: "ticket opened"}
		}
		return outcomes
	})
}

// countingStore is a store of one's own. This one is [dedupe.Memory] and counts what it is asked for; one on a database of the service is
// checked by package dedupetest.
type countingStore struct {
	dedupe.Memory
	claims int
}

// Claim implements [dedupe.Store].
func (s *countingStore) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) ([]dedupe.Grant, error) {
	s.claims += len(keys)
	return s.Memory.Claim(ctx, owner, now, lease, keys...)
}

// A hunt inside a service that exists already, with its own source, searcher, action and store. The second run opens no second ticket.
func Example_embedding() {
	const condemned = "59c50e2261be34fc8f387583f7a49325a9e736890526bc631ace55b320371c47"
	store := new(countingStore)
	ledger, err := dedupehunt.New(dedupehunt.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	hunter, err := hunt.New(hunt.Config{
		Source:   caseFiles{map[string][]string{"CASE-17": {condemned}}},
		Searcher: inventory(map[string][]hunt.Device{condemned: {{ID: 7, Name: "HOST-7"}}}),
		Ledger:   ledger,
		Actions:  []hunt.Action{ticket()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	end := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	for range 2 {
		report, err := hunter.Run(context.Background(), hunt.Window{Start: end.Add(-time.Hour), End: end})
		if err != nil {
			fmt.Println(err)
		}
		fmt.Printf("done: %d, already: %d\n", report.Count(hunt.Done), report.Count(hunt.Already))
	}
	fmt.Println("the store was asked for claims:", store.claims > 0)
	// Output:
	// ticket f907f8ec: HOST-7 ran a condemned file
	// done: 1, already: 0
	// done: 0, already: 1
	// the store was asked for claims: true
}

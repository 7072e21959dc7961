package hunt_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// failing is a searcher that finds something and then fails.
func failing(err error, found ...hunt.Sighting) hunt.Searcher {
	return hunt.SearcherFunc(func(context.Context, []hunt.Indicator, time.Time) iter.Seq2[hunt.Sighting, error] {
		return sequence(err, found...)
	})
}

func TestSearchersFindWhatAnyOfThemFinds(t *testing.T) {
	t.Parallel()
	broken := errors.New("no answer")
	batch := []hunt.Indicator{indicator(1), indicator(2), indicator(3)}
	for _, c := range []struct {
		name   string
		second error
		hashes []hunt.SHA256
	}{
		{"both answer", nil, nil},
		{"one fails", broken, []hunt.SHA256{hash(1), hash(2), hash(3)}},
		{"one fails for a file", &hunt.SearchError{Hashes: []hunt.SHA256{hash(2)}, Err: broken}, []hunt.SHA256{hash(2)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			both := hunt.Searchers(searcher(sighting(1, 7, hunt.Executed)), failing(c.second, sighting(3, 8, hunt.Touched)))
			var found []int64
			var last error
			for s, err := range both.Search(t.Context(), batch, time.Time{}) {
				if last = err; err == nil {
					found = append(found, s.Device.ID)
				}
			}
			slices.Sort(found)
			if diff := cmp.Diff([]int64{7, 8}, found); diff != "" {
				t.Errorf("devices mismatch (-want +got):\n%s", diff)
			}
			var part *hunt.SearchError
			if errors.As(last, &part) != (c.second != nil) || c.second != nil && !errors.Is(last, broken) {
				t.Fatalf("the error is %v", last)
			}
			if part != nil && !slices.Equal(part.Hashes, c.hashes) {
				t.Errorf("the error is about %v, want %v", part.Hashes, c.hashes)
			}
		})
	}
}

// Whoever stops early leaves nothing running: synctest would not end.
func TestSearchersStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		endless := hunt.SearcherFunc(func(ctx context.Context, _ []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
			return func(yield func(hunt.Sighting, error) bool) {
				for ctx.Err() == nil && yield(sighting(1, 7, hunt.Executed), nil) {
				}
			}
		})
		for range hunt.Searchers(endless, endless).Search(t.Context(), []hunt.Indicator{indicator(1)}, time.Time{}) {
			break
		}
	})
}

// Two products on the machines of one company: what either of them saw is one report.
func ExampleSearchers() {
	file := hunt.SHA256{0xca, 0xfe}
	one := hunt.SearcherFunc(func(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
		return func(yield func(hunt.Sighting, error) bool) {
			for _, ind := range batch {
				yield(hunt.Sighting{
					SHA256: ind.SHA256, Evidence: hunt.Executed, Process: hunt.Process{GUID: "a-1", Path: `c:\invoice.exe`},
					Device: hunt.Device{ID: 7, Name: "LAPTOP-7"},
				}, nil)
			}
		}
	})
	inventory := map[hunt.SHA256][]string{file: {"SERVER-9"}} // what another product knows of its machines
	other := hunt.SearcherFunc(func(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
		return func(yield func(hunt.Sighting, error) bool) {
			for _, ind := range batch {
				for _, name := range inventory[ind.SHA256] {
					s := hunt.Sighting{SHA256: ind.SHA256, Evidence: hunt.Touched, Process: hunt.Process{GUID: "inventory-" + name}, Device: hunt.Device{ID: 1_000_009, Name: name}}
					if !yield(s, nil) {
						return
					}
				}
			}
		}
	})
	hunter, err := hunt.New(hunt.Config{
		Source: hunt.SourceFunc(func(context.Context, hunt.Ask) iter.Seq2[hunt.Indicator, error] {
			return func(yield func(hunt.Indicator, error) bool) { yield(hunt.Indicator{SHA256: file}, nil) }
		}),
		Searcher: hunt.Searchers(one, other),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := hunter.Run(context.Background(), hunt.Window{})
	if err != nil {
		fmt.Println(err)
	}
	for _, s := range report.Sightings {
		fmt.Println(s.Device.Name, s.Evidence)
	}
	// Output:
	// LAPTOP-7 executed
	// SERVER-9 touched
}

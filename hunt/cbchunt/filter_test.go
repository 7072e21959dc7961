package cbchunt_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

func TestFilterDropsWhatIsTrusted(t *testing.T) {
	t.Parallel()
	world := cbctest.World{
		Overrides: []cbctest.Override{{ID: strings.Repeat("a", 32), SHA256: hash(1).String(), List: "WHITE_LIST", CreatedBy: "it@corp.example"}},
		Binaries:  []cbctest.Binary{signedBy(hash(2), "Microsoft Corporation"), signedBy(hash(3), "Nobody Knows Ltd")},
	}
	parent := hunt.Indicator{SHA256: hash(9)}
	broken := errors.New("half of it")
	next := hunt.ExpanderFunc(func(_ context.Context, ind hunt.Indicator) ([]hunt.Indicator, error) {
		if ind.SHA256 != parent.SHA256 {
			t.Errorf("asked about %s", ind.SHA256)
		}
		return batch(4), broken
	})
	files := func(all []hunt.Indicator) (names []string) {
		for _, ind := range all {
			names = append(names, ind.SHA256.String())
		}
		return names
	}
	t.Run("asked", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got, err := trust(t, cbctest.New(world), nil).Filter(next).Expand(t.Context(), parent)
			if !errors.Is(err, broken) {
				t.Errorf("the error is %v, want that of the expander", err)
			}
			if diff := cmp.Diff([]string{hash(3).String(), hash(4).String()}, files(got)); diff != "" {
				t.Errorf("files mismatch (-want +got):\n%s", diff)
			}
		})
	})
	for name, fault := range map[string]int{"no permission": http.StatusForbidden, "out of order": http.StatusServiceUnavailable} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(world)
				srv.Inject(func(*http.Request) bool { return true }, -1, status(fault))
				got, err := trust(t, srv, nil).Filter(next).Expand(t.Context(), parent)
				if len(got) > 0 || err == nil || !strings.Contains(err.Error(), hash(1).String()) {
					t.Errorf("Expand = %v, %v; want nothing that nobody could be asked about", files(got), err)
				}
			})
		})
	}
}

// What a condemned file brings along and Carbon Black Cloud trusts where it ran is no sighting at all.
func TestTrustedFileOfTheSecondStage(t *testing.T) {
	t.Parallel()
	for _, second := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := ran("GOOD", hash(1).String())
			p.Reputation = "TRUSTED_WHITE_LIST"
			files := batch(1)
			if second {
				files[0].Of = hash(9)
			}
			warned := 0
			s := newSearcher(t, cbctest.New(world(p)), func(cfg *cbchunt.Config) { cfg.Warn = func(string) { warned++ } })
			found := 0
			for _, err := range s.Search(t.Context(), files, time.Now().Add(-week)) {
				if err != nil {
					t.Fatal(err)
				}
				found++
			}
			if (found == 0) != second || (warned > 0) != second {
				t.Errorf("second stage %t: %d sightings, %d warnings", second, found, warned)
			}
		})
	}
}

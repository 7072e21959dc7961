package cbchunt_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

var update = flag.Bool("update", false, "write the golden files anew")

// quiet are many files of many names, in batches of a hundred as a hunt makes them.
func quiet(n int) [][]hunt.Indicator {
	var all [][]hunt.Indicator
	for i := range n {
		if i%100 == 0 {
			all = append(all, nil)
		}
		ind := hunt.Indicator{SHA256: hunt.SHA256{0: 0xee, 1: byte(i >> 8), 2: byte(i)}, MD5: hunt.MD5{0: 0xee, 1: byte(i >> 8), 2: byte(i)}}
		ind.Mails = []hunt.Mail{{ID: fmt.Sprint(i), Time: time.Now().Add(-24 * time.Hour), FileName: fmt.Sprintf("Krause Umbau %d.docm", 7_000_000+i)}}
		all[len(all)-1] = append(all[len(all)-1], ind)
	}
	return all
}

// What a search costs is what users pay for patience: a change of it must be meant.
func TestCalls(t *testing.T) {
	t.Parallel()
	var report strings.Builder
	for _, c := range []struct {
		name  string
		files int
		most  int
	}{{"1000 open files that nobody has", 1000, 48}, {"200 files that nobody has", 200, 20}, {"1 file that nobody has", 1, 5}} {
		synctest.Test(t, func(t *testing.T) {
			srv := cbctest.New(world(ran("OTHER", strings.Repeat("e", 64))))
			s := complete(t, srv, nil)
			for _, batch := range quiet(c.files) {
				for _, err := range s.Search(t.Context(), batch, time.Now().Add(-week)) {
					t.Error(err)
				}
			}
			calls := make(map[string]int)
			for _, r := range srv.Requests() {
				calls[r.Operation]++
			}
			fmt.Fprintf(&report, "%s: %d calls\n", c.name, len(srv.Requests()))
			for _, op := range slices.Sorted(maps.Keys(calls)) {
				fmt.Fprintf(&report, "  %3d %s\n", calls[op], op)
			}
			if n := len(srv.Requests()); n > c.most {
				t.Errorf("%s: %d calls, want at most %d", c.name, n, c.most)
			}
		})
	}
	golden := filepath.Join("testdata", "calls.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(report.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), report.String()); diff != "" {
		t.Errorf("calls mismatch (-want +got):\n%s", diff)
	}
}

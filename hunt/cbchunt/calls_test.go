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
		// touched is how many of the files are on two machines each.
		touched int
		// again means that earlier searches have told all of it.
		again bool
		most  int
	}{
		{"1000 open files that nobody has", 1000, 0, false, 48},
		{"200 files that nobody has", 200, 0, false, 20},
		{"1 file that nobody has", 1, 0, false, 5},
		{"100 files, 20 of which are on two machines each", 100, 20, false, 240},
		{"1000 open files, 200 of which are on two machines each, searched again", 1000, 200, true, 48},
	} {
		synctest.Test(t, func(t *testing.T) {
			batches := quiet(c.files)
			world := world(ran("OTHER", strings.Repeat("e", 64)))
			for i := range c.touched {
				for j := range 2 {
					per := c.touched / len(batches)
					p := ran(fmt.Sprintf("%08d-%d", i, j), strings.Repeat("f", 64))
					p.DeviceID, p.Events = 7, []cbctest.Event{{
						Type: "filemod", Name: `c:\users\kim\a.dll`, SHA256: batches[i/per][i%per].SHA256.String(), Time: time.Now().UTC(),
					}}
					world.Processes = append(world.Processes, p)
					if ind := &batches[i/per][i%per]; c.again {
						ind.Seen = append(ind.Seen, hunt.Sighting{SHA256: ind.SHA256, Evidence: hunt.Touched, Process: hunt.Process{GUID: p.GUID}, Keep: true})
					}
				}
			}
			srv := cbctest.New(world)
			s := complete(t, srv, nil)
			found := 0
			for _, batch := range batches {
				for _, err := range s.Search(t.Context(), batch, time.Now().Add(-week)) {
					if err != nil {
						t.Error(err)
					}
					found++
				}
			}
			if want := 2 * c.touched; !c.again && found != want || c.again && found != 0 {
				t.Errorf("%s: %d sightings", c.name, found)
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

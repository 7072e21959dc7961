package bench_test

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
)

var update = flag.Bool("update", false, "write the golden files anew")

// What a hunt costs the services is what it costs the users: a change must be meant.
func TestCalls(t *testing.T) {
	t.Parallel()
	everything := []string{"webhook", "denylist", "isolate", "policy"}
	var report strings.Builder
	for _, c := range []struct {
		name    string
		size    size
		actions []string
		most    int // calls but for those of the webhook
		second  int
	}{
		{"200 files on 60 machines, isolation", size{200, 1160, 60, 50 * time.Millisecond, 0}, []string{"isolate"}, 20, 15},
		{"200 files on 60 machines, isolation, searches of 2 s", size{200, 1160, 60, 50 * time.Millisecond, 2 * time.Second}, []string{"isolate"}, 40, 25},
		{"24 files on 60 machines, webhook, ban, isolation and policy", size{24, 700, 60, 50 * time.Millisecond, 0}, everything, 200, 15},
	} {
		synctest.Test(t, func(t *testing.T) {
			company := newCompany(c.size)
			first := company.measure(func() { company.run(t, c.actions...) })
			time.Sleep(15 * time.Minute)
			second := company.measure(func() { company.run(t, c.actions...) })
			old := newCompany(c.size)
			script := old.measure(func() { old.script(t).run(c.actions...) })
			if c.size.search == 0 { // otherwise it is left to chance how often is looked whether a search is finished
				fmt.Fprintf(&report, "%s\n", c.name)
				write(&report, "the script", script)
				write(&report, "the first run", first)
				write(&report, "the second run", second)
			}
			if n := first.total() - first.calls["POST to the webhook"]; n > c.most {
				t.Errorf("%s: %d calls, want at most %d", c.name, n, c.most)
			}
			if n := second.total(); n > c.second {
				t.Errorf("%s: the second run made %d calls, want at most %d", c.name, n, c.second)
			}
		})
	}
	golden(t, "calls.golden", report.String())
}

func write(b *strings.Builder, what string, c cost) {
	fmt.Fprintf(b, "  %s: %d calls, %s\n", what, c.total(), c.took.Round(10*time.Millisecond))
	for _, op := range slices.Sorted(maps.Keys(c.calls)) {
		fmt.Fprintf(b, "    %5d %s\n", c.calls[op], op)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s mismatch (-want +got):\n%s", name, diff)
	}
}

// The longest chain of calls that wait for each other is that of isolation: the list of mails, the start of a search, its end, two pages of
// rows, the state of the devices, the action. A hunt takes little longer than that.
func TestLatency(t *testing.T) {
	t.Parallel()
	const chain = 6
	for _, search := range []time.Duration{900 * time.Millisecond, 2 * time.Second, 0} {
		for _, latency := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
			synctest.Test(t, func(t *testing.T) {
				company := newCompany(size{200, 1160, 60, latency, search})
				c := company.measure(func() { company.run(t, "isolate") })
				critical := chain*latency + search
				ratio := float64(c.took) / float64(critical)
				t.Logf("calls of %s, searches of %s: %s, %.2f times the critical path of %s, %d calls, at most %d at once",
					latency, search, c.took.Round(time.Millisecond), ratio, critical, c.total(), company.most)
				if search == 0 {
					ratio = float64(c.took-300*time.Millisecond) / float64(critical) // nobody looks sooner whether a search is finished
				}
				if ratio > 1.3 {
					t.Errorf("calls of %s, searches of %s: %s, %.2f times the critical path", latency, search, c.took, ratio)
				}
			})
		}
	}
}

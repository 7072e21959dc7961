package bench_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var table = flag.String("table", "", "a file, README.md at the root of the module: its table of benchmarks is measured and written anew")

const tableBegin, tableEnd = "<!-- benchmarks: go test ./internal/bench -run TestTable -table README.md -timeout 30m -->\n", "<!-- end of benchmarks -->\n"

// TestTable writes the table of the README.
func TestTable(t *testing.T) { //nolint:paralleltest // it measures
	if *table == "" {
		t.Skip("it is asked for with -table")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| what | the script's way | pphunt | ratio |\n|---|--:|--:|--:|\n")
	row := func(what, old, own string, ratio float64) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", what, old, own, ratioOf(ratio))
	}
	compareCalls(t, row)
	compareIntake(t, row)
	compareLedger(row)
	start, megabytes := startAndSize(t)
	row("start of `pp2cbc --version`", "", fmt.Sprintf("%d ms", start.Milliseconds()), 0)
	row("size of `pp2cbc`, stripped", "", fmt.Sprintf("%.1f MB", megabytes), 0)
	fmt.Fprintf(&b, "\nMeasured with %s on %s/%s, %d processors.\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	file := filepath.Join("..", "..", *table)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := bytes.Cut(text, []byte(tableBegin))
	_, tail, ok2 := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table, between %q and %q", file, tableBegin, tableEnd)
	}
	whole := fmt.Sprintf("%s%s\n%s\n%s%s", head, tableBegin, b.String(), tableEnd, tail)
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
}

func ratioOf(ratio float64) string {
	switch {
	case ratio == 0:
		return ""
	case ratio >= 10:
		return fmt.Sprintf("%.0f : 1", ratio)
	default:
		return fmt.Sprintf("%.1f : 1", ratio)
	}
}

func compareCalls(t *testing.T, row func(what, old, own string, ratio float64)) {
	everything := []string{"webhook", "denylist", "isolate", "policy"}
	for _, c := range []struct {
		what    string
		size    size
		actions []string
	}{
		{"200 files, 1,160 processes, 60 machines isolated; calls of 50 ms", size{200, 1160, 60, 50 * time.Millisecond, 0}, []string{"isolate"}},
		{"the same, where a search takes 2 s", size{200, 1160, 60, 50 * time.Millisecond, 2 * time.Second}, []string{"isolate"}},
		{"24 files, 700 processes, 60 machines; 700 webhooks, 24 bans, isolation, policy", size{24, 700, 60, 50 * time.Millisecond, 0}, everything},
	} {
		synctest.Test(t, func(t *testing.T) {
			own, old := newCompany(c.size), newCompany(c.size)
			first := own.measure(func() { own.run(t, c.actions...) })
			time.Sleep(15 * time.Minute)
			second := own.measure(func() { own.run(t, c.actions...) })
			script := old.measure(func() { old.script(t).run(c.actions...) })
			row(c.what+": calls", fmt.Sprint(script.total()), fmt.Sprint(first.total()), float64(script.total())/float64(first.total()))
			row("— time until everything is done", seconds(script.took), seconds(first.took), float64(script.took)/float64(first.took))
			row("— calls of the second run", fmt.Sprint(script.total()), fmt.Sprint(second.total()), float64(script.total())/float64(second.total()))
		})
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func compareIntake(t *testing.T, row func(what, old, own string, ratio float64)) {
	results := make(map[string]testing.BenchmarkResult)
	for _, c := range []struct {
		way      string
		messages int
	}{{"script", 50_000}, {"plain", 50_000}, {"gzip", 50_000}, {"plain", 200_000}} {
		r := testing.Benchmark(func(b *testing.B) { intake(b, c.messages, c.way) })
		if r.N == 0 {
			t.Fatalf("the intake of %d messages, %s, failed", c.messages, c.way)
		}
		results[fmt.Sprint(c.way, c.messages)] = r
	}
	old := results["script50000"]
	for _, c := range []struct{ what, of string }{
		{"answer of TAP with 50,000 messages, plain", "plain50000"}, {"the same, compressed", "gzip50000"}, {"200,000 messages, plain", "plain200000"},
	} {
		own := results[c.of].Extra
		before, ratio := "", 0.0
		if c.of != "plain200000" {
			before = fmt.Sprintf("%.2f s, %.0f MB", old.Extra["s/answer"], old.Extra["MiB-peak"])
			ratio = old.Extra["s/answer"] / own["s/answer"]
		}
		row(c.what+": time, largest memory", before, fmt.Sprintf("%.2f s, %.0f MB", own["s/answer"], own["MiB-peak"]), ratio)
	}
}

func compareLedger(row func(what, old, own string, ratio float64)) {
	rate := func(do func(*testing.B)) float64 { return testing.Benchmark(do).Extra["claims/s"] }
	old, single, batch := rate(scriptLedger), rate(func(b *testing.B) { claims(b, 1) }), rate(func(b *testing.B) { claims(b, 500) })
	row("tasks claimed a second among 100,000, one by one", fmt.Sprintf("%.0f", old), fmt.Sprintf("%.0f", single), single/old)
	row("— in batches of 500", fmt.Sprintf("%.0f", old), fmt.Sprintf("%.0f", batch), batch/old)
}

// startAndSize builds the program as it is shipped.
func startAndSize(t *testing.T) (start time.Duration, megabytes float64) {
	program := filepath.Join(t.TempDir(), "pp2cbc")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "github.com/pphunt/pphunt/examples/pp2cbc")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		begun := time.Now()
		if err := exec.CommandContext(t.Context(), program, "--version").Run(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); start == 0 || took < start {
			start = took
		}
	}
	return start, float64(info.Size()) / 1e6
}

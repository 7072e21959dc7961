package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// logLines are the lines of a JSON log.
func logLines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "pp2cbc: ") {
			continue // a complaint
		}
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q is no JSON: %v", line, err)
		}
		all = append(all, entry)
	}
	return all
}

func TestEveryLineOfARunHasItsID(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True", "[logging]", "filename = stderr", "format = json", "level = DEBUG")
	r := c.run(t, "--json")
	if r.code != exitDone {
		t.Fatalf("the run ended with %d: %s", r.code, r.err)
	}
	run := readReport(t, r.out).Run
	lines := logLines(t, r.err)
	kinds := make(map[string]int)
	for _, l := range lines {
		kinds[fmt.Sprint(l["msg"])]++
		if l["run"] != run {
			t.Errorf("the line %v is not one of the run %s", l, run)
		}
	}
	for _, kind := range []string{"indicator", "search", "action", "outcome", "run ended", "http attempt"} {
		if kinds[kind] == 0 {
			t.Errorf("no line is about %q: %v", kind, kinds)
		}
	}
	if _, err := os.Stat(filepath.Join(c.dir, "app.log")); err == nil {
		t.Error("there is a file besides")
	}
	// A saved plan is applied under its own name.
	other := newShortCompany(t, "isolate = True", "[logging]", "filename = -", "format = JSON")
	plan := filepath.Join(other.dir, "plan.json")
	other.run(t, "--plan", plan).is(t, exitDone, nil, nil)
	saved, err := readPlan(plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range logLines(t, other.run(t, "--apply", plan).err) {
		if l["run"] != saved.Run {
			t.Errorf("the line %v is not one of the plan %s", l, saved.Run)
		}
	}
}

func TestALogOnStandardErrorIsNoComplaint(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True", "[logging]", "filename = stderr")
	c.server.Close() // nobody answers
	var answer struct {
		Problems []struct{ Error string }
		Errors   []string
	}
	r := c.run(t, "--json")
	if err := json.Unmarshal([]byte(r.out), &answer); err != nil || r.code != exitFailed {
		t.Fatalf("ended with %d and %q: %v", r.code, r.out, err)
	}
	for _, text := range answer.Errors {
		if strings.Contains(text, "level=") {
			t.Errorf("the log line %q is an error of the answer", text)
		}
	}
}

func TestTheLogIsPutAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := logConfig{file: filepath.Join(dir, "app.log"), size: 1 << 10, backups: 100}
	const programs, lines = 3, 60
	var loggers []*slog.Logger
	for range programs {
		logger, end, err := openLog(cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		loggers = append(loggers, logger)
	}
	for n := range lines {
		for p, logger := range loggers {
			logger.Info("line", "of", p, "n", n)
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "app*.log"))
	if err != nil || len(names) < 3 {
		t.Fatalf("there are %q (%v), want the log and what was put aside", names, err)
	}
	var all []string
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %o", name, info.Mode().Perm())
		}
		for line := range strings.Lines(contents(t, name)) {
			_, what, _ := strings.Cut(strings.TrimSpace(line), "msg=line ")
			all = append(all, what)
		}
	}
	slices.Sort(all)
	if whole := len(slices.Compact(all)); whole != programs*lines {
		t.Errorf("%d lines are there, want %d", whole, programs*lines)
	}
}

func TestOldLogsAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for day := range 5 {
		name := fmt.Sprintf("app-2026-01-0%dT10-00-00.000000000-size.log", day+1)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	logger, end, err := openLog(logConfig{file: filepath.Join(dir, "app.log"), size: 1 << 10, backups: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 { // more than one file takes, and less than two
		logger.Info("line", "n", n)
	}
	end()
	names, err := filepath.Glob(filepath.Join(dir, "app*.log"))
	if err != nil || len(names) != 3 || filepath.Base(names[0]) != "app-2026-01-05T10-00-00.000000000-size.log" {
		t.Errorf("there are %q (%v), want the log and the two newest that were put aside", names, err)
	}
	if text := contents(t, filepath.Join(dir, "app.log")); !strings.Contains(text, "n=19") {
		t.Errorf("the last line is not in the log: %s", text)
	}
}

func TestLoggingThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"format = xml", "max_size = 1", "max_size = much", "backups = 0", "filename = nowhere/app.log"} {
		c := newShortCompany(t, "isolate = True", "[logging]", line)
		key, _, _ := strings.Cut(line, " ")
		c.run(t).is(t, exitUsage, nil, []string{"logging." + key})
	}
	if first, second := hunt.NewRunID(time.Time{}), hunt.NewRunID(time.Time{}); first == second {
		t.Error("two runs in a second have the same id")
	}
}

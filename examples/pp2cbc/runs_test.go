package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/hunt"
)

// readReport reads a report that was written as JSON.
func readReport(t *testing.T, text string) *hunt.Report {
	t.Helper()
	r := new(hunt.Report)
	if err := json.Unmarshal([]byte(text), r); err != nil {
		t.Fatalf("not a report: %v: %.300s", err, text)
	}
	return r
}

func TestReportsAreWrittenAndToldAgain(t *testing.T) {
	t.Parallel()
	c := newGuardedCompany(t, "isolate = True", "denylist = True", "[report]", "filename = always.md, {run}.json")
	page, table := filepath.Join(c.dir, "r.html"), filepath.Join(c.dir, "r.csv")
	c.run(t, "--dry-run", "--report", page).is(t, exitHeld, nil, nil)
	if text := contents(t, page); !strings.Contains(text, "Would be done") {
		t.Error("the page of a dry run does not say what would be done")
	}
	if _, err := os.Stat(filepath.Join(c.dir, "always.md")); err == nil {
		t.Error("a dry run has written the report that tells of what was done")
	}
	c.command(t, "report").is(t, exitFailed, nil, []string{"there is no ledger"})

	first := c.run(t, "--report", page, "--report", table, "--json")
	if first.code != exitHeld {
		t.Fatalf("the run ended with %d: %s", first.code, first.err)
	}
	done := readReport(t, first.out)
	if text := contents(t, page); !strings.Contains(text, "Held: a person has to decide") || !strings.Contains(text, done.Run) {
		t.Error("the page does not tell of the run")
	}
	for _, path := range []string{page, table, filepath.Join(c.dir, "always.md"), filepath.Join(c.dir, done.Run+".json")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %o", path, info.Mode().Perm())
		}
	}
	c.run(t).is(t, exitHeld, nil, nil) // has nothing new

	calls := len(c.lab.Requests())
	c.command(t, "report").is(t, exitDone, []string{"2 runs are remembered", done.Run}, nil)
	again := readReport(t, c.command(t, "report", "--run", done.Run[:20], "--json").out)
	if again.Run != done.Run || again.Count(hunt.Done) != done.Count(hunt.Done) || len(again.Sightings) != len(done.Sightings) {
		t.Errorf("told again the run %s has %d done and %d sightings, want %s, %d and %d", again.Run, again.Count(hunt.Done), len(again.Sightings),
			done.Run, done.Count(hunt.Done), len(done.Sightings))
	}
	week := readReport(t, c.command(t, "report", "--since", "7d", "--json", "--report", page).out)
	if !strings.HasPrefix(week.Run, done.Run+"..") || week.Count(hunt.Done) != done.Count(hunt.Done) || week.Held() != done.Held() {
		t.Errorf("the week %s has %d done and %d held, want %d and %d", week.Run, week.Count(hunt.Done), week.Held(), done.Count(hunt.Done), done.Held())
	}
	if got := len(c.lab.Requests()); got != calls {
		t.Errorf("telling again has asked the services %d times", got-calls)
	}
	c.command(t, "report", "--run", "2").is(t, exitUsage, nil, []string{"not clear"})
	c.command(t, "report", "--run", "nothing").is(t, exitFailed, nil, []string{"nothing is remembered"})
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A process that died left no report, but tasks.
func TestARunWithoutAReportIsToldByItsTasks(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	done := readReport(t, c.run(t, "--json").out)
	db, err := sql.Open("sqlite", filepath.Join(c.dir, "app.sql"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if res, err := db.ExecContext(t.Context(), `DELETE FROM pphunt_tasks WHERE key LIKE 'run/%'`); err != nil {
		t.Fatal(err)
	} else if n, err := res.RowsAffected(); n != 1 || err != nil {
		t.Fatalf("%d reports were in the ledger, want 1 (%v)", n, err)
	}
	for _, args := range [][]string{{"--run", done.Run}, {"--since", "1d"}} {
		r := readReport(t, c.command(t, append([]string{"report", "--json"}, args...)...).out)
		if r.Count(hunt.Done) != done.Count(hunt.Done) || len(r.Problems) != 1 || len(r.Sightings) == 0 || len(r.Indicators) == 0 {
			t.Errorf("%v: %d tasks done, %d problems, %d sightings and %d files, want %d tasks and one problem", args, r.Count(hunt.Done),
				len(r.Problems), len(r.Sightings), len(r.Indicators), done.Count(hunt.Done))
		}
	}
}

func TestAPlanThatWasAppliedTwiceIsToldAsOneRun(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	plan := filepath.Join(c.dir, "plan.json")
	c.run(t, "--plan", plan).is(t, exitDone, nil, nil)
	done := readReport(t, c.run(t, "--apply", plan, "--json").out)
	c.run(t, "--apply", plan).is(t, exitDone, nil, nil)
	r := readReport(t, c.command(t, "report", "--run", done.Run, "--json").out)
	if r.Run != done.Run || r.Count(hunt.Done) != done.Count(hunt.Done) || done.Count(hunt.Done) == 0 {
		t.Errorf("told is %s with %d tasks done, want %s with %d", r.Run, r.Count(hunt.Done), done.Run, done.Count(hunt.Done))
	}
	c.command(t, "report").is(t, exitDone, []string{"2 runs are remembered"}, nil)
}

func TestReportsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	for _, path := range []string{"report.txt", c.dir, filepath.Join(c.dir, "nowhere", "r.html"), ""} {
		c.run(t, "--report", path).is(t, exitUsage, nil, []string{"report"})
	}
	c.command(t, "report", "--report", filepath.Join(c.dir, "r.html")).is(t, exitUsage, nil, []string{"--report needs"})
	c.command(t, "report", "--since", "x").is(t, exitUsage, nil, []string{"since"})
	c.command(t, "report", "--since", "1d", "--run", "2").is(t, exitUsage, nil, []string{"do not go together"})
	bad := newShortCompany(t, "isolate = True", "[report]", "filename = app.pdf")
	bad.run(t).is(t, exitUsage, nil, []string{"report.filename"})
	if n := len(c.lab.Requests()) + len(bad.lab.Requests()); n > 0 {
		t.Errorf("%d calls were made before the report was refused", n)
	}
}

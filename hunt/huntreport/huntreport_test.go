package huntreport_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/huntreport"
)

func at(minute int) time.Time { return time.Date(2026, 3, 2, 10, minute, 0, 0, time.UTC) }

func hash(n byte) hunt.SHA256 { return hunt.SHA256{0: n, 31: n} }

// hostile are words as attackers choose them.
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>` + "\u202egnp.exe"

// sample is the report of a run with something of everything.
func sample(name string) *hunt.Report {
	ind := hunt.Indicator{
		SHA256: hash(1), Threat: hunt.Threat{Status: "active", Classification: "malware", URL: "https://threat.example/1", Comment: name},
		Mails: []hunt.Mail{{
			ID: "1", Subject: name, Sender: "eve@example.net", Recipients: []string{"ann@example.com", "bob@example.com"}, Time: at(0), Delivered: true, FileName: name,
		}},
	}
	quiet := hunt.Indicator{SHA256: hash(2), Threat: hunt.Threat{Status: "active", URL: "javascript:alert(3)"}}
	fresh := quiet
	fresh.SHA256 = hash(3)
	seen := hunt.Sighting{
		SHA256: hash(1), Evidence: hunt.Executed, Recipient: "ann@example.com", Time: at(5),
		Process: hunt.Process{GUID: "p1", Path: `c:\users\ann\` + name, User: `CORP\ann`}, Device: hunt.Device{ID: 7, Name: "HOST-7"},
	}
	task := func(action string, scope hunt.Scope, target string) hunt.Task {
		t := hunt.Task{Action: action, Scope: scope, Target: target, Indicators: []hunt.Indicator{ind}}
		if scope == hunt.ScopeDevice {
			t.Sightings = []hunt.Sighting{seen}
		}
		return t
	}
	return &hunt.Report{
		Run: "20260302T100000Z-abcdefgh", Window: hunt.Window{Start: at(-60), End: at(0)}, Begun: at(1), Ended: at(2),
		Indicators: []hunt.Indicator{fresh, ind, quiet}, Rehunted: []hunt.SHA256{hash(2)}, Sightings: []hunt.Sighting{seen},
		Outcomes: []hunt.Outcome{
			{Task: task("isolate", hunt.ScopeDevice, "7"), Status: hunt.Held, Detail: "protected: " + name},
			{Task: task("denylist", hunt.ScopeHash, hash(1).String()), Status: hunt.Done, Detail: "banned"},
			{Task: task("webhook", hunt.ScopeHash, hash(1).String()), Status: hunt.Failed, Err: errors.New("no answer"), Detail: "no answer"},
		},
		Problems:       []hunt.Problem{{Stage: "search", Hashes: []hunt.SHA256{hash(3)}, Err: fmt.Errorf("search of %s failed", name)}},
		Open:           []hunt.Record{{Task: task("policy", hunt.ScopeDevice, "7"), Status: hunt.Held, Detail: name, First: at(-9)}},
		Turned:         []hunt.Turned{{SHA256: hash(4), Records: []hunt.Record{{Task: task("nsx_tag", hunt.ScopeDevice, "7"), Status: hunt.Done, Last: at(-8)}}}},
		LeftAloneTotal: map[string]int{"the part is clean": 12}, Interrupted: true, HuntedUntil: map[hunt.SHA256]time.Time{hash(1): at(59)},
	}
}

func write(t *testing.T, f huntreport.Format, r *hunt.Report, o huntreport.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := huntreport.Write(&b, f, r, o); err != nil {
		t.Fatalf("Write(%s): %v", f, err)
	}
	return b.String()
}

// TestGolden shows each change of a form. UPDATE_GOLDEN=1 takes it over.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, f := range []huntreport.Format{huntreport.HTML, huntreport.Markdown, huntreport.CSV, huntreport.JSON} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			got := write(t, f, sample(hostile), huntreport.Options{Advice: "pp2cbc apply --held ID"})
			path := filepath.Join("testdata", "report."+string(f))
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestThePageHasNothingOfAStrangersMaking(t *testing.T) {
	t.Parallel()
	page := write(t, huntreport.HTML, sample(hostile), huntreport.Options{Title: hostile})
	for _, bad := range []string{"<script", "<img", "javascript:", "\u202e", "@import", "url("} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q in it", bad)
		}
	}
	for _, good := range []string{"default-src 'none'", `href="https://threat.example/1"`, "&lt;script&gt;alert(1)"} {
		if !strings.Contains(page, good) {
			t.Errorf("the page does not have %q in it", good)
		}
	}
}

func TestWhatWaitsComesFirst(t *testing.T) {
	t.Parallel()
	for _, f := range []huntreport.Format{huntreport.HTML, huntreport.Markdown} {
		text := write(t, f, sample("a.doc"), huntreport.Options{})
		last := -1
		for _, part := range []string{
			"Stopped before the end", "Could not be asked", "Verdict taken back", "Held: a person has to decide", "Failed: it is tried again",
			"Waiting for a person since earlier runs", "NOT SEARCHED FOR COMPLETELY", "Done: 1", "the part is clean",
		} {
			place := strings.Index(text, part)
			if place <= last {
				t.Errorf("%s: %q is at %d, want it behind %d", f, part, place, last)
			}
			last = max(last, place)
		}
		if !strings.Contains(text, "bob@example.com") || strings.Count(text, hash(2).String()) > 0 {
			t.Errorf("%s: does not tell who received the file without a sighting, or tells of a file that is nowhere", f)
		}
	}
}

func TestJSONIsReadBack(t *testing.T) {
	t.Parallel()
	r := sample(hostile)
	got := new(hunt.Report)
	if err := json.Unmarshal([]byte(write(t, huntreport.JSON, r, huntreport.Options{})), got); err != nil {
		t.Fatal(err)
	}
	if got.Run != r.Run || len(got.Outcomes) != 3 || got.Outcomes[0].Task.Indicators[0].Mails[0].Subject != hostile {
		t.Errorf("read back: %+v", got)
	}
}

func TestCSVHasNoFormulas(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc", "%1", "＝1"} {
		rows, err := csv.NewReader(strings.NewReader(write(t, huntreport.CSV, sample(word), huntreport.Options{}))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			if len(row) != len(rows[0]) {
				t.Fatalf("row %q has %d cells, want %d", row, len(row), len(rows[0]))
			}
			for _, cell := range row {
				if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@|%\t\r") || strings.HasPrefix(cell, "＝") {
					t.Errorf("%q: the cell %q is a formula", word, cell)
				}
			}
		}
		subject := slices.Index(rows[0], "subject")
		if !strings.HasPrefix(rows[1][subject], "'") && !strings.HasPrefix(rows[1][subject], "·") && rows[1][subject] != "" {
			t.Errorf("%q became %q", word, rows[1][subject])
		}
	}
}

func TestMarkdownIsCode(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"[a](http://x)":   "`[a](http://x)`",
		"a`b":             "``a`b``",
		"`":               "`` ` ``",
		"@team":           "`@team`",
		"a\nb":            "`a·b`",
		"``x`` | y":       "``` ``x`` | y ```",
		"![i](http://x/)": "`![i](http://x/)`",
	} {
		text := write(t, huntreport.Markdown, sample(word), huntreport.Options{})
		if !strings.Contains(text, "- Mail "+want+" from") {
			t.Errorf("%q: want %s in\n%s", word, want, text)
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 6 {
				t.Errorf("%q: the line %q has another number of cells", word, line)
			}
		}
	}
}

func TestLongListsAreCut(t *testing.T) {
	t.Parallel()
	r := sample("a.doc")
	r.Rehunted = nil
	text := write(t, huntreport.HTML, r, huntreport.Options{Most: 1})
	if strings.Contains(text, hash(3).String()) || !strings.Contains(text, "and 2 more files") {
		t.Error("the page has more than one file, or does not say how many are left out")
	}
	rows := strings.Count(write(t, huntreport.CSV, r, huntreport.Options{Most: 1}), "\n")
	if rows != 12 {
		t.Errorf("the CSV has %d lines, want all 12", rows)
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]huntreport.Format{
		"a.html": huntreport.HTML, "A.HTM": huntreport.HTML, "x/y.json": huntreport.JSON, "a.csv": huntreport.CSV, "a.md": huntreport.Markdown,
		"a.markdown": huntreport.Markdown, "a.txt": "", "html": "",
	} {
		if got, ok := huntreport.FormatOf(name); got != want || ok != (want != "") {
			t.Errorf("FormatOf(%q) = %q, %t", name, got, ok)
		}
	}
	if err := huntreport.Write(new(bytes.Buffer), "pdf", new(hunt.Report), huntreport.Options{}); !errors.Is(err, huntreport.ErrFormat) {
		t.Errorf("Write as pdf: %v", err)
	}
	full := errors.New("full")
	for _, f := range []huntreport.Format{huntreport.HTML, huntreport.JSON, huntreport.CSV, huntreport.Markdown} {
		if err := huntreport.Write(fullDisk{full}, f, sample("a"), huntreport.Options{}); !errors.Is(err, full) {
			t.Errorf("Write(%s) to a full disk: %v", f, err)
		}
	}
}

type fullDisk struct{ err error }

func (d fullDisk) Write([]byte) (int, error) { return 0, d.err }

func TestAnEmptyReport(t *testing.T) {
	t.Parallel()
	for _, f := range []huntreport.Format{huntreport.HTML, huntreport.JSON, huntreport.CSV, huntreport.Markdown} {
		if write(t, f, new(hunt.Report), huntreport.Options{}) == "" {
			t.Errorf("%s: nothing was written", f)
		}
	}
}

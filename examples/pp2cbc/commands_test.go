package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// command runs a subcommand with the company's configuration.
func (c *company) command(t *testing.T, args ...string) result {
	t.Helper()
	return run(t.Context(), append([]string{args[0], "--config", c.config}, args[1:]...)...)
}

// remembers is what status tells of all tasks, by key.
func (c *company) remembers(t *testing.T) map[string]memory {
	t.Helper()
	r := c.command(t, "status", "--all", "--json")
	var s struct{ Tasks []memory }
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatalf("status --json ended with %d and is no JSON (%v): %s%s", r.code, err, r.out, r.err)
	}
	all := make(map[string]memory)
	for _, task := range s.Tasks {
		all[task.Key] = task
	}
	return all
}

// analyst is somebody else with a client of their own.
func (c *company) analyst(t *testing.T) *cbc.Client {
	t.Helper()
	v, err := readValues(c.config, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := parseConfig(v)
	if err != nil {
		t.Fatal(err)
	}
	client, err := newCBC(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type memory struct {
	Key          string      `json:"key"`
	EventID      string      `json:"event_id"`
	Run          string      `json:"run"`
	Status       hunt.Status `json:"status"`
	Detail       string      `json:"detail"`
	Attempts     int         `json:"attempts"`
	Acknowledged bool        `json:"acknowledged"`
	GivenUp      bool        `json:"given_up"`
}

// is fails the test unless a command ended with the code, told all of the texts, and complained all of the others.
func (r result) is(t *testing.T, code int, tells, complains []string) {
	t.Helper()
	if r.code != code {
		t.Errorf("the command ended with %d, want %d; it told\n%s\nand complained\n%s", r.code, code, r.out, r.err)
	}
	for _, want := range tells {
		if !strings.Contains(r.out, want) {
			t.Errorf("the command does not tell %q, but\n%s", want, r.out)
		}
	}
	for _, want := range complains {
		if !strings.Contains(r.err, want) {
			t.Errorf("the command does not complain %q, but %q", want, r.err)
		}
	}
}

func TestCommandsThatMeanNothing(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	hash := strings.Repeat("ab", 32)
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"a stray argument", []string{"status", "now"}, `unexpected argument "now"`},
		{"status of two kinds", []string{"status", "--ack", "12345678", "--verify-audit"}, "--ack goes with neither"},
		{"an unknown flag", []string{"status", "--held"}, "-held; see --help"},
		{"apply without tasks", []string{"apply"}, "pp2cbc --apply FILE"},
		{"apply of a plan in the wrong place", []string{"apply", "plan.json"}, "pp2cbc --apply FILE"},
		{"undo of nothing", []string{"undo"}, "exactly one of"},
		{"undo of two things", []string{"undo", "--run", "x", "--sha256", hash}, "exactly one of"},
		{"undo of no hash", []string{"undo", "--sha256", "xyz"}, "xyz"},
		{"undo of a stray argument", []string{"undo", "--run", "x", "y"}, `unexpected argument "y"`},
		{"two plans", []string{"--plan", "a", "--apply", "b"}, "--apply and --plan do not go together"},
		{"a plan for another window", []string{"--apply", "b", "--start-time", "2026-01-01T10:00:00Z"}, "--apply and --start-time do not go together"},
		{"a plan that is only looked at", []string{"--apply", "b", "--dry-run"}, "--apply and --dry-run do not go together"},
		{"a plan of the demonstration", []string{"--demo", "--plan", "a"}, "--demo and --plan"},
		{"a plan without a name", []string{"--plan", ""}, "needs a file name"},
		{"a plan that is not there", []string{"--apply", filepath.Join(c.dir, "none.json")}, "none.json"},
		{"something that is no plan", []string{"--apply", c.config}, "not a plan"},
		{"a plan over something else", []string{"--plan", c.config}, "the file is there, and no plan"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := append(slices.Clone(tt.args), "--config", c.config)
			r := run(t.Context(), args...)
			r.is(t, exitUsage, nil, []string{tt.want})
			if r.out != "" || strings.Count(r.err, "\n") != 1 {
				t.Errorf("told %q and complained %q, want one line of complaint", r.out, r.err)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(c.lab.Requests()); n > 0 {
			t.Errorf("%d calls were sent", n)
		}
	})
}

func TestWithoutALedgerNothingIsMadeUp(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	for _, args := range [][]string{{"status"}, {"status", "--ack", "12345678"}, {"apply", "--held", "12345678"}, {"undo", "--device", "7"}} {
		c.command(t, args...).is(t, exitFailed, nil, []string{"there is no ledger", "sqlite3.filename"})
	}
	if _, err := os.Stat(filepath.Join(c.dir, "app.sql")); err == nil {
		t.Error("a ledger was made")
	}
	if n := len(c.lab.Requests()); n > 0 {
		t.Errorf("%d calls were sent", n)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// A script that asked for JSON gets an object, also where there is nothing to report.
func TestJSONSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	wrong := c.write(t, "wrong.conf", "[CarbonBlack]\nurl = https://127.0.0.1:1\n")
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no configuration", []string{"--json", "--config", filepath.Join(c.dir, "none.conf")}, exitUsage, "there is no configuration file"},
		{"a configuration that says too little", []string{"--config", wrong, "--json"}, exitUsage, "CarbonBlack.org_key"},
		{"a window that makes no sense", []string{"--config", c.config, "--json", "--start-time", "x"}, exitUsage, `--start-time "x"`},
		{"a flag that is not there", []string{"--json", "--dryrun"}, exitUsage, "-dryrun"},
		{"no ledger", []string{"status", "--config", c.config, "--json"}, exitFailed, "there is no ledger"},
		{"no ledger to take back from", []string{"undo", "--config", c.config, "--json", "--run", "x"}, exitFailed, "there is no ledger"},
		{"no ledger to release from", []string{"apply", "--config", c.config, "--json", "--held", "12345678"}, exitFailed, "there is no ledger"},
		{"no audit log", []string{"status", "--config", c.config, "--json", "--verify-audit"}, exitFailed, "there is no audit log"},
		{"no plan", []string{"--config", c.config, "--json", "--apply", filepath.Join(c.dir, "none.json")}, exitUsage, "none.json"},
	} {
		var out, complaints bytes.Buffer
		code := program{out: &out, err: &complaints, now: time.Now}.run(t.Context(), tt.args)
		var got struct {
			Errors   []string
			ExitCode int `json:"exit_code"`
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Errorf("%s: the answer is no JSON: %v: %q", tt.name, err, out.String())
			continue
		}
		if code != tt.code || got.ExitCode != code || !slices.ContainsFunc(got.Errors, func(text string) bool { return strings.Contains(text, tt.want) }) {
			t.Errorf("%s: %d, %+v, want %d and %q", tt.name, code, got, tt.code, tt.want)
		}
		if !strings.Contains(complaints.String(), tt.want) {
			t.Errorf("%s: complained %q, want %q as well", tt.name, complaints.String(), tt.want)
		}
	}
}

func TestEachCauseIsToldOnce(t *testing.T) {
	t.Parallel()
	refused := from(service{name: "Carbon Black Cloud"}, "CarbonBlack", errors.New("500 Internal Server Error"))
	r := &hunt.Report{
		Problems: []hunt.Problem{{Stage: "intake", Err: refused}},
		Outcomes: []hunt.Outcome{
			{Task: taskOn("isolate", 1), Status: hunt.Failed, Err: refused},
			{Task: taskOn("isolate", 2), Status: hunt.Failed, Err: refused},
			{Task: taskOn("policy", 2), Status: hunt.Failed, Err: refused},
			{Task: taskOn("policy", 3), Status: hunt.Failed, Detail: "\x1b[2Jno"},
			{Task: taskOn("policy", 4), Status: hunt.Failed, Err: fmt.Errorf("%w: stopped", hunt.ErrNotBegun)},
			{Task: taskOn("policy", 5), Status: hunt.Failed, Err: errors.New("noted"), Acknowledged: true},
			{Task: taskOn("policy", 6), Status: hunt.Failed, Err: fmt.Errorf("%w: %w", hunt.ErrNotBegun, errors.New("the disk is full"))},
		},
	}
	var complaints bytes.Buffer
	program{err: &complaints}.tell(r, r.Err())
	want := "pp2cbc: Carbon Black Cloud: 500 Internal Server Error (condemned files, isolate: 2 times, policy)\n" +
		"pp2cbc: ·[2Jno (policy)\npp2cbc: hunt: not begun: the disk is full (policy)\n"
	if diff := cmp.Diff(want, complaints.String()); diff != "" {
		t.Errorf("complaints mismatch (-want +got):\n%s", diff)
	}
}

func TestJSONDoesNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	want := "a\x1b[2J\u202e\u009b\x7f\u00a0\U000e0041 \u00e9\U0001f600\n<\"\\>"
	var out bytes.Buffer
	if err := encode(&out, map[string]string{"text": want}); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%q is written as it is: %q", r, out.String())
		}
	}
	var got map[string]string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got["text"] != want {
		t.Errorf("it reads as %q, %v; want %q", got["text"], err, want)
	}
	if !strings.Contains(out.String(), "\u00e9\U0001f600") {
		t.Errorf("what can be read is escaped: %s", out.String())
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/hunt"
)

// unknown is a file that no mail brought and that ran on one machine.
func unknown(c *company) hunt.SHA256 {
	file := hunt.SHA256{0: 0xfe, 31: 0xef}
	device := c.lab.CBC.State().Devices[0]
	c.lab.CBC.AddProcesses(cbctest.Process{DeviceID: device.ID, PIDs: []int64{9}, Name: `c:\x\listed.exe`, Hashes: []string{file.String()}})
	return file
}

func TestHuntOfAList(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	file := unknown(c)
	c.command(t, "hunt", file.String(), "--dry-run").is(t, exitDone, []string{"Dry run of a list", file.String(), "planned: 1"}, nil)
	if n := len(c.isolated()); n > 1 {
		t.Fatalf("%d machines are isolated after a dry run", n)
	}
	before := len(c.isolated())
	r := c.command(t, "hunt", strings.ToUpper(file.String()))
	r.is(t, exitDone, []string{"Hunt of a list", "Condemned files: 1", "done: 1"}, nil)
	if n := len(c.isolated()); n != before+1 {
		t.Errorf("isolated are %v: %s", c.isolated(), r.err)
	}
	c.command(t, "hunt", file.String()).is(t, exitDone, []string{"already: 1"}, nil)
	// Days later it is hunted still, by any run, and TAP need not know it.
	if r := c.run(t); r.code != exitDone || !strings.Contains(r.out, file.String()) {
		t.Errorf("the next run ended with %d and told %s: %s", r.code, r.out, r.err)
	}
	c.command(t, "close", file.String()).is(t, exitDone, []string{"is hunted no longer"}, nil)
	c.command(t, "close", file.String()).is(t, exitFailed, nil, nil)
}

func TestListsFromFilesAndStandardInput(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	file := unknown(c)
	list := "sha256,comment\n" + file.String() + ",\"from the \x1b[2J neighbors\"\nnonsense\n"
	path := c.write(t, "list.csv", list)
	for _, args := range [][]string{{"hunt", "-"}, {"hunt", "--file", path}} {
		var out, complaints bytes.Buffer
		p := program{in: strings.NewReader(list), out: &out, err: &complaints, now: time.Now}
		code := p.run(t.Context(), append([]string{args[0], "--config", c.config}, args[1:]...))
		if code != exitFailed || !strings.Contains(complaints.String(), "line 3: hunt: a SHA-256 has 64") {
			t.Errorf("%q ended with %d and complained %s", args, code, complaints.String())
		}
		if !strings.Contains(out.String(), "from the ·[2J neighbors") {
			t.Errorf("%q told %s", args, out.String())
		}
	}
	if !slices.Contains(c.isolated(), c.lab.CBC.State().Devices[0].Name) {
		t.Errorf("isolated are %v", c.isolated())
	}
}

func TestMistakenLists(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t)
	good := strings.Repeat("ab", 32)
	for _, args := range [][]string{
		{"hunt"},
		{"hunt", "abc"},
		{"hunt", good, "abc"},
		{"hunt", good, "-"},
		{"hunt", "--file", c.config, good},
		{"hunt", "--file", "missing.txt"},
		{"hunt", good[:32]},
		{"close"},
		{"close", "abc"},
	} {
		if r := c.command(t, args...); r.code != exitUsage || r.err == "" {
			t.Errorf("%q ended with %d and complained %q, want %d", args, r.code, r.err, exitUsage)
		}
	}
	if n := len(c.lab.Requests()); n > 0 {
		t.Errorf("%d calls were made", n)
	}
}

// A file that is opened after the run that heard of it is found by the next one.
func TestFileOpenedLater(t *testing.T) {
	t.Parallel()
	world := shortened(lab.Company(time.Now()))
	processes := world.CBC.Processes
	world.CBC.Processes = nil
	c := newCompanyOf(t, world, "isolate = True")
	if r := c.run(t); r.code != exitDone || len(c.isolated()) != 1 {
		t.Fatalf("the first run ended with %d and isolated %v: %s", r.code, c.isolated(), r.err)
	}
	c.command(t, "status").is(t, exitDone, []string{"read up to", "Still hunted:", "by the next run again"}, nil)
	c.lab.CBC.AddProcesses(processes...)
	r := c.run(t)
	if len(c.isolated()) < 3 {
		t.Errorf("the second run ended with %d and isolated %v: %s", r.code, c.isolated(), r.out)
	}
	if r := c.command(t, "status", "--json"); r.code != exitHeld {
		t.Errorf("status ended with %d", r.code)
	} else {
		var s struct {
			Open []openFile `json:"open_files"`
			Read []struct {
				Feed string    `json:"feed"`
				Next time.Time `json:"next"`
			} `json:"read_up_to"`
		}
		if err := json.Unmarshal([]byte(r.out), &s); err != nil || len(s.Open) == 0 || len(s.Read) != 1 || s.Read[0].Feed != "messages/delivered" {
			t.Errorf("status --json told %s: %v", r.out, err)
		}
	}
}

// What cannot be read is kept, counted and shown, and makes the run end with 1, once.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	world := shortened(lab.Company(time.Now()))
	bad := world.TAP.Messages[0]
	bad.Raw = []byte(`{"GUID": 7, "messageTime": "never"}`)
	bad.Created = time.Now().Add(-20 * time.Minute)
	world.TAP.Messages = append(world.TAP.Messages, bad)
	c := newCompanyOf(t, world)
	r := c.run(t)
	if r.code != exitFailed || !strings.Contains(r.out, "a record could not be read") {
		t.Errorf("the run ended with %d and told %s", r.code, r.out)
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "dead-letters.jsonl"))
	if err != nil || !bytes.Contains(text, []byte("never")) {
		t.Errorf("the dead letters are %s, %v", text, err)
	}
	if r := c.run(t); r.code != exitDone {
		t.Errorf("the next run ended with %d: %s", r.code, r.err)
	}
	c.command(t, "status").is(t, exitDone, []string{"COULD NOT BE READ", "1 record", "dead-letters.jsonl"}, nil)
}

// A window that is given moves no cursor, nor does a dry run.
func TestGivenWindowMovesNoCursor(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t)
	now := time.Now().UTC()
	c.run(t, "--start-time", now.Add(-50*time.Hour).Format(time.RFC3339), "--end-time", now.Add(-2*time.Minute).Format(time.RFC3339)).is(t, exitDone, []string{"window "}, nil)
	c.run(t, "--dry-run")
	c.command(t, "status").is(t, exitDone, []string{"Still hunted"}, nil)
	if r := c.command(t, "status"); strings.Contains(r.out, "read up to") {
		t.Errorf("a given window moved the cursor: %s", r.out)
	}
	c.run(t).is(t, exitDone, []string{"window "}, nil)
	c.command(t, "status").is(t, exitDone, []string{"read up to"}, nil)
}

func TestMistakenHuntConfig(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate_evidence = named", "webhook_evidence = none", "[hunt]", "first_run = 9d", "look_back = 1m", "evidence = some", "second_stage = maybe", "dead_letters = app.log")
	r := c.run(t)
	for _, want := range []string{
		"actions.isolate_evidence", "actions.webhook_evidence", "hunt.first_run", "hunt.look_back", "hunt.evidence", "hunt.second_stage", "hunt.dead_letters",
	} {
		if r.code != exitUsage || !strings.Contains(r.err, want) {
			t.Errorf("the program ended with %d and complained %q, want a line about %s", r.code, r.err, want)
		}
	}
}

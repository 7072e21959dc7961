package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestUndoOfAMachineAndOfAFile(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True", "policy = Contain", "denylist = True")
	c.run(t).is(t, exitDone, nil, nil)
	// What is switched off by now can be taken back all the same.
	c.edit(t, "isolate = True\npolicy = Contain\ndenylist = True", "isolate = False")

	writes := len(c.writes())
	c.command(t, "undo", "--device", `CORP\lap-0401`, "--dry-run").is(t, exitDone, []string{"Undo, dry run, 20", "Would be taken back: 2"}, nil)
	if len(c.writes()) != writes {
		t.Error("the dry run of an undo wrote something")
	}
	c.command(t, "undo", "--device", `CORP\lap-0401`).is(t, exitDone, []string{"Taken back: 2", "released from quarantine", "moved back to policy Standard"}, nil)
	if d, _ := c.lab.CBC.Device(4571601); d.Quarantined || d.PolicyID != 88231 {
		t.Errorf("the machine is isolated (%t) or in policy %d, want it as it was", d.Quarantined, d.PolicyID)
	}
	if d, _ := c.lab.CBC.Device(4571602); !d.Quarantined || d.PolicyID != 88402 {
		t.Error("another machine was touched")
	}
	c.command(t, "undo", "--device", "4571601").is(t, exitDone, []string{"taken back before"}, nil)

	// An analyst has moved the second machine since: that stays.
	if err := c.analyst(t).Devices.SetPolicy(t.Context(), 88230, 4571602); err != nil {
		t.Fatal(err)
	}
	hash := digestOf("made-up malware: the freight invoice")
	c.command(t, "undo", "--sha256", hash).is(t, exitHeld, []string{"Taken back: 2", "Stays, and why: 1", "the device was moved again since"}, nil)
	if d, _ := c.lab.CBC.Device(4571602); d.Quarantined || d.PolicyID != 88230 {
		t.Errorf("the machine is isolated (%t) or in policy %d, want it released and where the analyst put it", d.Quarantined, d.PolicyID)
	}
	if d, _ := c.lab.CBC.Device(4571604); !d.Quarantined {
		t.Error("a machine that an analyst had isolated was released")
	}
	c.command(t, "status").is(t, exitDone, []string{"not taken back: 1", "Not taken back; pp2cbc undo tries again: 1", "undo policy"}, nil)
	c.command(t, "status", "--verify-audit", "--json").is(t, exitDone, []string{`"whole": true`, `"undone": 4`}, nil)
}

func TestUndoLeavesWhatSomebodyElseHasIsolatedSince(t *testing.T) {
	t.Parallel()
	world := shortened(lab.Company(time.Now()))
	world.CBC.Processes = slices.DeleteFunc(world.CBC.Processes, func(p cbctest.Process) bool { return p.DeviceID == helpdesk || p.DeviceID == fileServer })
	world.CBC.Keys = []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret}, {ID: "ANALYST1", Secret: "SECRET1"}}
	c := newCompanyOf(t, world, "isolate = True")
	c.run(t).is(t, exitDone, nil, nil)
	hunter, err := os.ReadFile(c.config)
	if err != nil {
		t.Fatal(err)
	}
	c.edit(t, cbctest.KeyID, "ANALYST1")
	c.edit(t, cbctest.KeySecret, "SECRET1")
	analyst := c.analyst(t)
	c.write(t, "config.conf", string(hunter))
	if err := errors.Join(analyst.Devices.Release(t.Context(), 4571602), analyst.Devices.Quarantine(t.Context(), 4571602)); err != nil {
		t.Fatal(err)
	}
	c.command(t, "undo", "--sha256", digestOf("made-up malware: the freight invoice")).is(t, exitHeld, []string{
		"Taken back: 1", "Stays, and why: 1", "stays isolated: ANALYST1",
	}, nil)
	if d, _ := c.lab.CBC.Device(4571602); !d.Quarantined {
		t.Error("what somebody else has isolated was released")
	}
}

func TestUndoOfARunAndOfNothing(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	c.run(t).is(t, exitDone, nil, nil)
	run := ""
	for _, task := range c.remembers(t) {
		run = task.Run
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--run", "20200101T000000Z-aaaaaaaa"}, "nothing of that is remembered"},
		{[]string{"--sha256", strings.Repeat("ab", 32)}, "nothing of that is remembered"},
		{[]string{"--device", "4571604"}, "nothing of that is remembered"}, // it was isolated before
		{[]string{"--device", "4570000"}, "nothing is remembered of a machine"},
		{[]string{"--device", "lap-04"}, "nothing is remembered of a machine"},
	} {
		c.command(t, append([]string{"undo"}, tt.args...)...).is(t, exitUsage, nil, []string{tt.want})
	}
	c.command(t, "undo", "--run", run, "--json").is(t, exitDone, []string{`"undo": true`, `"status": "undone"`}, nil)
	if got := c.isolated(); len(got) != 1 {
		t.Errorf("isolated is %q, want the one that was before", got)
	}
}

func TestDeviceOfSeveralOfOneName(t *testing.T) {
	t.Parallel()
	on := func(id int64, name string) hunt.Record {
		return hunt.Record{Task: hunt.Task{Action: "isolate", Scope: hunt.ScopeDevice, Sightings: []hunt.Sighting{{Device: hunt.Device{ID: id, Name: name}}}}}
	}
	all := []hunt.Record{on(1, "PC"), on(2, "pc"), on(3, "4"), on(4, "x")}
	if id, err := deviceOf(all, "Pc"); err == nil || !strings.Contains(err.Error(), "[1 2]") {
		t.Errorf("deviceOf = %d, %v; want an error that names both", id, err)
	}
	for text, want := range map[string]int64{"4": 4, "X": 4, "1": 1} {
		if id, err := deviceOf(all, text); err != nil || id != want {
			t.Errorf("deviceOf(%q) = %d, %v; want %d", text, id, err, want)
		}
	}
}

func TestVerdictThatIsTakenBack(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	c.run(t).is(t, exitDone, nil, nil)
	hash := digestOf("made-up malware: the freight invoice")
	c.lab.TAP.Change(proofpointtest.Change{Threat: hash, Status: "cleared"})
	writes := len(c.writes())
	r := c.run(t)
	r.is(t, exitHeld, []string{"VERDICT TAKEN BACK: 1 file is", "and still so", "pp2cbc undo --sha256 " + hash}, nil)
	if first := strings.Index(r.out, "VERDICT"); first > strings.Index(r.out, "Condemned files") {
		t.Error("the verdict does not come first")
	}
	if len(c.writes()) != writes {
		t.Error("something was taken back, which nobody wanted")
	}
	c.edit(t, "isolate = True", "isolate = True\n[guard]\nrecheck = none")
	if r := c.run(t); r.code != exitDone || strings.Contains(r.out, "VERDICT") {
		t.Errorf("nobody wants to know of the verdict, and the run ended with %d and told\n%s", r.code, r.out)
	}
	c.edit(t, "recheck = none", "auto_undo = True")
	c.run(t, "--dry-run").is(t, exitHeld, []string{"Would be taken back: 2\n  isolate\n", "and now: planned"}, nil)
	c.run(t).is(t, exitDone, []string{"VERDICT TAKEN BACK: 1 file is", "and now: undone", "Taken back: 2"}, nil)
	if got := c.isolated(); len(got) != 2 {
		t.Errorf("isolated is %q, want the analyst's and the one with another file", got)
	}
	c.run(t).is(t, exitDone, nil, nil)
}

func TestAuditLogThatIsNotWhole(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	c.command(t, "status", "--verify-audit").is(t, exitFailed, nil, []string{"there is no audit log"})
	c.write(t, "audit.jsonl", "somebody else's notes\n")
	c.run(t).is(t, exitUsage, nil, []string{"audit.filename"})
	if n := len(c.writes()); n > 0 {
		t.Errorf("%d calls were sent without an audit log", n)
	}
	if err := os.Remove(filepath.Join(c.dir, "audit.jsonl")); err != nil {
		t.Fatal(err)
	}
	c.run(t).is(t, exitDone, nil, nil)
	whole, err := os.ReadFile(filepath.Join(c.dir, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	r := c.command(t, "status", "--verify-audit")
	r.is(t, exitDone, []string{"is whole"}, nil)
	head := strings.TrimSuffix(r.out[strings.Index(r.out, "Its head is ")+len("Its head is "):], ".\n")
	c.command(t, "status", "--verify-audit", "--audit-head", head).is(t, exitDone, nil, nil)
	other := head[:strings.Index(head, ":")+1] + strings.Repeat("a", 64)
	r = c.command(t, "status", "--verify-audit", "--audit-head", head, "--audit-head", other)
	if r.is(t, exitFailed, nil, []string{"could not be checked"}); strings.Contains(r.err+r.out, "NOT AS IT WAS") {
		t.Errorf("a check that could not be made called the log altered:\n%s%s", r.out, r.err)
	}

	c.write(t, "audit.jsonl", strings.Replace(string(whole), "quarantine requested", "nothing requested", 1))
	c.command(t, "status", "--verify-audit").is(t, exitFailed, []string{"where it breaks"}, []string{"NOT AS IT WAS WRITTEN", "line 1", "altered"})
	lines := strings.SplitAfter(string(whole), "\n")
	c.write(t, "audit.jsonl", strings.Join(lines[:len(lines)-2], ""))
	c.command(t, "status", "--verify-audit").is(t, exitDone, nil, nil) // a chain does not show what was cut off its end
	c.command(t, "status", "--verify-audit", "--audit-head", head).is(t, exitFailed, nil, []string{"NOT AS IT WAS WRITTEN"})
	c.command(t, "status", "--audit-head", head).is(t, exitUsage, nil, []string{"--audit-head is for --verify-audit"})
	c.edit(t, "[actions]", "[audit]\nfilename = none\n[actions]")
	c.command(t, "status", "--verify-audit").is(t, exitUsage, nil, []string{"audit.filename is off"})
}

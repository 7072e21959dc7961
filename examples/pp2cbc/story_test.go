package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/hunt"
)

// taskOn is a task of the story.
func taskOn(action string, device int64) hunt.Task {
	file := hunt.SHA256{1}
	return hunt.Task{
		Action: action, Scope: hunt.ScopeDevice, Impact: hunt.Contains, Target: fmt.Sprint(device), Indicators: []hunt.Indicator{{SHA256: file}},
		Sightings: []hunt.Sighting{{SHA256: file, Evidence: hunt.Executed, Device: hunt.Device{ID: device, Name: fmt.Sprintf("PC-%d", device)}}},
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	task := taskOn("isolate", 7)
	back := task
	back.Undo = true
	done := hunt.Record{Task: task, Status: hunt.Done}
	turned := []hunt.Turned{{SHA256: hunt.SHA256{1}, Records: []hunt.Record{done}}}
	givenUp := fmt.Errorf("%w: no", hunt.ErrGivenUp)
	for _, tt := range []struct {
		name string
		r    hunt.Report
		want int
	}{
		{"nothing", hunt.Report{}, exitDone},
		{"done", hunt.Report{Outcomes: []hunt.Outcome{{Task: task, Status: hunt.Done}}}, exitDone},
		{"planned", hunt.Report{Outcomes: []hunt.Outcome{{Task: task, Status: hunt.Planned}}}, exitDone},
		{"held", hunt.Report{Outcomes: []hunt.Outcome{{Task: task, Status: hunt.Held}}}, exitHeld},
		{"held and acknowledged", hunt.Report{Outcomes: []hunt.Outcome{{Task: task, Status: hunt.Held, Acknowledged: true}}}, exitDone},
		{"held by an earlier run", hunt.Report{Open: []hunt.Record{{Task: task, Status: hunt.Held}}}, exitHeld},
		{"failed", hunt.Report{Outcomes: []hunt.Outcome{{Task: task, Status: hunt.Failed, Err: errors.New("no")}, {Task: task, Status: hunt.Held}}}, exitFailed},
		{"given up", hunt.Report{Outcomes: []hunt.Outcome{{Task: task, Status: hunt.Failed, Err: givenUp}}}, exitFailed},
		{"given up and acknowledged", hunt.Report{Outcomes: []hunt.Outcome{{Task: task, Status: hunt.Failed, Err: givenUp, Acknowledged: true}}}, exitDone},
		{"given up by an earlier run", hunt.Report{Open: []hunt.Record{{Task: task, Status: hunt.Failed, GivenUp: true}}}, exitFailed},
		{"a verdict that turned", hunt.Report{Turned: turned}, exitHeld},
		{"a verdict that turned, and undone", hunt.Report{Turned: turned, Outcomes: []hunt.Outcome{{Task: back, Status: hunt.Undone}}}, exitDone},
		{"a verdict that turned, and stays", hunt.Report{Turned: turned, Outcomes: []hunt.Outcome{{Task: back, Status: hunt.Held}}}, exitHeld},
		{"stopped", hunt.Report{Interrupted: true}, exitFailed},
	} {
		if got := exitCode(&tt.r); got != tt.want {
			t.Errorf("%s: the exit code is %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestStoryNamesWhatToType(t *testing.T) {
	t.Parallel()
	held, gone, waits, left := taskOn("isolate", 1), taskOn("isolate", 2), taskOn("isolate", 3), taskOn("script", 4)
	left.Undo = true
	r := &hunt.Report{
		Run: "R",
		Outcomes: []hunt.Outcome{
			{Task: held, Status: hunt.Held, Detail: "protected"},
			{Task: gone, Status: hunt.Failed, Detail: "gave up", Err: hunt.ErrGivenUp},
			{Task: taskOn("policy", 5), Status: hunt.Held, Detail: "known", Acknowledged: true},
			{Task: taskOn("policy", 8), Status: hunt.Failed, Detail: "known too", Acknowledged: true, Err: hunt.ErrGivenUp},
			{Task: taskOn("policy", 6), Status: hunt.Failed, Detail: "later", Err: hunt.ErrNotDue},
			{Task: left, Status: hunt.Held, Detail: "it cannot be taken back"},
		},
		Open: []hunt.Record{{Task: waits, Status: hunt.Held, Detail: "old reason", First: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}},
	}
	var out strings.Builder
	s := story{page: page{w: &out, most: 40}, r: r}
	s.print()
	text := out.String()
	for _, want := range []string{
		"Held, a person has to decide: 1\n  " + taskID(held) + "  isolate       PC-1 (1)\n                            protected\n",
		"pp2cbc apply --held " + taskID(held), "pp2cbc status --ack " + taskID(held),
		"Given up, nobody tries it again: 1\n  " + taskID(gone), "To try one again: pp2cbc apply --held " + taskID(gone),
		"Failed before, and not tried yet again: 1\n", "Stays, and why: 1\n  undo script   PC-4 (4)\n",
		"Waiting for a person since earlier runs: 1\n  " + taskID(waits), "old reason, since 2026-03-02 10:00:00", "Acknowledged: 2.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the story does not tell %q, but\n%s", want, text)
		}
	}
	r.Problems = []hunt.Problem{{Stage: "guard", Err: errors.New("no answer")}}
	out.Reset()
	s.print()
	if strings.Contains(out.String(), "apply --held "+taskID(held)) || !strings.Contains(out.String(), "the next run asks again: 1") {
		t.Errorf("what is held because a guard failed is no person's affair:\n%s", out.String())
	}
}

// What is to be said about many tasks is said once, and what an earlier run has done is counted.
func TestStorySaysThingsOnce(t *testing.T) {
	t.Parallel()
	r := &hunt.Report{Run: "R", Interrupted: true, Problems: []hunt.Problem{
		{Stage: "search", Err: fmt.Errorf("search: %w", context.Canceled)},
		{Stage: "guard", Err: fmt.Errorf("%w: no answer", hunt.ErrUndecided)},
	}}
	for i := range 50 {
		reason := []string{"too many", "protected"}[i%2]
		r.Outcomes = append(r.Outcomes, hunt.Outcome{Task: taskOn("isolate", int64(i+1)), Status: hunt.Held, Detail: reason})
	}
	before := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	r.Outcomes = append(r.Outcomes,
		hunt.Outcome{Task: taskOn("isolate", 100), Status: hunt.Already, Detail: "done before", Earlier: before},
		hunt.Outcome{Task: taskOn("policy", 101), Status: hunt.Already, Detail: "done before", Earlier: before},
		hunt.Outcome{Task: taskOn("policy", 102), Status: hunt.Already, Detail: "taken back since", Earlier: before, Undone: before},
	)
	var out strings.Builder
	s := story{page: page{w: &out, most: 20}, r: r}
	s.print()
	text := out.String()
	for want, n := range map[string]int{
		"too many": 1, "protected": 1, "and 5 more: isolate 5\n": 2, "  isolate       PC-": 40, "done before: isolate 1, policy 1\n": 1, "PC-100": 0, "taken back since": 1, "\nNothing left to do: 2\n": 1, "\nTaken back before, and not done again": 1,
		"canceled": 0, "STOPPED BEFORE THE END": 1, "COULD NOT BE ASKED, so that more may be condemned or infected than is told here: 1": 1,
		"Held, a person has to decide: 50": 1,
	} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("the story tells %q %d times, want %d:\n%s", want, got, n, text)
		}
	}
}

// Nobody has to decide on what was merely stopped.
func TestStoryOfAStoppedRun(t *testing.T) {
	t.Parallel()
	r := &hunt.Report{
		Run: "R", Interrupted: true, Problems: []hunt.Problem{{Stage: "guard", Err: fmt.Errorf("guard: %w", context.Canceled)}},
		Outcomes: []hunt.Outcome{{Task: taskOn("isolate", 1), Status: hunt.Held, Detail: "a guard could not decide"}},
	}
	var out strings.Builder
	s := story{page: page{w: &out, most: 20}, r: r}
	s.print()
	text := out.String()
	if !strings.Contains(text, "Not begun, because the run was stopped; the next run takes them up: 1") || strings.Contains(text, "apply --held") || strings.Contains(text, "COULD NOT BE ASKED") {
		t.Errorf("the story of a stopped run is\n%s", text)
	}
}

func TestWarnsOfAPolicyWithoutLiveResponse(t *testing.T) {
	t.Parallel()
	world := shortened(lab.Company(time.Now()))
	for i := range world.CBC.Policies {
		world.CBC.Policies[i].NoLiveResponse = world.CBC.Policies[i].Name == lab.ContainPolicy
	}
	c := newCompanyOf(t, world, "policy = Contain", "live_response = True", "[guard]", "protect_priorities = none", "max_fleet_share = 0")
	r := c.run(t, "--dry-run")
	if !strings.Contains(r.err, `warning: actions.policy: the policy "Contain" does not allow Live Response`) {
		t.Errorf("complained %q, want a warning", r.err)
	}
	if r := newShortCompany(t, "policy = Contain", "live_response = True").run(t, "--dry-run"); strings.Contains(r.err, "warning") {
		t.Errorf("complained %q, want nothing of a policy that allows it", r.err)
	}
}

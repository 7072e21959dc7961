package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// demoStep is one command of the demonstration.
type demoStep struct {
	says string
	args func() ([]string, error)
	want int
	// full tells what was found and left alone too.
	full bool
}

// demoDay goes through a day: what would be done, doing it, what is held, a person who decides, a file that is opened later, and a verdict that is
// taken back. It
// ends well only if each command ends as it should.
func (p program) demoDay(ctx context.Context, o options, d *demo) int {
	fmt.Fprintf(p.out, "A made-up company of %d endpoints, on stand-ins for Proofpoint TAP, Carbon Black Cloud and NSX. Every action is on.\n", d.endpoints())
	window := []string{}
	for _, flag := range []struct{ name, value string }{{"--start-time", o.start}, {"--end-time", o.end}} {
		if flag.value != "" {
			window = append(window, flag.name, flag.value)
		}
	}
	hunts := func(more ...string) func() ([]string, error) {
		return func() ([]string, error) { return append(more, window...), nil }
	}
	var withdrawn hunt.Indicator
	steps := []demoStep{
		{"First, what would be done, and why.", hunts("--dry-run"), exitHeld, true},
		{"Now it is done. What a guard stops waits for a person.", hunts(), exitHeld, false},
		{"What waits, without a call to any service.", hunts("status"), exitHeld, false},
		{"A person decides: the server is to be isolated all the same.", func() ([]string, error) {
			rec, err := p.demoRecord(ctx, o, func(r hunt.Record) bool { return r.Task.Action == "isolate" && r.Status == hunt.Held })
			return []string{"apply", "--held", taskID(rec.Task)}, err
		}, exitDone, false},
		{"Somebody opens the mail after all. The next run has no news from TAP, and finds it: condemned files are hunted for a week.", func() ([]string, error) {
			d.lab.CBC.AddProcesses(lab.OpenedLater(p.now()))
			return nil, nil
		}, exitHeld, false},
		{"TAP takes a verdict back. The same hunt once more: nothing is done twice, and what was done for no good reason comes first.", func() ([]string, error) {
			rec, err := p.demoRecord(ctx, o, func(r hunt.Record) bool {
				return r.Task.Action == "isolate" && r.Status == hunt.Done && strings.Contains(strings.ToLower(r.Task.String()), "fin-ws")
			})
			if err != nil {
				return nil, err
			}
			withdrawn = rec.Task.Indicators[0]
			d.lab.TAP.Change(proofpointtest.Change{Threat: withdrawn.Threat.ID, Status: "falsepositive"})
			return window, nil
		}, exitHeld, false},
		{"It is taken back, as far as that goes, and nothing else is.", func() ([]string, error) {
			return []string{"undo", "--sha256", withdrawn.SHA256.String()}, nil
		}, exitHeld, false},
	}
	if len(o.reports) > 0 {
		args := []string{"report", "--since", "1d"}
		for _, path := range o.reports {
			args = append(args, "--report", path)
		}
		steps = append(steps, demoStep{"All of it once more, as a report.", func() ([]string, error) { return args, nil }, exitDone, false})
	}
	for _, step := range steps {
		if code := p.demoStep(ctx, o, d, step); code != exitDone {
			return code
		}
	}
	return exitDone
}

// demoStep runs one command, and counts the calls that it made.
func (p program) demoStep(ctx context.Context, o options, d *demo, step demoStep) int {
	args, err := step.args()
	if err != nil {
		p.complain("%v", err)
		return exitFailed
	}
	fmt.Fprintf(p.out, "\n── %s\n── %s\n\n", step.says, strings.Join(append([]string{"pp2cbc"}, args...), " "))
	reads, writes := d.counts()
	posts := d.posts()
	p.brief = !step.full
	p.most = 1
	code := p.run(ctx, append(slices.Clone(args), "--config", o.config))
	if ctx.Err() != nil {
		return exitFailed
	}
	readsNow, writesNow := d.counts()
	fmt.Fprintf(p.out, "\n── It ended with the exit code %d, after %d calls that read and %d that changed something.\n", code, readsNow-reads, writesNow-writes+d.posts()-posts)
	if code != step.want {
		p.complain("the demonstration should have ended with %d here", step.want)
		return exitFailed
	}
	return exitDone
}

// demoRecord finds a task that the ledger remembers.
func (p program) demoRecord(ctx context.Context, o options, fits func(hunt.Record) bool) (hunt.Record, error) {
	j, end, err := p.begin(o.common)
	if err != nil {
		return hunt.Record{}, err
	}
	defer end()
	_, all, closeLedger, err := j.records(ctx)
	if err != nil {
		return hunt.Record{}, err
	}
	defer closeLedger()
	i := slices.IndexFunc(all, fits)
	if i < 0 {
		return hunt.Record{}, errors.New("the demonstration does not find what should have been done")
	}
	return all[i], nil
}

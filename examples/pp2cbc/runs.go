package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// runsOptions are the flags of the subcommand report.
type runsOptions struct {
	common
	run   string
	since time.Duration
}

func parseRunsFlags(args []string) (runsOptions, error) {
	var o runsOptions
	fs := newFlags(&o.common)
	o.reportFlag(fs)
	fs.StringVar(&o.run, "run", "", "")
	fs.Func("since", "", func(s string) error {
		var err error
		o.since, err = parseDuration(s)
		return err
	})
	rest, err := o.parse(fs, args)
	switch {
	case err != nil || o.help:
		return o, err
	case len(rest) > 0:
		return o, fmt.Errorf("unexpected argument %q", rest[0])
	case o.run != "" && o.since > 0:
		return o, errors.New("--run and --since do not go together")
	case o.run == "" && o.since == 0 && len(o.reports) > 0:
		return o, errors.New("--report needs --run or --since")
	}
	return o, nil
}

// report tells again of earlier runs. It asks no service, and changes nothing.
func (p program) report(ctx context.Context, args []string) int {
	o, err := parseRunsFlags(args)
	if code, over := p.flagged(err, o.help); over {
		return code
	}
	return p.remembering(ctx, o.common, func(j *job, l *ledger, all []hunt.Record) int { return j.reportAgain(ctx, o, l, all) })
}

func (j *job) reportAgain(ctx context.Context, o runsOptions, l *ledger, all []hunt.Record) int {
	since := time.Time{}
	if o.since > 0 {
		since = j.now().Add(-o.since)
	}
	reports := j.earlierRuns(ctx, l, all, since)
	if o.run == "" && o.since == 0 {
		return j.listRuns(reports)
	}
	kind := "Runs"
	if o.run != "" {
		kind = "Run"
		reports = slices.DeleteFunc(reports, func(r *hunt.Report) bool { return !strings.HasPrefix(r.Run, o.run) })
		// A plan that was applied several times is one run.
		if other := slices.IndexFunc(reports, func(r *hunt.Report) bool { return r.Run != reports[0].Run }); other > 0 {
			return j.refuse(fmt.Errorf("--run %s is not clear: it could be %s or %s", o.run, reports[0].Run, reports[other].Run))
		}
	}
	if len(reports) == 0 {
		j.complain("nothing is remembered of such a run; see pp2cbc report")
		return exitFailed
	}
	r := hunt.Merge(reports...)
	if err := j.print(&wired{}, r, kind, exitCode(r)); err != nil {
		j.complain("the report could not be written: %v", err)
		return exitFailed
	}
	j.cfg.reports = nil // these are for runs
	if err := j.writeReports(r, kind); err != nil {
		j.complain("%v", err)
		return exitFailed
	}
	return exitDone
}

// earlierRuns are the reports of the runs since a time, the oldest first. Of a run whose process died before it could keep one there is what is
// remembered of its tasks.
func (j *job) earlierRuns(ctx context.Context, l *ledger, all []hunt.Record, since time.Time) []*hunt.Report {
	var reports []*hunt.Report
	kept := make(map[string]bool)
	for r, err := range l.Reports(ctx, time.Time{}) {
		if err != nil {
			j.complain("%v", err)
			continue
		}
		kept[r.Run] = true
		if !r.Ended.Before(since) {
			reports = append(reports, r)
		}
	}
	torn := make(map[string]*hunt.Report)
	for _, rec := range all {
		if rec.Run == "" || kept[rec.Run] || rec.Last.Before(since) || rec.Task.Scope == hunt.ScopeHold {
			continue
		}
		if torn[rec.Run] == nil {
			torn[rec.Run] = &hunt.Report{Run: rec.Run, Begun: rec.Last, Problems: []hunt.Problem{{Stage: "ledger", Err: errNotKept}}}
			reports = append(reports, torn[rec.Run])
		}
		recall(torn[rec.Run], rec)
	}
	slices.SortFunc(reports, func(a, b *hunt.Report) int { return cmp.Or(a.Begun.Compare(b.Begun), cmp.Compare(a.Run, b.Run)) })
	return reports
}

var errNotKept = errors.New("no report of this run was kept, so that this is only what is remembered of its tasks")

// recall adds a task to the report of its run.
func recall(r *hunt.Report, rec hunt.Record) {
	o := hunt.Outcome{Task: rec.Task, Status: rec.Status, Detail: rec.Detail, Refused: rec.Refused, Acknowledged: rec.Acknowledged}
	if rec.Status == "" {
		o.Status, o.Detail = hunt.Failed, "it is being done, or its process died over it"
	}
	if o.Status == hunt.Failed {
		o.Err = errors.New(o.Detail)
	}
	r.Undo = rec.Task.Undo
	r.Outcomes = append(r.Outcomes, o)
	if rec.Last.Before(r.Begun) {
		r.Begun = rec.Last
	}
	if rec.Last.After(r.Ended) {
		r.Ended = rec.Last
	}
	for _, ind := range rec.Task.Indicators {
		if !slices.ContainsFunc(r.Indicators, func(have hunt.Indicator) bool { return have.SHA256 == ind.SHA256 }) {
			r.Indicators = append(r.Indicators, ind)
		}
	}
	for _, s := range rec.Task.Sightings {
		if !slices.ContainsFunc(r.Sightings, func(have hunt.Sighting) bool {
			return have.SHA256 == s.SHA256 && have.Process.GUID == s.Process.GUID
		}) {
			r.Sightings = append(r.Sightings, s)
		}
	}
}

// runLine is a run in the list of all.
type runLine struct {
	Run      string    `json:"run"`
	Begun    time.Time `json:"begun"`
	Ended    time.Time `json:"ended"`
	Files    int       `json:"files"`
	Machines int       `json:"machines"`
	Done     int       `json:"done"`
	Undone   int       `json:"undone"`
	Held     int       `json:"held"`
	Failed   int       `json:"failed"`
	Problems int       `json:"problems"`
}

// listRuns lists what there is to report about, the newest first.
func (j *job) listRuns(reports []*hunt.Report) int {
	lines := make([]runLine, 0, len(reports))
	for _, r := range slices.Backward(reports) {
		machines := make(map[int64]bool)
		for _, s := range r.Sightings {
			machines[s.Device.ID] = true
		}
		lines = append(lines, runLine{
			r.Run, r.Begun, r.Ended, len(r.Indicators), len(machines), r.Count(hunt.Done), r.Count(hunt.Undone), r.Count(hunt.Held),
			r.Count(hunt.Failed), len(r.Problems),
		})
	}
	if j.json {
		if err := j.encode(lines); err != nil {
			return exitFailed
		}
		return exitDone
	}
	p := j.page(cmp.Or(j.most, 40))
	p.printf("%s. What is new in each:\n", plural(len(lines), "run is remembered", "runs are remembered"))
	for _, l := range head(p, lines) {
		p.printf("  %s  files %d, machines %d, done %d, taken back %d, held %d, failed %d, could not be asked %d\n",
			harmless(l.Run), l.Files, l.Machines, l.Done, l.Undone, l.Held, l.Failed, l.Problems)
	}
	p.printf("To see one again: pp2cbc report --run RUN --report FILE.html\n")
	if p.err != nil {
		return exitFailed
	}
	return exitDone
}

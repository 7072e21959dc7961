package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/user"

	"github.com/pphunt/pphunt/hunt"
)

// job is a command with its configuration and its log.
type job struct {
	program
	cfg    *config
	logger *slog.Logger
	json   bool
	// quiet and verbose are how much is told, and progress shows how far a run is, nil for nobody.
	quiet, verbose bool
	progress       *progress
	// reports are the files of the command line that reports are written to.
	reports []string
	// given means that the window of the hunt came from the command line.
	given bool
}

// begin reads the configuration and opens the log. The function that it returns closes it.
func (p program) begin(o common) (*job, func(), error) {
	cfg, err := p.load(o.config, o.configNamed)
	if err != nil {
		return nil, nil, err
	}
	logger, closeLog, err := openLog(cfg.log, p.log)
	if err != nil {
		return nil, nil, err
	}
	logger = o.loud(logger, cfg.log, p.log)
	logged := cfg.log.level <= slog.LevelWarn && (o.verbose || cfg.log.file == "") // on standard error
	for _, warning := range cfg.warnings {
		logger.Warn("configuration", "warning", warning)
		if !o.quiet && !logged {
			p.complain("warning: %s", warning)
		}
	}
	return &job{program: p, cfg: cfg, logger: logger, json: o.json, quiet: o.quiet, verbose: o.verbose, reports: o.reports}, closeLog, nil
}

// beginWithRecords begins a command that needs what the ledger remembers before it works on it. Without a job the exit code tells why.
func (p program) beginWithRecords(ctx context.Context, o common) (*job, []hunt.Record, func(), int) {
	j, end, err := p.begin(o)
	if err != nil {
		return nil, nil, nil, p.refuse(err)
	}
	_, all, closeLedger, err := j.records(ctx)
	if err != nil {
		j.complain("%v", err)
		end()
		return nil, nil, nil, exitFailed
	}
	closeLedger() // the hunt opens it anew
	return j, all, end, exitDone
}

// wire builds what the command works with. Without it the exit code tells why.
func (j *job) wire(ctx context.Context, why purpose) (*wired, int) {
	if why.run == "" {
		why.run = hunt.NewRunID(j.now())
	}
	j.progress = j.watched(cmp.Or(why.begins, "looking"))
	j.err = j.progress.above(j.err)
	why.metrics, why.sign, why.progress = j.metrics, j.sign, j.progress
	j.logger = j.logger.With("run", why.run)
	why.warn = func(format string, args ...any) { j.complain("warning: "+format, args...) }
	w, err := wire(ctx, j.cfg, why, j.logger, j.now)
	if err == nil {
		closeAll := w.close
		w.close = func() { j.progress.end(); closeAll() }
		return w, exitDone
	}
	j.progress.end()
	switch {
	case ctx.Err() != nil:
		j.complain("stopped before anything was done")
		return nil, exitFailed
	case errors.Is(err, errConfig):
		return nil, j.refuse(err)
	}
	j.complain("%s", explain(err))
	return nil, exitFailed
}

// hunt runs once and prints what became of it.
func (j *job) hunt(ctx context.Context, o options) int {
	if o.apply != "" {
		return j.applyPlan(ctx, o.apply)
	}
	window, err := window(o, j.cfg.delta, j.now())
	if err != nil {
		return j.refuse(err)
	}
	if err := mayReplace(o.plan); err != nil {
		return j.refuse(err)
	}
	w, code := j.wire(ctx, purpose{dry: o.dryRun, begins: "reading mails"})
	if w == nil {
		return code
	}
	defer w.close()
	if !o.dryRun {
		report, err := w.hunter.Run(ctx, window)
		j.given = !window.IsZero()
		return j.end(ctx, w, report, err, "")
	}
	plan := w.hunter.Plan(ctx, window)
	j.given = !window.IsZero()
	report, err := w.hunter.Preview(ctx, plan)
	code = j.end(ctx, w, report, err, "")
	switch {
	case o.plan == "":
	case report.Interrupted:
		j.complain("no plan was saved: the dry run was stopped")
	case !j.savePlan(w, plan, report, o.plan):
		return exitFailed
	}
	return code
}

// end logs and prints a report, and returns its exit code.
func (j *job) end(ctx context.Context, w *wired, r *hunt.Report, err error, kind string) int {
	j.progress.end()
	j.metrics.report(r)
	for _, o := range r.Outcomes {
		j.logger.Info("outcome", "action", o.Task.Action, "target", o.Task.Target, "status", o.Status, "detail", o.Detail, "event_id", o.Task.EventID())
	}
	j.logger.Info("run ended", "files", len(r.Indicators), "sightings", len(r.Sightings), "done", r.Count(hunt.Done),
		"already", r.Count(hunt.Already), "undone", r.Count(hunt.Undone), "held", r.Held(), "failed", r.Count(hunt.Failed), "turned", len(r.Turned))
	code := exitCode(r)
	if printErr := j.print(w, r, kind, code); printErr != nil {
		j.complain("the report could not be written: %v", printErr)
		return exitFailed
	}
	j.tell(r, err)
	if err := j.writeReports(r, kind); err != nil {
		j.refuse(err)
		return exitFailed
	}
	if !j.tellHooks(ctx, r) {
		return exitFailed
	}
	return code
}

func (j *job) print(w *wired, r *hunt.Report, kind string, code int) error {
	switch {
	case j.json:
		return j.encode(r)
	case j.hush(r, code):
		return nil
	}
	s := story{page: *j.page(cmp.Or(j.most, 40)), r: r, kind: kind, given: j.given, brief: j.brief, specs: w.specs, effects: effects(j.cfg)}
	s.print()
	return s.err
}

func (j *job) encode(v any) error {
	return encode(j.out, v)
}

func exitCode(r *hunt.Report) int {
	switch {
	case r.Err() != nil || r.Interrupted:
		return exitFailed
	case r.Held() > 0:
		return exitHeld
	}
	for _, t := range r.Turned {
		if turnedOpen(r, t) {
			return exitHeld
		}
	}
	return exitDone
}

// operator is who runs the program, for the audit log.
func operator() string {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "unknown user"
	}
	return fmt.Sprintf("%s (uid %s)", u.Username, u.Uid)
}

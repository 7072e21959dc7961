package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// The exit codes.
const (
	exitDone   = 0 // everything asked for is done
	exitFailed = 1 // something asked for could not be asked or done
	exitUsage  = 2 // wrong usage or configuration; nothing was sent
	exitHeld   = 3 // tasks are held
)

const usage = `pp2cbc finds the attachments that Proofpoint TAP condemned on the endpoints of Carbon Black Cloud, and contains them.

usage:
  pp2cbc [flags]                 hunt once: all that was condemned since the run before, and what is hunted still
  pp2cbc hunt HASH...|-          hunt the files of a list, with the same guards, ledger and report
  pp2cbc --dry-run               read everything, change nothing, say what would be done
  pp2cbc --demo                  show it on a made-up company, without any account
  pp2cbc status [flags]          what is held, failed or being done; asks no service
  pp2cbc apply --held ID...      do what is held or given up after all
  pp2cbc undo [flags]            take back what was done
  pp2cbc report [flags]          tell again of earlier runs; without flags, list them
  pp2cbc close SHA256...         hunt files no longer
  pp2cbc doctor [flags]          try everything that a run needs, and change nothing
  pp2cbc migrate [FILE]          coming from the old script: what its configuration means here, and its database taken over
  pp2cbc action [flags]          kill one process and delete one file on one device

flags:
  --config FILE                  the configuration (default config.conf)
  --start-time T, --end-time T   one window instead, ISO 8601 in UTC, such as 2026-03-02T10:00:00Z; from 30 s to 7 days long, in
                                 the past; the next run without them goes on where it would have without this one
  --dry-run                      read everything, change nothing, say what would be done
  --every DURATION               hunt again and again, such as 15m, until it is told to stop; SIGHUP reads the configuration anew
  --listen ADDRESS               with --every: answer GET /metrics (Prometheus), /healthz and /readyz there, such as 127.0.0.1:9090
  --plan FILE                    the same, and keep it in FILE for --apply
  --apply FILE                   do exactly what the plan says, where nothing has changed since
  --report FILE                  write the report to FILE too, as .html, .json, .csv or .md; several times for several files; {run} in the
                                 name is the run; also for hunt, apply and undo
  --json                         the report as JSON on standard output
  --quiet                        nothing where nothing is new, nothing was done and nobody has to look; also for hunt, apply and undo
  --verbose                      every line of the log on standard error too; also for hunt, apply and undo
  --now                          print the present time in UTC and end
  --demo                         the demonstration
  --version                      print the version and end
  -h, --help                     print this text and end

flags of hunt:
  HASH...                        SHA-256 of files; - reads a list from standard input
  --file FILE                    a list: a SHA-256 in each line, or CSV with a comment behind it
  --config FILE, --dry-run, --json

flags of status:
  --all                          also what is done
  --ack ID...                    take note of what is held or given up, by ids or a SHA-256 as with apply: it counts no more
  --verify-audit                 check the chain of the audit log instead
  --audit-head HEAD              an end of the log that was noted elsewhere: it must still be in the chain
  --config FILE, --json          as above

flags of apply:
  --held ID...                   the tasks, by the ids that status shows, or all that are held of a file, by its SHA-256
  --config FILE, --dry-run, --json

flags of undo, one of the first three:
  --run ID                       what that run did
  --device X                     what was done on the machine, by its id or its exact name
  --sha256 H                     what was done about the file
  --config FILE, --dry-run, --json

flags of report:
  --run RUN                      that run, by its name or the beginning of it
  --since DURATION               all that is new since then, such as 7d, as one report
  --report FILE                  as above
  --config FILE, --json          as above

flags of action:
  --device_id N                  the device
  --pid N                        the process; it is killed only if its path is the one given
  --file_path P                  the path of its executable; the file is deleted
  --sha256 H                     the file is deleted only if this is its hash
  --close                        close the session even if somebody else uses it
  --config FILE, --dry-run       as above

flags of migrate:
  FILE                           the configuration, the same as --config
  --dry-run                      leave the database as it is
  --json                         the same as JSON

flags of doctor:
  --config FILE, --json          as above

An ID is the beginning of a task's event id, at least 8 characters long. Every key of the configuration can come from the environment
as PP2CBC_<SECTION>_<KEY>, a secret also from the file that <key>_file names.

exit codes: 0 done; 1 something could not be asked or done; 2 wrong usage or configuration, nothing was sent; 3 a person has to decide
`

// common are the flags that several commands have.
type common struct {
	config      string
	configNamed bool
	json, help  bool
	// quiet tells only what somebody has to know, and verbose every step.
	quiet, verbose bool
	// reports are the files that reports are written to.
	reports []string
}

// options are the flags of a hunt.
type options struct {
	common
	start, end        string
	plan, apply       string
	dryRun, demo, now bool
	version           bool
	every             time.Duration
	listen            string
}

func parseFlags(args []string) (options, error) {
	var o options
	fs := newFlags(&o.common)
	o.reportFlag(fs)
	o.voiceFlags(fs)
	fs.StringVar(&o.start, "start-time", "", "")
	fs.StringVar(&o.end, "end-time", "", "")
	fs.BoolVar(&o.dryRun, "dry-run", false, "")
	fs.StringVar(&o.plan, "plan", "", "")
	fs.StringVar(&o.apply, "apply", "", "")
	fs.BoolVar(&o.demo, "demo", false, "")
	fs.BoolVar(&o.now, "now", false, "")
	fs.BoolVar(&o.version, "version", false, "")
	fs.StringVar(&o.listen, "listen", "", "")
	fs.DurationVar(&o.every, "every", 0, "")
	rest, err := o.parse(fs, args)
	if err != nil || o.help {
		return o, err
	}
	given := make(map[string]bool)
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := o.checkEvery(given); err != nil {
		return o, err
	}
	switch {
	case len(rest) > 0:
		return o, fmt.Errorf("unexpected argument %q", rest[0])
	case given["plan"] && o.plan == "" || given["apply"] && o.apply == "":
		return o, errors.New("the plan needs a file name")
	case o.apply != "":
		for _, other := range []string{"plan", "dry-run", "start-time", "end-time", "demo"} {
			if given[other] {
				return o, fmt.Errorf("--apply and --%s do not go together: a plan is done as it was approved", other)
			}
		}
	case o.demo && o.plan != "":
		return o, errors.New("--demo and --plan do not go together: what it would plan is gone when it ends")
	}
	o.dryRun = o.dryRun || o.plan != ""
	return o, nil
}

// newFlags is a flag set that leaves the talking to its caller.
func newFlags(c *common) *flag.FlagSet {
	fs := flag.NewFlagSet("pp2cbc", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.StringVar(&c.config, "config", "config.conf", "")
	fs.BoolVar(&c.json, "json", false, "")
	return fs
}

// reportFlag adds the flag for commands that end with a report.
func (c *common) reportFlag(fs *flag.FlagSet) {
	fs.Func("report", "", func(path string) error {
		c.reports = append(c.reports, path)
		return checkReport(path)
	})
}

// parse reads flags, also behind arguments, and returns the arguments.
func (c *common) parse(fs *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				c.help = true
				return nil, nil
			}
			return nil, err
		}
		if fs.NArg() == 0 {
			break
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
	if err := c.checkVoice(); err != nil {
		return nil, err
	}
	fs.Visit(func(f *flag.Flag) { c.configNamed = c.configNamed || f.Name == "config" })
	return rest, nil
}

const (
	shortest = 30 * time.Second
	// settled is how long a window must have been over: the service refuses one that is still current.
	settled = time.Minute
	// remembered is how far back the service answers: 7 days, less a margin for the time that a run takes.
	remembered = 7*24*time.Hour - 15*time.Minute
)

// window is the span to hunt in: what the flags say, and otherwise the zero window, for everything since the run before.
func window(o options, delta time.Duration, now time.Time) (hunt.Window, error) {
	if o.start == "" && o.end == "" {
		return hunt.Window{}, nil
	}
	w := hunt.Window{End: now.Add(-max(delta, settled)).Truncate(time.Second)}
	var err error
	if o.end != "" {
		if w.End, err = parseTime("--end-time", o.end); err != nil {
			return w, err
		}
	}
	w.Start = w.End.Add(-time.Hour)
	if o.start != "" {
		if w.Start, err = parseTime("--start-time", o.start); err != nil {
			return w, err
		}
	}
	length := w.End.Sub(w.Start)
	switch {
	case w.End.After(now.Add(-settled)):
		return w, fmt.Errorf("the window ends at %s, which is not yet a minute ago: choose an earlier --end-time", w.End.Format(time.RFC3339))
	case length < shortest:
		return w, fmt.Errorf("the window from %s to %s is %s long: it must be at least 30 s", w.Start.Format(time.RFC3339), w.End.Format(time.RFC3339), length)
	case w.Start.Before(now.Add(-remembered)):
		return w, fmt.Errorf("the window begins at %s: Proofpoint TAP answers for the last 7 days only", w.Start.Format(time.RFC3339))
	}
	return w, nil
}

func parseTime(name, s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%s %q is no ISO 8601 time such as 2026-03-02T10:00:00Z", name, s)
	}
	return t.UTC(), nil
}

// flagged tells whether a command is over when its flags are read, because they are wrong or ask for help, and with which exit code.
func (p program) flagged(err error, help bool) (code int, over bool) {
	switch {
	case err != nil:
		p.complain("%v; see --help", err)
		return exitUsage, true
	case help:
		fmt.Fprint(p.out, usage)
		return exitDone, true
	}
	return exitDone, false
}

// Pp2cbc hunts the attachments that Proofpoint TAP condemned on the endpoints of Carbon Black Cloud, and contains what it finds.
//
//	go run ./examples/pp2cbc --demo
//
// shows it on a made-up company, without any account. See --help and the README.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	p := program{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(), now: time.Now, hangup: hangup, manager: systemd()}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// hangup listens for SIGHUP. Whoever does not, ends with it.
func hangup() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}

// program is the command line, with everything that it touches outside.
type program struct {
	out, err io.Writer
	in       io.Reader
	// log is standard error as it is, also where complaints become part of an answer.
	log     io.Writer
	environ []string
	now     func() time.Time
	// hangup tells of requests to read the configuration again, nil for never, and after is a timer, that of the time if it is nil.
	hangup func() (<-chan os.Signal, func())
	after  func(time.Duration) <-chan time.Time
	// metrics count what a service does, nil for everything else.
	metrics *metrics
	// manager is who started a service, and sign is called when a run shows a sign of life, if it is not nil.
	manager manager
	sign    func()
	// listening is told the address on which a service answers questions, if it is not nil.
	listening func(address string)
	// brief leaves out of reports what an earlier one has told already.
	brief bool
	// most is how many entries of a list are shown. Defaults to 40.
	most int
}

func (p program) complain(format string, args ...any) {
	fmt.Fprintf(p.err, "pp2cbc: %s\n", harmless(fmt.Sprintf(format, args...)))
}

// refuse tells every problem of a configuration or command line on a line of its own.
func (p program) refuse(err error) int {
	for _, e := range flatten(err) {
		p.complain("%v", e)
	}
	return exitUsage
}

// flatten lists the errors that were joined into err. An error that merely has several causes stays one.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	if list := errors.Join(joined.Unwrap()...); list == nil || list.Error() != err.Error() {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// run runs a command. A script that asked for JSON gets some in any case.
func (p program) run(ctx context.Context, args []string) int {
	if _, ok := p.err.(*shared); !ok {
		p.err = &shared{w: p.err}
	}
	p.log = p.err
	if !slices.Contains(args, "--json") && !slices.Contains(args, "-json") {
		return p.command(ctx, args)
	}
	a := answer{out: p.out, complaints: p.err}
	p.out, p.err = &a, (*complaints)(&a)
	return a.end(p.command(ctx, args))
}

func (p program) command(ctx context.Context, args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "action":
			return p.action(ctx, args[1:])
		case "status":
			return p.status(ctx, args[1:])
		case "apply":
			return p.release(ctx, args[1:])
		case "hunt":
			return p.huntList(ctx, args[1:])
		case "close":
			return p.closeFiles(ctx, args[1:])
		case "undo":
			return p.undo(ctx, args[1:])
		case "report":
			return p.report(ctx, args[1:])
		case "doctor":
			return p.doctor(ctx, args[1:])
		case "migrate":
			return p.migrate(ctx, args[1:])
		}
	}
	o, err := parseFlags(args)
	if code, over := p.flagged(err, o.help); over {
		return code
	}
	switch {
	case o.version:
		fmt.Fprintln(p.out, "pp2cbc", version())
		return exitDone
	case o.now:
		fmt.Fprintln(p.out, "Current time GMT in ISO8601 format:", p.now().UTC().Format(time.RFC3339))
		return exitDone
	case o.demo:
		return p.demo(ctx, o)
	case o.every > 0:
		return p.forever(ctx, o)
	}
	j, end, err := p.begin(o.common)
	if err != nil {
		return p.refuse(err)
	}
	defer end()
	return j.hunt(ctx, o)
}

// load reads and checks the configuration, and passes its warnings on.
func (p program) load(path string, named bool) (*config, error) {
	v, err := readValues(path, named, p.environ)
	if err != nil {
		return nil, err
	}
	cfg, err := parseConfig(v)
	if err != nil {
		return nil, err
	}
	cfg.actions.scriptEnv = withoutSecrets(p.environ)
	return cfg, nil
}

// version is the version that the module was built as.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

// actionOptions are the flags of the subcommand action, which the old action.py had.
type actionOptions struct {
	common
	device, pid   int64
	path          string
	sha256        hunt.SHA256
	close, dryRun bool
}

func parseActionFlags(args []string) (actionOptions, error) {
	var o actionOptions
	var device, pid string
	fs := newFlags(&o.common)
	fs.StringVar(&device, "device_id", "", "")
	fs.StringVar(&pid, "pid", "", "")
	fs.StringVar(&o.path, "file_path", "", "")
	fs.Func("sha256", "", func(s string) error {
		var err error
		o.sha256, err = hunt.ParseSHA256(s)
		return err
	})
	fs.BoolVar(&o.close, "close", false, "")
	fs.BoolVar(&o.dryRun, "dry-run", false, "")
	rest, err := o.parse(fs, args)
	if err != nil || o.help {
		return o, err
	}
	var problems []error
	if len(rest) > 0 {
		problems = append(problems, fmt.Errorf("unexpected argument %q", rest[0]))
	}
	if o.json {
		problems = append(problems, errors.New("action tells in words only: it has no --json"))
	}
	number := func(name, text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 {
			problems = append(problems, fmt.Errorf("--%s: want a number above 0", name))
		}
		return n
	}
	o.device, o.pid = number("device_id", device), number("pid", pid)
	if o.path == "" {
		problems = append(problems, errors.New("--file_path is missing: a process is told by its id and its path, never by its id alone"))
	}
	return o, errors.Join(problems...)
}

// action kills one process and deletes one file on one device.
func (p program) action(ctx context.Context, args []string) int {
	o, err := parseActionFlags(args)
	if err != nil {
		return p.refuse(err)
	}
	if o.help {
		fmt.Fprint(p.out, usage)
		return exitDone
	}
	j, end, err := p.begin(o.common)
	if err != nil {
		return p.refuse(err)
	}
	defer end()
	client, err := newCBC(j.cfg, j.logger)
	if err != nil {
		return p.refuse(err)
	}
	var log *audit.Log
	if !o.dryRun {
		if log, err = openAudit(j.cfg); err != nil {
			return j.refuse(err)
		}
	}
	if log != nil {
		defer log.Close() //nolint:errcheck // what was appended is on the disk
	}
	notes, err := contain(ctx, client, o, j.cfg.actions)
	for _, note := range notes {
		fmt.Fprintln(p.out, harmless(note))
		j.logger.Info("action", "device_id", o.device, "note", note)
	}
	if log != nil {
		if logErr := log.Append(context.WithoutCancel(ctx), o.entry(notes, err)); logErr != nil {
			j.complain("the audit log does not say what was done: %v", logErr)
			err = errors.Join(err, logErr)
		}
	}
	if err != nil {
		j.logger.Error("action", slog.Int64("device_id", o.device), slog.Any("error", err))
		p.complain("%s", explain(from(j.cfg.cbc, "CarbonBlack", err)))
		return exitFailed
	}
	return exitDone
}

// entry is what the audit log keeps of it.
func (o actionOptions) entry(notes []string, err error) audit.Entry {
	e := audit.Entry{
		Event: "action", Action: "action", Scope: hunt.ScopeProcess, Target: fmt.Sprintf("%d %s", o.pid, o.path), Device: audit.Device{ID: o.device},
		Status: hunt.Done, Detail: strings.Join(notes, "; "), By: operator(),
	}
	if !o.sha256.IsZero() {
		e.Hashes = []hunt.SHA256{o.sha256}
	}
	if err != nil {
		e.Status, e.Error = hunt.Failed, err.Error()
	}
	return e
}

// contain does the work of the subcommand and tells what was done, however far it got.
func contain(ctx context.Context, client *cbc.Client, o actionOptions, cfg actionConfig) (notes []string, err error) {
	d, err := client.Devices.Get(ctx, cbc.DeviceID(o.device))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(d.SensorStates, "LIVE_RESPONSE_ENABLED") {
		return nil, fmt.Errorf("%s (%d): its policy %q does not allow Live Response", d.Name, d.ID, d.PolicyName)
	}
	if o.dryRun {
		return []string{fmt.Sprintf("would connect to %s (%d), kill process %d if it is %s, and delete that file", d.Name, d.ID, o.pid, o.path)}, nil
	}
	session, err := client.LiveResponse.Open(ctx, d.ID, cbc.OpenOptions{CheckInTimeout: 6 * time.Minute})
	if err != nil {
		return nil, err
	}
	end := session.Close
	if o.close {
		end = session.CloseForAll
	}
	defer func() { err = errors.Join(err, end(ctx)) }()
	notes = []string{fmt.Sprintf("connected to %s (%d)", d.Name, d.ID)}
	if o.sha256.IsZero() {
		if err := stale(ctx, session, o); err != nil {
			return notes, err
		}
	}
	target := actions.Target{PIDs: []int64{o.pid}, Path: o.path, SHA256: o.sha256, OS: d.OS}
	if !o.sha256.IsZero() { // without the hash nothing says that it is evidence
		target.EvidenceDir, target.EvidenceLimit = cfg.evidenceDir, cfg.evidenceLimit
	}
	c, err := actions.Contain(ctx, session, target)
	if err == nil && c.Unclear {
		err = errors.New("it is not certain that the right file is gone, see above")
	}
	return append(notes, c.Notes...), err
}

// stale refuses to go on without a hash where the process id belongs to another program by now: then the path may be out of date as
// well.
func stale(ctx context.Context, session *cbc.Session, o actionOptions) error {
	running, err := session.Processes(ctx)
	if err != nil {
		return err
	}
	for _, p := range running {
		if p.PID == o.pid && !strings.EqualFold(p.Path, o.path) {
			return fmt.Errorf("process %d is %s now: nothing was killed or deleted; with --sha256 the file is compared and then deleted", o.pid, p.Path)
		}
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/hunt"
)

// undoOptions are the flags of the subcommand undo.
type undoOptions struct {
	common
	run, device string
	sha256      hunt.SHA256
	dryRun      bool
}

func parseUndoFlags(args []string) (undoOptions, error) {
	var o undoOptions
	fs := newFlags(&o.common)
	o.reportFlag(fs)
	o.voiceFlags(fs)
	fs.StringVar(&o.run, "run", "", "")
	fs.StringVar(&o.device, "device", "", "")
	fs.Func("sha256", "", func(s string) error {
		var err error
		o.sha256, err = hunt.ParseSHA256(s)
		return err
	})
	fs.BoolVar(&o.dryRun, "dry-run", false, "")
	rest, err := o.parse(fs, args)
	if err != nil || o.help {
		return o, err
	}
	given := 0
	for _, is := range []bool{o.run != "", o.device != "", !o.sha256.IsZero()} {
		if is {
			given++
		}
	}
	switch {
	case len(rest) > 0:
		return o, fmt.Errorf("unexpected argument %q", rest[0])
	case given != 1:
		return o, errors.New("undo needs exactly one of --run, --device and --sha256")
	}
	return o, nil
}

// undo takes back what was done.
func (p program) undo(ctx context.Context, args []string) int {
	o, err := parseUndoFlags(args)
	if code, over := p.flagged(err, o.help); over {
		return code
	}
	j, all, end, code := p.beginWithRecords(ctx, o.common)
	if j == nil {
		return code
	}
	defer end()
	u := hunt.Undo{Run: o.run, SHA256: o.sha256, DryRun: o.dryRun, By: operator()}
	if o.device != "" {
		if u.Device, err = deviceOf(all, o.device); err != nil {
			return j.refuse(err)
		}
	}
	w, code := j.wire(ctx, purpose{dry: o.dryRun, undo: true})
	if w == nil {
		return code
	}
	defer w.close()
	report, err := w.hunter.Undo(ctx, u)
	if report == nil {
		j.complain("%v", err)
		return exitFailed
	}
	if len(report.Outcomes)+len(report.Problems) == 0 {
		if !takenBackBefore(all, u) {
			return j.refuse(errors.New("nothing of that is remembered that could be taken back; see pp2cbc status --all"))
		}
		if !j.json {
			fmt.Fprintln(j.out, "Everything of that was taken back before.")
			return exitDone
		}
	}
	kind := "Undo"
	if o.dryRun {
		kind = "Undo, dry run,"
	}
	return j.end(ctx, w, report, err, kind)
}

// takenBackBefore tells whether something of what is to be taken back was so before.
func takenBackBefore(all []hunt.Record, u hunt.Undo) bool {
	return slices.ContainsFunc(all, func(r hunt.Record) bool {
		d, ok := r.Task.Device()
		about := slices.ContainsFunc(r.Task.Indicators, func(i hunt.Indicator) bool { return i.SHA256 == u.SHA256 })
		return !r.Undone.IsZero() && (u.Run != "" && r.Run == u.Run || u.Device != 0 && ok && d.ID == u.Device || about)
	})
}

// deviceOf finds a machine by its id or its exact name among what is remembered.
func deviceOf(all []hunt.Record, text string) (int64, error) {
	var ids []int64
	known := false
	number, err := strconv.ParseInt(text, 10, 64)
	for _, rec := range all {
		d, ok := rec.Task.Device()
		if !ok {
			continue
		}
		known = known || err == nil && d.ID == number
		if strings.EqualFold(d.Name, text) && !slices.Contains(ids, d.ID) {
			ids = append(ids, d.ID)
		}
	}
	switch {
	case known:
		return number, nil
	case len(ids) == 1:
		return ids[0], nil
	case len(ids) > 1:
		return 0, fmt.Errorf("several machines are called %q: give the id, one of %v", text, ids)
	}
	return 0, fmt.Errorf("nothing is remembered of a machine %q; a name must be written as the report has it", text)
}

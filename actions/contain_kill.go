package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/cbc"
)

// killAll ends the processes that are the target's by id, path and start. What did not run at first is not looked for again: a session
// takes a limited number of commands.
func (w *containing) killAll(ctx context.Context) error {
	for _, pid := range w.t.PIDs {
		if !slices.ContainsFunc(w.first, func(p cbc.RunningProcess) bool { return p.PID == pid }) {
			continue
		}
		if err := w.kill(ctx, pid, func(p cbc.RunningProcess) bool { return !w.startedElsewhen(p) }); err != nil {
			return err
		}
	}
	for _, pid := range w.strangers {
		w.note("process %d runs the same path but is not the one that was found: not killed", pid)
	}
	if len(w.Notes) == 0 {
		w.note("the process does not run any more")
	}
	return nil
}

// kill lists the processes and ends the one with an id if it is the right one at that moment.
func (w *containing) kill(ctx context.Context, pid int64, right func(cbc.RunningProcess) bool) error {
	all, err := w.list(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(p cbc.RunningProcess) bool { return p.PID == pid })
	switch {
	case i < 0:
		return nil
	case all[i].Path == "" && !w.beganElsewhen(all[i]):
		w.doubtful = true
		w.note("process %d does not tell its path: not killed, look at it", pid)
		return nil
	case !samePath(all[i].Path, w.t.Path) && otherWriting(all[i].Path, w.t.Path) && !w.beganElsewhen(all[i]):
		w.doubtful = true
		w.note("process %d runs from %s, which may be another name of the file: not killed, look at it", pid, all[i].Path)
		return nil
	case !samePath(all[i].Path, w.t.Path):
		w.note("process %d is %s now: not killed", pid, orUnnamed(all[i].Path))
		return nil
	case !w.atFile(all[i]):
		w.Unclear = true
		w.note("process %d runs from %s and not from %s: not killed, look at it", pid, all[i].Path, w.Path)
		return nil
	case !right(all[i]):
		return nil
	}
	w.aimed = append(w.aimed, pid)
	err = w.s.Kill(ctx, pid)
	if errors.Is(err, cbc.ErrProcessNotFound) {
		w.note("process %d had just ended", pid)
		return nil
	}
	if err != nil {
		return fmt.Errorf("actions: killing process %d: %w", pid, err)
	}
	w.Killed = append(w.Killed, pid)
	w.note("killed process %d", pid)
	return nil
}

// atFile tells whether a process with the target's path runs from the file that was looked at: there can be one for each spelling.
func (w *containing) atFile(p cbc.RunningProcess) bool {
	return foldsCase(w.t.OS, w.Path) || p.Path == w.Path
}

// beganElsewhen tells whether a process is known to have been started at another time than the target.
func (w *containing) beganElsewhen(p cbc.RunningProcess) bool {
	started, ok := startOf(p.Started)
	return ok && !w.t.Start.IsZero() && started.Sub(w.t.Start).Abs() > 5*time.Second
}

// startedElsewhen tells of a process that has id and path of the target and was started at another time, so that it is another one.
func (w *containing) startedElsewhen(p cbc.RunningProcess) bool {
	if !w.beganElsewhen(p) {
		return false
	}
	started, _ := startOf(p.Started)
	w.Unclear = true
	w.note("process %d was started %s, and the one that was found %s: not killed, look at it", p.PID,
		started.UTC().Format(time.RFC3339), w.t.Start.UTC().Format(time.RFC3339))
	return true
}

// startOf reads the time of a start. Its unit differs from sensor to sensor: what cannot be told to be seconds or milliseconds of this
// age is not read.
func startOf(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return time.Time{}, false
	case n >= 1e9 && n < 5e9: // 2001 to 2128
		return time.UnixMilli(int64(n * 1e3)), true
	case n >= 1e12 && n < 5e12:
		return time.UnixMilli(int64(n)), true
	}
	return time.Time{}, false
}

// How often and after what pause a process that was killed is looked for: ending takes a moment.
const (
	endLooks = 3
	endPause = time.Second
)

// lookAgain sees to it that what was killed is gone and does not come back.
func (w *containing) lookAgain(ctx context.Context) error {
	if len(w.aimed) == 0 {
		return nil
	}
	back, err := w.cameBack(ctx)
	if err != nil || len(back) == 0 {
		return err
	}
	if w.t.SHA256.IsZero() { // a path alone is no identity
		return stillRuns(back)
	}
	if found, err := w.verify(ctx); err != nil || found != condemned {
		return errors.Join(stillRuns(back), err)
	}
	for _, p := range back {
		if err := w.kill(ctx, p.PID, func(now cbc.RunningProcess) bool { return now.Started == p.Started }); err != nil {
			return err
		}
		w.note("process %d had been started again from the same file", p.PID)
	}
	again, err := w.cameBack(ctx)
	if err != nil || len(again) > 0 {
		return errors.Join(err, stillRuns(again))
	}
	return nil
}

// stillRuns is the error of processes that somebody starts again and again.
func stillRuns(back []cbc.RunningProcess) error {
	if len(back) == 0 {
		return nil
	}
	var pids []string
	for _, p := range back {
		pids = append(pids, strconv.FormatInt(p.PID, 10))
	}
	return fmt.Errorf("actions: something starts it again: process %s runs from %s", strings.Join(pids, ", "), back[0].Path)
}

// cameBack lists the processes that run from the path and did not before the kill. A process that was killed and does not end is an
// error.
func (w *containing) cameBack(ctx context.Context) (back []cbc.RunningProcess, err error) {
	for look := 1; ; look++ {
		all, err := w.list(ctx)
		if err != nil {
			return nil, fmt.Errorf("actions: whether the process is gone could not be seen: %w", err)
		}
		back = nil
		var left []int64
		for _, p := range all {
			before := slices.ContainsFunc(w.there, func(b cbc.RunningProcess) bool { return b.PID == p.PID && b.Started == p.Started })
			switch {
			case !samePath(p.Path, w.t.Path), !w.atFile(p):
			case before && slices.Contains(w.aimed, p.PID):
				left = append(left, p.PID)
			case !before:
				back = append(back, p)
			}
		}
		if len(left) == 0 {
			return back, nil
		}
		if look == endLooks {
			return nil, fmt.Errorf("actions: process %d still runs after it was killed", left[0])
		}
		timer := time.NewTimer(endPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("actions: whether the process is gone could not be seen: %w", ctx.Err())
		}
	}
}

func orUnnamed(path string) string {
	if path == "" {
		return "another process"
	}
	return path
}

// samePath compares paths of one device: a search writes them in lower case, and separators come doubled from some sources.
func samePath(a, b string) bool {
	return a != "" && strings.EqualFold(cleanPath(a), cleanPath(b))
}

// otherWriting tells whether a path may be another one written as a device's, as a share's, behind a link to its root, or with short names.
func otherWriting(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return lastName(a) == lastName(b) && (strings.HasPrefix(a, `\`) != strings.HasPrefix(b, `\`) || strings.Contains(a+b, "~") ||
		strings.HasSuffix(a, b) || strings.HasSuffix(b, a))
}

// lastName is the last part of a path of any system.
func lastName(path string) string { return path[strings.LastIndexAny(path, `\/`)+1:] }

func cleanPath(p string) string {
	head, tail := "", p
	if strings.HasPrefix(p, `\\`) { // a share
		head, tail = `\\`, p[2:]
	}
	for strings.Contains(tail, `\\`) {
		tail = strings.ReplaceAll(tail, `\\`, `\`)
	}
	return head + tail
}

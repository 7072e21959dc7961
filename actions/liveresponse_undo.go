package actions

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// Undo implements [hunt.Undoer].
func (a *liveResponse) Undo(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	var open []hunt.Task
	var outcomes []hunt.Outcome
	for _, o := range a.Look(ctx, tasks) {
		if o.Status == hunt.Planned {
			open = append(open, o.Task)
		} else {
			outcomes = append(outcomes, o)
		}
	}
	return append(outcomes, eachGroup(ctx, byDevice(open), a.cfg.InFlight, func(ctx context.Context, group []hunt.Task) []hunt.Outcome {
		session, err := a.open(ctx, group)
		if err != nil {
			return same(group, func(t hunt.Task) hunt.Outcome { return failed(t, err) })
		}
		var outcomes []hunt.Outcome
		for _, t := range group {
			if ctx.Err() != nil {
				break
			}
			outcomes = append(outcomes, a.putBack(ctx, session, t))
		}
		return closeSession(ctx, session, outcomes)
	})...)
}

// lookBack tells whether there is something that can be put back.
func (a *liveResponse) lookBack(t hunt.Task) hunt.Outcome {
	var b liveResponseBefore
	if !parseBefore(t, &b) || b.Path == "" || b.SHA256.IsZero() {
		return held(t, noBefore)
	}
	err := fs.ErrNotExist
	name := evidenceName(a.cfg.EvidenceDir, b.SHA256)
	if a.cfg.EvidenceDir != "" {
		err = isCopy(name, b.SHA256)
	}
	killed := ""
	if len(b.Killed) > 0 {
		killed = fmt.Sprintf("; process %d was killed, which cannot be taken back", b.Killed[0])
	}
	switch {
	case b.Deleted == nil && err != nil:
		return held(t, fmt.Sprintf("whether %s was deleted is not recorded, and there is no copy of it", b.Path))
	case b.Deleted == nil:
		return held(t, fmt.Sprintf("whether %s was deleted is not recorded: should it be missing, there is a copy as %s", b.Path, name))
	case !*b.Deleted:
		return held(t, "no file was deleted"+killed)
	case errors.Is(err, fs.ErrNotExist):
		return held(t, fmt.Sprintf("%s cannot be put back: there is no copy of it", b.Path)+killed)
	case err != nil:
		return held(t, fmt.Sprintf("%s cannot be put back: its copy cannot be used: %v", b.Path, err)+killed)
	}
	return hunt.Outcome{Task: t, Status: hunt.Planned, Detail: fmt.Sprintf("%s would be put back from %s", b.Path, name) + killed}
}

// isOnDevice tells whether the file at the path is the one that was deleted.
func isOnDevice(ctx context.Context, session *cbc.Session, b liveResponseBefore) (bool, error) {
	content, err := session.GetFile(ctx, b.Path)
	if err != nil {
		return false, err
	}
	defer func() { _ = content.Close() }() // it was only read
	sum := sha256.New()
	_, err = io.Copy(sum, io.LimitReader(content, mostCompared))
	return err == nil && hunt.SHA256(sum.Sum(nil)) == b.SHA256, err
}

// putBack writes the file on the device, if nothing has its place.
func (a *liveResponse) putBack(ctx context.Context, session *cbc.Session, t hunt.Task) hunt.Outcome {
	var b liveResponseBefore
	_ = parseBefore(t, &b) // Look has read it
	wrong := func(err error) hunt.Outcome {
		return failed(t, fmt.Errorf("actions: live_response: undo: %w", err))
	}
	d, _ := t.Device()
	_, there, err := fileAt(ctx, session, b.Path, d.OS)
	switch {
	case err != nil:
		return wrong(err)
	case there:
		if ours, err := isOnDevice(ctx, session, b); ours && err == nil { // as after an undo that was cut off
			return already(t, fmt.Sprintf("the file %s is there again", b.Path))
		}
		return held(t, fmt.Sprintf("not put back: there is another file %s now", b.Path))
	}
	name := evidenceName(a.cfg.EvidenceDir, b.SHA256)
	copied, err := openCopy(name)
	if err != nil {
		return wrong(err)
	}
	defer func() { _ = copied.Close() }() // it was only read
	if err := session.PutFile(ctx, b.Path, copied); err != nil {
		if errors.Is(err, cbc.ErrFileNotFound) {
			return held(t, fmt.Sprintf("not put back: the directory of %s is not there any more; the copy is %s", b.Path, name))
		}
		return wrong(err)
	}
	switch back, err := isOnDevice(ctx, session, b); {
	case err != nil:
		return wrong(fmt.Errorf("whether the file is back could not be seen: %w", err))
	case !back:
		return wrong(fmt.Errorf("the file %s is not the one that was deleted, although it was put back", b.Path))
	}
	detail := fmt.Sprintf("put %s back from its copy", b.Path)
	if len(b.Killed) > 0 {
		detail += fmt.Sprintf("; process %d was killed, which cannot be taken back", b.Killed[0])
	}
	return undone(t, detail)
}

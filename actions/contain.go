package actions

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// DeviceSession is what [Contain] does on a device. *cbc.Session is one.
type DeviceSession interface {
	Processes(ctx context.Context) ([]cbc.RunningProcess, error)
	Kill(ctx context.Context, pid int64) error
	GetFile(ctx context.Context, path string) (io.ReadCloser, error)
	DeleteFile(ctx context.Context, path string) error
}

// Target is a process and its file, as a search told of them.
type Target struct {
	// PIDs are the process ids. None means that there is nothing to kill.
	PIDs []int64
	// Path is the path of the executable. A process is killed only if it has one of the ids and this path.
	Path string
	// OS is WINDOWS, MAC or LINUX, empty if it is not known. Linux alone tells upper from lower case in paths, which a search does not.
	OS string
	// SHA256 is what the file must be. It is fetched and compared before it is deleted; with the zero value the file is deleted
	// whatever it is.
	SHA256 hunt.SHA256
	// EvidenceDir keeps a copy of the file before it is deleted. Empty keeps none. It needs SHA256.
	EvidenceDir string
}

// Contained tells what [Contain] did.
type Contained struct {
	// Killed are the processes that were ended.
	Killed []int64
	// Deleted tells that the file was deleted by this call.
	Deleted bool
	// Unclear tells that a person has to look: the file was not found, and may be there all the same under a name with capital
	// letters; or the process runs from a path that has another file at it.
	Unclear bool
	// Notes say, for people, what was done and what was left and why.
	Notes []string
}

func (c *Contained) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// Contain ends a process and deletes its file, after both were checked on the device at that moment: a process id is not an
// identity, and a path may have another file by now. A file that is another one protects what runs from there; one that cannot be
// fetched is not deleted, but does not keep the process from being ended. What is gone already is no error. When it fails half way,
// Contained tells how far it got.
func Contain(ctx context.Context, s DeviceSession, t Target) (Contained, error) {
	var c Contained
	if t.Path == "" {
		return c, errors.New("actions: the path of the file is not known: nothing can be told apart by a process id alone")
	}
	var doubt error
	if !t.SHA256.IsZero() {
		running, path, err := atPath(ctx, s, t)
		if err != nil {
			return c, err
		}
		same, err := c.verify(ctx, s, t, path)
		if err == nil && !same {
			c.spare(running, t)
			return c, nil
		}
		doubt = err
	}
	path, seen, err := c.kill(ctx, s, t)
	switch {
	case err != nil:
		return c, err
	case errors.Is(doubt, cbc.ErrFileNotFound):
		c.missing(t, path, seen)
		return c, nil
	case doubt != nil:
		return c, doubt
	}
	err = s.DeleteFile(ctx, path)
	switch {
	case errors.Is(err, cbc.ErrFileNotFound):
		c.missing(t, path, seen)
	case err != nil:
		return c, fmt.Errorf("actions: deleting the file: %w", err)
	default:
		c.Deleted = true
		c.note("deleted %s", path)
	}
	return c, nil
}

// missing notes that there is no file at the path, which means little on a machine that tells upper from lower case if nobody has
// told the case.
func (c *Contained) missing(t Target, path string, seen bool) {
	if t.OS == "LINUX" && !seen {
		c.Unclear = true
		c.note("there is no file %s, but searches tell paths in lower case: look for one with capital letters", path)
		return
	}
	c.note("the file is gone")
}

// atPath lists what runs from the target's path, and that path as the device writes it where the target itself runs.
func atPath(ctx context.Context, s DeviceSession, t Target) (running []cbc.RunningProcess, path string, err error) {
	all, err := s.Processes(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("actions: listing the processes: %w", err)
	}
	path = t.Path
	for _, p := range all {
		if !samePath(p.Path, t.Path) {
			continue
		}
		running = append(running, p)
		if slices.Contains(t.PIDs, p.PID) {
			path = p.Path
		}
	}
	return running, path, nil
}

// spare tells of processes that run from a path with another file at it by now. One that has the target's id is for a person to
// look at: it may be another program, or the target with its file exchanged.
func (c *Contained) spare(running []cbc.RunningProcess, t Target) {
	for _, p := range running {
		if slices.Contains(t.PIDs, p.PID) {
			c.Unclear = true
			c.note("process %d runs from there: not killed, look at it", p.PID)
		} else {
			c.note("process %d runs the same path but is not the one that was found: not killed", p.PID)
		}
	}
}

// kill ends the processes that are the target's by id and path, and returns the path as the device writes it, if it was seen there.
func (c *Contained) kill(ctx context.Context, s DeviceSession, t Target) (path string, seen bool, err error) {
	running, err := s.Processes(ctx)
	if err != nil {
		return "", false, fmt.Errorf("actions: listing the processes: %w", err)
	}
	path = t.Path
	for _, p := range running {
		known := slices.Contains(t.PIDs, p.PID)
		same := samePath(p.Path, t.Path)
		switch {
		case known && same:
			path, seen = p.Path, true
			err := s.Kill(ctx, p.PID)
			if errors.Is(err, cbc.ErrProcessNotFound) {
				c.note("process %d had just ended", p.PID)
				continue
			}
			if err != nil {
				return "", false, fmt.Errorf("actions: killing process %d: %w", p.PID, err)
			}
			c.Killed = append(c.Killed, p.PID)
			c.note("killed process %d", p.PID)
		case known:
			c.note("process %d is %s now: not killed", p.PID, orUnnamed(p.Path))
		case same:
			c.note("process %d runs the same path but is not the one that was found: not killed", p.PID)
		}
	}
	if len(c.Notes) == 0 {
		c.note("the process does not run any more")
	}
	return path, seen, nil
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

// verify fetches the file and tells whether it is the condemned one. A copy is kept if there is a place for it.
func (c *Contained) verify(ctx context.Context, s DeviceSession, t Target, path string) (same bool, err error) {
	content, err := s.GetFile(ctx, path)
	if err != nil {
		return false, fmt.Errorf("actions: fetching the file to compare its hash: %w", err)
	}
	defer func() { _ = content.Close() }() // it was only read
	keep := io.Discard
	var copied *os.File
	if t.EvidenceDir != "" {
		if copied, err = os.CreateTemp(t.EvidenceDir, "incoming-*"); err != nil {
			return false, fmt.Errorf("actions: keeping a copy: %w", err)
		}
		defer func() {
			_ = copied.Close() // it is closed already if all went well
			if e := os.RemoveAll(copied.Name()); e != nil {
				err = errors.Join(err, fmt.Errorf("actions: removing a part of a copy: %w", e))
			}
		}()
		keep = copied
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(sum, keep), content); err != nil {
		return false, fmt.Errorf("actions: fetching the file to compare its hash: %w", err)
	}
	if found := hunt.SHA256(sum.Sum(nil)); found != t.SHA256 {
		c.note("the file at %s is another one now (%s): left alone", path, found)
		return false, nil
	}
	if copied != nil {
		if err := c.keep(copied, t); err != nil {
			return false, err
		}
	}
	return true, nil
}

// keep gives the copy its name: it is there whole or not at all, and cannot be run by mistake. One that was kept before has the same
// hash in its name and will do.
func (c *Contained) keep(copied *os.File, t Target) error {
	name := filepath.Join(t.EvidenceDir, t.SHA256.String()+".evidence")
	err := errors.Join(copied.Chmod(0o400), copied.Sync(), copied.Close())
	if err == nil {
		err = os.Rename(copied.Name(), name)
		if info, e := os.Lstat(name); e == nil && info.Mode().IsRegular() {
			err = nil // Windows does not replace a file that cannot be written
		}
	}
	if err != nil {
		return fmt.Errorf("actions: keeping a copy: %w", err)
	}
	c.note("kept a copy as %s", name)
	return nil
}

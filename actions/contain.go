package actions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// DeviceSession is what [Contain] does on a device. *cbc.Session is one.
type DeviceSession interface {
	Processes(ctx context.Context) ([]cbc.RunningProcess, error)
	Kill(ctx context.Context, pid int64) error
	ListDirectory(ctx context.Context, path string) ([]cbc.FileInfo, error)
	GetFile(ctx context.Context, path string) (io.ReadCloser, error)
	DeleteFile(ctx context.Context, path string) error
}

// DefaultEvidenceLimit is the size in bytes up to which copies of files are kept, unless something else is said.
const DefaultEvidenceLimit = 100 << 20

// Target is a process and its file, as a search told of them.
type Target struct {
	// PIDs are the process ids. None means that there is nothing to kill.
	PIDs []int64
	// Path is the path of the executable. A process is killed only if it has one of the ids and this path.
	Path string
	// Start is when the process began. Where the sensor tells the same in a unit that is known (RFC 3339, or seconds or milliseconds
	// since 1970) and it is another time by more than five seconds, the process is another one and is not killed. Zero is not compared.
	Start time.Time
	// OS is WINDOWS, MAC or LINUX, empty if it is not known. Linux alone tells upper from lower case in paths, which a search does not.
	OS string
	// SHA256 is what the file must be. It is fetched and compared before anything is killed or deleted; with the zero value the file is
	// deleted whatever it is. Nothing is done with the hash of the empty file.
	SHA256 hunt.SHA256
	// EvidenceDir keeps a copy of the file before it is deleted, as <sha256>.evidence. Empty keeps none. It needs SHA256.
	EvidenceDir string
	// EvidenceLimit is the size in bytes up to which a copy is kept. A larger file is not deleted, as there would be no copy.
	// Defaults to DefaultEvidenceLimit.
	EvidenceLimit int64

	// siblings are the processes of other tasks with the same file.
	siblings []int64
}

// Contained tells what [Contain] did.
type Contained struct {
	// Killed are the processes that were ended.
	Killed []int64
	// Deleted tells that the file was deleted by this call.
	Deleted bool
	// Path is the path of the file as the device writes it, as far as it was seen there.
	Path string
	// Copy is the name of the copy that was kept, empty if there is none.
	Copy string
	// Unclear tells that a person has to look: the file was not found, and may be there all the same under a name with capital
	// letters; the process runs from a path that has another file at it, or was started at another time; another process runs from
	// the condemned file, or may, as its path is not told or is written in another way; or the file stays because no copy of it could
	// be kept, or it is a link.
	Unclear bool
	// Notes say, for people, what was done and what was left and why.
	Notes []string
}

func (c *Contained) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// Contain ends a process and deletes its file, after both were checked on the device at that moment: a process id is not an
// identity, and a path may have another file by now. A file that is another one protects what runs from there; one that cannot be
// fetched is not deleted, but does not keep the process from being ended. What is gone already is no error.
//
// The processes are listed right before each kill, and the file is compared once more if it was changed before it is deleted. Afterwards
// Contain looks again: a process that is still there is an error, and so is a file. One that came back from the same path, under another
// id, is killed once more if its file still has the hash, and an error if it comes back again. When Contain fails half way, Contained
// tells how far it got.
func Contain(ctx context.Context, s DeviceSession, t Target) (Contained, error) {
	w := &containing{s: s, t: t}
	w.Path = t.Path
	if !strings.HasPrefix(t.Path, "/") {
		w.Path = cleanPath(t.Path)
	}
	err := w.contain(ctx)
	return w.Contained, err
}

// containing is one Contain at work.
type containing struct {
	Contained
	s DeviceSession
	t Target
	// seen tells that the target runs, so that Path is spelled as the device does.
	seen bool
	// first is what ran at all when the work began.
	first []cbc.RunningProcess
	// there are the processes that ran from the path before anything was killed.
	there []cbc.RunningProcess
	// aimed are the processes that were told to end, whatever the device answered.
	aimed []int64
	// strangers are those of them that are nobody's target.
	strangers []int64
	// doubtful tells of a process with an id of the target that has no path, or another one to a file of the same name.
	doubtful bool
	// tooLarge tells that the file is larger than a copy may be.
	tooLarge bool
	// listed is what the file's directory told of it when it was verified, nil if nothing.
	listed *cbc.FileInfo
}

func (w *containing) contain(ctx context.Context) error {
	switch {
	case w.t.Path == "":
		return errNoPath
	case isEmptyFile(w.t.SHA256):
		w.Unclear = true
		w.note(emptyFileWords)
		return nil
	}
	if err := w.atPath(ctx); err != nil {
		return err
	}
	var doubt error
	if !w.t.SHA256.IsZero() {
		found, err := w.verify(ctx)
		switch found {
		case another:
			w.spare()
			w.spelledBeside()
			return nil
		case beyond:
			w.Unclear = true
			return nil
		default:
			doubt = err
		}
	}
	if err := w.killAll(ctx); err != nil {
		return err
	}
	if err := w.lookAgain(ctx); err != nil || w.Unclear {
		return err
	}
	w.Unclear = !w.t.SHA256.IsZero() && (len(w.strangers) > 0 || w.doubtful)
	switch {
	case errors.Is(doubt, cbc.ErrFileNotFound):
		w.missing()
		return nil
	case doubt != nil:
		return doubt
	case w.tooLarge:
		w.Unclear = true
		w.note("%s stays: it is larger than a copy may be, and is not deleted without one", w.Path)
		return nil
	}
	if w.isLink() {
		w.Unclear = true
		w.note("%s is a link: not deleted, as the file that it leads to would stay", w.Path)
		return nil
	}
	if same, err := w.verifyAgain(ctx); err != nil || !same {
		return err
	}
	return w.remove(ctx)
}

var errNoPath = errors.New("actions: the path of the file is not known: nothing can be told apart by a process id alone")

// atPath lists what runs from the target's path, and takes that path as the device writes it where the target itself runs.
func (w *containing) atPath(ctx context.Context) error {
	all, err := w.list(ctx)
	if err != nil {
		return err
	}
	w.first = all
	for _, p := range all {
		if !samePath(p.Path, w.t.Path) {
			continue
		}
		w.there = append(w.there, p)
		switch {
		case slices.Contains(w.t.PIDs, p.PID):
			w.Path, w.seen = p.Path, true
		case !slices.Contains(w.t.siblings, p.PID):
			w.strangers = append(w.strangers, p.PID)
		}
	}
	return nil
}

func (w *containing) list(ctx context.Context) ([]cbc.RunningProcess, error) {
	all, err := w.s.Processes(ctx)
	if err != nil {
		return nil, fmt.Errorf("actions: listing the processes: %w", err)
	}
	// So Linux calls the file of a process that was deleted, as what hides does with its own.
	const deleted = " (deleted)"
	if strings.HasPrefix(w.t.Path, "/") && !strings.HasSuffix(w.t.Path, deleted) {
		all = slices.Clone(all)
		for i, p := range all {
			all[i].Path = strings.TrimSuffix(p.Path, deleted)
		}
	}
	return all, nil
}

// spare tells of processes that run from a path with another file at it by now. One that has the target's id is for a person to
// look at: it may be another program, or the target with its file exchanged.
func (w *containing) spare() {
	for _, p := range w.there {
		if slices.Contains(w.t.PIDs, p.PID) {
			w.Unclear = true
			w.note("process %d runs from there: not killed, look at it", p.PID)
		} else {
			w.note("process %d runs the same path but is not the one that was found: not killed", p.PID)
		}
	}
}

package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Log appends to a file. It is safe for concurrent use, and other processes may append to the same file.
type Log struct {
	path    string
	release func() error
	turn    chan struct{} // whoever holds it has what follows
	file    *os.File
	at      chain // the end of what was written last, nothing torn behind it
	closed  bool

	mu   sync.Mutex
	head Head
}

// Open opens the log at path, or creates it, readable for nobody else (0600). A file that is no audit log is an error, [ErrNotLog],
// and so is one whose beginning or end is broken, a [*BreakError]; neither is touched. Whether the chain holds from one end to the
// other is what [VerifyFile] tells.
func Open(path string) (*Log, error) {
	l, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return l, nil
}

func open(path string) (*Log, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, ErrNotLog)
	}
	release, err := keep(path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, errors.Join(err, release())
	}
	at, err := tail(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close(), release())
	}
	if fresh {
		syncDir(filepath.Dir(path))
	}
	return &Log{path: path, release: release, turn: make(chan struct{}, 1), file: f, at: at, head: at.head}, nil
}

// syncDir has a new file survive a loss of power. Not every system can do that.
func syncDir(name string) {
	if dir, err := os.Open(name); err == nil { // #nosec G304 -- the directory of the log
		_ = dir.Sync()
		_ = dir.Close()
	}
}

// Append writes entries behind all that is there, with one wait for the disk: when it returns without an error they are on it. With an
// error none, or some from the first on, may have been written; the next Append finds out and goes on behind them. It waits for
// other processes up to ten seconds ([ErrLocked]). It never writes behind a broken chain.
func (l *Log) Append(ctx context.Context, entries ...Entry) error {
	if len(entries) == 0 {
		return nil
	}
	for _, e := range entries {
		if e.Torn != nil || e.Event == EventTorn {
			return errors.New("audit: an entry about a torn line is the log's own")
		}
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("audit: %w", ctx.Err())
	}
	defer func() { <-l.turn }()
	if l.closed {
		return fmt.Errorf("audit: %w", ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := lock(ctx, l.file, false); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	err := l.append(entries)
	if unlocked := unlock(l.file); err == nil && unlocked != nil {
		err = fmt.Errorf("unlocking: %w", unlocked)
	}
	if _, ok := errors.AsType[*BreakError](err); err != nil && !ok {
		return fmt.Errorf("audit: %w", err)
	}
	return err
}

// append writes entries while the log is locked.
func (l *Log) append(entries []Entry) error {
	at, err := l.catchUp()
	if err != nil {
		return err
	}
	text, head, err := at.text(entries, time.Now())
	if err != nil {
		return err
	}
	if _, err := l.file.Write(text); err != nil {
		return err
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	l.at = chain{head: head, lines: -1, offset: at.offset + int64(len(text))}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head = head
	return nil
}

// catchUp reads what others have appended, and what was torn.
func (l *Log) catchUp() (chain, error) {
	at := l.at
	there, err := os.Stat(l.path)
	if err != nil {
		return at, fmt.Errorf("%w: %w", ErrReplaced, err)
	}
	mine, err := l.file.Stat()
	if err != nil {
		return at, err
	}
	if !os.SameFile(there, mine) {
		return at, ErrReplaced
	}
	if mine.Size() < at.offset {
		return at, &BreakError{Offset: mine.Size(), Seq: at.head.Seq, Kind: KindMissing, Detail: "the log is shorter than it was"}
	}
	err = read(io.NewSectionReader(l.file, at.offset, mine.Size()-at.offset), &at, func(Record) bool { return true })
	return at, err
}

// text is what to write behind c.
func (c *chain) text(entries []Entry, now time.Time) ([]byte, Head, error) {
	var text []byte
	if c.bare || c.torn != nil && !c.torn.ended {
		text = append(text, '\n')
	}
	if c.torn != nil {
		tells := c.torn.tells()
		entries = append([]Entry{{Event: EventTorn, Torn: &tells}}, entries...)
	}
	head := c.head
	for _, e := range entries {
		if e.Time.IsZero() {
			e.Time = now
		}
		e.Time = e.Time.UTC()
		if e.Event == "" {
			e.Event = EventDecision
		}
		line, next, err := head.line(e)
		if err != nil {
			return nil, Head{}, err
		}
		text, head = append(text, line...), next
	}
	return text, head, nil
}

// Head is the last entry that this log has written, or found when it was opened: what to keep elsewhere for [Verify].
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Close closes the file. An Append that is under way ends first.
func (l *Log) Close() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if l.closed {
		return nil
	}
	l.closed = true
	if err := errors.Join(l.file.Close(), l.release()); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// Package deadletter keeps records that a source could not read, in a file of JSON lines, so that a person can look at them: there may have
// been condemned files in them.
//
//	{"time":"2026-03-02T10:00:00Z","run":"…","source":"proofpoint messages/delivered","start":"…","end":"…",
//	 "reason":"…","sha256":"…","raw":"{\"GUID\":…"}
//
// The member raw is the record as it came if it is text, and raw_base64 if it is not. It has its sender's words in it: show it to nobody
// unescaped. A record of more than [MaxRaw] bytes is cut and has "cut":true; sha256 is of the whole.
package deadletter

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/pphunt/pphunt/hunt"
)

const (
	// MaxRaw is how much of a record is kept, in bytes.
	MaxRaw = 1 << 20
	// DefaultMaxSize is how long a file gets, in bytes.
	DefaultMaxSize = 64 << 20
)

// ErrFull means that the file has its greatest length. Nothing more is kept until somebody has looked at it and moved it away.
var ErrFull = errors.New("deadletter: the file is full")

// Letter is one line.
type Letter struct {
	Time   time.Time `json:"time"`
	Run    string    `json:"run"`
	Source string    `json:"source"`
	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end,omitzero"`
	Reason string    `json:"reason"`
	SHA256 string    `json:"sha256"`
	Cut    bool      `json:"cut,omitempty"`
	Raw    string    `json:"raw,omitempty"`
	Base64 []byte    `json:"raw_base64,omitempty"`
}

// Config says where the file is. Path is required.
type Config struct {
	Path string
	// MaxSize is how long the file may get, in bytes. Defaults to [DefaultMaxSize].
	MaxSize int64
	// Now is the clock. Defaults to [time.Now].
	Now func() time.Time
}

// File is a [hunt.DeadLetters]. It is safe for concurrent use, and several processes can share a path: each line is written at once. The
// file is made, for its owner alone, with the first record.
type File struct {
	cfg Config
	mu  sync.Mutex
}

var _ hunt.DeadLetters = (*File)(nil)

// New checks the configuration. It touches no file.
func New(cfg Config) (*File, error) {
	if cfg.Path == "" {
		return nil, errors.New("deadletter: Config.Path is missing")
	}
	if cfg.MaxSize < 0 {
		return nil, errors.New("deadletter: Config.MaxSize must not be negative")
	}
	if cfg.MaxSize == 0 {
		cfg.MaxSize = DefaultMaxSize
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &File{cfg: cfg}, nil
}

// Put appends a record and waits until it is on the disk. The error is [ErrFull] where there is no room for it.
func (f *File) Put(ctx context.Context, run string, bad hunt.BadRecord) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	line, err := f.line(run, bad)
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.append(line); err != nil && !errors.Is(err, ErrFull) {
		return fmt.Errorf("deadletter: %w", err)
	} else if err != nil {
		return err
	}
	return nil
}

func (f *File) line(run string, bad hunt.BadRecord) ([]byte, error) {
	digest := sha256.Sum256(bad.Raw)
	l := Letter{
		Time: f.cfg.Now().UTC(), Run: run, Source: bad.Source, Start: bad.Window.Start.UTC(), End: bad.Window.End.UTC(),
		Reason: bad.Reason, SHA256: hex.EncodeToString(digest[:]),
	}
	raw := bad.Raw
	if len(raw) > MaxRaw {
		raw, l.Cut = raw[:MaxRaw], true
	}
	if utf8.Valid(raw) {
		l.Raw = string(raw)
	} else {
		l.Base64 = raw
	}
	line, err := json.Marshal(l)
	return append(line, '\n'), err
}

func (f *File) append(line []byte) (err error) {
	file, err := os.OpenFile(f.cfg.Path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size()+int64(len(line)) > f.cfg.MaxSize {
		return fmt.Errorf("%w: %s has %d bytes; look at it and move it away", ErrFull, f.cfg.Path, info.Size())
	}
	if torn(file, info.Size()) {
		line = append([]byte{'\n'}, line...)
	}
	if _, err := file.Write(line); err != nil {
		return err
	}
	return file.Sync()
}

// torn tells whether the last line was not written to its end.
func torn(file *os.File, size int64) bool {
	last := make([]byte, 1)
	if size == 0 {
		return false
	}
	_, err := file.ReadAt(last, size-1)
	return err == nil && last[0] != '\n'
}

// Summary is what a file has in it.
type Summary struct {
	// Records counts the distinct records.
	Records int
	// Torn counts the lines that cannot be read.
	Torn int
	// Newest is when the last record was kept, zero if there is none.
	Newest time.Time
	// Last is the reason of that.
	Last string
}

// Read tells what is in a file. One that does not exist has nothing in it.
func Read(path string) (Summary, error) {
	var s Summary
	file, err := os.Open(path) // #nosec G304 -- the path is the caller's
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("deadletter: %w", err)
	}
	defer func() { _ = file.Close() }()
	seen := make(map[string]bool)
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			s.add(line, seen)
		}
		switch {
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil:
			return s, fmt.Errorf("deadletter: %w", err)
		}
	}
}

func (s *Summary) add(line []byte, seen map[string]bool) {
	var l Letter
	if json.Unmarshal(line, &l) != nil || l.SHA256 == "" {
		s.Torn++
		return
	}
	if !seen[l.SHA256] {
		seen[l.SHA256] = true
		s.Records++
	}
	if !l.Time.Before(s.Newest) {
		s.Newest, s.Last = l.Time, l.Reason
	}
}

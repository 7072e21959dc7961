package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/DeRuina/timberjack"
)

// logConfig says where the log goes.
type logConfig struct {
	// file is empty for standard error.
	file  string
	level slog.Level
	json  bool
	// size is how large the file may grow before it is put aside, in bytes, and backups how many of those are kept.
	size    int64
	backups int
}

func (p *parser) logging() logConfig {
	c := logConfig{backups: p.number("logging", "backups", 1, 1000)}
	if name := p.v.get("logging", "filename"); !strings.EqualFold(name, "stderr") && name != "-" {
		c.file = p.v.path(name)
	}
	if err := c.level.UnmarshalText([]byte(pythonLevel(p.v.get("logging", "level")))); err != nil {
		p.fail("logging", "level", "want DEBUG, INFO, WARNING or ERROR")
	}
	switch format := strings.ToLower(p.v.get("logging", "format")); format {
	case "text", "json":
		c.json = format == "json"
	default:
		p.fail("logging", "format", "want text or json")
	}
	var err error
	if c.size, err = parseSize(p.v.get("logging", "max_size")); err != nil {
		p.fail("logging", "max_size", "%w", err)
	} else if c.size < 1e6 {
		p.fail("logging", "max_size", "want at least 1MB")
	}
	return c
}

// openLog opens the log: a file for appending that only its owner can read, or standard error.
func openLog(cfg logConfig, stderr io.Writer) (*slog.Logger, func(), error) {
	out, end := stderr, func() {}
	if cfg.file != "" {
		f := &logFile{cfg: cfg}
		if err := f.open(); err != nil {
			return nil, nil, fmt.Errorf("logging.filename: %w", err)
		}
		out, end = f, func() { _ = f.Close() }
	}
	options := &slog.HandlerOptions{Level: cfg.level}
	if cfg.json {
		return slog.New(slog.NewJSONHandler(out, options)), end, nil
	}
	return slog.New(slog.NewTextHandler(out, options)), end, nil
}

// logFile is a log that is put aside when it has grown. Every line is appended, so that several programs can write to the same file; one
// that still has a file that another has put aside goes on in that until it is full.
type logFile struct {
	cfg  logConfig
	mu   sync.Mutex
	f    *os.File
	size int64
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.cfg.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size = f, info.Size()
	return nil
}

// Write appends a line.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(line)) > l.cfg.size {
		l.putAside()
	}
	n, err := l.f.Write(line)
	l.size += int64(n)
	return n, err
}

// putAsideAt names what is put aside, so fine that no two files of one log get the same name.
const putAsideAt = "2006-01-02T15-04-05.000000000"

// putAside gives the file another name, and removes the oldest of those. Where that fails the file grows on: a log must not stop a hunt.
func (l *logFile) putAside() {
	info, err := os.Stat(l.cfg.file)
	if err == nil && info.Size() < l.size { // another program has put it aside
		l.reopen()
		return
	}
	old := &timberjack.Logger{Filename: l.cfg.file, MaxBackups: l.cfg.backups, FileMode: 0o600, BackupTimeFormat: putAsideAt}
	if err := errors.Join(old.Rotate(), old.Close()); err == nil {
		l.reopen()
	}
}

func (l *logFile) reopen() {
	before := l.f
	if l.open() == nil {
		_ = before.Close() // whatever it says, the lines go elsewhere now
	}
}

// Close closes the file.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}

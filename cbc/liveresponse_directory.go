package cbc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// FileInfo is a line of a directory's list.
type FileInfo struct {
	// Name is the name without its directory.
	Name string
	// ShortName is the name of eight letters and an extension that Windows may have for it besides.
	ShortName string
	// Attributes are the vendor's words, such as "DIRECTORY", "ARCHIVE", "HIDDEN", "SYSTEM" or "READONLY". The set is open.
	Attributes []string
	// Size is the size in bytes.
	Size int64
	// Created, Accessed and Modified have the precision of a second; zero if the sensor does not say.
	Created, Accessed, Modified time.Time
}

// IsDir tells whether it is a directory. A link to one can be both.
func (f FileInfo) IsDir() bool { return f.has("DIRECTORY") }

// IsLink tells whether it stands for something elsewhere, as a reparse point of Windows or a symbolic link, so far as the sensor
// says.
func (f FileInfo) IsLink() bool {
	return f.has("REPARSE_POINT", "REPARSEPOINT", "REPARSE", "SYMLINK", "SYMBOLIC_LINK", "LINK", "JUNCTION")
}

func (f FileInfo) has(words ...string) bool {
	return slices.ContainsFunc(f.Attributes, func(a string) bool {
		a = strings.TrimPrefix(strings.ReplaceAll(strings.ToUpper(a), " ", "_"), "FILE_ATTRIBUTE_")
		return slices.Contains(words, a)
	})
}

type wireFile struct {
	Name       string   `json:"filename"`
	ShortName  string   `json:"alternate_name"`
	Attributes []string `json:"attributes"`
	Size       int64    `json:"size"`
	Created    stamp    `json:"create_time"`
	Accessed   stamp    `json:"last_access_time"`
	Modified   stamp    `json:"last_write_time"`
}

func (w wireFile) info() FileInfo {
	return FileInfo{
		Name: w.Name, ShortName: w.ShortName, Attributes: w.Attributes, Size: max(w.Size, 0),
		Created: w.Created.Time, Accessed: w.Accessed.Time, Modified: w.Modified.Time,
	}
}

// ListDirectory lists a directory, or what fits a pattern if the last name of the path has a wildcard, as in `C:\Temp\*.exe`. The
// entries "." and ".." are left out, the others sorted by name. The vendor lists the contents of a path only if a separator is at
// its end, which is added where it is missing. On other systems than Windows a directory whose name has an asterisk or a question
// mark cannot be listed. What does not exist, and a pattern that nothing fits, are a [*CommandError] with [ErrFileNotFound].
// ListDirectory needs org.liveresponse.file (READ) and org.liveresponse.session (READ).
func (s *Session) ListDirectory(ctx context.Context, path string) ([]FileInfo, error) {
	const op = "live_response.list_directory"
	if err := checkDevicePath(op, path); err != nil {
		return nil, err
	}
	if !wild(base(path)) {
		path = join(path, "")
	}
	last, err := s.run(ctx, order{op: op, limit: s.opts.CommandTimeout, repeatable: true, body: orderBody{Name: commandListDirectory, Path: path}})
	if err != nil {
		return nil, err
	}
	return last.listing(separators(path))
}

// listing are the entries of a list. A name that leads elsewhere is none.
func (w wireCommand) listing(seps string) ([]FileInfo, error) {
	const op = "live_response.list_directory"
	files := make([]FileInfo, 0, len(w.Files))
	for _, f := range w.Files {
		switch {
		case f.Name == "." || f.Name == "..":
			continue
		case f.Name == "" || strings.ContainsAny(f.Name, seps+"\x00"):
			return nil, answerError(op, 200, nil, fmt.Errorf("an entry with the name %q", printable(f.Name)))
		}
		files = append(files, f.info())
	}
	slices.SortFunc(files, func(a, b FileInfo) int { return cmp.Compare(a.Name, b.Name) })
	return files, nil
}

func wild(name string) bool { return strings.ContainsAny(name, "*?") }

// WalkOptions bound a walk.
type WalkOptions struct {
	// MaxDepth is how many levels are listed: 1 is for the directory itself. Defaults to 64, at which a circle of links comes to
	// its end that a sensor does not show as links.
	MaxDepth int
	// Skip keeps the walk out of the directories for which it is true; they are yielded all the same. Defaults to none.
	Skip func(WalkEntry) bool
}

// WalkEntry is something that a walk came across.
type WalkEntry struct {
	// Path is the whole path on the device.
	Path string
	// Depth is 1 for what lies in the directory that the walk began with.
	Depth int
	FileInfo
}

// Walk goes through a directory and what is under it, in the order of the names, a directory before its contents. Links are yielded
// and not followed.
//
// A directory that cannot be listed is yielded once more, as its path alone with the [*CommandError], and the walk goes on: unlike
// other sequences this one can have more than one error. What ends it is an error of another kind, such as that of ctx or
// [ErrSessionEnded], which is the last. Each directory takes a command, and a session takes 250 of them: see OpenOptions.Replace.
// Walk needs org.liveresponse.file (READ) and org.liveresponse.session (READ).
func (s *Session) Walk(ctx context.Context, root string, opts WalkOptions) iter.Seq2[WalkEntry, error] {
	if opts.MaxDepth <= 0 {
		opts.MaxDepth = 64
	}
	return func(yield func(WalkEntry, error) bool) {
		if wild(base(root)) {
			yield(WalkEntry{Path: root}, fmt.Errorf("cbc: live_response.walk: %q is a pattern and not a directory", root))
			return
		}
		s.walk(ctx, WalkEntry{Path: root}, opts, yield)
	}
}

// walk lists a directory and those under it, and tells whether to go on.
func (s *Session) walk(ctx context.Context, dir WalkEntry, opts WalkOptions, yield func(WalkEntry, error) bool) bool {
	files, err := s.listForWalk(ctx, dir)
	if err != nil {
		return yield(WalkEntry{Path: dir.Path, Depth: dir.Depth}, err) && passable(ctx, err)
	}
	for _, f := range files {
		entry := WalkEntry{Path: join(dir.Path, f.Name), Depth: dir.Depth + 1, FileInfo: f}
		if !yield(entry, nil) {
			return false
		}
		deeper := f.IsDir() && !f.IsLink() && entry.Depth < opts.MaxDepth && (opts.Skip == nil || !opts.Skip(entry))
		if deeper && !s.walk(ctx, entry, opts, yield) {
			return false
		}
	}
	return true
}

// errPattern is why a directory cannot be listed whose name the sensor would take for a pattern.
var errPattern = errors.New("the name has a wildcard")

func (s *Session) listForWalk(ctx context.Context, dir WalkEntry) ([]FileInfo, error) {
	if wild(dir.Name) {
		return nil, fmt.Errorf("cbc: live_response.walk: device %d: %q cannot be listed: %w", s.DeviceID, dir.Path, errPattern)
	}
	return s.ListDirectory(ctx, dir.Path)
}

// passable tells whether an error is about one directory and not about the session.
func passable(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, ErrSessionEnded) {
		return false
	}
	if errors.Is(err, errPattern) || errors.Is(err, ErrCommandTooLarge) {
		return true
	}
	e, ok := errors.AsType[*CommandError](err)
	return ok && (e.cause == nil || errors.Is(e.cause, errTooSlow))
}

// CreateDirectory makes a directory in one that exists. One that is there already is a [*CommandError] with [ErrExists], a parent
// that is not there one with [ErrFileNotFound]. It is never repeated by itself. It needs org.liveresponse.file (CREATE, READ) and
// org.liveresponse.session (READ).
func (s *Session) CreateDirectory(ctx context.Context, path string) error {
	const op = "live_response.create_directory"
	if err := checkDevicePath(op, path); err != nil {
		return err
	}
	_, err := s.run(ctx, order{op: op, limit: s.opts.CommandTimeout, body: orderBody{Name: commandCreateDirectory, Path: path}})
	return err
}

// CreateDirectories makes a directory and those on the way to it that are missing. One that is there already is no error; a file in
// its place is one with [ErrExists]. It needs what [Session.CreateDirectory] and [Session.ListDirectory] need.
func (s *Session) CreateDirectories(ctx context.Context, path string) error {
	err := s.CreateDirectory(ctx, path)
	switch {
	case errors.Is(err, ErrExists):
		if _, listed := s.ListDirectory(ctx, path); listed != nil {
			return err // a file
		}
		return nil
	case !errors.Is(err, ErrFileNotFound):
		return err
	}
	up, ok := parent(path)
	if !ok {
		return err
	}
	if err := s.CreateDirectories(ctx, up); err != nil {
		return err
	}
	if err := s.CreateDirectory(ctx, path); !errors.Is(err, ErrExists) {
		return err
	}
	return nil // somebody else was faster
}

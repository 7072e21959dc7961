package sqlitededupe

import (
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What can be wrong with the file. The file is never changed then.
var (
	// ErrForeign means that the file is no SQLite database, or the database of some other program.
	ErrForeign = errors.New("not a ledger")
	// ErrDamaged means that SQLite cannot make sense of the file any more.
	ErrDamaged = errors.New("the ledger is damaged: restore it from a backup, or move it away to begin with an empty one")
	// ErrLocked means that another process kept the file locked for longer than five seconds.
	ErrLocked = errors.New("another process keeps the ledger locked")
	// ErrReadOnly means that the file, or the directory that its companions need, cannot be written.
	ErrReadOnly = errors.New("the ledger cannot be written")
	// ErrFull means that the disk is full.
	ErrFull = errors.New("the disk of the ledger is full")
	// ErrDisk means that the system could not read or write the file: the disk may have no room for it, or fail.
	ErrDisk = errors.New("the disk of the ledger has no room for it, or fails")
)

// fileError is an error that names the file, so that it is named once.
type fileError struct {
	path      string
	kind, err error
}

func (e *fileError) Error() string {
	if e.kind == nil {
		return e.path + ": " + e.err.Error()
	}
	return e.path + ": " + e.kind.Error() + ": " + e.err.Error()
}

func (e *fileError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.err}
	}
	return []error{e.kind, e.err}
}

// explain names the file in an error of SQLite, and puts the codes that an operator can do something about into words.
func explain(path string, err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	if _, named := errors.AsType[*fileError](err); named {
		return err
	}
	e := &fileError{path: path, err: err}
	switch failure.Code() & 0xff { // the lower byte is the primary code
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		e.kind = ErrDamaged
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		e.kind = ErrLocked
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		e.kind = ErrReadOnly
	case sqlite3.SQLITE_FULL:
		e.kind = ErrFull
	case sqlite3.SQLITE_IOERR:
		e.kind = ErrDisk
	}
	return e
}

// refuse says what is wrong with a file in words of our own.
func refuse(path string, kind error, what string) error {
	return &fileError{path: path, kind: kind, err: errors.New(what)}
}

// code is the extended result code of SQLite in err, 0 if there is none.
func code(err error) int {
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		return failure.Code()
	}
	return 0
}

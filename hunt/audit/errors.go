package audit

import (
	"errors"
	"fmt"
)

var (
	// ErrNotLog means that a file is there and is no audit log. It was not touched.
	ErrNotLog = errors.New("not an audit log")
	// ErrReplaced means that the path of an open log leads to another file now, or to none: somebody moved or deleted it.
	ErrReplaced = errors.New("the file was moved or deleted")
	// ErrLocked means that another process kept the log for too long. Nothing was written.
	ErrLocked = errors.New("another process keeps the log")
	// ErrClosed means that the log was closed.
	ErrClosed = errors.New("the log is closed")
)

// Kind is a way in which a log is not what was written.
type Kind string

// The kinds of breaks.
const (
	// KindAltered is a line whose content is not what its hash was made of.
	KindAltered Kind = "altered"
	// KindMissing is a line that is gone, or several: the next one does not follow.
	KindMissing Kind = "missing"
	// KindOrder is a line in the wrong place, or there twice.
	KindOrder Kind = "out of order"
	// KindReplaced is a line that is whole by itself and is not the one that was here: it does not follow from the line before, or is
	// not the one that was noted.
	KindReplaced Kind = "replaced"
	// KindCut is a line without its end, and no entry behind it that says so. A process that died in the middle of its last write leaves
	// a log like that; the next [Log.Append] says so.
	KindCut Kind = "cut"
	// KindForeign is a line that this package does not write.
	KindForeign Kind = "foreign"
	// KindNotJSON is a line that is not even JSON.
	KindNotJSON Kind = "not JSON"
)

// BreakError is where the chain breaks. Everything before it is as it was written.
type BreakError struct {
	// Line counts from 1. It is 0 where the lines before were not read.
	Line int
	// Offset is the place in bytes at which the line begins.
	Offset int64
	// Seq is the number of the entry that should be here.
	Seq uint64
	// Kind is how it breaks.
	Kind Kind
	// Detail says it in a sentence. It has nothing of the line in it.
	Detail string
}

func (e *BreakError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("audit: byte %d: %s: %s", e.Offset, e.Kind, e.Detail)
	}
	return fmt.Sprintf("audit: line %d (byte %d): %s: %s", e.Line, e.Offset, e.Kind, e.Detail)
}

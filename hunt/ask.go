package hunt

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Ask is what a run wants of a [Source], and where the source tells what is no indicator. Functions that are nil are not called; the
// methods know that.
type Ask struct {
	// Window is what is asked about. With the zero window a source that remembers where it was goes on from there; one that does not
	// takes what it has.
	Window Window
	// OnLeft is told of parts of mails that are no indicator.
	OnLeft func(LeftAlone)
	// OnBad is told of records that cannot be read. The run goes on behind them.
	OnBad func(BadRecord)
	// OnCleared is told of files whose verdict was taken back, as far as the source knows. The hunt asks before it believes it.
	OnCleared func(SHA256)
	// OnHole is told of time that cannot be asked about any more.
	OnHole func(Window)
	// OnRead is told of each window that was read to its end, after everything in it was yielded. It returns nil once all of that
	// outlives this process. Only then a source may remember that it is behind the window; it goes on either way.
	OnRead func(context.Context, Window) error
}

// Left tells of something that is no indicator.
func (a Ask) Left(l LeftAlone) {
	if a.OnLeft != nil {
		a.OnLeft(l)
	}
}

// Bad tells of a record that cannot be read.
func (a Ask) Bad(r BadRecord) {
	if a.OnBad != nil {
		a.OnBad(r)
	}
}

// Cleared tells of a file whose verdict was taken back.
func (a Ask) Cleared(file SHA256) {
	if a.OnCleared != nil {
		a.OnCleared(file)
	}
}

// Hole tells of time that cannot be asked about any more.
func (a Ask) Hole(w Window) {
	if a.OnHole != nil {
		a.OnHole(w)
	}
}

// Read tells that a window was read to its end, and is [ErrNotKept] if nobody wants to know.
func (a Ask) Read(ctx context.Context, w Window) error {
	if a.OnRead == nil {
		return ErrNotKept
	}
	return a.OnRead(ctx, w)
}

// ErrNotKept means that nobody remembers what a source yields beyond this run, such as in a dry run or without a [Backlog]. The source
// must not remember either that it was read.
var ErrNotKept = errors.New("hunt: nothing is remembered of this run")

// Cursors remember where sources are, for those that need it.
type Cursors interface {
	// Cursor returns what was kept last under a name, and nothing if nothing was.
	Cursor(ctx context.Context, name string) ([]byte, error)
	// MoveCursor replaces what Cursor has returned. It reports false, and changes nothing, if somebody else has done so meanwhile.
	MoveCursor(ctx context.Context, name string, from, to []byte) (moved bool, err error)
}

// BadRecord is a record of a source that cannot be read.
type BadRecord struct {
	// Source names where it came from, such as the operation of a service.
	Source string
	// Window is what was asked about when it came.
	Window Window
	// Raw is the record as it came. It has words of its sender in it, and must be shown to nobody unescaped.
	Raw []byte
	// Reason says what is wrong with it.
	Reason string
}

// DeadLetters keep the records that could not be read, for a person to look at.
type DeadLetters interface {
	Put(ctx context.Context, run string, bad BadRecord) error
}

// BadRecordsError counts the records of a run that could not be read. There may have been condemned files in them.
type BadRecordsError struct{ Count int }

// Error counts them.
func (e *BadRecordsError) Error() string {
	if e.Count == 1 {
		return "hunt: a record could not be read, and may have had a condemned file in it"
	}
	return fmt.Sprintf("hunt: %d records could not be read, and may have had condemned files in them", e.Count)
}

// HoleError is time that was not asked about and cannot be any more. What was condemned in it is not hunted.
type HoleError struct{ Window Window }

// Error tells the exact bounds.
func (e *HoleError) Error() string {
	return fmt.Sprintf("hunt: what was condemned from %s to %s was never asked for, and cannot be any more",
		e.Window.Start.UTC().Format(time.RFC3339), e.Window.End.UTC().Format(time.RFC3339))
}

// SearchError is a search that was not completed for some files. It says nothing about the others.
type SearchError struct {
	Hashes []SHA256
	Err    error
}

// Error is the text of what went wrong.
func (e *SearchError) Error() string { return e.Err.Error() }

// Unwrap is what went wrong.
func (e *SearchError) Unwrap() error { return e.Err }

// Expander names files that belong to the same threat, such as what a sandbox saw a condemned file drop. They get [Indicator.Of] and
// the threat, and are hunted as [Config.ActOnSecondStage] says. It is asked about each file that a source condemns, again a day later,
// when the sandbox may know more, and with each search as long as it fails. An [ErrLater] is no failure of the run. Files can come
// together with an error.
type Expander interface {
	Expand(ctx context.Context, ind Indicator) ([]Indicator, error)
}

// ErrLater is the error of an [Expander] that does not answer now because its calls for today are used up.
var ErrLater = errors.New("hunt: not now: the calls for today are used up")

// ExpanderFunc adapts a function to an [Expander].
type ExpanderFunc func(context.Context, Indicator) ([]Indicator, error)

// Expand calls f.
func (f ExpanderFunc) Expand(ctx context.Context, ind Indicator) ([]Indicator, error) {
	return f(ctx, ind)
}

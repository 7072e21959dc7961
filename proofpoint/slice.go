package proofpoint

import (
	"errors"
	"fmt"
	"time"
)

// SliceMargin is how far inside of [LookBack] a [Slicing] stays unless it is told otherwise: windows age while others are asked for.
const SliceMargin = 15 * time.Minute

// SliceOptions say how a span of time is cut into windows.
type SliceOptions struct {
	// Size is the length of the windows, in whole seconds from [MinWindow] to [MaxWindow]. Defaults to [MaxWindow], for the fewest
	// calls. Smaller windows help where an hour is too much for the service.
	Size time.Duration
	// LookBack is how long ago the first window may begin. Defaults to [LookBack] less [SliceMargin].
	LookBack time.Duration
}

// Slicing is a span of time cut into windows that the service takes.
type Slicing struct {
	// Windows are the pieces, oldest first. Each begins where the one before it ends, except that the last is never too short: it
	// may begin earlier, up to [MinWindow] before its end, so that records can be in both.
	Windows []Window
	// TooOld is what cannot be asked for any more: it is before all windows. The zero value means that nothing is.
	TooOld Window
	// NotYet is what cannot be asked for yet: it is behind all windows. The zero value means that nothing is.
	NotYet Window
}

// Slice cuts the window, which may have any length, into windows that the service takes at the time now. Its ends are cut to whole
// seconds first. Together, TooOld, the windows and NotYet have all of it.
func (w Window) Slice(now time.Time, o SliceOptions) (Slicing, error) {
	if err := o.normalize(); err != nil {
		return Slicing{}, fmt.Errorf("proofpoint: slice: %w", err)
	}
	w = w.whole()
	if w.Start.IsZero() || w.End.IsZero() || w.End.Before(w.Start) {
		return Slicing{}, errors.New("proofpoint: slice: the window needs a start, and an end that is not before it")
	}
	var s Slicing
	// Whole seconds: the first that is young enough, and the last that is old enough.
	oldest := now.UTC().Add(-o.LookBack).Add(time.Second - 1).Truncate(time.Second)
	newest := now.UTC().Add(-Settled).Truncate(time.Second)
	todo := Window{Start: later(w.Start, oldest), End: earlier(w.End, newest)}
	if !todo.End.After(todo.Start) {
		todo = Window{}
	} else if short := todo.End.Add(-MinWindow); short.Before(todo.Start) && short.Before(oldest) {
		oldest, todo = todo.End, Window{} // what is left is too short, and cannot be lengthened
	}
	if w.Start.Before(oldest) && w.End.After(w.Start) {
		s.TooOld = Window{Start: w.Start, End: earlier(w.End, oldest)}
	}
	if w.End.After(newest) && w.End.After(w.Start) {
		s.NotYet = Window{Start: later(w.Start, newest), End: w.End}
	}
	for at := todo.Start; at.Before(todo.End); {
		piece := Window{Start: at, End: earlier(at.Add(o.Size), todo.End)}
		at = piece.End
		if piece.End.Sub(piece.Start) < MinWindow {
			piece.Start = piece.End.Add(-MinWindow)
		}
		s.Windows = append(s.Windows, piece)
	}
	return s, nil
}

func (o *SliceOptions) normalize() error {
	if o.Size == 0 {
		o.Size = MaxWindow
	}
	if o.LookBack == 0 {
		o.LookBack = LookBack - SliceMargin
	}
	var problems []error
	if o.Size < MinWindow || o.Size > MaxWindow || o.Size%time.Second != 0 {
		problems = append(problems, fmt.Errorf("the size must be in whole seconds from %s to %s, not %s", MinWindow, MaxWindow, o.Size))
	}
	if o.LookBack < Settled+MinWindow {
		problems = append(problems, fmt.Errorf("a look-back of %s has no room for a window", o.LookBack))
	}
	return errors.Join(problems...)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

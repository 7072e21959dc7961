package proofpoint

import (
	"errors"
	"fmt"
	"time"
)

// The service's rules for windows.
const (
	// MinWindow is the shortest window.
	MinWindow = 30 * time.Second
	// MaxWindow is the longest window.
	MaxWindow = time.Hour
	// Settled is how long ago a window must have ended.
	Settled = time.Minute
	// LookBack is how long ago a window may begin. A backfill should stay a quarter of an hour inside it: the windows age while
	// it works.
	LookBack = 7 * 24 * time.Hour
)

// Window is the span of time that a record was created in: from Start up to, and without, End. The service works with whole
// seconds, so fractions are cut off both ends; windows that touch still touch afterwards.
type Window struct {
	Start, End time.Time
}

// Check tells what is wrong with the window at the time now: [ErrTooShort], [ErrTooLong], [ErrStillCurrent], [ErrTooOld], or
// that it ends before it begins. Several problems are joined. The service may still see it otherwise, if the clocks differ.
func (w Window) Check(now time.Time) error {
	if err := w.check(now, LookBack); err != nil {
		return fmt.Errorf("proofpoint: window: %w", err)
	}
	return nil
}

func (w Window) check(now time.Time, lookBack time.Duration) error {
	if w.Start.IsZero() || w.End.IsZero() {
		return errors.New("the window needs a start and an end")
	}
	problems := []error{w.checkSpan(MaxWindow)}
	w = w.whole()
	switch age := now.Sub(w.End); {
	case age < 0:
		at := w.End.Format(time.RFC3339)
		problems = append(problems, fmt.Errorf("%w: it ends in the future, at %s", ErrStillCurrent, at))
	case age < Settled:
		ago := age.Truncate(time.Second)
		problems = append(problems, fmt.Errorf("%w: it must have ended a minute ago, and ended %s ago", ErrStillCurrent, ago))
	}
	if now.Sub(w.Start) > lookBack {
		at, days := w.Start.Format(time.RFC3339), lookBack.Hours()/24
		problems = append(problems, fmt.Errorf("%w: at %s, and the service looks back %.4g days", ErrTooOld, at, days))
	}
	return errors.Join(problems...)
}

// checkSpan looks at the length alone.
func (w Window) checkSpan(most time.Duration) error {
	if w.Start.IsZero() || w.End.IsZero() {
		return errors.New("the window needs a start and an end")
	}
	w = w.whole()
	switch span := w.End.Sub(w.Start); {
	case span < 0:
		return fmt.Errorf("the window ends %s before it begins", -span)
	case span < MinWindow:
		return fmt.Errorf("%w: it has %s", ErrTooShort, span)
	case span > most && most == MaxWindow:
		return fmt.Errorf("%w: it has %s", ErrTooLong, span)
	case span > most:
		return &tooLongError{span: span, most: most}
	}
	return nil
}

// whole cuts the ends to whole seconds in UTC.
func (w Window) whole() Window {
	return Window{Start: w.Start.UTC().Truncate(time.Second), End: w.End.UTC().Truncate(time.Second)}
}

// interval is the window as the service reads it.
func (w Window) interval() string {
	w = w.whole()
	return w.Start.Format(time.RFC3339) + "/" + w.End.Format(time.RFC3339)
}

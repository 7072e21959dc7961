package proofpointhunt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// DebtError means that older windows could not be read in this run, because that would have cost calls that the present needs. The next
// runs go on with them.
type DebtError struct {
	// Windows are what is left, oldest first.
	Windows []hunt.Window
}

// Error tells how much is left.
func (e *DebtError) Error() string {
	var left time.Duration
	for _, w := range e.Windows {
		left += w.End.Sub(w.Start)
	}
	return fmt.Sprintf("proofpointhunt: %s since %s are not read yet: the calls that are left today are kept for what comes now",
		left.Round(time.Minute), e.Windows[0].Start.Format(time.RFC3339))
}

// follow reads what was not read yet, the present first.
func (r *reading) follow(ctx context.Context) error {
	r.loadQuota(ctx)
	place, err := r.load(ctx)
	if place == nil {
		return err
	}
	problems := []error{err}
	if err := r.open(place.cursor); err != nil {
		return fmt.Errorf("proofpointhunt: the cursor: %w", err)
	}
	defer r.keepQuota(ctx)
	end := r.now.Add(-max(r.s.options.Delta, proofpoint.Settled)).Truncate(time.Second)
	if err := place.start(end, r.s.options); err != nil {
		return err
	}
	place.age(r.now, r.ask.Hole)
	done := func(w proofpoint.Window) error { return r.done(ctx, place, w) }
	if w, ok := place.present(end); ok {
		err := r.halving(ctx, w, done)
		problems = append(problems, err)
		if r.over(ctx, err) {
			return errors.Join(problems...)
		}
	}
	failed := 0
	for old := place.old(r.now); len(old) > 0 && failed < mostFailed; old = old[1:] {
		if r.short() {
			problems = append(problems, debtError(old))
			break
		}
		err := r.halving(ctx, old[0], done)
		problems = append(problems, err)
		if failed++; err == nil {
			failed = 0
		}
		if r.over(ctx, err) && !outOfOrder(err) {
			break
		}
	}
	return errors.Join(problems...)
}

// mostFailed is how many windows in a row may fail before the service is taken to be out of order. A single one that always does must
// not keep those behind it from being read.
const mostFailed = 3

func debtError(windows []proofpoint.Window) error {
	e := new(DebtError)
	for _, w := range windows {
		e.Windows = append(e.Windows, hunt.Window(w))
	}
	return e
}

// short tells whether the calls that are left today are kept for the present.
func (r *reading) short() bool {
	if r.s.options.Quota == nil {
		return false
	}
	for _, u := range r.s.options.Quota.Usage(r.now) {
		if u.Bucket != proofpoint.BucketSIEM || u.Limit == proofpoint.NoLimit {
			continue
		}
		reserve := r.s.options.Reserve
		if reserve == 0 {
			reserve = u.Limit / 4
		}
		return u.Left() <= reserve
	}
	return false
}

// load reads where the last run was. A place that cannot be read comes with the error, as one that was never moved; no place at all means
// that nobody can be asked.
func (r *reading) load(ctx context.Context) (*place, error) {
	place := new(place)
	if r.s.options.Cursors == nil {
		return place, nil
	}
	text, err := r.s.options.Cursors.Cursor(ctx, r.s.cursorName())
	if err != nil {
		return nil, fmt.Errorf("proofpointhunt: %w", err)
	}
	if err := place.read(text); err != nil {
		fresh := newPlace(text)
		return fresh, fmt.Errorf("proofpointhunt: the cursor %s cannot be read, and reading begins as in a first run: %w", r.s.cursorName(), err)
	}
	return place, nil
}

// loadQuota goes on counting where the last process ended.
func (r *reading) loadQuota(ctx context.Context) {
	q := r.s.options.Quota
	if q == nil || r.s.options.Cursors == nil {
		return
	}
	for _, u := range q.Usage(r.now) {
		if u.Used > 0 {
			return // this process has counted itself
		}
	}
	if text, err := r.s.options.Cursors.Cursor(ctx, r.s.quotaName()); err == nil && len(text) > 0 {
		_ = q.UnmarshalText(text) // what was counted is a help: the service counts itself
	}
}

// pause reports whether it was not interrupted. Another run needs a moment to write down where it is.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// cursorName has the feed in it: what was read of one says nothing about another.
func (s *Source) cursorName() string { return s.options.Name + "/" + string(s.feed()) }

func (s *Source) quotaName() string { return s.options.Name + quotaSuffix }

func (r *reading) keepQuota(ctx context.Context) {
	q := r.s.options.Quota
	if q == nil || r.s.options.Cursors == nil {
		return
	}
	if err := r.ask.Read(ctx, hunt.Window{}); err != nil { // a dry run keeps nothing
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	text, err := q.MarshalText()
	if err != nil {
		return
	}
	// Of two runs at once one is counted: the service counts both.
	if before, err := r.s.options.Cursors.Cursor(ctx, r.s.quotaName()); err == nil && !bytes.Equal(before, text) {
		_, _ = r.s.options.Cursors.MoveCursor(ctx, r.s.quotaName(), before, text)
	}
}

// done remembers that a window was read, if everything in it outlives this process. Where another run has moved the cursor meanwhile,
// what this one has read is taken off what that one left.
func (r *reading) done(ctx context.Context, place *place, w proofpoint.Window) error {
	place.took(w)
	err := r.ask.Read(ctx, hunt.Window(w))
	if r.s.options.Cursors == nil || err != nil {
		return nil //nolint:nilerr // the hunt knows what it could not keep; the next run reads the window again
	}
	r.poller.Forget(place.Next.Add(-r.s.options.LookBack))
	for try := range 10 {
		if try > 0 && !pause(ctx, time.Duration(try)*20*time.Millisecond) {
			break
		}
		place.cursor = r.poller.Cursor()
		to, err := place.text()
		if err != nil {
			return fmt.Errorf("proofpointhunt: the cursor: %w", err)
		}
		moved, err := r.s.options.Cursors.MoveCursor(ctx, r.s.cursorName(), place.stored, to)
		if err != nil {
			return fmt.Errorf("proofpointhunt: %w", err)
		}
		if moved {
			place.stored = to
			return nil
		}
		theirs, err := r.load(ctx)
		if theirs == nil {
			return err
		}
		if err := theirs.start(place.Next, r.s.options); err != nil {
			return err
		}
		for _, w := range place.taken {
			theirs.took(w)
		}
		theirs.cursor = place.cursor
		*place = *theirs
	}
	return errors.New("proofpointhunt: other runs move the cursor all the time; this one reads its window again next time")
}

package proofpointhunt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// reading is one answer to an ask.
type reading struct {
	s       *Source
	ask     hunt.Ask
	yield   func(hunt.Indicator, error) bool
	now     time.Time
	poller  *proofpoint.Poller
	window  proofpoint.Window
	stopped bool
	bad     int // records that nobody else counts
}

// open makes the poller, which knows the records that were handed on.
func (r *reading) open(cursor proofpoint.Cursor) (err error) {
	r.poller, err = proofpoint.NewPoller(r.s.client, proofpoint.PollerConfig{
		Feed: r.s.feed(), Cursor: cursor, Changes: true,
		// What the service can filter is not filtered there: whether it drops single verdicts or whole messages is not documented, and a
		// verdict that was taken back has to be seen.
		ThreatStatuses: []proofpoint.ThreatStatus{
			proofpoint.StatusActive, proofpoint.StatusCleared, proofpoint.StatusFalsePositive,
		},
		OnMalformed: r.malformed, Relevant: r.relevant,
	})
	return err
}

// relevant leaves alone, undecoded, what cannot be about a file: clicks, and nine messages of ten.
func (r *reading) relevant(c proofpoint.Category, raw []byte) bool {
	if c == proofpoint.ClicksPermitted || c == proofpoint.ClicksBlocked {
		return false
	}
	g, ok := proofpoint.GlimpseOf(raw)
	if !ok || slices.ContainsFunc(g.Sandbox, proofpoint.SandboxThreat.Is) {
		return true
	}
	for _, t := range g.Types {
		if !t.Is(proofpoint.TypeURL) && !t.Is(proofpoint.TypeMessageText) {
			return true
		}
	}
	for _, t := range g.Types {
		r.ask.Left(hunt.LeftAlone{Reason: whyVoid(proofpoint.Threat{Type: t}, nil)})
	}
	return false
}

func (r *reading) malformed(m proofpoint.Malformed) {
	if r.ask.OnBad == nil {
		r.bad++
	}
	r.ask.Bad(hunt.BadRecord{Source: "proofpoint " + string(r.s.feed()), Window: hunt.Window(r.window), Raw: m.Raw, Reason: m.Err.Error()})
}

// span reads a window that was given, piece by piece. It moves no cursor.
func (r *reading) span(ctx context.Context, w proofpoint.Window) error {
	if err := spanned(w, r.now); err != nil {
		return err
	}
	if err := r.open(proofpoint.Cursor{}); err != nil {
		return err
	}
	slicing, err := w.Slice(r.now, proofpoint.SliceOptions{LookBack: proofpoint.LookBack})
	if err != nil {
		return fmt.Errorf("proofpointhunt: %w", err)
	}
	var problems []error
	for _, piece := range slicing.Windows {
		err := r.halving(ctx, piece, func(w proofpoint.Window) error {
			_ = r.ask.Read(ctx, hunt.Window(w)) // there is nothing to remember
			return nil
		})
		problems = append(problems, err)
		if r.over(ctx, err) {
			break
		}
	}
	return errors.Join(problems...)
}

// spanned tells what is wrong with a window of up to seven days.
func spanned(w proofpoint.Window, now time.Time) error {
	if w.Start.IsZero() || w.End.IsZero() || !w.End.After(w.Start) {
		return errors.New("proofpointhunt: the window needs a start, and an end that is behind it")
	}
	if w.End.Sub(w.Start) < proofpoint.MinWindow {
		return fmt.Errorf("proofpointhunt: %w", proofpoint.ErrTooShort)
	}
	// The bounds are those of a window at either end.
	first := proofpoint.Window{Start: w.Start, End: w.Start.Add(proofpoint.MinWindow)}
	last := proofpoint.Window{Start: w.End.Add(-proofpoint.MinWindow), End: w.End}
	if err := errors.Join(first.Check(now), last.Check(now)); err != nil {
		return fmt.Errorf("proofpointhunt: %w", err)
	}
	return nil
}

// mostHalvings bounds the calls for a window that fails: what fails still is left for the next run.
const mostHalvings = 2

// halving reads a window, and, where its answer breaks off, each half of it again: it may have been too much for the service. It calls done
// for each piece that was read to its end.
func (r *reading) halving(ctx context.Context, w proofpoint.Window, done func(proofpoint.Window) error) error {
	return r.halve(ctx, w, done, mostHalvings)
}

func (r *reading) halve(ctx context.Context, w proofpoint.Window, done func(proofpoint.Window) error, depth int) error {
	err := r.read(ctx, w)
	switch {
	case r.stopped:
		return nil
	case err == nil:
		return done(w)
	case depth == 0 || !brokeOff(err) || r.over(ctx, err):
		return err
	}
	mid := w.Start.Add(w.End.Sub(w.Start) / 2).Truncate(time.Second)
	if mid.Sub(w.Start) < proofpoint.MinWindow || w.End.Sub(mid) < proofpoint.MinWindow {
		return err
	}
	return errors.Join(
		r.halve(ctx, proofpoint.Window{Start: w.Start, End: mid}, done, depth-1),
		r.halve(ctx, proofpoint.Window{Start: mid, End: w.End}, done, depth-1),
	)
}

// brokeOff tells whether an answer began and did not come to its end, or took too long.
func brokeOff(err error) bool {
	var cut *proofpoint.IncompleteError
	return errors.As(err, &cut) || errors.Is(err, context.DeadlineExceeded)
}

// over tells whether there is no use in asking for another window now.
func (r *reading) over(ctx context.Context, err error) bool {
	if r.stopped || ctx.Err() != nil {
		return true
	}
	return err != nil && !brokeOff(err)
}

// outOfOrder tells whether the service failed at a window, which says little about another one.
func outOfOrder(err error) bool {
	var failed *proofpoint.APIError
	return errors.As(err, &failed) && failed.StatusCode >= http.StatusInternalServerError
}

// read hands on what is new in one window.
func (r *reading) read(ctx context.Context, w proofpoint.Window) error {
	r.window = w
	for polled, err := range r.poller.Read(ctx, w) {
		if err != nil {
			return err // it names package and operation already
		}
		if polled.Message != nil && !r.judge(*polled.Message) {
			r.stopped = true
			return nil
		}
	}
	return nil
}

func (r *reading) judge(m proofpoint.Message) bool {
	j := newCase(m, r.s.options.Classifications)
	for _, l := range j.left() {
		r.ask.Left(l)
	}
	for _, hash := range j.cleared() {
		r.ask.Cleared(hash)
	}
	for _, indicator := range j.condemned() {
		if !r.yield(indicator, nil) {
			return false
		}
	}
	return true
}

package nsx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

// refusalHolds is how long a refusal of the credentials answers for the manager. The vendor locks an account, for everybody who
// uses it, after five refusals in fifteen minutes.
const refusalHolds = 5 * time.Minute

// Calls that have the password in them can be refused all at once. So few of them are under way together, and after that many refusals
// the last of them answers until the vendor has forgotten the first.
const (
	mostRefusals  = 4
	refusalsCount = 15 * time.Minute
)

// trust keeps wrong passwords from being sent again and again. Until they are known to be good, one call is under way at a
// time. A nil trust lets everything through.
type trust struct {
	probe  chan struct{} // holds the right to be the one call
	places chan struct{} // of calls that have the password in them; nil if it goes out with the login alone

	mu       sync.Mutex
	proven   bool
	refusal  error
	since    time.Time
	refusals []time.Time // the last of them
	number   int         // of them
}

func newTrust() *trust { return &trust{probe: make(chan struct{}, 1)} }

// newPasswordTrust is for credentials that have the password in each call.
func newPasswordTrust() *trust {
	t := newTrust()
	t.places = make(chan struct{}, mostRefusals)
	return t
}

// enter waits until the credentials may be used. What it returns is told how the call ended.
func (t *trust) enter(ctx context.Context, op string) (leave func(error), err error) {
	if t == nil {
		return func(error) {}, nil
	}
	proven, err := t.state(op)
	if err != nil {
		return nil, err
	}
	turn := t.places
	if !proven {
		turn = t.probe
	}
	if turn != nil {
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("nsx: %s: %w", op, ctx.Err())
		}
		// Whoever had the right before may have found out.
		now, err := t.state(op)
		if err != nil || now != proven {
			<-turn
			if err != nil {
				return nil, err
			}
			return t.enter(ctx, op)
		}
	}
	number := t.refused()
	return func(err error) {
		t.learn(err, number)
		if turn != nil {
			<-turn
		}
	}, nil
}

// refused is how many refusals there were.
func (t *trust) refused() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.number
}

// state tells whether the credentials are known to be good, or returns the refusal that still holds.
func (t *trust) state(op string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	full := len(t.refusals) == mostRefusals && time.Since(t.refusals[0]) < refusalsCount
	if age := time.Since(t.since); t.refusal != nil && (age < refusalHolds || full) {
		return false, fmt.Errorf("nsx: %s: not tried, so that the account is not locked: the credentials were refused %s ago: %w",
			op, age.Round(time.Second), inner{t.refusal})
	}
	return t.proven, nil
}

// learn notes how a call ended. A success means that the manager knows the account, and so does an answer that it may not do
// this, or that there is no such thing. It says nothing of refusals after the call went out, which are those beyond a number.
func (t *trust) learn(err error, number int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if unrenewed, ok := errors.AsType[*rest.NotRenewedError](err); ok && !errors.Is(unrenewed.Err, ErrUnauthorized) {
		return // it was a session that was refused, and the account could not be asked about
	}
	_, answered := errors.AsType[*APIError](err)
	switch {
	case errors.Is(err, ErrUnauthorized):
		if t.refusal == nil || time.Since(t.since) >= refusalHolds {
			t.refusal, t.since = innermost(err), time.Now()
		}
		t.proven = false
		t.number++
		if t.places != nil {
			t.refusals = append(t.refusals, time.Now())
			t.refusals = t.refusals[max(len(t.refusals)-mostRefusals, 0):]
		}
	case number != t.number:
	case err == nil, errors.Is(err, ErrForbidden), answered && errors.Is(err, ErrNotFound):
		t.proven, t.refusal = true, nil
	}
}

// innermost is the answer itself, without what was said about it on the way.
func innermost(err error) error {
	if e, ok := errors.AsType[*APIError](err); ok {
		return e
	}
	return err
}

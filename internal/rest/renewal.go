package rest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Ticket is what signs attempts until it ends or is turned away.
type Ticket struct {
	// Sign sets the credentials on a request.
	Sign func(*http.Request)
	// Ends is when to fetch another one before it is used again. Zero means that it has no known end.
	Ends time.Time
}

// says tells whether two tickets sign alike: a call that was turned away with one will be with the other.
func (t *Ticket) says(other *Ticket) bool {
	mine, theirs := &http.Request{Header: http.Header{}}, &http.Request{Header: http.Header{}}
	t.Sign(mine)
	other.Sign(theirs)
	return maps.EqualFunc(mine.Header, theirs.Header, slices.Equal)
}

// Renewal fetches tickets when they are needed: before the first attempt, after the end of one, and after one was turned away. At
// most one fetch is under way at a time; who needs a ticket meanwhile waits for it. Its methods are what [Config] takes.
type Renewal struct {
	fetch  func(context.Context) (*Ticket, error)
	turned func(Answer) bool
	turn   chan struct{} // whoever holds it may fetch

	mu      sync.Mutex
	current *Ticket
}

// NewRenewal makes a renewal without a ticket. turned says whether an answer means that the ticket does not do any more; nil takes
// every 401 for that.
func NewRenewal(fetch func(context.Context) (*Ticket, error), turned func(Answer) bool) *Renewal {
	if turned == nil {
		turned = func(a Answer) bool { return a.Status == http.StatusUnauthorized }
	}
	return &Renewal{fetch: fetch, turned: turned, turn: make(chan struct{}, 1)}
}

// Authorize is for Config.Authorize.
func (r *Renewal) Authorize(ctx context.Context, req *http.Request) error {
	t := r.ticket()
	if t == nil || !t.Ends.IsZero() && !time.Now().Before(t.Ends) {
		var err error
		if t, err = r.next(ctx, t); err != nil {
			return err
		}
	}
	if f, ok := ctx.Value(flightKey{}).(*flight); ok {
		f.ticket = t // so that a refusal is not blamed on a newer one
	}
	t.Sign(req)
	return nil
}

// Rejected is for Config.Rejected.
func (r *Renewal) Rejected(ctx context.Context, a Answer) (renewed bool, err error) {
	f, ok := ctx.Value(flightKey{}).(*flight)
	if !ok || f.ticket == nil || !r.turned(a) {
		return false, nil
	}
	t, err := r.next(ctx, f.ticket)
	return err == nil && !t.says(f.ticket), err
}

// NotRenewedError says why credentials that were turned away could not be replaced. It follows the answer in the error of the call.
type NotRenewedError struct{ Err error }

func (e *NotRenewedError) Error() string {
	return fmt.Sprintf("the credentials could not be renewed: %v", e.Err)
}

// Unwrap returns Err.
func (e *NotRenewedError) Unwrap() error { return e.Err }

// Drop forgets the present ticket, if there is one, and returns it.
func (r *Renewal) Drop() *Ticket {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.current
	r.current = nil
	return t
}

func (r *Renewal) ticket() *Ticket {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// next fetches a ticket unless another goroutine has fetched one meanwhile: old is the one that does not do any more.
func (r *Renewal) next(ctx context.Context, old *Ticket) (*Ticket, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-r.turn }()
	if t := r.ticket(); t != nil && t != old {
		return t, nil
	}
	// What a call carries in its context is not the fetch's business: the fetch may be a call of the same kind.
	t, err := r.fetch(context.WithValue(ctx, flightKey{}, nil))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = t
	return t, nil
}

package nsx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/pphunt/pphunt/internal/rest"
)

const xsrfHeader = "X-Xsrf-Token"

// session holds the login of a client.
type session struct {
	door  *rest.Core // signs with the ticket that the context has, or for the login
	form  Credentials
	trust *trust
	turn  chan struct{} // whoever holds it may log in

	mu      sync.Mutex
	current *ticket
}

// ticket is what a login brought. It never changes.
type ticket struct {
	sign func(*http.Request)
}

// slip tells, within one call, which ticket it was made with, so that a refusal is not blamed on a newer one.
type slip struct{ used *ticket }

type (
	slipKey   struct{}
	ticketKey struct{}
)

// withTicket prepares the context of a call that the session signs.
func withTicket(ctx context.Context) context.Context {
	return context.WithValue(ctx, slipKey{}, new(slip))
}

func newSession(rc rest.Config, form Credentials, t *trust) (*session, error) {
	s := &session{form: form, trust: t, turn: make(chan struct{}, 1)}
	rc.Authorize = func(ctx context.Context, r *http.Request) error {
		if t, ok := ctx.Value(ticketKey{}).(*ticket); ok {
			t.sign(r)
		} else if form.sign != nil {
			form.sign(r)
		}
		return nil
	}
	var err error
	s.door, err = rest.New(rc)
	return s, err
}

// authorize signs an attempt, logging in before the first.
func (s *session) authorize(ctx context.Context, r *http.Request) error {
	t := s.ticket()
	if t == nil {
		var err error
		if t, err = s.login(ctx, nil); err != nil {
			return inner{err}
		}
	}
	if slip, ok := ctx.Value(slipKey{}).(*slip); ok {
		slip.used = t
	}
	t.sign(r)
	return nil
}

// rejected gets a new session if that is what an answer asks for. The caller sees to it that it does so once for a call.
func (s *session) rejected(ctx context.Context, a rest.Answer) bool {
	slip, ok := ctx.Value(slipKey{}).(*slip)
	if !ok || !loginNeeded(a.Status, codeOf(a.Body)) {
		return false
	}
	_, err := s.login(ctx, slip.used)
	return err == nil
}

func (s *session) ticket() *ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// login makes a session, unless another goroutine has made one meanwhile: old is the ticket that does not do any more.
func (s *session) login(ctx context.Context, old *ticket) (*ticket, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.turn }()
	if t := s.ticket(); t != nil && t != old {
		return t, nil
	}
	if _, err := s.trust.state("session.create"); err != nil {
		return nil, err
	}
	t, err := s.create(ctx)
	if err != nil {
		s.trust.learn(err)
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = t
	return t, nil
}

// create logs in. The form is url-encoded, or a plus in a password would arrive as a space.
//
//api:op POST /api/session/create
func (s *session) create(ctx context.Context) (*ticket, error) {
	const op = "session.create"
	res, err := s.door.Do(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Route: "/api/session/create", Form: s.form.form(),
		Repeatable: true, // a second session is harmless: the first ends by itself
	}, nil)
	if err != nil {
		return nil, err
	}
	answer := http.Response{Header: res.Header}
	var cookies []*http.Cookie
	found := false
	for _, c := range answer.Cookies() {
		// #nosec G124 -- it goes to the manager, which needs no attributes
		cookies = append(cookies, &http.Cookie{Name: c.Name, Value: c.Value, Quoted: c.Quoted})
		found = found || strings.EqualFold(c.Name, "JSESSIONID") && c.Value != ""
	}
	if !found {
		return nil, fmt.Errorf("nsx: %s: %w", op, errNoSession)
	}
	token := res.Header.Get(xsrfHeader)
	return &ticket{sign: func(r *http.Request) {
		for _, c := range cookies {
			r.AddCookie(c) // those of a load balancer too, which lead to the manager that knows the session
		}
		if token != "" {
			r.Header.Set(xsrfHeader, token)
		}
	}}, nil
}

var errNoSession = errors.New("the answer has no session in it: is this a manager, and are sessions allowed there?")

// destroy ends the session.
func (s *session) destroy(ctx context.Context) error {
	s.mu.Lock()
	t := s.current
	s.current = nil
	s.mu.Unlock()
	if t == nil {
		return nil
	}
	_, err := s.door.Do(context.WithValue(ctx, ticketKey{}, t), rest.Call{
		Op: "session.destroy", Method: http.MethodPost, Route: "/api/session/destroy",
		Repeatable: true, // what has ended stays so
	}, nil)
	if errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrNotFound) {
		return nil // it had ended
	}
	return err
}

// inner is an error of this package inside another one, whose text begins with the name of the package already.
type inner struct{ error }

func (e inner) Error() string { return strings.TrimPrefix(e.error.Error(), "nsx: ") }
func (e inner) Unwrap() error { return e.error }

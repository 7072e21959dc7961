package nsx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pphunt/pphunt/internal/rest"
)

const xsrfHeader = "X-Xsrf-Token"

// session holds the login of a client.
type session struct {
	*rest.Renewal

	door  *rest.Core // signs with the ticket that the context has, or for the login
	form  Credentials
	trust *trust
}

// ticketKey is where the context of a call through the door has its ticket.
type ticketKey struct{}

func newSession(rc rest.Config, form Credentials, t *trust) (*session, error) {
	s := &session{form: form, trust: t}
	s.Renewal = rest.NewRenewal(s.login, func(a rest.Answer) bool { return loginNeeded(a.Status, codeOf(a.Body)) })
	rc.Authorize = func(ctx context.Context, r *http.Request) error {
		if t, ok := ctx.Value(ticketKey{}).(*rest.Ticket); ok {
			t.Sign(r)
		} else if form.sign != nil {
			form.sign(r)
		}
		return nil
	}
	var err error
	s.door, err = rest.New(rc)
	return s, err
}

// login makes a session.
func (s *session) login(ctx context.Context) (*rest.Ticket, error) {
	if _, err := s.trust.state("session.create"); err != nil {
		return nil, inner{err}
	}
	t, err := s.create(ctx)
	if err != nil {
		s.trust.learn(err, s.trust.refused())
		return nil, inner{err}
	}
	return t, nil
}

// create logs in. The form is url-encoded, or a plus in a password would arrive as a space.
//
//api:op POST /api/session/create
func (s *session) create(ctx context.Context) (*rest.Ticket, error) {
	const op = "session.create"
	form, err := s.form.form(ctx)
	if err != nil {
		return nil, err
	}
	res, err := s.door.Do(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Route: "/api/session/create", Form: form,
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
	return &rest.Ticket{Sign: func(r *http.Request) {
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
	t := s.Drop()
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

package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// Body is an answer that is read while it arrives. It must be closed; until then it takes one of the places for calls in
// flight. Its read errors hold no address and no name of the operation: who reads, knows it. They are not retried.
type Body struct {
	io.ReadCloser
	Status int
	Header http.Header

	hidden credentials
}

// Withhold takes the credentials of the call out of what was read, for those who put a part of it into an error.
func (b *Body) Withhold(text []byte) []byte { return b.hidden.blank(text) }

// Stream makes a call and returns its answer unread. Size and duration of the body have no limit, but its silences have
// (Config.Idle). The call is repeated like one of Do until the headers of a success are there, and never afterwards.
func (c *Core) Stream(ctx context.Context, call Call) (*Body, error) {
	f := c.flight(call)
	f.stream = true
	return f.open(ctx)
}

// Fetch gets what is at an address on any host, such as a place that an answer pointed to. It must be https, or http on
// loopback. No credentials are sent, no cookies, no redirect is followed, and the address gets into no error. The host has a
// gate of its own; pace and budget are not used.
func (c *Core) Fetch(ctx context.Context, op, rawURL string) (*Body, error) {
	f := c.flight(Call{Op: op, Method: http.MethodGet, Repeatable: true})
	u, err := url.Parse(rawURL)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, f.failure(ctx, errors.New("the address to fetch is none"))
	case u.User != nil:
		return nil, f.failure(ctx, errors.New("the address to fetch has a user name"))
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, f.failure(ctx, errors.New("the address to fetch is not https"))
	}
	u.Fragment, u.RawFragment = "", ""
	f.stream, f.paced, f.authorize, f.address = true, false, nil, u.String()
	f.gate = hosts.gate(c.shared, hostOf(u))
	return f.open(ctx)
}

func (f *flight) open(ctx context.Context) (*Body, error) {
	result, body, err := f.run(ctx)
	if err != nil {
		return nil, err
	}
	return &Body{ReadCloser: body, Status: result.Status, Header: result.Header, hidden: f.hidden}, nil
}

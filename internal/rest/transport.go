package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"
)

// newTransport is for clients that bring none. Its pool is as wide as the calls in flight; it has no time-out for a whole
// exchange, which would cut streams.
func newTransport(cfg Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  cfg.Timeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           2 * cfg.MaxInFlight,
		MaxIdleConnsPerHost:    cfg.MaxInFlight,
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// transport is where each attempt waits for its turn, is signed and is sent. It is under the engine, so that repetitions wait
// like first attempts. It has no CloseIdleConnections: the engine calls that after every failed call, which would throw away
// the connections that all the others use.
type transport struct {
	core *Core
	next http.RoundTripper
}

// RoundTrip makes one attempt of the call that is in the request's context.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close() //nolint:errcheck // it is memory
	}
	ctx := r.Context()
	f, ok := ctx.Value(flightKey{}).(*flight)
	if !ok {
		return nil, final{errors.New("the request belongs to no call")}
	}
	signed := r.Clone(ctx)
	if err := f.sign(ctx, signed); err != nil {
		return nil, err
	}
	if err := t.core.enter(ctx, f); err != nil {
		return nil, err
	}
	return t.send(ctx, f, r, signed)
}

// sign sets the credentials, and remembers them as what no error may say.
func (f *flight) sign(ctx context.Context, r *http.Request) error {
	f.secrets, f.hidden = nil, nil
	for _, values := range f.call.Form {
		for _, value := range values {
			f.hidden.add(value)
		}
	}
	for _, value := range r.Header.Values("Authorization") { // the call's own
		f.secrets = append(f.secrets, value)
		f.hidden.add(value)
	}
	if r.URL.RawQuery != "" {
		f.secrets = append(f.secrets, "?"+r.URL.RawQuery)
	}
	if f.authorize == nil {
		return nil
	}
	before := r.Header.Clone()
	if err := f.authorize(ctx, r); err != nil {
		return final{err}
	}
	for name, values := range r.Header {
		for _, value := range values {
			if len(value) > 3 && before.Get(name) != value {
				f.secrets = append(f.secrets, value)
				f.hidden.add(value)
			}
		}
	}
	return nil
}

// enter waits for a place, the pace, and the gate with the budget, in this order, and takes from the quota: what is counted in the
// window of the service is what goes out then.
func (c *Core) enter(ctx context.Context, f *flight) error {
	select {
	case c.places <- struct{}{}:
	case <-ctx.Done():
		return final{ctx.Err()}
	}
	err := c.takeTurn(ctx, f)
	if err != nil {
		<-c.places
	}
	return err
}

func (c *Core) takeTurn(ctx context.Context, f *flight) error {
	if f.paced && c.cfg.Pace != nil {
		if err := c.cfg.Pace.Wait(ctx); err != nil {
			return final{err}
		}
	}
	budget := c.cfg.Budget
	if !f.paced {
		budget = Budget{}
	}
	for {
		now := time.Now()
		wait, reason := f.gate.admit(now, budget)
		if wait == 0 {
			if err := f.take(); err != nil {
				return err
			}
			f.sent = now
			return nil
		}
		if quota := f.quota(); quota != nil {
			if err := quota.Check(f.call.Pool, wait); err != nil {
				return final{err}
			}
		}
		if deadline, ok := ctx.Deadline(); ok && !now.Add(wait).Before(deadline) {
			return final{&waitError{wait: wait, reason: reason, kind: c.cfg.RateLimited}}
		}
		if err := sleep(ctx, wait); err != nil {
			return final{err}
		}
	}
}

// take counts the attempt in the quota of the service.
func (f *flight) take() error {
	if quota := f.quota(); quota != nil {
		if err := quota.Take(f.call.Pool); err != nil {
			return final{err}
		}
	}
	return nil
}

// quota is what the call counts in, nil if in nothing.
func (f *flight) quota() Quota {
	if f.call.Pool == "" {
		return nil
	}
	return f.core.cfg.Quota
}

// limiter is x/time/rate with an error that callers can tell: a call that cannot have its turn before its deadline.
type limiter struct {
	rate *rate.Limiter
	kind error
}

// Wait waits for the turn of a call.
func (l limiter) Wait(ctx context.Context) error {
	err := l.rate.Wait(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w: the pace of calls allows none before the deadline", l.kind)
}

// send hands the request on. The attempt has a context of its own, which ends with its body.
func (t *transport) send(ctx context.Context, f *flight, r, signed *http.Request) (*http.Response, error) {
	attempt, cancel := context.WithCancelCause(ctx)
	cfg := t.core.cfg
	clock := time.AfterFunc(cfg.Timeout, func() { cancel(&timeoutError{"no answer", cfg.Timeout}) })
	end := func() {
		f.finish()
		clock.Stop()
		cancel(nil)
		<-t.core.places
	}
	if f.call.Upload != nil {
		if err := f.call.Upload.attach(f, signed, clock, cfg.Timeout); err != nil {
			end()
			return nil, final{err}
		}
	}
	resp, err := t.next.RoundTrip(signed.WithContext(attempt))
	if err == nil && resp == nil {
		err = errors.New("the transport gave neither an answer nor an error")
	}
	secrets := f.secrets
	explain := func(err error) error { return secrets.scrub(clean(own(attempt, err))) }
	if err != nil {
		err = explain(err)
		end()
		return nil, err
	}
	resp.Request = r // without the credentials
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	body := &body{src: resp.Body, explain: explain, end: end}
	if f.stream && f.call.succeeded(resp.StatusCode) {
		clock.Stop()
		body.watch(cfg.Idle, cancel)
	}
	resp.Body = body
	// The engine's http.Client must not even parse where it is sent: what it cannot parse it prints.
	f.location = resp.Header["Location"]
	resp.Header.Del("Location")
	return resp, nil
}

// own returns the cause of an ended attempt if it was one of this package's clocks, and err otherwise.
func own(attempt context.Context, err error) error {
	if timeout, ok := errors.AsType[*timeoutError](context.Cause(attempt)); ok {
		return timeout
	}
	return err
}

// sleep waits unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hostOf is scheme, host and port of an address.
func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" && u.Scheme == "https" {
		port = "443"
	} else if port == "" {
		port = "80"
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port)
}

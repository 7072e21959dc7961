package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/time/rate"
)

// Core makes the calls of one client. It never changes after [New] and is safe for concurrent use.
type Core struct {
	cfg    Config
	base   *url.URL
	http   *http.Client
	shared http.RoundTripper // nil for a transport of net/http: what tells one host from another
	gate   *gate
	places chan struct{}
}

// Result is what a call brought besides its body.
type Result struct {
	Status int
	Header http.Header
}

// New checks cfg and returns a core. It calls nobody. The error names everything that is wrong with cfg.
func New(cfg Config) (*Core, error) {
	cfg, base, err := cfg.normalized()
	if err != nil {
		return nil, err
	}
	if cfg.Pace == nil && cfg.Rate > 0 {
		cfg.Pace = limiter{rate.NewLimiter(rate.Limit(cfg.Rate), cfg.Burst), cfg.RateLimited}
	}
	c := &Core{cfg: cfg, base: base, places: make(chan struct{}, cfg.MaxInFlight)}
	var next http.RoundTripper
	if cfg.HTTPClient != nil {
		next = cfg.HTTPClient.Transport
	}
	if next == nil {
		next = newTransport(cfg)
	}
	c.shared = next
	c.gate = hosts.gate(c.shared, hostOf(base))
	c.http = &http.Client{
		Transport: &transport{core: c, next: next},
		// A redirect would take the credentials and the body to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// flight is one call under way: what the engine's hooks and the transport know of it. One goroutine at a time has it.
type flight struct {
	core      *Core
	call      Call
	gate      *gate
	authorize func(context.Context, *http.Request) error
	address   string // of a fetch: instead of the one that the call makes
	paced     bool   // waits for the pace and counts in the budget
	stream    bool   // the body of a success is left open
	discard   bool   // the body of a success is not wanted

	tell      func(Attempt) // nil for nobody
	attempt   int
	renewed   bool
	unrenewed error   // why not
	ticket    *Ticket // that the last attempt was signed with, if a Renewal did
	sent      time.Time
	secrets   secrets
	hidden    credentials
	location  []string
	sending   *sending      // the upload of the last attempt
	answer    *Answer       // of the last attempt, if it is no success
	body      []byte        // of the last attempt, if it is one
	wait      time.Duration // before the next attempt
	tooLong   bool          // there is none because of the deadline
	last      error         // of the last attempt that was repeated
}

type flightKey struct{}

func (c *Core) flight(call Call) *flight {
	return &flight{core: c, call: call, gate: c.gate, authorize: c.cfg.Authorize, paced: true}
}

// Do makes a call and decodes the JSON of a 2xx answer into out. With a nil out, and for the other statuses of Call.OK, the body
// is not looked at. A 204 leaves out as it is. Any other answer of success that is not the JSON that out takes, or is empty, is
// Config.Error's, like an answer without success; if the reason is JSON's, the error wraps that as well.
func (c *Core) Do(ctx context.Context, call Call, out any) (Result, error) {
	f := c.flight(call)
	f.discard = out == nil
	result, _, err := f.run(ctx)
	if err != nil || f.discard || result.Status/100 != 2 || result.Status == http.StatusNoContent {
		return result, err
	}
	if len(bytes.TrimSpace(f.body)) == 0 {
		return result, f.undecodable(result, errors.New("the answer is empty"))
	}
	if err := json.Unmarshal(f.body, out, jsontext.AllowInvalidUTF8(true)); err != nil {
		return result, f.undecodable(result, err)
	}
	return result, nil
}

// undecodable is the error of a success that is not what the service documents, such as the login page of a proxy.
func (f *flight) undecodable(r Result, cause error) error {
	err := f.refusal(Answer{
		Op: f.call.Op, Status: r.Status, Header: f.hidden.blankHeader(r.Header), Attempts: f.attempt,
		Body: f.hidden.blank(bytes.Clone(f.body[:min(len(f.body), maxErrorBody)])),
	})
	return fmt.Errorf("%w: %w", err, cause)
}

// run makes the attempts. It returns what the last answer was, with an error unless that is a success, or an error alone. The
// body is that of a stream that succeeded; any other has been read and closed.
func (f *flight) run(ctx context.Context) (Result, io.ReadCloser, error) {
	if observe := f.core.cfg.Observe; observe != nil {
		f.tell = func(a Attempt) { observe(ctx, a) }
	}
	target := f.address
	if target == "" {
		var err error
		if target, err = f.call.target(f.core.base); err != nil {
			return Result{}, nil, f.failure(ctx, err)
		}
	}
	req, err := f.call.request(context.WithValue(ctx, flightKey{}, f), target)
	if err != nil {
		return Result{}, nil, f.failure(ctx, err)
	}
	if req.Header.Get("User-Agent") == "" && f.core.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", f.core.cfg.UserAgent)
	}
	if req.Header.Get("Accept") == "" && !f.stream {
		req.Header.Set("Accept", "application/json")
	}
	resp, err := f.engine().Do(req)
	if err != nil {
		return Result{}, nil, f.failure(ctx, clean(err))
	}
	result := Result{Status: resp.StatusCode, Header: resp.Header}
	if f.answer == nil {
		return result, resp.Body, nil
	}
	err = f.refusal(*f.answer)
	if f.tooLong {
		err = fmt.Errorf("%w; %s", err, f.waitText())
	}
	if f.unrenewed != nil {
		err = fmt.Errorf("%w; %w", err, f.unrenewed)
	}
	return result, nil, err
}

// refusal is the client's own error of an answer.
func (f *flight) refusal(a Answer) error {
	if err := f.core.cfg.Error(a); err != nil {
		return err
	}
	return fmt.Errorf("%s: %s: status %d", f.core.cfg.Package, a.Op, a.Status) // never a success
}

func (f *flight) waitText() string {
	return fmt.Sprintf("the next attempt would have to wait %s, which is past the deadline", rounded(f.wait))
}

// failure is the error of a call whose last attempt brought no answer. What the attempt before it brought is part of it.
func (f *flight) failure(ctx context.Context, err error) error {
	prefix := f.core.cfg.Package + ": " + f.call.Op + ": "
	marked, isFinal := errors.AsType[final](err)
	if isFinal {
		err = marked.error
	}
	switch {
	case ctx.Err() != nil && f.last != nil:
		err = fmt.Errorf("%w; last attempt: %w", ctx.Err(), trimmed{f.last, prefix})
	case ctx.Err() != nil:
		err = ctx.Err()
	case isFinal && f.last != nil:
		err = fmt.Errorf("%w; last attempt: %w", err, trimmed{f.last, prefix})
	case f.tooLong:
		err = fmt.Errorf("%w; %s", err, f.waitText())
	case f.attempt > 1:
		err = fmt.Errorf("%w (after %d attempts)", err, f.attempt)
	}
	return fmt.Errorf("%s%w", prefix, err)
}

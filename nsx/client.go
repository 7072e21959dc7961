package nsx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// What applies where [Config] says nothing. The vendor allows an account 100 calls a second and 40 at once, over all programs
// that use it; some calls take more than a minute.
const (
	DefaultRate     = 20.0
	DefaultBurst    = 20
	DefaultTimeout  = 3 * time.Minute
	DefaultCacheFor = 30 * time.Second
)

// Config says how to reach one manager. BaseURL and Credentials are required.
type Config struct {
	// BaseURL is the manager or its virtual address. A missing scheme becomes https; http is accepted for loopback addresses only.
	BaseURL string
	// Credentials are [Basic], [Session], [SessionFunc], [ClientCertificate], [Bearer], [BearerFunc], [Remote] or [RemoteSession].
	Credentials Credentials
	// EnforcementPoint is the path of the enforcement point that the Policy API is asked about, on VMware Cloud
	// "/infra/sites/default/enforcement-points/vmc-enforcementpoint". Defaults to the manager's own choice.
	EnforcementPoint Path
	// HTTPClient carries a private certificate authority, a proxy or a fake. It is copied, never changed; redirects are not
	// followed whatever it says, and cookies are not kept in its jar. Defaults to a client of this package with time-outs and the
	// proxy of the environment.
	HTTPClient *http.Client
	// UserAgent names the product that calls, as "name/version". Defaults to "pphunt-nsx".
	UserAgent string
	// Pace is waited on before each attempt instead of Rate and Burst. A *rate.Limiter fits. Defaults to none.
	Pace interface{ Wait(context.Context) error }
	// Rate is how many calls start in a second at most, on average. Defaults to DefaultRate; below zero there is no limit.
	Rate float64
	// Burst is how many of them may start at once. Defaults to DefaultBurst.
	Burst int
	// MaxInFlight is how many calls may be under way at once. Defaults to 8. With [Basic] and [Remote] they are four at most, since all
	// of them may be refused together, and five refusals lock the account.
	MaxInFlight int
	// Attempts is how often a call is tried in all. Defaults to 5.
	Attempts int
	// Timeout is for one attempt, its answer included. Defaults to DefaultTimeout.
	Timeout time.Duration
	// CacheFor is how long [VirtualMachines.Find] uses one listing of the machines. Defaults to DefaultCacheFor; below zero every
	// search lists anew.
	CacheFor time.Duration
	// Observe is told of each attempt of a call when it was answered or failed, with the context that the call was given, so that a value
	// in it can tell what the call was for. Logging in is told of as well. It runs on the goroutine of the call, by several at once, and must not keep it. Defaults
	// to none.
	Observe func(context.Context, Call)
	// Logger is told of attempts (debug) and repetitions (info), without addresses, headers or bodies. Defaults to none.
	Logger *slog.Logger
}

// Client calls one manager. It is safe for concurrent use. Make one with [New].
type Client struct {
	// VirtualMachines finds and tags machines through the manager API.
	VirtualMachines *VirtualMachines
	// Interfaces lists the network interfaces of machines.
	Interfaces *Interfaces
	// Node tells what the manager itself is.
	Node *Node
	// Policy is the default space of the Policy API; see [Client.Project] for the others.
	Policy *Space

	core    *core
	session *session // nil without one
}

// New checks cfg and returns a client. It calls nobody. The error names everything that is wrong with cfg.
func New(cfg Config) (*Client, error) {
	problems := []error{cfg.Credentials.problem, checkEnforcementPoint(cfg.EnforcementPoint)}
	if cfg.Credentials.missing() {
		problems = append(problems, errors.New("nsx: new: Credentials are missing: use Basic or Session"))
	}
	if cfg.Credentials.certificate && cfg.HTTPClient == nil {
		problems = append(problems, errors.New("nsx: new: ClientCertificate needs an HTTPClient whose transport has the certificate"))
	}
	c := &core{cacheFor: cfg.CacheFor}
	if c.cacheFor == 0 {
		c.cacheFor = DefaultCacheFor
	}
	problems = append(problems, c.connect(cfg))
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Client{
		VirtualMachines: &VirtualMachines{core: c, inventory: newInventory(c)},
		Interfaces:      &Interfaces{c},
		Node:            &Node{c},
		Policy:          newSpace(place{core: c, enforcementPoint: cfg.EnforcementPoint}),
		core:            c,
		session:         c.session,
	}, nil
}

// connect makes what carries the calls, with the credentials of cfg.
func (c *core) connect(cfg Config) error {
	rc := restConfig(cfg)
	switch credentials := cfg.Credentials; {
	case credentials.form != nil:
		c.trust = newTrust()
		session, err := newSession(rc, credentials, c.trust)
		if err != nil {
			return err
		}
		c.session = session
		rc.Authorize, rc.Rejected = session.Authorize, session.Rejected
	case credentials.fetch != nil:
		renewal := rest.NewRenewal(credentials.fetch, func(a rest.Answer) bool { return loginNeeded(a.Status, codeOf(a.Body)) })
		rc.Authorize, rc.Rejected = renewal.Authorize, renewal.Rejected
	case credentials.sign != nil:
		if !credentials.bearer {
			c.trust = newPasswordTrust()
		}
		rc.Authorize = func(_ context.Context, r *http.Request) error {
			credentials.sign(r)
			return nil
		}
	}
	var err error
	c.rest, err = rest.New(rc)
	return err
}

func restConfig(cfg Config) rest.Config {
	rc := rest.Config{
		Package: "nsx", BaseURL: cfg.BaseURL, HTTPClient: cfg.HTTPClient, UserAgent: cfg.UserAgent,
		Pace: cfg.Pace, Rate: cfg.Rate, Burst: cfg.Burst, MaxInFlight: cfg.MaxInFlight, Attempts: cfg.Attempts, Timeout: cfg.Timeout,
		RateLimited: ErrRateLimited, Error: newAPIError, Again: again,
		Observe: observer(cfg.Observe), RequestID: requestID, Logger: cfg.Logger,
	}
	if rc.UserAgent == "" {
		rc.UserAgent = "pphunt-nsx"
	}
	switch {
	case rc.Rate == 0:
		rc.Rate = DefaultRate
	case rc.Rate < 0:
		rc.Rate = 0
	}
	if rc.Burst == 0 {
		rc.Burst = DefaultBurst
	}
	if rc.Timeout == 0 && (cfg.HTTPClient == nil || cfg.HTTPClient.Timeout == 0) {
		rc.Timeout = DefaultTimeout
	}
	return rc
}

// Close ends the session, if there is one, so that it does not count against the account until it times out. A session that has
// ended already is no error. The client can be used again and then logs in anew.
//
//api:op POST /api/session/destroy
func (c *Client) Close(ctx context.Context) error {
	if c.session == nil {
		return nil
	}
	return c.session.destroy(ctx)
}

// core is what the parts of a [Client] share.
type core struct {
	rest     *rest.Core
	trust    *trust   // nil with credentials that no refusal locks
	session  *session // nil without one
	cacheFor time.Duration
	locks    tagLocks
	old      age
}

// do makes a call and decodes the answer into out, which is nil for calls that answer 204. An answer of 200 with a page in it,
// such as the login page of a gateway, must not pass for a machine that was tagged.
func (c *core) do(ctx context.Context, call rest.Call, out any) error {
	leave, err := c.trust.enter(ctx, call.Op)
	if err != nil {
		return err
	}
	var raw jsontext.Value
	_, err = c.rest.Do(ctx, call, &raw)
	leave(err)
	if err != nil {
		if e, ok := errors.AsType[*APIError](err); ok && out == nil && e.StatusCode/100 == 2 && len(bytes.TrimSpace(e.Body)) == 0 {
			return nil // 200 without a body where 204 is documented
		}
		return err
	}
	if out == nil {
		return nil
	}
	if len(raw) == 0 {
		return &APIError{Op: call.Op, StatusCode: http.StatusNoContent, Message: "the answer is empty"}
	}
	if err := json.Unmarshal(raw, out, jsontext.AllowInvalidUTF8(true)); err != nil {
		return &APIError{Op: call.Op, StatusCode: http.StatusOK, Message: fmt.Sprintf("not the documented answer: %v", err), err: err}
	}
	return nil
}

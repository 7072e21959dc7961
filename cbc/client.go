package cbc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// The documented limit of calls, and how they are spread, unless [Config] says otherwise. The vendor counts per source address
// over a sliding window; the figures are its published example. Going on while over the limit lengthens the penalty.
const (
	DefaultBudgetCalls = 1000
	DefaultBudgetPer   = 5 * time.Minute
	DefaultRate        = 25.0
	DefaultBurst       = 25
)

// Budget is a number of calls in any stretch of time of a given length.
type Budget struct {
	// Calls is the number of calls. Defaults to DefaultBudgetCalls; below zero there is no budget.
	Calls int
	// Per is the length of the window. Defaults to DefaultBudgetPer.
	Per time.Duration
}

// Config says how to reach one organization. BaseURL, OrgKey and Credentials are required.
type Config struct {
	// BaseURL is the console host, the one that people log in to, such as "https://defense-prod05.conferdeploy.net". A missing
	// scheme becomes https; http is accepted for loopback addresses only.
	BaseURL string
	// OrgKey is the key of the organization, as the console shows it beside the API keys.
	OrgKey string
	// Credentials sign each call. See [APIKey] and [APIKeyFunc], and [OAuthApp] for organizations that VMware Cloud Services manages.
	Credentials Credentials
	// CloudServicesURL is where [OAuthApp] and [APIToken] sign in. Defaults to DefaultCloudServicesURL; other credentials do not
	// use it.
	CloudServicesURL string
	// HTTPClient carries a proxy, a private CA or a fake. It is copied, never changed; redirects are not followed whatever it
	// says. Defaults to a client of this package with time-outs and the proxy of the environment.
	HTTPClient *http.Client
	// UserAgent names the product that calls, as "name/version". The vendor asks for it. Defaults to "pphunt-cbc".
	UserAgent string
	// Pace is waited on before each attempt instead of Rate and Burst. A *rate.Limiter fits. Defaults to none.
	Pace interface{ Wait(context.Context) error }
	// Rate is how many calls start in a second at most, on average. Defaults to DefaultRate; below zero there is no limit.
	Rate float64
	// Burst is how many of them may start at once. Defaults to DefaultBurst.
	Burst int
	// Budget is the sliding window that the vendor enforces, shared by all clients of this process that call the same host.
	// Defaults to DefaultBudgetCalls in DefaultBudgetPer.
	Budget Budget
	// MaxInFlight is how many calls may be under way at once. Defaults to 8.
	MaxInFlight int
	// Attempts is how often a call is tried in all, if it may be repeated. Defaults to 5.
	Attempts int
	// Timeout is for one attempt, its body included, except for files, which may take as long as bytes arrive. Defaults to 60 s.
	Timeout time.Duration
	// Now tells the time that is written into requests, such as the time of a report. Waiting does not use it. Defaults to
	// [time.Now].
	Now func() time.Time
	// Observe is told of each attempt of a call when it was answered or failed, with the context that the call was given, so that a value
	// in it can tell what the call was for. Signing in to VMware Cloud Services is told of as well. It runs on the goroutine of the call, by several at once, and must not keep it. Defaults
	// to none.
	Observe func(context.Context, Call)
	// Logger is told of attempts (debug) and repetitions (info), without addresses, headers or bodies. Defaults to none.
	Logger *slog.Logger
}

// Client calls one organization in Carbon Black Cloud. It is safe for concurrent use. Make one with [New].
type Client struct {
	Processes    *Processes
	Observations *Observations
	Alerts       *Alerts
	AuditLog     *AuditLog
	Devices      *Devices
	Policies     *Policies
	Reputation   *Reputation
	Feeds        *Feeds
	Watchlists   *Watchlists
	Binaries     *Binaries
	LiveResponse *LiveResponse
	Jobs         *Jobs
	Workloads    *Workloads
}

// New checks cfg and returns a client. It calls nobody. The error names everything that is wrong with cfg.
func New(cfg Config) (*Client, error) {
	var problems []error
	if err := checkOrgKey(cfg.OrgKey); err != nil {
		problems = append(problems, err)
	}
	rc := restConfig(cfg)
	problems = append(problems, cfg.Credentials.authenticate(&rc, cfg.CloudServicesURL))
	engine, err := rest.New(rc)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	c := &core{rest: engine, org: cfg.OrgKey, now: cfg.Now}
	if c.now == nil {
		c.now = time.Now
	}
	return &Client{
		Processes:    &Processes{c},
		Observations: &Observations{c},
		Alerts:       &Alerts{c},
		AuditLog:     &AuditLog{c},
		Devices:      &Devices{c},
		Policies:     &Policies{c},
		Reputation:   &Reputation{c},
		Feeds:        &Feeds{c},
		Watchlists:   &Watchlists{c},
		Binaries:     &Binaries{c},
		LiveResponse: &LiveResponse{c},
		Jobs:         &Jobs{c},
		Workloads:    &Workloads{c},
	}, nil
}

func restConfig(cfg Config) rest.Config {
	rc := rest.Config{
		Package:     "cbc",
		BaseURL:     cfg.BaseURL,
		HTTPClient:  cfg.HTTPClient,
		UserAgent:   cfg.UserAgent,
		Pace:        cfg.Pace,
		Rate:        cfg.Rate,
		Burst:       cfg.Burst,
		Budget:      rest.Budget{Calls: cfg.Budget.Calls, Per: cfg.Budget.Per},
		MaxInFlight: cfg.MaxInFlight,
		Attempts:    cfg.Attempts,
		Timeout:     cfg.Timeout,
		RateLimited: ErrRateLimited,
		Error:       newAPIError,
		Observe:     observer(cfg.Observe),
		RequestID:   requestID,
		Logger:      cfg.Logger,
	}
	if rc.UserAgent == "" {
		rc.UserAgent = "pphunt-cbc"
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
	if rc.Budget.Calls == 0 {
		rc.Budget.Calls = DefaultBudgetCalls
	}
	if rc.Budget.Per == 0 {
		rc.Budget.Per = DefaultBudgetPer
	}
	if rc.Budget.Calls < 0 {
		rc.Budget = rest.Budget{}
	}
	return rc
}

// checkOrgKey refuses what cannot be a key. Its form is not documented, so letters and length are not looked at.
func checkOrgKey(key string) error {
	switch {
	case key == "":
		return errors.New("cbc: new: OrgKey is empty")
	case strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '/' || r == '{' }):
		return errors.New("cbc: new: OrgKey has a character that no key has: is it the placeholder of a sample, or another value?")
	}
	return nil
}

// core is what the parts of a [Client] share.
type core struct {
	rest *rest.Core
	org  string
	now  func() time.Time
}

// call makes a call of a route whose first placeholder is {org_key}; args are the others. The operation op is the middle of
// every error: "devices.search".
func (c *core) call(op, method, route string, args ...string) rest.Call {
	return rest.Call{Op: op, Method: method, Route: route, Args: append([]string{c.org}, args...)}
}

// do makes a call and decodes the answer into out, which may be nil for calls that answer 204. Either way an answer of 200 is
// looked into: some routes report a failure there, and the login page of a proxy must not pass for a device that was isolated.
func (c *core) do(ctx context.Context, call rest.Call, out any) error {
	_, err := c.send(ctx, call, out)
	return err
}

// send is do for those who need the status or a header of the answer as well.
func (c *core) send(ctx context.Context, call rest.Call, out any) (rest.Result, error) {
	var raw jsontext.Value
	res, err := c.rest.Do(ctx, call, &raw)
	if err != nil {
		if e, ok := errors.AsType[*APIError](err); ok && e.Op == call.Op && out == nil && e.StatusCode/100 == 2 && len(bytes.TrimSpace(e.Body)) == 0 {
			return res, nil // 200 without a body where 204 is documented; a sign-in that fails has another operation
		}
		return res, err
	}
	if fault := faultOf(call.Op, res.Status, raw); fault != nil {
		return res, fault
	}
	switch {
	case out == nil || res.Status/100 != 2:
		return res, nil
	case len(raw) == 0:
		return res, answerError(call.Op, res.Status, nil, errors.New("the answer is empty"))
	}
	if err := json.Unmarshal(raw, out, forgiving()); err != nil {
		return res, answerError(call.Op, res.Status, raw, err)
	}
	return res, nil
}

// answerError is for an answer of success that is not what the vendor documents.
func answerError(op string, status int, raw []byte, cause error) *APIError {
	return &APIError{Op: op, StatusCode: status, Message: fmt.Sprintf("not the documented answer: %v", cause), Body: bounded(raw), err: cause}
}

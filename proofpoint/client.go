package proofpoint

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

// DefaultBaseURL is the address of the service. There is one for all regions.
const DefaultBaseURL = "https://tap-api-v2.proofpoint.com"

// Config says how to reach the service. Only Credentials is required.
type Config struct {
	// BaseURL is the address of the service. Defaults to [DefaultBaseURL]. The scheme may be missing; http is accepted for
	// loopback addresses only.
	BaseURL string
	// Credentials sign each request, see [Basic].
	Credentials Credentials
	// HTTPClient makes the connections; a private certificate authority and a proxy come in through it. It is copied, its
	// redirects are not followed, and its Timeout does not cut answers off: it stands in for Timeout below. Defaults to a client
	// of its own, with the proxy of the environment.
	HTTPClient *http.Client
	// UserAgent is sent with each request. Defaults to the name of this module.
	UserAgent string
	// Pace is asked before each attempt. A *rate.Limiter of golang.org/x/time/rate fits. Defaults to ten calls a second:
	// summaries, which are asked for by the hundred, are not throttled, and a Quota guards what is.
	Pace interface{ Wait(context.Context) error }
	// Attempts is how often a call is made at most. Defaults to 3: a quota of 24 hours does not come back in seconds.
	Attempts int
	// Timeout is for one attempt: until a feed begins to answer, or until a summary is read. Defaults to 60 s.
	Timeout time.Duration
	// Idle is the longest silence within the answer of a feed, which may take as long as it likes otherwise. Defaults to 60 s.
	Idle time.Duration
	// LookBack is how long ago a window may begin. Defaults to [LookBack].
	LookBack time.Duration
	// Quota counts the calls. Clients that use the same credentials should share one. Defaults to one of the client's own, with the
	// limits of the service.
	Quota *Quota
	// Observe is told of each attempt of a call when it was answered or failed, with the context that the call was given, so that a value
	// in it can tell what the call was for. It runs on the goroutine of the call, by several at once, and must not keep it. Defaults
	// to none.
	Observe func(context.Context, Call)
	// Logger gets attempts at debug and retries at info, without addresses, queries and secrets. Defaults to none.
	Logger *slog.Logger
	// Now is the clock that windows are checked with and calls are counted by. Defaults to [time.Now].
	Now func() time.Time
}

// Client reads TAP. It does not change after [New] and is safe for concurrent use.
type Client struct {
	// SIEM has the feeds of messages and clicks.
	SIEM *SIEM
	// Threats tells about single threats.
	Threats *Threats
	// Campaigns tells about campaigns and the threats in them.
	Campaigns *Campaigns
	// Forensics tells what the sandboxes saw of threats.
	Forensics *Forensics
	// People tells who is attacked most and who clicks most.
	People *People
	// URLs undoes what URL Defense does to links.
	URLs *URLs

	quota *Quota
	now   func() time.Time
}

// Now is the time by the clock of the client, see [Config].
func (c *Client) Now() time.Time { return c.now() }

// Quotas tells how much of each bucket of calls is used now.
func (c *Client) Quotas() []QuotaUsage { return c.quota.Usage(c.now()) }

// New checks the configuration, returning everything that is wrong with it, and makes a client. It sends nothing.
func New(cfg Config) (*Client, error) {
	var problems []error
	if problem := cfg.Credentials.check(); problem != "" {
		problems = append(problems, errors.New("proofpoint: new: "+problem))
	}
	if cfg.LookBack < 0 {
		problems = append(problems, errors.New("proofpoint: new: Config.LookBack must not be negative"))
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = 3
	}
	if cfg.LookBack == 0 {
		cfg.LookBack = LookBack
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Quota == nil {
		cfg.Quota = new(Quota)
	}
	rc := rest.Config{
		Package: "proofpoint", BaseURL: cfg.BaseURL, HTTPClient: cfg.HTTPClient, UserAgent: cfg.UserAgent,
		Pace: cfg.Pace, Rate: 10, Burst: 10,
		Attempts: cfg.Attempts, Timeout: cfg.Timeout, Idle: cfg.Idle,
		Quota: meter{cfg.Quota, cfg.Now}, RateLimited: ErrRateLimited, Error: newAPIError, Observe: observer(cfg.Observe), Logger: cfg.Logger,
	}
	cfg.Credentials.authenticate(&rc)
	calls, err := rest.New(rc)
	if err != nil {
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	c := &core{rest: calls, now: cfg.Now, lookBack: cfg.LookBack, anonymous: cfg.Credentials.anonymous}
	return &Client{
		SIEM:      &SIEM{core: c},
		Threats:   &Threats{core: c},
		Campaigns: &Campaigns{core: c},
		Forensics: &Forensics{core: c},
		People:    &People{core: c},
		URLs:      &URLs{core: c},
		quota:     cfg.Quota,
		now:       cfg.Now,
	}, nil
}

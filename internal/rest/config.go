package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// What applies where [Config] says nothing.
const (
	DefaultMaxInFlight = 8
	DefaultAttempts    = 5
	DefaultTimeout     = 60 * time.Second
	DefaultIdle        = 60 * time.Second
	DefaultMaxBody     = 64 << 20
)

// Config says how one client reaches its service. Package, BaseURL and Error are required.
type Config struct {
	// Package is the first word of every error, such as "cbc".
	Package string
	// BaseURL is where the service is. See [ParseBaseURL].
	BaseURL string
	// HTTPClient carries a transport. It is copied, never changed. Of the copy the transport is kept, and its Timeout becomes
	// Config.Timeout if that is zero, so that it does not cut streams; redirects and cookies are switched off. Defaults to a
	// transport of its own.
	HTTPClient *http.Client
	// UserAgent is sent with every request. Defaults to that of net/http.
	UserAgent string
	// Authorize sets the credentials on each attempt, just before it queues for its turn. Defaults to none.
	Authorize func(context.Context, *http.Request) error
	// Rejected is asked after a 401 or 403, at most once for each call. If it returns true the credentials were renewed, and the
	// call is repeated whatever it is, since a call that was turned away did nothing. An error says why they could not be, and
	// follows the answer in the error of the call. Defaults to none.
	Rejected func(context.Context, Answer) (renewed bool, err error)
	// Pace is waited on before each attempt. Defaults to a limiter made of Rate and Burst.
	Pace interface{ Wait(context.Context) error }
	// Rate is the number of attempts a second. Zero means no limit.
	Rate float64
	// Burst is how many attempts may start at once under Rate. Defaults to 1.
	Burst int
	// Budget is how many attempts the host takes in a window. The attempts of all clients of this process count. Defaults to none.
	Budget Budget
	// Quota counts the attempts of calls that name a pool. Defaults to none.
	Quota Quota
	// MaxInFlight is how many attempts are under way at once, from the sending until the body is closed. Defaults to
	// [DefaultMaxInFlight].
	MaxInFlight int
	// Attempts is how often a call is tried in all. Defaults to [DefaultAttempts].
	Attempts int
	// Timeout is for one attempt: with its body for Do, up to the headers for Stream and Fetch. Defaults to [DefaultTimeout].
	Timeout time.Duration
	// Idle is the longest that a stream may be silent while it is read. Defaults to [DefaultIdle].
	Idle time.Duration
	// MaxBody is the largest answer that Do takes, in bytes. A larger one is an error. Defaults to [DefaultMaxBody].
	MaxBody int64
	// RateLimited is wrapped by the error of a call that would have to wait for its turn past its deadline. Defaults to an error
	// of this package.
	RateLimited error
	// Again decides about an answer without success before its status does, where a service tells more by its codes. known is
	// false for what it has no opinion of. It is asked about repeatable calls only, and not about 429. Defaults to none.
	Again func(Answer) (again, known bool)
	// Error makes the client's own error of an answer that is no success, or that is a success and not JSON.
	Error func(Answer) error
	// Observe is told of each attempt right after it was answered or failed, those of streams and of 429 included, before it is decided
	// whether another follows. The context is that of the call. It runs on the goroutine of the call, so that it must be quick, and
	// several calls may be in it at once. Defaults to none.
	Observe func(context.Context, Attempt)
	// RequestID finds the id that the service gave an answer in its header. What no
	// id can be is left out: a text with spaces, the query of the request, a credential. Defaults to none.
	RequestID func(http.Header) string
	// Logger is told of attempts (debug) and repetitions (info): operation, attempt, status, duration, wait. Defaults to none.
	Logger *slog.Logger
}

// Budget is a number of calls in any stretch of time of a length. The zero value is no budget.
type Budget struct {
	Calls int
	Per   time.Duration
}

// Quota is what a service counts over so long a time that no call waits for it.
type Quota interface {
	// Take counts an attempt whose turn has come, or returns why it must not be made. That error ends the call.
	Take(pool string) error
	// Check returns why an attempt must not be made that long from now, so that nobody waits for a turn in vain. It counts nothing.
	Check(pool string, wait time.Duration) error
	// Answered is told the status of the answer to an attempt, and how long the service asked to wait.
	Answered(pool string, status int, retryAfter time.Duration)
}

// Answer is what a service said when it did not say what was hoped for.
type Answer struct {
	// Op is the operation of the call.
	Op string
	// Status is the HTTP status.
	Status int
	// Header is that of the answer.
	Header http.Header
	// Body is the beginning of the answer, at most 64 KiB.
	Body []byte
	// RetryAfter is how long the service asked to wait, at most 5 minutes; zero if it did not, or not readably.
	RetryAfter time.Duration
	// Attempts is how often the call was tried.
	Attempts int
}

var errRateLimited = errors.New("rate limited")

// normalized returns cfg with its defaults, its base address, and all that is wrong with it.
func (cfg Config) normalized() (Config, *url.URL, error) {
	base, err := ParseBaseURL(cfg.BaseURL)
	problems := []error{err}
	refuse := func(wrong bool, text string) {
		if wrong {
			problems = append(problems, errors.New(text))
		}
	}
	refuse(cfg.Error == nil, "Error is missing")
	refuse(strings.ContainsFunc(cfg.UserAgent, func(r rune) bool { return r < ' ' || r > '~' }), "UserAgent has a character that no header can hold")
	refuse(cfg.Rate < 0 || math.IsNaN(cfg.Rate), "Rate is negative")
	refuse(cfg.Burst < 0, "Burst is negative")
	refuse(cfg.Budget.Calls < 0 || cfg.Budget.Per < 0 || (cfg.Budget.Calls == 0) != (cfg.Budget.Per == 0), "Budget needs a number of calls and a length of time, or neither")
	refuse(cfg.MaxInFlight < 0, "MaxInFlight is negative")
	refuse(cfg.Attempts < 0, "Attempts is negative")
	refuse(cfg.Timeout < 0, "Timeout is negative")
	refuse(cfg.Idle < 0, "Idle is negative")
	refuse(cfg.MaxBody < 0, "MaxBody is negative")

	if cfg.HTTPClient != nil && cfg.Timeout == 0 {
		cfg.Timeout = max(cfg.HTTPClient.Timeout, 0)
	}
	orDefault(&cfg.Burst, 1)
	orDefault(&cfg.MaxInFlight, DefaultMaxInFlight)
	orDefault(&cfg.Attempts, DefaultAttempts)
	orDefault(&cfg.Timeout, DefaultTimeout)
	orDefault(&cfg.Idle, DefaultIdle)
	orDefault(&cfg.MaxBody, DefaultMaxBody)
	orDefault(&cfg.RateLimited, errRateLimited)
	if err := errors.Join(problems...); err != nil {
		return Config{}, nil, fmt.Errorf("%s: new: %w", cfg.Package, err)
	}
	return cfg, base, nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

package proofpointhunt

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

const (
	// DefaultLookBack is how much of what was read is read again. Records become visible up to half an hour late.
	DefaultLookBack = 45 * time.Minute
	// leastLookBack is what is read again in any case: a run that comes a little late need not make a second call for the rest.
	leastLookBack = 30 * time.Minute
	// DefaultFirstRun is how far back the first run goes.
	DefaultFirstRun = time.Hour
	// MaxSpan is as far back as anything can be asked for, with room for windows that wait for others.
	MaxSpan = proofpoint.LookBack - proofpoint.SliceMargin
)

// Options say which messages and which verdicts count. At least one of Delivered and Blocked is required.
type Options struct {
	// Delivered asks for the messages that the gateway let through.
	Delivered bool
	// Blocked asks for the messages that the gateway held back. Their files may have come another way.
	Blocked bool
	// Classifications are those that are hunted, in any case. Defaults to malware alone.
	Classifications []proofpoint.Classification
	// Cursors remember what was read, so that the zero window means everything since then. Defaults to nobody: it means FirstRun then.
	Cursors hunt.Cursors
	// Name tells apart the cursors of several sources that share Cursors. Defaults to tap.
	Name string
	// LookBack is how much of what was read is read again by the next run, for records that become visible late. Defaults to
	// [DefaultLookBack]; less than half an hour loses records, and is refused.
	LookBack time.Duration
	// Delta is how long ago a window without a given end ends. Defaults to the minute that the service wants.
	Delta time.Duration
	// FirstRun is how far back a run without a cursor goes, up to [MaxSpan]. Defaults to [DefaultFirstRun].
	FirstRun time.Duration
	// Reserve is how many calls of the day are left for the present while older windows are made up for. Defaults to a quarter of them.
	Reserve int
	// Quota is that of the client. What it has counted is kept beside the cursor, so that it counts for a day and not for a process.
	// Defaults to none: then only what the service refuses ends the making up.
	Quota *proofpoint.Quota
}

// Source is a [hunt.Source]. It is safe for concurrent use.
type Source struct {
	client  *proofpoint.Client
	options Options
}

var _ hunt.Source = (*Source)(nil)

// New checks the options and reports everything that is wrong with them.
func New(client *proofpoint.Client, options Options) (*Source, error) {
	var problems []error
	if client == nil {
		problems = append(problems, errors.New("proofpointhunt: new: the client is missing"))
	}
	if !options.Delivered && !options.Blocked {
		problems = append(problems, errors.New("proofpointhunt: new: neither delivered nor blocked messages are wanted"))
	}
	options.Classifications = slices.Clone(options.Classifications)
	for _, c := range options.Classifications {
		if c == "" {
			problems = append(problems, errors.New("proofpointhunt: new: a classification is empty"))
		}
	}
	if len(options.Classifications) == 0 {
		options.Classifications = []proofpoint.Classification{proofpoint.ClassMalware}
	}
	problems = append(problems, options.times()...)
	if options.Name == "" {
		options.Name = "tap"
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Source{client: client, options: options}, nil
}

// times fills in and checks what says when.
func (o *Options) times() []error {
	var problems []error
	if o.LookBack == 0 {
		o.LookBack = DefaultLookBack
	}
	if o.FirstRun == 0 {
		o.FirstRun = DefaultFirstRun
	}
	if o.LookBack < leastLookBack || o.LookBack > 24*time.Hour {
		problems = append(problems, fmt.Errorf("proofpointhunt: new: a look-back of %s is not between %s and a day", o.LookBack, leastLookBack))
	}
	if o.Delta < 0 || o.Delta > 24*time.Hour {
		problems = append(problems, fmt.Errorf("proofpointhunt: new: a delta of %s is not between nothing and a day", o.Delta))
	}
	if o.FirstRun < proofpoint.MinWindow || o.FirstRun > MaxSpan {
		problems = append(problems, fmt.Errorf("proofpointhunt: new: a first run of %s is not between %s and %s", o.FirstRun, proofpoint.MinWindow, MaxSpan))
	}
	if o.Reserve < 0 {
		problems = append(problems, errors.New("proofpointhunt: new: the reserve must not be negative"))
	}
	return problems
}

// Indicators yields every condemned file of every message in the window as soon as it is read. The window may span up to seven days and
// must end a minute ago; see [proofpoint.Window.Check] for the errors. With the zero window it goes on where the last run was that told
// the [hunt.Ask] so, less LookBack, up to Delta ago: the present first, then what was not read for whatever reason, the oldest first.
// What cannot be read any more is a hole. No record comes twice, unless it says something new. A window that fails does not keep the
// others from being read, and is read again by the next run; the errors come together, last. Without [hunt.Ask.OnBad] a
// [*hunt.BadRecordsError] counts what could not be read.
func (s *Source) Indicators(ctx context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
	return func(yield func(hunt.Indicator, error) bool) {
		r := &reading{s: s, ask: ask, yield: yield, now: s.client.Now().UTC()}
		var err error
		if ask.Window.IsZero() {
			err = r.follow(ctx)
		} else {
			err = r.span(ctx, proofpoint.Window(ask.Window))
		}
		if r.bad > 0 {
			err = errors.Join(err, &hunt.BadRecordsError{Count: r.bad})
		}
		if err != nil && !r.stopped {
			yield(hunt.Indicator{}, err)
		}
	}
}

// feed is the list that has what is wanted for one call a window.
func (s *Source) feed() proofpoint.Feed {
	switch {
	case !s.options.Blocked:
		return proofpoint.FeedMessagesDelivered
	case !s.options.Delivered:
		return proofpoint.FeedMessagesBlocked
	default:
		return proofpoint.FeedAll
	}
}

package proofpointhunt

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// Options say which messages and which verdicts count. At least one of Delivered and Blocked is required.
type Options struct {
	// Delivered asks for the messages that the gateway let through.
	Delivered bool
	// Blocked asks for the messages that the gateway held back. Their files may have come another way.
	Blocked bool
	// Classifications are those that are hunted, in any case. Defaults to malware alone.
	Classifications []proofpoint.Classification
	// OnMalformed is told of each record that cannot be read, and has to report it. Defaults to an error after the last
	// indicator.
	OnMalformed func(proofpoint.Malformed)
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
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Source{client: client, options: options}, nil
}

// Indicators yields every condemned file of every message in the window as soon as it is read. The window must keep the rules
// of [proofpoint.Window.Check]; see there for its errors.
func (s *Source) Indicators(ctx context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
	return func(yield func(hunt.Indicator, error) bool) {
		for m, err := range s.messages(ctx, ask.Window) {
			if err != nil {
				yield(hunt.Indicator{}, err) // it names package and operation already
				return
			}
			condemned, left := s.Judge(m)
			for _, l := range left {
				ask.Left(l)
			}
			for _, indicator := range condemned {
				if !yield(indicator, nil) {
					return
				}
			}
		}
	}
}

// messages asks one feed. What the service can filter is not filtered there: whether it drops single verdicts or whole messages
// is not documented, and a verdict that was taken back has to be seen.
func (s *Source) messages(ctx context.Context, w hunt.Window) iter.Seq2[proofpoint.Message, error] {
	query := proofpoint.MessageQuery{
		Window: proofpoint.Window(w),
		ThreatStatuses: []proofpoint.ThreatStatus{
			proofpoint.StatusActive, proofpoint.StatusCleared, proofpoint.StatusFalsePositive,
		},
		OnMalformed: s.options.OnMalformed,
	}
	switch {
	case !s.options.Blocked:
		return s.client.SIEM.MessagesDelivered(ctx, query)
	case !s.options.Delivered:
		return s.client.SIEM.MessagesBlocked(ctx, query)
	default:
		return s.client.SIEM.All(ctx, query)
	}
}

package proofpoint

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// MessageQuery is a [Query] for messages.
type MessageQuery = Query

// Query says which records to ask for. Exactly one of Window, Since and SinceTime is required.
//
// Which time counts is described at the top of the package: the creation of the record, not the delivery of the message or the
// click.
type Query struct {
	// Window is the span asked for, see [Window.Check].
	Window Window
	// Since asks for the time from so long ago until now, in whole seconds, from [MinWindow] to [MaxWindow]. The service rounds
	// its now to the nearest minute.
	Since time.Duration
	// SinceTime asks for the time from then until now. The service rounds its now to the nearest minute.
	SinceTime time.Time
	// ThreatTypes asks for records with at least one threat of these types. Defaults to all. A message may still come with its
	// other threats. The threat of a click is always a URL.
	ThreatTypes []ThreatType
	// ThreatStatuses asks for records with at least one threat in these statuses. Defaults to active and cleared: false
	// positives are served only when they are asked for.
	ThreatStatuses []ThreatStatus
	// Relevant tells of a record, which is one whole JSON value, whether it can matter at all. Those of which it says no are passed over
	// without being decoded, which is most of the work. It must not keep the bytes. Defaults to everything; see [GlimpseOf].
	Relevant func(c Category, raw []byte) bool
	// OnMalformed is told of each record that cannot be read; then the next one is read. Defaults to collecting them for one
	// [*MalformedError] after the last record.
	OnMalformed func(Malformed)
	// OnEnd is told the end of the time that the service looked at, after the last record of a whole answer. With Since and
	// SinceTime it is the whole minute to which the service rounded its now. Defaults to none.
	OnEnd func(time.Time)
}

// values checks the query against the rules of the service and makes the parameters of the call.
func (q Query) values(now time.Time, lookBack time.Duration) (url.Values, error) {
	v := url.Values{"format": {"JSON"}} // without it the answer is syslog
	forms := 0
	var problems []error
	if q.Window != (Window{}) {
		forms++
		v.Set("interval", q.Window.interval())
		problems = append(problems, q.Window.check(now, lookBack))
	}
	if q.Since != 0 {
		forms++
		v.Set("sinceSeconds", strconv.FormatInt(int64(q.Since/time.Second), 10))
		problems = append(problems, checkSince(q.Since))
	}
	if !q.SinceTime.IsZero() {
		forms++
		since := q.SinceTime.UTC().Truncate(time.Second)
		v.Set("sinceTime", since.Format(time.RFC3339))
		problems = append(problems, checkSinceTime(since, now))
	}
	if forms != 1 {
		problems = append(problems, fmt.Errorf("want exactly one of Window, Since and SinceTime, not %d of them", forms))
	}
	types := [...]ThreatType{TypeURL, TypeAttachment, TypeMessageText}
	for _, t := range q.ThreatTypes {
		i := slices.IndexFunc(types[:], t.Is)
		if i < 0 {
			problems = append(problems, fmt.Errorf("the service cannot be asked for the threat type %q", t))
			continue
		}
		v.Add("threatType", string(types[i]))
	}
	statuses := [...]ThreatStatus{StatusActive, StatusCleared, StatusFalsePositive}
	for _, s := range q.ThreatStatuses {
		i := slices.IndexFunc(statuses[:], s.Is)
		if i < 0 {
			problems = append(problems, fmt.Errorf("the service cannot be asked for the threat status %q", s))
			continue
		}
		v.Add("threatStatus", string(statuses[i]))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return v, nil
}

func checkSince(since time.Duration) error {
	switch {
	case since < MinWindow:
		return fmt.Errorf("%w: it has %s", ErrTooShort, since)
	case since > MaxWindow:
		return fmt.Errorf("%w: it has %s", ErrTooLong, since)
	case since%time.Second != 0:
		return fmt.Errorf("the service counts in whole seconds, and %s is not", since)
	}
	return nil
}

// checkSinceTime counts up to the minute to which the service rounds its clock, which may lie half a minute ahead.
func checkSinceTime(since, now time.Time) error {
	switch span := now.UTC().Round(time.Minute).Sub(since); {
	case since.After(now):
		return fmt.Errorf("%w: it begins in the future, at %s", ErrStillCurrent, since.Format(time.RFC3339))
	case span < MinWindow:
		return fmt.Errorf("%w: up to the nearest minute it has %s", ErrTooShort, max(span, 0))
	case span > MaxWindow:
		return fmt.Errorf("%w: up to the nearest minute it has %s", ErrTooLong, span)
	}
	return nil
}

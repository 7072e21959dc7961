package proofpoint

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What callers ask of an error, with [errors.Is]. None of them is returned bare: package and operation stand before it.
var (
	// ErrUnauthorized means that the service does not accept the credentials (401).
	ErrUnauthorized = errors.New("the credentials were not accepted")
	// ErrForbidden means that the credentials are good, but have no right to this data (403).
	ErrForbidden = errors.New("the credentials have no right to this data")
	// ErrNotFound means that the service does not know the id (404).
	ErrNotFound = errors.New("not found")
	// ErrRateLimited means that the quota is used up, as the service (429) or a [Quota] says, or that waiting for a turn would
	// outlast the caller's deadline. Quotas are counted over 24 hours: come back after minutes, not seconds.
	ErrRateLimited = errors.New("the quota is used up")
	// ErrQuotaExhausted means that a call was not sent, because the service would have refused it. It is an [ErrRateLimited] as
	// well. See [QuotaError].
	ErrQuotaExhausted = errors.New("the quota allows no call now")
	// ErrNotDecoded means that a URL could not be decoded, mostly because it was never rewritten.
	ErrNotDecoded = errors.New("the URL could not be decoded")
	// ErrTooShort means that a window is shorter than 30 seconds.
	ErrTooShort = errors.New("the window is shorter than 30 seconds")
	// ErrTooLong means that a window is longer than an hour, or longer than a day where campaigns are listed.
	ErrTooLong = errors.New("the window is longer than an hour")
	// ErrStillCurrent means that a window ended less than a minute ago, or has not ended yet. Later it is accepted.
	ErrStillCurrent = errors.New("the window is still current")
	// ErrTooOld means that a window begins longer ago than the service keeps.
	ErrTooOld = errors.New("the window begins too long ago")
)

// tooLongError is ErrTooLong where the longest window is not an hour.
type tooLongError struct{ span, most time.Duration }

func (e *tooLongError) Error() string {
	return fmt.Sprintf("the window is longer than %.0f hours: it has %s", e.most.Hours(), e.span)
}

func (e *tooLongError) Unwrap() error { return ErrTooLong }

// APIError is an answer that is no success. Match it with errors.AsType[*proofpoint.APIError] or, by question, with [errors.Is].
type APIError struct {
	// Op is the operation, such as siem.messages_delivered.
	Op string
	// StatusCode is the HTTP status. It is 200 for an answer that is an error in spite of its status.
	StatusCode int
	// Message is what the service said, as one line of plain text. It may be empty.
	Message string
	// Body is the answer as it came, at most 64 KiB of it.
	Body []byte
	// RetryAfter is how long the service asked to wait, zero if it did not say.
	RetryAfter time.Duration
	// Attempts is how often the call was made.
	Attempts int
}

// Error names operation, status and what the service said.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "proofpoint: %s: %d", e.Op, e.StatusCode)
	if text := http.StatusText(e.StatusCode); text != "" {
		b.WriteString(" " + text)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	return b.String()
}

// Is maps the answer to the sentinels of this package.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized
	case ErrForbidden:
		return e.StatusCode == http.StatusForbidden
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound
	case ErrRateLimited:
		return e.StatusCode == http.StatusTooManyRequests
	case ErrTooShort, ErrTooLong, ErrStillCurrent, ErrTooOld:
		return e.StatusCode == http.StatusBadRequest && windowProblem(e.Message) == target
	}
	return false
}

// Retryable tells whether the same call may succeed later.
func (e *APIError) Retryable() bool {
	switch e.StatusCode {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout, http.StatusOK:
		return true
	}
	return e.Is(ErrStillCurrent)
}

// windowProblem recognizes what the service says about a window. It has no error codes: the sentence is all there is.
func windowProblem(message string) error {
	message = strings.ToLower(message)
	switch {
	case strings.Contains(message, "too far into the past"):
		return ErrTooOld
	case strings.Contains(message, "interval is too short"):
		return ErrTooShort
	case strings.Contains(message, "interval is too long"):
		return ErrTooLong
	case strings.Contains(message, "still current"):
		return ErrStillCurrent
	}
	return nil
}

// IncompleteError means that an answer broke off, or that it was not the documented answer. The records handed out before it are
// whole, but there may be others: the window has to be asked for again.
type IncompleteError struct {
	// Op is the operation, such as siem.messages_delivered.
	Op string
	// Records is how many records came before the end.
	Records int
	// Err is what was wrong with the answer.
	Err error
}

// Error tells how far the answer went and what was wrong.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("proofpoint: %s: the answer is incomplete after %d records: %v", e.Op, e.Records, e.Err)
}

// Unwrap is the cause.
func (e *IncompleteError) Unwrap() error { return e.Err }

// Retryable is always true: nothing but reading went wrong.
func (e *IncompleteError) Retryable() bool { return true }

// Malformed is one record that could not be read.
type Malformed struct {
	// Category is that of a record of a feed, and empty for entries of other lists.
	Category Category
	// Raw is the record as it came.
	Raw []byte
	// Err says what was wrong and where, without quoting the record.
	Err error
}

// MalformedError means that some records of an answer could not be read. All others were handed out, and the answer was
// complete unless an [*IncompleteError] is joined to it.
type MalformedError struct {
	// Op is the operation, such as siem.messages_delivered.
	Op string
	// Total is how many records could not be read.
	Total int
	// Records are the first of them, at most 20. Raw is nil in those that would make it more than a mebibyte in all.
	Records []Malformed
}

// Error tells how many records could not be read, and what was wrong with the first.
func (e *MalformedError) Error() string {
	text := fmt.Sprintf("proofpoint: %s: %d records could not be read", e.Op, e.Total)
	if e.Total == 1 {
		text = fmt.Sprintf("proofpoint: %s: 1 record could not be read", e.Op)
	}
	if len(e.Records) > 0 {
		text += fmt.Sprintf(", the first because of %v", e.Records[0].Err)
	}
	return text
}

const (
	mostMalformed      = 20
	mostMalformedBytes = 1 << 20
)

// add keeps what is within bounds and counts the rest.
func (e *MalformedError) add(m Malformed) {
	e.Total++
	if len(e.Records) == mostMalformed {
		return
	}
	size := len(m.Raw)
	for _, have := range e.Records {
		size += len(have.Raw)
	}
	if size > mostMalformedBytes {
		m.Raw = nil
	}
	e.Records = append(e.Records, m)
}

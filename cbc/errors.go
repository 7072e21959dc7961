package cbc

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// What callers ask of an error, with [errors.Is].
var (
	// ErrNotFound means that the object does not exist, or does not exist any more.
	ErrNotFound = errors.New("not found")
	// ErrUnknownOrg means that the organization key is wrong. It is not [ErrNotFound]: nothing is known about the object.
	ErrUnknownOrg = errors.New("organization not found")
	// ErrUnauthorized means that the API key is not recognized: wrong id or secret, or not of the type "Custom".
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden means that the key lacks a permission, or the organization lacks the product. Under heavy load the vendor
	// is known to answer so as well.
	ErrForbidden = errors.New("forbidden")
	// ErrRateLimited means that the vendor asked to wait for longer than the context allows.
	ErrRateLimited = errors.New("rate limited")
	// ErrConflict means that the call contradicts what exists.
	ErrConflict = errors.New("conflict")
	// ErrAmbiguous means that a name stands for more than one object. See [AmbiguousError].
	ErrAmbiguous = errors.New("ambiguous")
	// ErrIncomplete means that a search has no complete answer. See [IncompleteError].
	ErrIncomplete = errors.New("incomplete")
	// ErrTruncated means that a search found more than the rows that it was to keep. It is also an [ErrIncomplete].
	ErrTruncated = errors.New("truncated")
	// ErrJobFailed means that a job of the vendor's ended without success. See [ServiceJobError].
	ErrJobFailed = errors.New("job failed")
	// ErrQuerySyntax means that the vendor could not read a search expression.
	ErrQuerySyntax = errors.New("query syntax")
)

// APIError is an answer of the vendor that is no success, or a success that is not what the vendor documents. Errors of the
// network and of contexts are not APIErrors.
type APIError struct {
	// Op is the operation, such as "devices.search".
	Op string
	// StatusCode is the HTTP status. It can be 200: some answers report a failure there.
	StatusCode int
	// Code is the vendor's word for the problem, such as "NOT_FOUND". The set is open. Decide on StatusCode instead.
	Code string
	// Message is the vendor's text.
	Message string
	// Field is the part of the request that was refused, if the vendor says.
	Field string
	// ResourceType is the kind of object that the answer is about, if the vendor says.
	ResourceType string
	// RequestID identifies the call to the vendor's support. Often empty.
	RequestID string
	// RetryAfter is how long the vendor asked to wait; zero if it did not.
	RetryAfter time.Duration
	// Body is the answer itself, cut off at 64 KiB.
	Body []byte

	err error // why an answer could not be read
}

// Error names the operation, the status and the vendor's own words, cut to one readable line.
func (e *APIError) Error() string {
	var b strings.Builder
	b.WriteString("cbc: ")
	b.WriteString(e.Op)
	b.WriteString(": ")
	b.WriteString(strconv.Itoa(e.StatusCode))
	if text := http.StatusText(e.StatusCode); text != "" {
		b.WriteString(" " + text)
	}
	if e.Code != "" {
		b.WriteString(": " + printable(e.Code))
	}
	if e.Message != "" && e.Message != e.Code {
		b.WriteString(": " + printable(e.Message))
	}
	if e.Field != "" && !strings.Contains(e.Message, e.Field) {
		b.WriteString(" (field " + printable(e.Field) + ")")
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + printable(e.RequestID) + ")")
	}
	return b.String()
}

// Is maps the answer to the sentinels of this package.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound && !e.aboutOrg()
	case ErrUnknownOrg:
		return e.StatusCode == http.StatusNotFound && e.aboutOrg()
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized
	case ErrForbidden:
		return e.StatusCode == http.StatusForbidden
	case ErrRateLimited:
		return e.StatusCode == http.StatusTooManyRequests
	case ErrConflict:
		return e.StatusCode == http.StatusConflict
	case ErrQuerySyntax:
		return e.Code == "query_malformed_syntax"
	}
	return false
}

// aboutOrg tells a wrong organization key from an object that is not there: both are a 404.
func (e *APIError) aboutOrg() bool {
	return e.ResourceType == "org" || strings.EqualFold(e.Message, "org not found")
}

// Unwrap returns why an answer could not be read, if that is the problem.
func (e *APIError) Unwrap() error { return e.err }

// Retryable tells whether the same call may succeed later, without any change on this side.
func (e *APIError) Retryable() bool {
	switch {
	case e.StatusCode == http.StatusTooManyRequests, e.StatusCode == http.StatusRequestTimeout:
		return true
	case e.StatusCode/100 == 2: // a gateway's page, or a failure reported as success
		return true
	}
	return e.StatusCode >= 500 && e.StatusCode != http.StatusNotImplemented
}

// AmbiguousError says that a name stands for more than one object, so that none of them was taken.
type AmbiguousError struct {
	// Op is the operation, such as "policies.by_name".
	Op string
	// Name is what was looked for.
	Name string
	// Candidates are the ids of the objects that have the name.
	Candidates []string
}

// Error lists the candidates.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("cbc: %s: %d objects are named %q: %s", e.Op, len(e.Candidates), e.Name, strings.Join(e.Candidates, ", "))
}

// Is makes the error an [ErrAmbiguous].
func (e *AmbiguousError) Is(target error) bool { return target == ErrAmbiguous }

// IncompleteError says that a search has no complete answer: searchers of the vendor did not answer, rows did not come or could
// not be read, or more was found than was to be kept. The embedded [Status] has the numbers.
type IncompleteError struct {
	// Op is the operation, such as "processes.wait".
	Op string
	// Job is the search; empty for one without a job, such as for alerts or the events of a process.
	Job JobID
	Status
	// Unreadable is how many rows could not be read.
	Unreadable int
	// Err is what went wrong on this side, such as the error of a context. Nil if the vendor's side came to no end.
	Err error
}

// Error tells how far the search got.
func (e *IncompleteError) Error() string {
	numbers := fmt.Sprintf("%d of %d searchers answered, %d rows available", e.Completed, e.Contacted, e.Available)
	switch {
	case e.Job == "" && e.Contacted > 0:
		numbers = fmt.Sprintf("%d of %d segments searched, %d rows available", e.Completed, e.Contacted, e.Available)
	case e.Job == "":
		numbers = fmt.Sprintf("%d rows available", e.Available)
	}
	switch {
	case e.Err != nil:
		return fmt.Sprintf("cbc: %s: incomplete (%s): %v", e.Op, numbers, e.Err)
	case e.Finished && e.Truncated:
		return fmt.Sprintf("cbc: %s: incomplete: more was found than the rows that were to be kept (%s, %d found)", e.Op, numbers, e.Found)
	}
	if e.Finished && len(e.Warnings) > 0 {
		return fmt.Sprintf("cbc: %s: incomplete (%s): %s", e.Op, numbers, strings.Join(e.Warnings, "; "))
	}
	return fmt.Sprintf("cbc: %s: incomplete: the search came to no end in %v: %s", e.Op, searchLife, numbers)
}

// Is makes the error an [ErrIncomplete], and an [ErrTruncated] if that is why.
func (e *IncompleteError) Is(target error) bool {
	return target == ErrIncomplete || target == ErrTruncated && e.Truncated
}

// Unwrap returns Err.
func (e *IncompleteError) Unwrap() error { return e.Err }

// Retryable tells whether the same search may be complete another time.
func (e *IncompleteError) Retryable() bool { return !e.Truncated }

// notFound is the error of a lookup that found nothing.
func notFound(op, what, name string) error {
	return fmt.Errorf("cbc: %s: no %s is named %q: %w", op, what, name, ErrNotFound)
}

// unprefixed is the text of an error of the same operation, for use inside another error.
func unprefixed(op string, err error) string {
	return strings.TrimPrefix(err.Error(), "cbc: "+op+": ")
}

// firstOf names the first ids of many, and says how many more there are.
func firstOf[T any](ids []T, most int, name func(T) string) string {
	var names []string
	for _, id := range ids[:min(most, len(ids))] {
		names = append(names, name(id))
	}
	text := strings.Join(names, ", ")
	if len(ids) > most {
		text += fmt.Sprintf(" and %d more", len(ids)-most)
	}
	return text
}

// printable makes one line of a foreign text and keeps it short.
func printable(s string) string {
	const limit = 300
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "..."
	}
	return s
}

package nsx

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/pphunt/pphunt/internal/rest"
)

// What callers ask of an error, with [errors.Is].
var (
	// ErrNotFound means that no such machine exists, or none that fits.
	ErrNotFound = errors.New("not found")
	// ErrAmbiguous means that several machines fit, which an [AmbiguousError] lists, or that a name does not tell which.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrUnauthorized means that the credentials are wrong, the account is locked, the session ended, or the manager does not know
	// the certificate. The vendor does not tell the first two apart.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden means that the account may not do this. For tags it needs the feature vm_vm_tags.
	ErrForbidden = errors.New("forbidden")
	// ErrRateLimited means that the manager has had too many calls of this account, or that the call would have had to wait for
	// its turn past its deadline.
	ErrRateLimited = errors.New("rate limited")
	// ErrConflict means that somebody else changed the same thing at the same time.
	ErrConflict = errors.New("conflict")
)

// The codes of the vendor that mean "log in again". Any other code of a 403 is about permissions.
const (
	codeSessionEnded  = 98
	codeNotRecognized = 403
	codeAborted       = 607 // while the cluster is being reconfigured
	codeCannotConnect = 98  // with a 500
	codeUntrusted     = 99  // with a 500: a client certificate that the manager does not know
)

// The codes by which the Policy API says, with a 400 or a 404, that an object exists or has another revision.
const (
	codeExists = 500127
	codeStale1 = 500087
	codeStale2 = 500232
	codeStale3 = 100148
	codeStale4 = 500090
)

// The codes of searches.
const (
	codeIndexing     = 60508
	codeIndexTimeout = 60514
	codeIndexBehind  = 60515
	codeTooLarge503  = 60576
	codeTooLarge400  = 255
)

// maxCandidatesShown bounds the text of an [AmbiguousError].
const maxCandidatesShown = 10

// APIError is an answer of the manager that is no success, or a success that is not what the vendor documents.
type APIError struct {
	// Op is the operation, such as "virtual_machines.list".
	Op string
	// StatusCode is the HTTP status.
	StatusCode int
	// Code is the vendor's number of the problem; zero if the answer has none. Decide on StatusCode first.
	Code int
	// Module is the part of NSX that answered.
	Module string
	// Message is the vendor's text. It can hold names and ids.
	Message string
	// Details is more of it, often empty.
	Details string
	// Related are the causes beneath. Often they alone say what is wrong.
	Related []RelatedError
	// RequestID identifies the call to the vendor's support.
	RequestID string
	// RetryAfter is how long the manager asked to wait; zero if it did not.
	RetryAfter time.Duration
	// Body is the answer itself, cut off at 64 KiB.
	Body []byte

	err error // why an answer could not be read
}

// RelatedError is a cause beneath an [APIError].
type RelatedError struct {
	Code    int
	Module  string
	Message string
	Details string
}

// Error names the operation, the status and the vendor's own words, cut to one readable line.
func (e *APIError) Error() string {
	var b strings.Builder
	b.WriteString("nsx: " + e.Op + ": " + strconv.Itoa(e.StatusCode))
	if text := http.StatusText(e.StatusCode); text != "" {
		b.WriteString(" " + text)
	}
	words := []string{e.Message, e.Details}
	for _, r := range e.Related {
		words = append(words, r.Message, r.Details)
	}
	for i, text := range words {
		if text = oneLine(text); text != "" && i < 6 {
			b.WriteString(": " + text)
		}
	}
	if e.Code != 0 {
		b.WriteString(" (code " + strconv.Itoa(e.Code) + ")")
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + oneLine(e.RequestID) + ")")
	}
	return b.String()
}

// Is maps the answer to the sentinels of this package.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound
	case ErrUnauthorized:
		return loginNeeded(e.StatusCode, e.Code) || untrusted(e.StatusCode, e.Code)
	case ErrForbidden:
		return e.StatusCode == http.StatusForbidden && !loginNeeded(e.StatusCode, e.Code)
	case ErrRateLimited:
		return e.StatusCode == http.StatusTooManyRequests
	case ErrConflict:
		return e.StatusCode == http.StatusConflict || e.StatusCode == http.StatusPreconditionFailed
	}
	return false
}

// Unwrap returns why an answer could not be read, if that is the problem.
func (e *APIError) Unwrap() error { return e.err }

// Retryable tells whether the same call may succeed later, without any change on this side.
func (e *APIError) Retryable() bool {
	if again, known := codeDecides(e.StatusCode, e.Code); known {
		return again
	}
	switch e.StatusCode {
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusInternalServerError:
		return e.Code == 0 || e.Code == codeAborted || e.Code == codeCannotConnect
	}
	return e.StatusCode/100 == 2 // the page of a gateway
}

// loginNeeded tells the answers that mean "log in" from those that mean "not allowed": the vendor uses 403 for both.
func loginNeeded(status, code int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden && (code == codeSessionEnded || code == codeNotRecognized)
}

// untrusted tells the answer to a client certificate that is not registered.
func untrusted(status, code int) bool {
	return status == http.StatusInternalServerError && code == codeUntrusted
}

// again is asked before a call is repeated.
func again(a rest.Answer) (again, known bool) { return codeDecides(a.Status, codeOf(a.Body)) }

// codeDecides tells what the status alone does not: a search that the index was not ready for is a 400, one whose answer is too
// large a 503, and a certificate that is not known a 500.
func codeDecides(status, code int) (again, known bool) {
	switch {
	case status == http.StatusBadRequest && (code == codeIndexing || code == codeIndexTimeout || code == codeIndexBehind):
		return true, true
	case tooLarge(status, code), untrusted(status, code):
		return false, true
	}
	return false, false
}

// tooLarge tells the answer to a search whose page would be too large.
func tooLarge(status, code int) bool {
	return status == http.StatusServiceUnavailable && code == codeTooLarge503 || status == http.StatusBadRequest && code == codeTooLarge400
}

// AmbiguousError says that several machines fit equally well, or that one fits by a name that its guest does not bear, so that none
// was taken.
type AmbiguousError struct {
	// Op is the operation, "virtual_machines.find".
	Op string
	// Host is what was looked for.
	Host Host
	// By says what they have in common, such as "computer name".
	By string
	// Candidates are the machines, each once, at least one.
	Candidates []VirtualMachine
}

// Error lists the candidates.
func (e *AmbiguousError) Error() string {
	var b strings.Builder
	if len(e.Candidates) == 1 {
		fmt.Fprintf(&b, "nsx: %s: a virtual machine fits %s by %s, but its guest calls itself something else: ", e.Op, e.Host, e.By)
	} else {
		fmt.Fprintf(&b, "nsx: %s: %d virtual machines fit %s by %s: ", e.Op, len(e.Candidates), e.Host, e.By)
	}
	for i, vm := range e.Candidates {
		if i == maxCandidatesShown {
			fmt.Fprintf(&b, " and %d more", len(e.Candidates)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q (%s", vm.DisplayName, oneLine(string(vm.ExternalID)))
		if vm.ComputerName != "" {
			fmt.Fprintf(&b, ", guest %q", vm.ComputerName)
		}
		b.WriteString(")")
	}
	return b.String()
}

// Is makes the error an [ErrAmbiguous].
func (e *AmbiguousError) Is(target error) bool { return target == ErrAmbiguous }

// oneLine makes one line of a foreign text and keeps it short.
func oneLine(s string) string {
	const most = 300
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

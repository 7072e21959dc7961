package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// Attempt is what Config.Observe is told of: one attempt that was answered or failed. It has no address, no header and no body in
// it, and no text that the service or the caller chose except the request id.
type Attempt struct {
	// Op and Method are those of the call.
	Op, Method string
	// Number counts the attempts of the call from 1 on.
	Number int
	// Status is that of the answer, zero without one. An answer that broke off has both, a status and a failure.
	Status int
	// Took is the time since the attempt was sent: with its body for Do, up to the headers for Stream and Fetch. It has nothing of the
	// wait for a turn. Zero for what was not sent.
	Took time.Duration
	// RetryAfter is how long the answer asked to wait, at most 5 minutes.
	RetryAfter time.Duration
	// RequestID is what Config.RequestID found in the answer.
	RequestID string
	// Failure is empty for an answer that was read, whatever its status. Otherwise it is one of the constants of this package.
	Failure string
}

// Why an attempt brought no answer, in one word.
const (
	FailureUnsent      = "unsent"      // it had no turn, no credentials or no body
	FailureCanceled    = "canceled"    // by the caller
	FailureDeadline    = "deadline"    // the caller's
	FailureTimeout     = "timeout"     // that of one attempt
	FailureName        = "name"        // the host has no address
	FailureCertificate = "certificate" // one that is not trusted, or none
	FailureNetwork     = "network"     // any other failure of the connection
	FailureUpload      = "upload"      // what was to be sent could not be read
	FailureAnswer      = "answer"      // larger than is taken
)

// maxRequestID bounds what a service can put into every line of an audit log.
const maxRequestID = 200

// observe tells of the attempt that has just ended.
func (f *flight) observe(resp *http.Response, err error) {
	if f.tell == nil {
		return
	}
	a := Attempt{Op: f.call.Op, Method: f.call.Method, Number: f.attempt}
	if !f.sent.IsZero() {
		a.Took = time.Since(f.sent)
	}
	if resp != nil {
		a.Status = resp.StatusCode
		a.RequestID = f.requestID(resp.Header)
		a.RetryAfter = retryAfter(resp.Header, time.Now())
	}
	if err != nil {
		a.Failure = f.failureOf(err, resp != nil)
	}
	told := false
	defer func() {
		if !told && resp != nil {
			_ = resp.Body.Close() // the hook panicked: nobody else gives back the place of a stream
		}
	}()
	f.tell(a)
	told = true
}

// requestID is the id of an answer, unless it is none. Services repeat what they are sent, so that it is looked at for credentials
// and for the query, which of a presigned address is one.
func (f *flight) requestID(h http.Header) string {
	find := f.core.cfg.RequestID
	if find == nil {
		return ""
	}
	id := string(f.hidden.blank([]byte(find(h))))
	if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	for _, secret := range f.secrets {
		if strings.Contains(id, strings.TrimPrefix(secret, "?")) {
			return ""
		}
	}
	return id[:min(len(id), maxRequestID)]
}

// failureOf names the kind of an error. The order counts: what the caller ended looks like a failure of the network.
func (f *flight) failureOf(err error, answered bool) string {
	_, isFinal := errors.AsType[final](err)
	timeout, canTimeOut := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return FailureCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return FailureDeadline
	case f.sent.IsZero():
		return FailureUnsent
	case isFinal && answered && f.unread(true) == nil:
		return FailureAnswer
	case isFinal:
		return FailureUpload
	case certificate(err):
		return FailureCertificate
	case canTimeOut && timeout.Timeout():
		return FailureTimeout
	case isDNS && dns.IsNotFound:
		return FailureName
	}
	return FailureNetwork
}

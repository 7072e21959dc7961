package cbc

import (
	"context"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

// Call is one attempt of a call, for [Config].Observe: what an audit log, a trace or a metric needs. It has no address, query, header,
// body or credential in it, so that it can be written down as it is.
type Call struct {
	// Op is the operation, as errors name it: "devices.quarantine". It does not tell what the call was about.
	Op string
	// Method is the HTTP method.
	Method string
	// Attempt counts the attempts of one call from 1 on. A call that was repeated is told of several times.
	Attempt int
	// Status is that of the answer, zero without one.
	Status int
	// Took is the time from the sending to the end of the answer, of a file to its beginning. It has no wait for a turn in
	// it. Zero for an attempt that was not sent.
	Took time.Duration
	// RetryAfter is how long the service asked to wait, at most 5 minutes. Zero if it did not.
	RetryAfter time.Duration
	// RequestID identifies the call to the vendor's support. Often empty: no page documents it, gateways send it.
	RequestID string
	// Failure is empty if there was an answer, whatever its Status. Otherwise it is one word: unsent (no turn in time, or no
	// credentials), canceled or deadline (by the caller), timeout, name (the host has no address), certificate, network, upload (what was
	// to be sent could not be read) or answer (it is too large). An answer that broke off has a Status as well.
	Failure string
}

// observer hands what the core tells to whoever wants to know.
func observer(observe func(context.Context, Call)) func(context.Context, rest.Attempt) {
	if observe == nil {
		return nil
	}
	return func(ctx context.Context, a rest.Attempt) {
		observe(ctx, Call{
			Op: a.Op, Method: a.Method, Attempt: a.Number, Status: a.Status, Took: a.Took, RetryAfter: a.RetryAfter,
			RequestID: a.RequestID, Failure: a.Failure,
		})
	}
}

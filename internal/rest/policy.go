package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	retryablehttp "github.com/hashicorp/go-retryablehttp"
)

// What is kept of an answer that is no success, and what is read of one that nobody wants.
const (
	maxErrorBody = 64 << 10
	maxDrain     = 64 << 10
)

// engine makes the engine of one call. All of its hooks are the call's own, so that what they decide on needs no other way to
// them.
func (f *flight) engine() *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient:     f.core.http,
		Logger:         nil,                 // it prints addresses with their queries
		RetryMax:       f.core.cfg.Attempts, // the count that holds is again's; one more is for renewed credentials
		RequestLogHook: func(retryablehttp.Logger, *http.Request, int) { f.attempt, f.sent = f.attempt+1, time.Time{} },
		CheckRetry:     f.check,
		Backoff:        func(time.Duration, time.Duration, int, *http.Response) time.Duration { return f.wait },
		ErrorHandler:   passthrough,
	}
}

// passthrough hands back what the last attempt brought, where the engine would say no more than that it gave up.
func passthrough(resp *http.Response, err error, _ int) (*http.Response, error) {
	if err != nil && resp != nil {
		resp.Body.Close() //nolint:errcheck // the error that counts is err
		return nil, err
	}
	return resp, err
}

// check is the engine's CheckRetry. It reads the answer as well, so that a connection that breaks in the middle of it counts as
// one that broke before.
func (f *flight) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	f.answer, f.wait, f.tooLong = nil, 0, false
	status := 0
	if err == nil {
		status = resp.StatusCode
		err = f.read(resp)
	}
	if unread := f.unread(err == nil && f.answer == nil); unread != nil {
		f.answer, err = nil, final{unread}
	}
	f.logAttempt(ctx, status, err)
	f.observe(resp, err)
	if !f.again(ctx, err) {
		return false, err
	}
	if f.last = clean(err); err == nil {
		f.last = f.refusal(*f.answer)
	}
	f.logRetry(ctx, status)
	return true, nil
}

// read takes the answer off the wire, except the body of a stream that succeeded.
func (f *flight) read(resp *http.Response) error {
	if f.location != nil {
		resp.Header["Location"] = f.location
	}
	var asked time.Duration
	if resp.StatusCode == http.StatusTooManyRequests {
		asked = retryAfter(resp.Header, time.Now())
		f.wait = f.gate.refused(f.sent, time.Now(), asked)
	} else {
		f.gate.answered(f.sent)
	}
	if quota := f.quota(); quota != nil {
		quota.Answered(f.call.Pool, resp.StatusCode, asked)
	}
	switch ok := f.call.succeeded(resp.StatusCode); {
	case ok && f.stream:
		return nil
	case ok && f.discard:
		// The service has done what was asked. That the rest of its answer is lost changes nothing.
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
		_ = resp.Body.Close()
		return nil
	case ok:
		return f.readBody(resp)
	}
	if asked == 0 {
		asked = retryAfter(resp.Header, time.Now())
	}
	var b bytes.Buffer
	_, _ = io.CopyN(&b, resp.Body, maxErrorBody) // a part of it is better than none
	_ = resp.Body.Close()
	f.answer = &Answer{Op: f.call.Op, Status: resp.StatusCode, Header: f.hidden.blankHeader(resp.Header), Body: f.hidden.blank(b.Bytes()), RetryAfter: asked, Attempts: f.attempt}
	return nil
}

// readBody reads all of an answer or fails: half an answer looks like a whole one.
func (f *flight) readBody(resp *http.Response) error {
	defer resp.Body.Close() //nolint:errcheck // what was read was read
	most := f.core.cfg.MaxBody
	var b bytes.Buffer
	b.Grow(int(min(max(resp.ContentLength, 0), most, 1<<20)))
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, most+1)); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if int64(b.Len()) > most {
		return final{fmt.Errorf("the answer is larger than %d bytes", most)}
	}
	f.body = b.Bytes()
	return nil
}

// again decides whether there is another attempt, and when.
func (f *flight) again(ctx context.Context, err error) bool {
	if err == nil && f.answer == nil || ctx.Err() != nil || f.spent() {
		return false
	}
	if f.renew(ctx) {
		return true
	}
	most := f.core.cfg.Attempts
	if f.renewed {
		most++
	}
	switch {
	case f.attempt >= most:
		return false
	case err != nil && (!f.call.Repeatable || !transient(err)):
		return false
	case err == nil && !f.repeatableStatus():
		return false
	case err == nil && f.outOfQuota():
		return false
	}
	if err != nil || f.answer.Status != http.StatusTooManyRequests {
		f.wait = f.pause()
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= f.wait {
		f.tooLong = true
	}
	return !f.tooLong
}

// pause is for failures that are not the host's: random, under a bound that doubles, or what the answer asks for.
func (f *flight) pause() time.Duration {
	if f.answer != nil && f.answer.RetryAfter > 0 {
		return f.answer.RetryAfter
	}
	return jitter(f.attempt)
}

// outOfQuota tells whether a call that was refused will be refused after its pause as well.
func (f *flight) outOfQuota() bool {
	quota := f.quota()
	return quota != nil && f.answer.Status == http.StatusTooManyRequests && quota.Check(f.call.Pool, f.wait) != nil
}

func (f *flight) repeatableStatus() bool {
	if decide := f.core.cfg.Again; decide != nil && f.call.Repeatable && f.answer.Status != http.StatusTooManyRequests {
		if again, known := decide(*f.answer); known {
			return again
		}
	}
	switch f.answer.Status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return f.call.Repeatable
	}
	return false
}

// renew has the credentials renewed after the first 401 or 403. Once: what loops here locks accounts.
func (f *flight) renew(ctx context.Context) bool {
	if f.answer == nil || f.authorize == nil || f.core.cfg.Rejected == nil || f.renewed {
		return false
	}
	if f.answer.Status != http.StatusUnauthorized && f.answer.Status != http.StatusForbidden {
		return false
	}
	renewed, err := f.core.cfg.Rejected(ctx, *f.answer)
	if err != nil {
		f.unrenewed = &NotRenewedError{err}
	}
	f.renewed = renewed && err == nil
	return f.renewed
}

// transient tells whether an error of the network may be gone in a while.
func transient(err error) bool {
	if _, ok := errors.AsType[final](err); ok {
		return false
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errWithheld) {
		return false
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return false
	}
	return !certificate(err)
}

// certificate tells whether somebody has to do something about a certificate first.
func certificate(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return true
	}
	_, ok := errors.AsType[tls.RecordHeaderError](err) // no TLS over there
	return ok
}

func (f *flight) logAttempt(ctx context.Context, status int, err error) {
	log := f.core.cfg.Logger
	if log == nil || !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{slog.String("op", f.call.Op), slog.Int("attempt", f.attempt), slog.Int("status", status)}
	if !f.sent.IsZero() {
		attrs = append(attrs, slog.Duration("duration", time.Since(f.sent)))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", clean(err).Error()))
	}
	log.LogAttrs(ctx, slog.LevelDebug, "http attempt", attrs...)
}

func (f *flight) logRetry(ctx context.Context, status int) {
	if log := f.core.cfg.Logger; log != nil {
		log.LogAttrs(ctx, slog.LevelInfo, "http retry", slog.String("op", f.call.Op), slog.Int("attempt", f.attempt),
			slog.Int("status", status), slog.Duration("wait", f.wait))
	}
}

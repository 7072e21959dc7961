package rest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// clean takes the address out of an error: net/http puts the whole of it, query included, around every cause. What is under it
// stays reachable, so that a caller can tell an unknown certificate authority from a refused connection.
func clean(err error) error {
	for {
		inner, ok := errors.AsType[*url.Error](err)
		if !ok || inner.Err == nil {
			return err
		}
		err = inner.Err
	}
}

// secrets are the texts of a request that no error may repeat.
type secrets []string

// scrub returns err, or, if its text holds one of the secrets, an error that says no more than that. The chain is cut then: what
// hangs on it would tell the same when printed. Only transports of other makers get here.
func (s secrets) scrub(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, secret := range s {
		if strings.Contains(text, secret) {
			return errWithheld
		}
	}
	if address.MatchString(text) {
		return errWithheld // a proxy's address with its password, the scheme of which may be missing
	}
	return err
}

// address finds a user with a password in front of a host.
var address = regexp.MustCompile(`://[^\s]*@|[^\s/"]:[^\s/"]+@[^\s]`)

// credentials are the parts of a request that are secret by themselves.
type credentials []string

// inJSON writes what some encoders write of a text in JSON.
var inJSON = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", `\u0026`, "<", `\u003c`, ">", `\u003e`) //nolint:gochecknoglobals // never written

// shortestSecret keeps words that are part of many texts from being taken for secrets.
const shortestSecret = 6

// add takes a header or form value and what it is made of: the halves of a token, the password of a basic login.
func (c *credentials) add(value string) {
	parts := append([]string{value}, strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '/' || r == ';' || r == '=' })...)
	if _, encoded, ok := strings.Cut(value, " "); ok {
		if login, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			_, password, _ := strings.Cut(string(login), ":")
			parts = append(parts, string(login), password)
		}
	}
	for _, part := range parts {
		if len(part) >= shortestSecret {
			*c = append(*c, part, url.QueryEscape(part), inJSON.Replace(part))
		}
	}
}

// blank takes the credentials out of an answer: some services and gateways repeat what they were sent, and the answer goes into
// errors, logs and reports.
func (c credentials) blank(body []byte) []byte {
	for _, secret := range c {
		body = bytes.ReplaceAll(body, []byte(secret), []byte("[withheld]"))
	}
	return body
}

// blankHeader does the same for a header, in a copy.
func (c credentials) blankHeader(h http.Header) http.Header {
	h = h.Clone()
	for _, values := range h {
		for i, value := range values {
			values[i] = string(c.blank([]byte(value)))
		}
	}
	return h
}

var errWithheld = errors.New("the connection failed; the cause is withheld, its text has an address or a credential")

// final marks an error that comes of no answer and no network: trying again cannot help, or is not wanted.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// waitError says that a call would have to wait for its turn past its deadline.
type waitError struct {
	wait   time.Duration
	reason string
	kind   error
}

func (e *waitError) Error() string {
	return fmt.Sprintf("%v: %s: the call would have to wait %s, which is past its deadline", e.kind, e.reason, rounded(e.wait))
}

func (e *waitError) Unwrap() error { return e.kind }

// timeoutError is the end of an attempt or of a stream by this package's own clocks. It is not the caller's deadline, so it
// does not match context.DeadlineExceeded.
type timeoutError struct {
	what  string
	after time.Duration
}

func (e *timeoutError) Error() string { return fmt.Sprintf("%s within %s", e.what, e.after) }

// Timeout makes the error one of the network's own kind.
func (e *timeoutError) Timeout() bool { return true }

// trimmed is err inside another error of the same operation, whose text has the prefix already.
type trimmed struct {
	error
	prefix string
}

func (t trimmed) Error() string { return strings.TrimPrefix(t.error.Error(), t.prefix) }
func (t trimmed) Unwrap() error { return t.error }

func rounded(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(time.Second)
	}
	return d.Round(time.Millisecond)
}

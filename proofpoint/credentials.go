package proofpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pphunt/pphunt/internal/rest"
)

// Credentials sign requests. They cannot be printed: the secret lives in a closure.
type Credentials struct {
	sign    func(*http.Request)
	fetch   func(context.Context) (*rest.Ticket, error)
	problem string
	// anonymous says that there is nothing to sign with.
	anonymous bool
}

// Basic signs with a service principal and its secret. Both are made in the TAP dashboard under Settings, Connected
// Applications. One pair reads the whole tenant: there are no narrower permissions.
func Basic(principal, secret string) Credentials {
	if principal == "" && secret == "" {
		return Credentials{}
	}
	return Credentials{sign: basicSigner(principal, secret), problem: checkPair(principal, secret)}
}

// BasicFunc signs with a principal and a secret that source gives, so that a secret can be replaced while the program runs. source
// is asked before the first call, and again when the service has turned a pair away (401); if it then gives another one, the call
// is made once more with that. All calls share what it gave: it is asked by one goroutine at a time, with the context of the call
// that needs it. Its error becomes the error of that call, and must not have a secret in it.
func BasicFunc(source func(context.Context) (principal, secret string, err error)) Credentials {
	if source == nil {
		return Credentials{problem: "BasicFunc needs a function"}
	}
	return Credentials{fetch: func(ctx context.Context) (*rest.Ticket, error) {
		principal, secret, err := source(ctx)
		if problem := checkPair(principal, secret); err == nil && problem != "" {
			err = errors.New(problem)
		}
		if err != nil {
			return nil, fmt.Errorf("the source of the credentials: %w", err)
		}
		return &rest.Ticket{Sign: basicSigner(principal, secret)}, nil
	}}
}

// Anonymous signs nothing. [URLs.Decode] is the only call that the service answers then, from a quota that all who have no
// credentials share; every other call returns [ErrUnauthorized] without being sent.
func Anonymous() Credentials {
	return Credentials{sign: func(*http.Request) {}, anonymous: true}
}

func basicSigner(principal, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(principal, secret) }
}

func checkPair(principal, secret string) string {
	switch {
	case principal == "":
		return "the principal of the credentials is empty"
	case secret == "":
		return "the secret of the credentials is empty"
	case strings.Contains(principal, ":"):
		return "the principal of the credentials has a colon in it, which HTTP basic authentication cannot carry"
	}
	return ""
}

// check is empty for credentials that can sign.
func (c Credentials) check() string {
	switch {
	case c.problem != "":
		return c.problem
	case c.sign == nil && c.fetch == nil:
		return "Config.Credentials is missing"
	}
	return ""
}

// authenticate puts the credentials into the configuration of the core.
func (c Credentials) authenticate(rc *rest.Config) {
	if c.fetch != nil {
		renewal := rest.NewRenewal(c.fetch, nil)
		rc.Authorize, rc.Rejected = renewal.Authorize, renewal.Rejected
		return
	}
	rc.Authorize = func(_ context.Context, r *http.Request) error {
		c.sign(r)
		return nil
	}
}

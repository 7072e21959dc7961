package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pphunt/pphunt/internal/rest"
)

// Credentials sign calls. They hold their secret where printing does not reach it. The zero value is refused by [New].
type Credentials struct {
	sign    func(*http.Request)                                     // APIKey
	fetch   func(context.Context, *rest.Core) (*rest.Ticket, error) // APIKeyFunc, OAuthApp, APIToken
	cloud   bool                                                    // fetch calls VMware Cloud Services
	problem error
}

// APIKey signs with an API key of the access level type "Custom", which is all that this package needs; keys of the older types
// are refused by the vendor. The console shows the id and the secret once, when the key is made. What is wrong with them,
// [New] says.
func APIKey(id, secret string) Credentials {
	return Credentials{sign: tokenSigner(id, secret), problem: checkKey(id, secret)}
}

// APIKeyFunc signs with an API key that source gives, so that a key can be rotated while the program runs. source is asked before
// the first call, and again when the vendor has turned a key away (401); if it then gives another key, the call that was turned
// away is made once more with that. All calls share what it gave: it is asked by one goroutine at a time, with the context of the
// call that needs the key. Its error becomes the error of that call, and must not have a secret in it.
func APIKeyFunc(source func(context.Context) (id, secret string, err error)) Credentials {
	if source == nil {
		return Credentials{problem: errors.New("cbc: new: APIKeyFunc needs a function")}
	}
	return Credentials{fetch: func(ctx context.Context, _ *rest.Core) (*rest.Ticket, error) {
		id, secret, err := source(ctx)
		if err == nil {
			err = checkKey(id, secret)
		}
		if err != nil {
			return nil, fmt.Errorf("the source of the API key: %w", err)
		}
		return &rest.Ticket{Sign: tokenSigner(id, secret)}, nil
	}}
}

// tokenSigner is for keys that the console manages. The secret comes first.
func tokenSigner(id, secret string) func(*http.Request) {
	token := secret + "/" + id
	return func(r *http.Request) { r.Header.Set("X-Auth-Token", token) }
}

func checkKey(id, secret string) error {
	return errors.Join(checkKeyPart("id", id), checkKeyPart("secret", secret))
}

func checkKeyPart(name, value string) error {
	switch {
	case value == "":
		return errors.New("cbc: new: the " + name + " of the API key is empty")
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }):
		return errors.New("cbc: new: the " + name + " of the API key has a character that no key has, such as a space or a slash")
	}
	return nil
}

// authenticate puts the credentials into the configuration of the core.
func (c Credentials) authenticate(rc *rest.Config, cloudURL string) error {
	switch {
	case c.problem != nil:
		return c.problem
	case c.sign != nil:
		rc.Authorize = func(_ context.Context, r *http.Request) error {
			c.sign(r)
			return nil
		}
		return nil
	case c.fetch == nil:
		return errors.New("cbc: new: Credentials are missing: use APIKey")
	}
	var door *rest.Core
	if c.cloud {
		var err error
		if door, err = cloudServices(*rc, cloudURL); err != nil {
			return err
		}
	}
	renewal := rest.NewRenewal(func(ctx context.Context) (*rest.Ticket, error) { return c.fetch(ctx, door) }, nil)
	rc.Authorize, rc.Rejected = renewal.Authorize, renewal.Rejected
	return nil
}

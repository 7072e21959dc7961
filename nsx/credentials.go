package nsx

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/pphunt/pphunt/internal/rest"
)

// Credentials prove who calls. They hold their secret where printing does not reach it. The zero value is refused by [New].
type Credentials struct {
	sign        func(*http.Request)                       // of each call; with a form, of the login alone
	form        func(context.Context) (url.Values, error) // the sessions
	fetch       func(context.Context) (*rest.Ticket, error)
	bearer      bool
	certificate bool
	problem     error
}

func (c Credentials) missing() bool {
	return c.sign == nil && c.form == nil && c.fetch == nil && !c.certificate && c.problem == nil
}

// Basic sends user and password with each call. Accounts of a directory ("user@domain") are looked up there each time, which is
// slow; use [Session] for them. What is wrong with the arguments, [New] says.
func Basic(user, password string) Credentials {
	problem := checkLogin(user, password)
	if strings.Contains(user, ":") {
		problem = errors.Join(problem, errors.New("nsx: new: the user name has a colon, which HTTP basic authentication cannot send"))
	}
	return Credentials{sign: func(r *http.Request) { r.SetBasicAuth(user, password) }, problem: problem}
}

// Session logs in once, with the first call, and again when the manager has forgotten the session: after half an hour without
// calls, or because the virtual address leads to another manager. End it with [Client.Close].
func Session(user, password string) Credentials {
	return Credentials{
		form:    func(context.Context) (url.Values, error) { return loginForm(user, password), nil },
		problem: checkLogin(user, password),
	}
}

// SessionFunc is [Session] with an account that source gives, so that a password can be replaced while the program runs: it is asked
// before each login, by one goroutine at a time, with the context of the call that needs the login. Its error becomes the error of
// that call, and must not have a secret in it. A password that the manager has refused is not followed by another for five minutes,
// so that the account is not locked.
func SessionFunc(source func(context.Context) (user, password string, err error)) Credentials {
	if source == nil {
		return Credentials{problem: errors.New("nsx: new: SessionFunc needs a function")}
	}
	return Credentials{form: func(ctx context.Context) (url.Values, error) {
		user, password, err := source(ctx)
		if err == nil {
			err = checkLogin(user, password)
		}
		if err != nil {
			return nil, fmt.Errorf("nsx: the source of the account: %w", inner{err})
		}
		return loginForm(user, password), nil
	}}
}

func loginForm(user, password string) url.Values {
	return url.Values{"j_username": {user}, "j_password": {password}}
}

// Remote is [Basic] in the scheme that early releases of NSX-T want for accounts of a Workspace ONE Access (vIDM) identity source,
// named "user@domain". Later ones take Basic for them.
func Remote(user, password string) Credentials {
	c := Basic(user, password)
	c.sign = signRemote(user, password)
	return c
}

// RemoteSession is [Session] for the accounts that [Remote] is for: the login has both the form and the scheme.
func RemoteSession(user, password string) Credentials {
	c := Session(user, password)
	c.problem = Remote(user, password).problem
	c.sign = signRemote(user, password)
	return c
}

func signRemote(user, password string) func(*http.Request) {
	value := "Remote " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	return func(r *http.Request) { r.Header.Set("Authorization", value) }
}

// Bearer sends a token that was got elsewhere, such as an access token of VMware Cloud, with each call. Such tokens end within the
// hour; for a client that lives longer use [BearerFunc].
func Bearer(token string) Credentials {
	return Credentials{sign: signBearer(token), bearer: true, problem: checkToken(token)}
}

// BearerFunc sends tokens that source gives. It is asked before the first call, and again when the manager has refused a token; if
// it then gives another one, the call is made once more with that. All calls share what it gave: it is asked by one goroutine at a
// time, with the context of the call that needs it. Its error becomes the error of that call, and must not have a secret in it.
func BearerFunc(source func(context.Context) (token string, err error)) Credentials {
	if source == nil {
		return Credentials{problem: errors.New("nsx: new: BearerFunc needs a function")}
	}
	return Credentials{bearer: true, fetch: func(ctx context.Context) (*rest.Ticket, error) {
		token, err := source(ctx)
		if err == nil {
			err = checkToken(token)
		}
		if err != nil {
			return nil, fmt.Errorf("the source of the token: %w", inner{err})
		}
		return &rest.Ticket{Sign: signBearer(token)}, nil
	}}
}

func signBearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func checkToken(token string) error {
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("nsx: new: the token is empty or has a character that no token can have")
	}
	return nil
}

// ClientCertificate sends nothing: the manager knows the caller, a principal identity, by the certificate of the TLS connection,
// which is in the transport of [Config.HTTPClient]. [New] refuses a client without one. A manager that is shown credentials besides
// takes them and ignores the certificate, so nothing else is sent.
func ClientCertificate() Credentials { return Credentials{certificate: true} }

func checkLogin(user, password string) error {
	var problems []error
	if strings.TrimSpace(user) == "" {
		problems = append(problems, errors.New("nsx: new: the user name is empty"))
	}
	if password == "" {
		problems = append(problems, errors.New("nsx: new: the password is empty"))
	}
	if strings.ContainsFunc(user+password, unicode.IsControl) {
		problems = append(problems, errors.New("nsx: new: the user name or the password has a control character, such as the end of a line"))
	}
	return errors.Join(problems...)
}

package proofpoint

import (
	"net/http"
	"strings"
)

// Credentials sign requests. They cannot be printed: the secret lives in a closure.
type Credentials struct {
	sign    func(*http.Request)
	problem string
}

// Basic signs with a service principal and its secret. Both are made in the TAP dashboard under Settings, Connected
// Applications. One pair reads the whole tenant: there are no narrower permissions.
func Basic(principal, secret string) Credentials {
	switch {
	case principal == "" && secret == "":
		return Credentials{}
	case principal == "":
		return Credentials{problem: "the principal of the credentials is empty"}
	case secret == "":
		return Credentials{problem: "the secret of the credentials is empty"}
	case strings.Contains(principal, ":"):
		return Credentials{problem: "the principal of the credentials has a colon in it, which HTTP basic authentication cannot carry"}
	}
	return Credentials{sign: func(r *http.Request) { r.SetBasicAuth(principal, secret) }}
}

// check is empty for credentials that can sign.
func (c Credentials) check() string {
	switch {
	case c.problem != "":
		return c.problem
	case c.sign == nil:
		return "Config.Credentials is missing"
	}
	return ""
}

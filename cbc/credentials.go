package cbc

import (
	"errors"
	"net/http"
	"strings"
)

// Credentials sign calls. They hold their secret where printing does not reach it. The zero value is refused by [New].
type Credentials struct {
	sign    func(*http.Request)
	problem error
}

// APIKey signs with an API key of the access level type "Custom", which is all that this package needs; keys of the older types
// are refused by the vendor. The console shows the id and the secret once, when the key is made. What is wrong with them,
// [New] says.
func APIKey(id, secret string) Credentials {
	token := secret + "/" + id // the secret comes first
	return Credentials{
		sign:    func(r *http.Request) { r.Header.Set("X-Auth-Token", token) },
		problem: errors.Join(checkKeyPart("id", id), checkKeyPart("secret", secret)),
	}
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

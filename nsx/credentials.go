package nsx

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// Credentials prove who calls. They hold their secret where printing does not reach it. The zero value is refused by [New].
type Credentials struct {
	sign    func(*http.Request) // Basic
	form    func() url.Values   // Session
	problem error
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
		form:    func() url.Values { return url.Values{"j_username": {user}, "j_password": {password}} },
		problem: checkLogin(user, password),
	}
}

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

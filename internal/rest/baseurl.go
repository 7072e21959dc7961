package rest

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// ParseBaseURL reads the address of a service. A missing scheme becomes https, slashes at the end are cut off, and a path is
// kept. http is for loopback addresses only, because credentials would cross the network in the clear. User information, a
// query and a fragment are refused. The error never repeats the address, which may hold a password.
func ParseBaseURL(raw string) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return nil, errors.New("base URL: empty")
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("base URL: not an address") // the cause repeats the address
	case u.User != nil:
		return nil, errors.New("base URL: must not hold a user name or password")
	case strings.Contains(raw, "?"):
		return nil, errors.New("base URL: must not have a query")
	case strings.Contains(raw, "#"):
		return nil, errors.New("base URL: must not have a fragment")
	}
	if err := checkHost(u); err != nil {
		return nil, err
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return nil, errors.New(`base URL: must not have "." or ".." in its path`)
		}
	}
	u.Host = strings.ToLower(u.Host)
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// checkHost looks at scheme and host, which are what decides who gets the credentials.
func checkHost(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("base URL: the scheme must be https")
	case host == "":
		return errors.New("base URL: no host")
	case net.ParseIP(host) == nil && strings.ContainsFunc(host, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.' && r != '_'
	}):
		return errors.New("base URL: the host has a character that no host has: is part of it a placeholder?")
	case u.Scheme == "http" && !loopback(host):
		return errors.New("base URL: http is for loopback addresses only, use https")
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("base URL: the port must be from 1 to 65535")
		}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

package nsx

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/internal/rest"
)

// ConfigFromEnv reads the way to a manager from the variables of the vendor's Terraform provider:
//
//	NSXT_MANAGER_HOST              the manager or its virtual address
//	NSXT_USERNAME, NSXT_PASSWORD   an account; NSXT_REMOTE_AUTH=true signs it in with [RemoteSession]
//	NSXT_CLIENT_AUTH_CERT_FILE     a principal identity instead, with its key in NSXT_CLIENT_AUTH_KEY_FILE (PEM)
//	NSXT_CA_FILE                   a private certificate authority (PEM)
//
// Accounts sign in with [Session]. lookup is usually [os.LookupEnv]. Without NSXT_MANAGER_HOST the error matches [fs.ErrNotExist].
// NSXT_ALLOW_UNVERIFIED_SSL is refused when it is true: give the authority instead.
func ConfigFromEnv(lookup func(string) (string, bool)) (Config, error) {
	env := func(name string) string {
		value, _ := lookup("NSXT_" + name)
		return strings.TrimSpace(value)
	}
	if env("MANAGER_HOST") == "" {
		return Config{}, fmt.Errorf("nsx: environment: NSXT_MANAGER_HOST is not set: %w", fs.ErrNotExist)
	}
	cfg := Config{BaseURL: env("MANAGER_HOST")}
	var problems []error
	flag := func(name string) bool {
		if env(name) == "" {
			return false
		}
		on, err := strconv.ParseBool(env(name))
		if err != nil {
			problems = append(problems, fmt.Errorf("NSXT_%s is neither true nor false", name))
		}
		return on
	}
	if flag("ALLOW_UNVERIFIED_SSL") {
		problems = append(problems, errors.New("NSXT_ALLOW_UNVERIFIED_SSL must not switch the check of certificates off; name the private authority in NSXT_CA_FILE"))
	}
	password, _ := lookup("NSXT_PASSWORD") // spaces at its ends are part of it
	remote := flag("REMOTE_AUTH")
	switch {
	case env("CLIENT_AUTH_CERT_FILE") != "":
		cfg.Credentials = ClientCertificate()
	case remote:
		cfg.Credentials = RemoteSession(env("USERNAME"), password)
	default:
		cfg.Credentials = Session(env("USERNAME"), password)
	}
	problems = append(problems, cfg.Credentials.problem)
	client, err := clientOf(env("CA_FILE"), env("CLIENT_AUTH_CERT_FILE"), env("CLIENT_AUTH_KEY_FILE"))
	problems = append(problems, err)
	cfg.HTTPClient = client
	if err := errors.Join(problems...); err != nil {
		return Config{}, fmt.Errorf("nsx: environment: %w", inner{err})
	}
	return cfg, nil
}

// clientOf makes a client for a private authority and a certificate of the caller; without either it is nil, which is the default
// of [Config].
func clientOf(caFile, certFile, keyFile string) (c *http.Client, err error) {
	if caFile == "" && certFile == "" {
		return c, nil
	}
	var how rest.Connection
	if caFile != "" {
		if how.Roots, err = rest.ReadRoots(caFile); err != nil {
			return nil, fmt.Errorf("NSXT_CA_FILE: %w", err)
		}
	}
	if certFile != "" {
		certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("NSXT_CLIENT_AUTH_CERT_FILE: %w", err)
		}
		how.Certificates = []tls.Certificate{certificate}
	}
	return how.Client(), nil
}

package rest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Connection is how to reach a service where the transport of this package needs a few words more. The zero value is that
// transport.
type Connection struct {
	// Roots are the certificate authorities. Defaults to those of the system.
	Roots *x509.CertPool
	// Certificates say who calls.
	Certificates []tls.Certificate
	// Proxy carries all calls. Defaults to that of the environment; Direct means none at all.
	Proxy  *url.URL
	Direct bool
	// OnlyTLS12 keeps the connection to that version.
	OnlyTLS12 bool
}

// Client makes a client for Config.HTTPClient.
func (c Connection) Client() *http.Client {
	t := newTransport(Config{MaxInFlight: DefaultMaxInFlight})
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots, Certificates: c.Certificates}
	if c.OnlyTLS12 {
		t.TLSClientConfig.MaxVersion = tls.VersionTLS12
	}
	switch {
	case c.Direct:
		t.Proxy = nil
	case c.Proxy != nil:
		t.Proxy = http.ProxyURL(c.Proxy)
	}
	return &http.Client{Transport: t}
}

// ReadRoots returns the authorities of the system and those in a file of PEM.
func ReadRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", path)
	}
	return roots, nil
}

// ParseProxy reads the address of a proxy, of the schemes http, https, socks5 and socks5h; a missing one becomes http. The
// error does not repeat the address, which may hold a password.
func ParseProxy(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	proxy, err := url.Parse(address)
	// Of a scheme that it does not know net/http takes the address for one of http.
	if err != nil || proxy.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, proxy.Scheme) {
		return nil, errors.New("the address of the proxy is none")
	}
	return proxy, nil
}

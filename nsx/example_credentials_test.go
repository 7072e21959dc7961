package nsx_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"

	"github.com/pphunt/pphunt/nsx"
)

// A principal identity is an account that a certificate proves. It cannot be locked out by wrong passwords, and its calls count
// against no other account's limit. An administrator registers the certificate with the manager once.
func ExampleClientCertificate() {
	connect := func() (*nsx.Client, error) {
		own, err := tls.LoadX509KeyPair("pphunt.crt", "pphunt.key")
		if err != nil {
			return nil, err
		}
		authority, err := os.ReadFile("nsx-ca.pem")
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(authority) {
			return nil, errors.New("nsx-ca.pem has no certificate in it")
		}
		return nsx.New(nsx.Config{
			BaseURL:     "https://nsx.lab.example",
			Credentials: nsx.ClientCertificate(),
			HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
				Certificates: []tls.Certificate{own}, RootCAs: pool, MinVersion: tls.VersionTLS12,
			}}},
		})
	}
	_, _ = connect()
}

// The source of tokens keeps one until it is about to end.
func ExampleBearerFunc() {
	accessToken := func(context.Context) (string, error) { return os.Getenv("VMC_ACCESS_TOKEN"), nil }
	client, err := nsx.New(nsx.Config{
		BaseURL:     "https://nsx.vmc.example",
		Credentials: nsx.BearerFunc(accessToken),
	})
	_, _ = client, err
}

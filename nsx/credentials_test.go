package nsx_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestWhatEachKindOfCredentialsSends(t *testing.T) {
	t.Parallel()
	const (
		login = "POST /api/session/create [application/x-www-form-urlencoded] cookie[] xsrf[] auth[%s] j_password=Blue%%2BKite&j_username=svc%%40corp.example"
		call  = "GET /api/v1/fabric/virtual-machines [] cookie[%s] xsrf[%s] auth[%s] "
	)
	for _, tc := range []struct {
		name        string
		credentials nsx.Credentials
		want        []string
	}{
		{"basic", nsx.Basic("svc@corp.example", "Blue+Kite"), []string{fmt.Sprintf(call, "", "", "Basic c3ZjQGNvcnAuZXhhbXBsZTpCbHVlK0tpdGU=")}},
		{"remote", nsx.Remote("svc@corp.example", "Blue+Kite"), []string{fmt.Sprintf(call, "", "", "Remote c3ZjQGNvcnAuZXhhbXBsZTpCbHVlK0tpdGU=")}},
		{"bearer", nsx.Bearer("eyJ0.e30.c2ln"), []string{fmt.Sprintf(call, "", "", "Bearer eyJ0.e30.c2ln")}},
		{"certificate", nsx.ClientCertificate(), []string{fmt.Sprintf(call, "", "", "")}},
		{"session", nsx.Session("svc@corp.example", "Blue+Kite"), []string{
			fmt.Sprintf(login, ""), fmt.Sprintf(call, "JSESSIONID=9C41; route=node-2", "4b6d", ""),
		}},
		// The scheme goes with the login alone: a session must not come with credentials.
		{"remote session", nsx.RemoteSession("svc@corp.example", "Blue+Kite"), []string{
			fmt.Sprintf(login, "Remote c3ZjQGNvcnAuZXhhbXBsZTpCbHVlK0tpdGU="), fmt.Sprintf(call, "JSESSIONID=9C41; route=node-2", "4b6d", ""),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := &recorder{}
			client, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: s}, Credentials: tc.credentials})
			if err != nil {
				t.Fatal(err)
			}
			if err := get(t.Context(), client); !errors.Is(err, nsx.ErrNotFound) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, s.seen); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCredentialsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		credentials nsx.Credentials
		want        string
	}{
		{nsx.Bearer(""), "token is empty"},
		{nsx.Bearer("hidden token"), "token is empty or has a character"},
		{nsx.BearerFunc(nil), "needs a function"},
		{nsx.Remote("", "hidden"), "user name is empty"},
		{nsx.Remote("a:b", "hidden"), "colon"},
		{nsx.RemoteSession("a:b", "hidden"), "colon"},
		{nsx.ClientCertificate(), "needs an HTTPClient"},
	} {
		_, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, Credentials: tc.credentials})
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("error = %v, want one that says %q", err, tc.want)
		}
	}
	for _, credentials := range []nsx.Credentials{nsx.Remote("hidden-u", "hidden-p"), nsx.RemoteSession("hidden-u", "hidden-p"), nsx.Bearer("hidden-t")} {
		if text := fmt.Sprintf("%v %+v %#v", credentials, credentials, credentials); strings.Contains(text, "hidden") {
			t.Errorf("printed: %s", text)
		}
	}
}

// bearerManager lets one token in.
type bearerManager struct {
	good string
	seen []string
}

func (m *bearerManager) RoundTrip(r *http.Request) (*http.Response, error) {
	m.seen = append(m.seen, r.Header.Get("Authorization"))
	c := ok(`{"results":[{"external_id":"` + vmID + `"}]}`)
	if m.good != r.Header.Get("Authorization") {
		c = canned{status: http.StatusForbidden, body: `{"error_code":403}`}
	}
	return (&script{answers: []canned{c}}).RoundTrip(r)
}

func TestATokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		tokens []string // what the source has, the last of them for ever
		want   []string
		fails  bool
	}{
		{"a newer token is tried", []string{"old", "new"}, []string{"Bearer old", "Bearer new"}, false},
		{"the same token is not", []string{"old"}, []string{"Bearer old"}, true},
		{"a third one is not either", []string{"old", "older", "new"}, []string{"Bearer old", "Bearer older"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := &bearerManager{good: "Bearer new"}
			asked := 0
			client, err := nsx.New(nsx.Config{
				BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: m}, Attempts: 1,
				Credentials: nsx.BearerFunc(func(context.Context) (string, error) {
					asked++
					return tc.tokens[min(asked, len(tc.tokens))-1], nil
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			err = get(t.Context(), client)
			if diff := cmp.Diff(tc.want, m.seen); diff != "" || (err != nil) != tc.fails || tc.fails && !errors.Is(err, nsx.ErrUnauthorized) {
				t.Errorf("error = %v, requests (-want +got):\n%s", err, diff)
			}
			// No refusal of a token locks anybody out: the next call is made.
			m.good = "Bearer " + tc.tokens[len(tc.tokens)-1]
			if err := get(t.Context(), client); err != nil {
				t.Errorf("with the right token: %v", err)
			}
		})
	}
}

func TestASourceOfTokensThatFails(t *testing.T) {
	t.Parallel()
	gone := errors.New("the console is away")
	for _, source := range []func(context.Context) (string, error){
		func(context.Context) (string, error) { return "", gone },
		func(context.Context) (string, error) { return "hidden\ntoken", nil },
	} {
		m := &bearerManager{}
		client, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: m}, Credentials: nsx.BearerFunc(source)})
		if err != nil {
			t.Fatal(err)
		}
		err = get(t.Context(), client)
		_, cause := source(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "nsx: virtual_machines.get: the source of the token: ") || errors.Is(err, gone) != (cause != nil) || strings.Contains(err.Error(), "hidden") || len(m.seen) != 0 {
			t.Errorf("error = %v after %d requests", err, len(m.seen))
		}
	}
}

// certificate makes one that signs itself.
func certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestAPrincipalIdentityIsKnownByItsCertificate(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case len(r.Header["Authorization"])+len(r.Header["Cookie"]) > 0:
			w.WriteHeader(http.StatusBadRequest)
		case r.TLS.PeerCertificates[0].Subject.CommonName == "pphunt":
			fmt.Fprintf(w, `{"results":[{"external_id":%q}]}`, vmID)
		default:
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"error_code":99,"error_message":"The certificate is not trusted."}`)
		}
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	for _, tc := range []struct {
		name string
		good bool
	}{{"pphunt", true}, {"stranger", false}} {
		client, err := nsx.New(nsx.Config{
			BaseURL: srv.URL, Credentials: nsx.ClientCertificate(),
			HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
				RootCAs: pool, Certificates: []tls.Certificate{certificate(t, tc.name)}, MinVersion: tls.VersionTLS12,
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		err = get(t.Context(), client)
		if tc.good != (err == nil) || !tc.good && !errors.Is(err, nsx.ErrUnauthorized) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

package nsx_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestNewNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		cfg  nsx.Config
		want []string
	}{
		{nsx.Config{}, []string{"base URL", "Credentials"}},
		{nsx.Config{BaseURL: "http://nsx.example", Credentials: nsx.Basic("", "")}, []string{"http is for loopback", "user name is empty", "password is empty"}},
		{nsx.Config{BaseURL: "https://u:hidden@nsx.example", Credentials: nsx.Basic("a:b", "hidden\n")}, []string{"user name or password", "colon", "control character"}},
		{nsx.Config{BaseURL: "nsx.example", Credentials: nsx.Session(" ", "hidden"), Attempts: -1}, []string{"user name is empty", "Attempts"}},
		{nsx.Config{BaseURL: "nsx.example", Credentials: nsx.Session("a:b", "hidden"), MaxInFlight: -1}, []string{"MaxInFlight"}},
	} {
		_, err := nsx.New(tc.cfg)
		if err == nil {
			t.Errorf("New accepted what has %v wrong", tc.want)
			continue
		}
		if strings.Contains(err.Error(), "hidden") {
			t.Errorf("error %q has a secret", err)
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not say %q", err, want)
			}
		}
	}
}

func TestOverTLSWithAPrivateAuthority(t *testing.T) {
	t.Parallel()
	fake := oneVM(nsxtest.Switches{})
	srv := httptest.NewUnstartedServer(fake)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}

	for _, change := range []func(*nsx.Config){func(*nsx.Config) {}, withSession} {
		client := connect(t, fake, change, func(c *nsx.Config) { c.BaseURL, c.HTTPClient = srv.URL, trusting })
		if err := client.VirtualMachines.AddTags(t.Context(), vmID, nsx.Tag{Tag: "x"}); err != nil {
			t.Error(err)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	stranger := connect(t, fake, func(c *nsx.Config) { c.BaseURL, c.HTTPClient = srv.URL, nil })
	err := get(t.Context(), stranger)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("without the authority: %v, want an unknown one", err)
	}
}

package nsx_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// environment looks names up in a map.
func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheEnvironmentLeadsToAManager(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(nsxtest.New(nsxtest.World{}))
	defer srv.Close()
	cfg, err := nsx.ConfigFromEnv(environment(map[string]string{
		"NSXT_MANAGER_HOST": srv.URL, "NSXT_USERNAME": nsxtest.Username, "NSXT_PASSWORD": nsxtest.Password,
		"NSXT_CA_FILE": pemFile(t, "CERTIFICATE", srv.Certificate().Raw), "NSXT_ALLOW_UNVERIFIED_SSL": "false",
	}))
	if err != nil {
		t.Fatal(err)
	}
	client, err := nsx.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range client.VirtualMachines.List(t.Context(), nsx.VMQuery{}) {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestTheEnvironmentMayNameACertificate(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hunter"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := nsx.ConfigFromEnv(environment(map[string]string{
		"NSXT_MANAGER_HOST": "manager.example", "NSXT_CLIENT_AUTH_CERT_FILE": pemFile(t, "CERTIFICATE", der), "NSXT_CLIENT_AUTH_KEY_FILE": pemFile(t, "PRIVATE KEY", secret),
	}))
	if err != nil {
		t.Fatal(err)
	}
	transport, ok := cfg.HTTPClient.Transport.(*http.Transport)
	if !ok || len(transport.TLSClientConfig.Certificates) != 1 || transport.TLSClientConfig.InsecureSkipVerify {
		t.Error("the connection does not show the certificate, or does not check the manager's")
	}
	if _, err := nsx.New(cfg); err != nil {
		t.Error(err)
	}
}

func TestTheEnvironmentIsChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		values  map[string]string
		want    string
		missing bool
	}{
		{"nothing", nil, "NSXT_MANAGER_HOST is not set", true},
		{"no account", map[string]string{"NSXT_MANAGER_HOST": "m"}, "the user name is empty", false},
		{"unchecked", map[string]string{"NSXT_MANAGER_HOST": "m", "NSXT_USERNAME": "u", "NSXT_PASSWORD": "p4ssw0rd", "NSXT_ALLOW_UNVERIFIED_SSL": "true"}, "must not switch", false},
		{"no boolean", map[string]string{"NSXT_MANAGER_HOST": "m", "NSXT_USERNAME": "u", "NSXT_PASSWORD": "p4ssw0rd", "NSXT_REMOTE_AUTH": "p4ssw0rd"}, "NSXT_REMOTE_AUTH is neither", false},
		{"no such authority", map[string]string{"NSXT_MANAGER_HOST": "m", "NSXT_USERNAME": "u", "NSXT_PASSWORD": "p4ssw0rd", "NSXT_CA_FILE": "nowhere.pem"}, "NSXT_CA_FILE", true},
		{"no such certificate", map[string]string{"NSXT_MANAGER_HOST": "m", "NSXT_CLIENT_AUTH_CERT_FILE": "nowhere.pem"}, "NSXT_CLIENT_AUTH_CERT_FILE", true},
	} {
		cfg, err := nsx.ConfigFromEnv(environment(tt.values))
		if err == nil || !strings.HasPrefix(err.Error(), "nsx: environment: ") || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "p4ssw0rd") || cfg.BaseURL != "" {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if errors.Is(err, fs.ErrNotExist) != tt.missing {
			t.Errorf("%s: errors.Is(%v, fs.ErrNotExist) = %v", tt.name, err, !tt.missing)
		}
	}
	remote, err := nsx.ConfigFromEnv(environment(map[string]string{"NSXT_MANAGER_HOST": "m", "NSXT_USERNAME": "u@d", "NSXT_PASSWORD": " p ", "NSXT_REMOTE_AUTH": "1"}))
	if err != nil || remote.BaseURL != "m" || remote.HTTPClient != nil {
		t.Errorf("a remote account: %+v, %v", remote.BaseURL, err)
	}
}

package cbc_test

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const goodProfile = `# of the console
[default]
url = https://console.example
token: S3CR3T/A1B2C3D4E5
org_key=7QRST4UV
integration_name = soc/1.0

[uk]
URL=https://ew2.example
org_key = 8ABCDEFG
csp_oauth_app_id = app-1
csp_oauth_app_secret = a=b:c
csp_url_override = https://csp.example
; old
[indented]
    url = https://console.example
      ; deeper

    token = S3CR3T/A1B2C3D4E5
   org_key = 7QRST4UV
[DEFAULT]
ssl_verify = true
`

// credentialsFile writes a file as its owner should keep it.
func credentialsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials.cbc")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadProfile(t *testing.T) {
	t.Parallel()
	path := credentialsFile(t, goodProfile)
	for _, tt := range []struct {
		name string
		want cbc.Config
	}{
		{"", cbc.Config{BaseURL: "https://console.example", OrgKey: "7QRST4UV", UserAgent: "soc/1.0"}},
		{"uk", cbc.Config{BaseURL: "https://ew2.example", OrgKey: "8ABCDEFG", CloudServicesURL: "https://csp.example"}},
		{"indented", cbc.Config{BaseURL: "https://console.example", OrgKey: "7QRST4UV"}},
	} {
		got, err := cbc.ReadProfile(path, tt.name)
		if err != nil {
			t.Errorf("ReadProfile(%q): %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got.Config, cmpopts.IgnoreFields(cbc.Config{}, "Credentials")); diff != "" || got.Warnings != nil {
			t.Errorf("ReadProfile(%q), warnings %q, mismatch (-want +got):\n%s", tt.name, got.Warnings, diff)
		}
		if _, err := cbc.New(got.Config); err != nil {
			t.Errorf("ReadProfile(%q): New refuses it: %v", tt.name, err)
		}
		if text := fmt.Sprintf("%+v %#v", got, got); strings.Contains(text, "S3CR3T") || strings.Contains(text, "a=b:c") {
			t.Errorf("ReadProfile(%q): printing it shows a secret", tt.name)
		}
	}
}

func TestReadProfileRefuses(t *testing.T) {
	t.Parallel()
	const rest = "url=https://console.example\norg_key=7QRST4UV\n"
	for _, tt := range []struct {
		name, text, want string
		missing          bool
	}{
		{"no such profile", "[other]\n" + rest, `has no profile "default"`, true},
		{"an empty profile", "[default]\n", "url is missing", false},
		{"no credentials", "[default]\n" + rest, "token is missing", false},
		{"half a token", "[default]\n" + rest + "token=S3CR3T\n", `token is not of the form "SECRET/ID"`, false},
		{"certificates unchecked", "[default]\n" + rest + "token=S3CR3T/ID\nssl_verify=false\n", "ssl_verify must not switch", false},
		{"host names unchecked", "[default]\n" + rest + "token=S3CR3T/ID\nssl_verify_hostname=no\n", "ssl_verify_hostname must not switch", false},
		{"no boolean", "[default]\n" + rest + "token=S3CR3T/ID\nignore_system_proxy=S3CR3T\n", "ignore_system_proxy is neither true nor false", false},
		{"no such authority", "[default]\n" + rest + "token=S3CR3T/ID\nssl_cert_file=nowhere.pem\n", "ssl_cert_file: there is no file ", false},
		{"a proxy that is none", "[default]\n" + rest + "token=S3CR3T/ID\nproxy=http://u:S3CR3T@:%zz\n", "proxy: the address of the proxy is none", false},
		{"a line without a key", "[default]\nS3CR3T/ID\n", "line 2: neither a key", false},
		{"a key too early", "token=S3CR3T/ID\n[default]\n", "line 1: a key before the first profile", false},
		{"a key twice", "[default]\ntoken=S3CR3T/ID\ntoken=S3CR3T/ID\n", `line 3: the key "token" is there twice`, false},
		{"a profile twice", "[default]\n[default]\n", "line 2: the profile", false},
		{"an open section", "[default\n", "line 1: a section", false},
		{"a value that goes on", "[default]\nurl=https://console.example\n\n  token=S3CR3T/ID\n", "line 4: it stands further to the right", false},
		{"a profile within a value", "[default]\nurl=https://console.example\n [other]\ntoken=S3CR3T/ID\n", "line 3: it stands further to the right", false},
		{"an interpolation", "[default]\ntoken=%(S3CR3T)s\n", `line 2: the value of "token" refers`, false},
	} {
		_, err := cbc.ReadProfile(credentialsFile(t, tt.text), "")
		switch {
		case err == nil || !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		case strings.Contains(err.Error(), "S3CR3T"):
			t.Errorf("%s: the error %v has the secret in it", tt.name, err)
		case errors.Is(err, fs.ErrNotExist) != tt.missing:
			t.Errorf("%s: errors.Is(%v, fs.ErrNotExist) = %v, want %v", tt.name, err, !tt.missing, tt.missing)
		}
	}
	if _, err := cbc.ReadProfile(filepath.Join(t.TempDir(), "none.cbc"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v, want %v", err, fs.ErrNotExist)
	}
}

func TestReadProfileWarns(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	path := credentialsFile(t, "[default]\nurl=https://console.example\norg_key=7QRST4UV\ntoken=S3CR3T/ID\ntokne=S3CR3T\n")
	if err := os.Chmod(path, 0o644); err != nil { // #nosec G302 -- that it is readable is what is tested
		t.Fatal(err)
	}
	p, err := cbc.ReadProfile(path, "")
	if err != nil || len(p.Warnings) != 2 || !strings.Contains(p.Warnings[0], "mode 0644") || !strings.Contains(p.Warnings[1], `the key "tokne" is not known`) {
		t.Errorf("ReadProfile = %q, %v, want a warning of the mode and one of the key", p.Warnings, err)
	}
}

func TestFindProfileTakesTheMostSpecialFile(t *testing.T) {
	home, here := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Chdir(here)
	write := func(dir, file, url string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, ".carbonblack"), 0o700); err != nil {
			t.Fatal(err)
		}
		text := "[default]\nurl=" + url + "\norg_key=7QRST4UV\ntoken=S3CR3T/ID\n[" + url[8:] + "]\nurl=" + url + "\norg_key=7QRST4UV\ntoken=S3CR3T/ID\n"
		if err := os.WriteFile(filepath.Join(dir, ".carbonblack", file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cbc.FindProfile(""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("FindProfile without a file = %v, want %v", err, fs.ErrNotExist)
	}
	write(home, "credentials.psc", "https://home-old")
	write(home, "credentials.cbc", "https://home-new")
	write(here, "credentials.psc", "https://here-old")
	for _, tt := range []struct{ profile, want string }{
		{"", "https://here-old"}, {"home-new", "https://home-new"}, {"home-old", "https://home-old"},
	} {
		if p, err := cbc.FindProfile(tt.profile); err != nil || p.Config.BaseURL != tt.want {
			t.Errorf("FindProfile(%q) = %q, %v, want %q", tt.profile, p.Config.BaseURL, err, tt.want)
		}
	}
}

func TestAProfileThatCannotBeUsedEndsTheSearch(t *testing.T) {
	home, here := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Chdir(here)
	const profile = "[default]\nurl=https://console.example\norg_key=7QRST4UV\ntoken=S3CR3T/ID\n"
	for dir, text := range map[string]string{here: profile + "ssl_cert_file=gone.pem\n", home: profile} {
		if err := os.Mkdir(filepath.Join(dir, ".carbonblack"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, ".carbonblack", "credentials.cbc"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := cbc.FindProfile(""); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "gone.pem") {
		t.Errorf("FindProfile = %q, %v, want the profile here refused for its ssl_cert_file", p.Source, err)
	}
}

func TestProfileFromEnv(t *testing.T) {
	t.Parallel()
	env := func(pairs ...string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1], true
				}
			}
			return "", false
		}
	}
	for _, tt := range []struct {
		name    string
		env     func(string) (string, bool)
		url     string
		problem string
		missing bool
	}{
		{"the new names", env("CBC_URL", "https://a.example", "CBC_TOKEN", "S3CR3T/ID", "CBC_ORG_KEY", "7QRST4UV"), "https://a.example", "", false},
		{"the old names", env("CBAPI_URL", "https://b.example", "CBAPI_TOKEN", "S3CR3T/ID", "CBAPI_ORG_KEY", "7QRST4UV"), "https://b.example", "", false},
		{"both", env("CBC_URL", "https://a.example", "CBAPI_URL", "https://b.example", "CBC_TOKEN", "S3CR3T/ID", "CBC_ORG_KEY", "7QRST4UV"), "https://a.example", "", false},
		{"a user of the cloud services", env("CBC_URL", "https://a.example", "CBC_CSP_API_TOKEN", "S3CR3T", "CBC_ORG_KEY", "7QRST4UV"), "https://a.example", "", false},
		{"nothing", env(), "", "CBC_TOKEN", true},
		{"no organization", env("CBC_URL", "https://a.example", "CBC_TOKEN", "S3CR3T/ID"), "", "environment: org_key is missing", false},
		{"unchecked", env("CBC_URL", "https://a.example", "CBC_TOKEN", "S3CR3T/ID", "CBC_ORG_KEY", "7QRST4UV", "CBC_SSL_VERIFY", "False"), "", "ssl_verify must not", false},
	} {
		p, err := cbc.ProfileFromEnv(tt.env)
		switch {
		case tt.problem == "" && (err != nil || p.Config.BaseURL != tt.url):
			t.Errorf("%s: %q, %v, want %q", tt.name, p.Config.BaseURL, err, tt.url)
		case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), "S3CR3T")):
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.problem)
		case errors.Is(err, fs.ErrNotExist) != tt.missing:
			t.Errorf("%s: errors.Is(%v, fs.ErrNotExist) = %v", tt.name, err, !tt.missing)
		}
	}
}

// TestAProfileReachesAConsole goes over a socket: the authority of the file is what makes the certificate known.
func TestAProfileReachesAConsole(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}}))
	defer srv.Close()
	path := credentialsFile(t, fmt.Sprintf("[default]\nurl=%s\norg_key=%s\ntoken=%s/%s\nssl_cert_file=ca.pem\nignore_system_proxy=on\nssl_force_tls_1_2=1\n",
		srv.URL, cbctest.OrgKey, cbctest.KeySecret, cbctest.KeyID))
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "ca.pem"), ca, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := cbc.ReadProfile(path, "")
	if err != nil {
		t.Fatal(err)
	}
	client, err := cbc.New(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := client.Devices.Get(t.Context(), 7); err != nil || d.Name != "LAB-7" {
		t.Errorf("Devices.Get(7) = %q, %v, want LAB-7", d.Name, err)
	}
}

// TestAProxyOfAProfileIsAsked sends a call to a proxy that refuses it.
func TestAProxyOfAProfileIsAsked(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 8)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	p, err := cbc.ReadProfile(credentialsFile(t, "[default]\nurl=https://console.example\norg_key=7QRST4UV\ntoken=S3CR3T/ID\nproxy="+strings.TrimPrefix(proxy.URL, "http://")+"\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	p.Config.Attempts = 1
	client, err := cbc.New(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Devices.Get(t.Context(), 7); err == nil {
		t.Error("the proxy refused, and there was no error")
	}
	if got := <-asked; got != "CONNECT console.example:443" {
		t.Errorf("the proxy was asked %q", got)
	}
}

func FuzzReadProfile(f *testing.F) {
	f.Add(goodProfile)
	f.Add("[default]\nurl=%%20\n[DEFAULT]\nx:y")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "credentials.cbc")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := cbc.ReadProfile(path, "")
		if err == nil && (p.Config.BaseURL == "" || p.Config.OrgKey == "") {
			t.Errorf("a profile without an address or organization was accepted: %q", text)
		}
	})
}

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// asLab makes the test binary behave as the program.
const asLab = "PPHUNT_TEST_AS_LAB"

func TestMain(m *testing.M) {
	if os.Getenv(asLab) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// running is a lab that has said where it is.
type running struct {
	ready
	file   string // the ready file
	client *http.Client
	stop   func() error
}

// start runs the lab until the test ends, or until stop.
func start(t *testing.T, args ...string) running {
	t.Helper()
	r := running{file: filepath.Join(t.TempDir(), "ready.json")}
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append(args, "--ready-file", r.file), in, io.Discard)
		_ = in.CloseWithError(errors.Join(err, io.EOF))
		ended <- err
	}()
	var result error
	var stopped bool
	r.stop = func() error {
		cancel()
		if !stopped {
			result, stopped = <-ended, true
		}
		return result
	}
	t.Cleanup(func() { _ = r.stop() })
	if err := json.NewDecoder(out).Decode(&r.ready); err != nil {
		t.Fatalf("run(%q) has not started: %v", args, err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	roots := x509.NewCertPool()
	if r.CA != "" {
		pem, err := os.ReadFile(r.CA)
		if err != nil || !roots.AppendCertsFromPEM(pem) {
			t.Fatalf("the authority in %s cannot be read: %v", r.CA, err)
		}
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	r.client = &http.Client{Transport: transport}
	return r
}

// call sends a request with the ready file's credentials and returns status and body.
func (r running) call(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case strings.HasPrefix(path, "/v2/"):
		req.SetBasicAuth(r.TAP.Principal, r.TAP.Secret)
	case strings.HasPrefix(path, "/api/v1/"):
		req.SetBasicAuth(r.NSX.Username, r.NSX.Password)
	case !strings.HasPrefix(path, "/_lab/"):
		req.Header.Set("X-Auth-Token", r.CBC.APIKey+"/"+r.CBC.APIID)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// works calls all three services and looks the calls up in the journal.
func (r running) works(t *testing.T) {
	t.Helper()
	paths := []string{
		"/v2/siem/messages/delivered?format=json&sinceSeconds=3600",
		"/policyservice/v1/orgs/" + r.CBC.OrgKey + "/policies/summary",
		"/api/v1/fabric/virtual-machines",
	}
	for _, path := range paths {
		if status, body := r.call(t, "GET", path, ""); status != http.StatusOK {
			t.Errorf("GET %s = %d %s", path, status, body)
		}
	}
	_, journal := r.call(t, "GET", "/_lab/requests", "")
	for _, path := range paths {
		path, _, _ = strings.Cut(path, "?")
		if !strings.Contains(journal, `"path": "`+path+`"`) {
			t.Errorf("the journal lacks %s:\n%s", path, journal)
		}
	}
	for _, secret := range []string{r.TAP.Secret, r.CBC.APIKey, r.NSX.Password} {
		if strings.Contains(journal, secret) {
			t.Errorf("the journal has the secret %s", secret)
		}
	}
	if status, state := r.call(t, "GET", "/_lab/state", ""); status != http.StatusOK || !json.Valid([]byte(state)) {
		t.Errorf("GET /_lab/state = %d, JSON %v", status, json.Valid([]byte(state)))
	}
}

func accounts(url, ca string) ready {
	return ready{
		URL: url, CA: ca,
		TAP: lab.TAPAccount{Principal: proofpointtest.Principal, Secret: proofpointtest.Secret},
		CBC: lab.CBCAccount{OrgKey: cbctest.OrgKey, APIID: cbctest.KeyID, APIKey: cbctest.KeySecret},
		NSX: lab.NSXAccount{Username: nsxtest.Username, Password: nsxtest.Password},
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	r := start(t)
	if !strings.HasPrefix(r.URL, "http://127.0.0.1:") {
		t.Errorf("url = %s", r.URL)
	}
	if diff := cmp.Diff(accounts(r.URL, ""), r.ready); diff != "" {
		t.Errorf("what the lab says (-want +got):\n%s", diff)
	}
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	var inFile ready
	if err := errors.Join(json.Unmarshal(text, &members), json.Unmarshal(text, &inFile)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.ready, inFile); diff != "" {
		t.Errorf("the ready file differs from standard output (-output +file):\n%s", diff)
	}
	if len(members) != 5 || string(members["ca"]) != `""` || !bytes.Contains(text, []byte(nsxtest.Password)) {
		t.Errorf("the ready file is\n%s", text)
	}
	if info, err := os.Stat(r.file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the ready file has credentials and the mode %v: %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(r.file + ".*"); len(left) > 0 {
		t.Errorf("beside the ready file: %q", left)
	}
	r.works(t)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	r := start(t, "--tls", "--ca-out", ca)
	if !strings.HasPrefix(r.URL, "https://127.0.0.1:") {
		t.Errorf("url = %s", r.URL)
	}
	if diff := cmp.Diff(accounts(r.URL, ca), r.ready); diff != "" {
		t.Errorf("what the lab says (-want +got):\n%s", diff)
	}
	r.works(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/_lab/state", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("a client that does not trust the authority: %v", err)
	}
	if err == nil {
		_ = resp.Body.Close()
	}
}

// Without --ca-out the certificate is in a file that is there as long as the lab.
func TestTLSWithoutCAOut(t *testing.T) {
	t.Parallel()
	r := start(t, "--tls", "--listen", "localhost:0")
	r.works(t)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(r.CA); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", r.CA, err)
	}
}

// The certificate is good for the address that is listened on, whichever of the loopback ones it is.
func TestTLSOnAnotherAddress(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere 127.0.0.2 has to be set up first")
	}
	start(t, "--tls", "--listen", "127.0.0.2:0").works(t)
}

// Strict clients, such as Python 3.13, want to find the authority's key named in what it signed.
func TestCertificateNamesItsAuthority(t *testing.T) {
	t.Parallel()
	r := start(t, "--tls")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/_lab/requests", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	chain := resp.TLS.VerifiedChains[0]
	leaf, authority := chain[0], chain[len(chain)-1]
	if len(leaf.AuthorityKeyId) == 0 || !bytes.Equal(leaf.AuthorityKeyId, authority.SubjectKeyId) {
		t.Errorf("the certificate names the key %x, the authority's is %x", leaf.AuthorityKeyId, authority.SubjectKeyId)
	}
	if leaf.SerialNumber.Cmp(authority.SerialNumber) == 0 {
		t.Errorf("two certificates of one authority have the number %v", leaf.SerialNumber)
	}
}

func TestFaultsOverTheWire(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--tls"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			r := start(t, args...)
			path := "/policyservice/v1/orgs/" + r.CBC.OrgKey + "/policies/summary"
			if status, body := r.call(t, "POST", "/_lab/faults", `{"service":"cbc","status":503,"count":2}`); status != http.StatusOK {
				t.Fatalf("POST /_lab/faults = %d %s", status, body)
			}
			var got []int
			for range 3 {
				status, _ := r.call(t, "GET", path, "")
				got = append(got, status)
			}
			if diff := cmp.Diff([]int{503, 503, 200}, got); diff != "" {
				t.Errorf("three calls (-want +got):\n%s", diff)
			}
			// In the middle of an answer the connection is gone.
			_, _ = r.call(t, "POST", "/_lab/faults", `{"service":"cbc","kind":"truncate","bytes":10}`)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Auth-Token", r.CBC.APIKey+"/"+r.CBC.APIID)
			resp, err := r.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if text, err := io.ReadAll(resp.Body); err == nil || len(text) != 10 {
				t.Errorf("half an answer is %q, %v", text, err)
			}
		})
	}
}

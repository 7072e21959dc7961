package nsxtest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// basicAs is the credentials of an account.
func basicAs(name, password string) sign {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

// authorization is a header of that name.
func authorization(value string) sign {
	return func(r *http.Request) { r.Header.Set("Authorization", value) }
}

// payload is what stands after the scheme.
func payload(name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
}

func TestSchemes(t *testing.T) {
	t.Parallel()
	now := noon
	world := func(s nsxtest.Switches) *nsxtest.Server {
		return nsxtest.New(nsxtest.World{
			Now: func() time.Time { return now }, Switches: s,
			Users:  []nsxtest.User{{Name: "admin", Password: "secret"}, {Name: "ada@corp.example", Password: "Blue+Kite"}, {Name: "reader", Password: "r", ReadOnly: true}},
			Tokens: []nsxtest.Token{{Token: "eyJ.a.b", User: "admin", Expires: noon.Add(time.Hour)}, {Token: "read", User: "reader"}},
			VMs:    []nsxtest.VM{{Name: "x", ExternalID: finance}},
		})
	}
	likely, early := world(nsxtest.Switches{}), world(nsxtest.Switches{RemoteOnly: true})
	for _, tc := range []struct {
		name          string
		header        string
		likely, early int
	}{
		{"basic, local", "Basic " + payload("admin", "secret"), 200, 200},
		{"basic, of a domain", "Basic " + payload("ada@corp.example", "Blue+Kite"), 200, 403},
		{"remote, of a domain", "Remote " + payload("ada@corp.example", "Blue+Kite"), 200, 200},
		{"remote, wrong password", "Remote " + payload("ada@corp.example", "x"), 403, 403},
		{"remote, local", "Remote " + payload("admin", "secret"), 403, 403},
		{"bearer", "Bearer eyJ.a.b", 200, 200},
		{"bearer, unknown", "Bearer eyJ.a.c", 403, 403},
		{"no base64", "Basic !!!", 403, 403},
		{"another scheme", "Digest x", 403, 403},
	} {
		for srv, want := range map[*nsxtest.Server]int{likely: tc.likely, early: tc.early} {
			if a := call(t, srv.Client(), http.MethodGet, nsxtest.URL+vmPath, "", authorization(tc.header)); a.status != want {
				t.Errorf("%s = %d %s, want %d", tc.name, a.status, a.body, want)
			}
		}
	}
	a := call(t, likely.Client(), http.MethodPost, nsxtest.URL+vmPath+"?action=add_tags", `{"external_id":"`+finance+`","tags":[{"tag":"x"}]}`, authorization("Bearer read"))
	if a.status != 403 || a.code() == 403 {
		t.Errorf("a token of a reader writes = %d %s, want 403 with a code that is not one of authentication", a.status, a.body)
	}
	form := "j_username=ada%40corp.example&j_password=Blue%2BKite"
	formed := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	if a := call(t, early.Client(), http.MethodPost, nsxtest.URL+"/api/session/create", form, formed, authorization("Remote "+payload("ada@corp.example", "Blue+Kite"))); a.status != 200 {
		t.Errorf("a session with the Remote header = %d %s, want 200", a.status, a.body)
	}
	now = noon.Add(time.Hour)
	if a := call(t, likely.Client(), http.MethodGet, nsxtest.URL+vmPath, "", authorization("Bearer eyJ.a.b")); a.status != 403 {
		t.Errorf("an expired token = %d, want 403", a.status)
	}
}

func TestTokensAndPasswordsShareABudget(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{
		Now: stopped, RequestsPerSecond: 2, Users: []nsxtest.User{{Name: "admin", Password: "secret"}}, Tokens: []nsxtest.Token{{Token: "t", User: "admin"}},
	})
	for i, s := range []sign{basicAs("admin", "secret"), authorization("Bearer t"), authorization("Bearer t")} {
		want := map[bool]int{false: 200, true: 429}[i == 2]
		if a := call(t, srv.Client(), http.MethodGet, nsxtest.URL+vmPath, "", s); a.status != want {
			t.Errorf("request %d = %d, want %d", i+1, a.status, want)
		}
	}
}

// certificate makes a certificate of its own.
func certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestPrincipalIdentities(t *testing.T) {
	t.Parallel()
	known, reader, unknown := certificate(t, "known"), certificate(t, "reader"), certificate(t, "unknown")
	fingerprint := func(c tls.Certificate) string {
		sum := sha256.Sum256(c.Certificate[0])
		return hex.EncodeToString(sum[:])
	}
	spaced := strings.ToUpper(fingerprint(known)[:2]) + ":" + fingerprint(known)[2:]
	srv := nsxtest.New(nsxtest.World{
		VMs:        []nsxtest.VM{{Name: "x", ExternalID: finance}},
		Principals: []nsxtest.Principal{{Name: "hunter", NodeID: "n1", Fingerprint: spaced}, {Name: "reader", Fingerprint: fingerprint(reader), ReadOnly: true}},
	})
	over := httptest.NewUnstartedServer(srv)
	over.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	over.StartTLS()
	t.Cleanup(over.Close)
	client := func(certificates ...tls.Certificate) *http.Client {
		transport := over.Client().Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Certificates = certificates
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	add := `{"external_id":"` + finance + `","tags":[{"tag":"x"}]}`
	for _, tc := range []struct {
		name         string
		client       *http.Client
		signs        []sign
		status, code int
	}{
		{"registered", client(known), nil, 204, 0},
		{"may only read", client(reader), nil, 403, 289},
		{"not registered", client(unknown), nil, 500, 99},
		{"none", client(), nil, 403, 403},
		{"not registered, but credentials win", client(unknown), []sign{basic}, 204, 0},
		{"registered, but credentials win", client(known), []sign{basicAs(nsxtest.Username, "wrong")}, 403, 403},
	} {
		if a := call(t, tc.client, http.MethodPost, over.URL+vmPath+"?action=add_tags", add, tc.signs...); a.status != tc.status || a.code() != tc.code {
			t.Errorf("%s = %d %s, want %d with code %d", tc.name, a.status, a.body, tc.status, tc.code)
		}
	}
}

func TestFailNextCode(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{})
	srv.FailNextCode(1, http.StatusBadRequest, 60508, "Indexing is in progress.", "try again")
	want := `{"httpStatus":"BAD_REQUEST","error_code":60508,"module_name":"common-services","error_message":"Indexing is in progress.","details":"try again"}` + "\n"
	if a := get(t, srv, searchPath+"?query=x"); a.status != 400 || a.body != want {
		t.Errorf("answer %d %s, want 400 %s", a.status, a.body, want)
	}
	if a := get(t, srv, searchPath+"?query=x"); a.status != 200 {
		t.Errorf("the next answer %d, want 200", a.status)
	}
}

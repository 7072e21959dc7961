package cbc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

func TestAKeyIsRotatedWhileTheProgramRuns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		secrets []string // what the source gives, one after the other
		asked   int32
		wrong   bool
	}{
		{"a good key", []string{cbctest.KeySecret}, 1, false},
		{"the old key, then the new one", []string{"OLDOLDOLDOLD", cbctest.KeySecret}, 2, false},
		{"a wrong key that stays", []string{"OLDOLDOLDOLD", "OLDOLDOLDOLD"}, 2, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}})
			var asked atomic.Int32
			client, err := cbc.New(cbc.Config{
				BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: srv.Client(),
				Credentials: cbc.APIKeyFunc(func(context.Context) (string, string, error) {
					n := int(asked.Add(1))
					return cbctest.KeyID, tt.secrets[min(n, len(tt.secrets))-1], nil
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Devices.Get(t.Context(), 7)
			if errors.Is(err, cbc.ErrUnauthorized) != tt.wrong || err != nil != tt.wrong || asked.Load() != tt.asked {
				t.Errorf("Devices.Get(7) = %v after asking %d times, want asked %d, turned away %v", err, asked.Load(), tt.asked, tt.wrong)
			}
			var group sync.WaitGroup
			for range 5 {
				group.Go(func() { _, _ = client.Devices.Get(t.Context(), 7) })
			}
			group.Wait()
			if !tt.wrong && asked.Load() != tt.asked {
				t.Errorf("asked %d times after five more calls, want %d", asked.Load(), tt.asked)
			}
		})
	}
}

func TestTheErrorOfASourceIsTheErrorOfTheCall(t *testing.T) {
	t.Parallel()
	sealed := errors.New("the vault is sealed")
	for _, tt := range []struct {
		name   string
		source func(context.Context) (string, string, error)
		want   string
	}{
		{"an error", func(context.Context) (string, string, error) { return "", "", sealed }, "cbc: devices.get: the source of the API key: the vault is sealed"},
		{"no secret", func(context.Context) (string, string, error) { return "A1B2C3D4E5", "", nil }, "the secret of the API key is empty"},
	} {
		srv := cbctest.New(cbctest.World{})
		client, err := cbc.New(cbc.Config{BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: srv.Client(), Credentials: cbc.APIKeyFunc(tt.source)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Devices.Get(t.Context(), 7)
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(srv.Requests()) > 0 {
			t.Errorf("%s: Devices.Get(7) = %v with %d requests, want %q and none", tt.name, err, len(srv.Requests()), tt.want)
		}
	}
	if _, err := cbc.New(cbc.Config{BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKeyFunc(nil)}); err == nil {
		t.Error("APIKeyFunc(nil) was accepted")
	}
}

// cloudConsole is VMware Cloud Services and a console that accepts its newest token alone.
type cloudConsole struct {
	srv    *fake.Server
	issued atomic.Int32
	valid  atomic.Int32
	logins []string
}

func newCloudConsole(life string) *cloudConsole {
	tk := &cloudConsole{srv: fake.New(fake.Config{Name: "tokens", URL: cbctest.URL})}
	issue := func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		user, password, _ := r.BasicAuth()
		tk.logins = append(tk.logins, user+"|"+password+"|"+r.PostForm.Encode())
		n := tk.issued.Add(1)
		tk.valid.Store(n)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":%s,"token_type":"bearer","scope":null}`, n, life)
	}
	tk.srv.Handle("POST /csp/gateway/am/api/auth/token", issue)
	tk.srv.Handle("POST /csp/gateway/am/api/auth/api-tokens/authorize", issue)
	tk.srv.Handle("GET /appservices/v6/orgs/{org_key}/devices/{device_id}", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != fmt.Sprint("Bearer token-", tk.valid.Load()) || r.Header.Get("X-Auth-Token") != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"id":7,"name":"LAB-7"}`)
	})
	return tk
}

func (tk *cloudConsole) client(t *testing.T, c cbc.Credentials) *cbc.Client {
	t.Helper()
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: tk.srv.Client(), Credentials: c, CloudServicesURL: cbctest.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestSigningInToVMwareCloudServices(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		credentials cbc.Credentials
		login       string
		life        string
	}{
		{"an app", cbc.OAuthApp("app-1", "s3cr3t&"), "app-1|s3cr3t&|grant_type=client_credentials", "1799"},
		{"a user", cbc.APIToken("t0k3n+1"), "||api_token=t0k3n%2B1", "1799"},
		{"a life that is a text", cbc.APIToken("t0k3n+1"), "||api_token=t0k3n%2B1", `"1799"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tk := newCloudConsole(tt.life)
				client := tk.client(t, tt.credentials)
				for i, c := range []struct {
					wait   time.Duration
					revoke bool
					issued int32
				}{
					{0, false, 1},
					{28 * time.Minute, false, 1},
					{time.Minute, false, 2}, // a minute before its end
					{0, true, 3},
				} {
					time.Sleep(c.wait)
					if c.revoke {
						tk.valid.Store(0)
					}
					if _, err := client.Devices.Get(t.Context(), 7); err != nil || tk.issued.Load() != c.issued {
						t.Errorf("call %d: %v, %d tokens; want no error and %d", i, err, tk.issued.Load(), c.issued)
					}
				}
				if tk.logins[0] != tt.login {
					t.Errorf("signed in with %q, want %q", tk.logins[0], tt.login)
				}
			})
		})
	}
}

// TestSigningInAtTheFake is the same against a console that somebody else wrote, which takes bearer tokens alone.
func TestSigningInAtTheFake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{
			Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}},
			CSP:     &cbctest.CSP{Apps: []cbctest.CSPApp{{ID: "app-1", Secret: "s3cr3t"}}, Tokens: []cbctest.CSPToken{{Token: "t0k3n"}}, Only: true},
		})
		for _, tt := range []struct {
			name        string
			credentials cbc.Credentials
			want        error
		}{
			{"an app", cbc.OAuthApp("app-1", "s3cr3t"), nil},
			{"an app with a wrong secret", cbc.OAuthApp("app-1", "other"), cbc.ErrUnauthorized},
			{"a user", cbc.APIToken("t0k3n"), nil},
			{"a key", cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), cbc.ErrUnauthorized},
		} {
			client, err := cbc.New(cbc.Config{
				BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: srv.Client(), Credentials: tt.credentials, CloudServicesURL: cbctest.URL,
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := client.Devices.Get(t.Context(), 7); !errors.Is(err, tt.want) {
					t.Errorf("%s: Devices.Get(7) = %v, want %v", tt.name, err, tt.want)
				}
				time.Sleep(24 * time.Hour) // the token ends
			}
		}
	})
}

func TestATokenThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, answer, want string }{
		{"wrong credentials", "401 {}", "cloudservices.token: 401"},
		{"wrong credentials, repeated", `401 {"message":"s3cr3tsecret is wrong"}`, "cloudservices.token: 401 Unauthorized: [withheld] is wrong"},
		{"wrong credentials, repeated as they were sent", `401 {"message":"Basic YXBwLTE6czNjcjN0c2VjcmV0"}`, "cloudservices.token: 401 Unauthorized: [withheld]"},
		{"a token in an answer that ends too early", `{"access_token":"s3cr3tsecret-t0k3n","expires_in":1`, "cloudservices.token: 200"},
		{"an empty answer", "200 ", "cloudservices.token: 200"},
		{"no token", `{"expires_in":1799}`, "the answer has no token in it"},
		{"a token that no header can hold", `{"access_token":"a b"}`, "the answer has no token in it"},
	} {
		_, srv := scripted(t, map[string][]string{"POST /csp/gateway/am/api/auth/token": {tt.answer}})
		client, err := cbc.New(cbc.Config{
			BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: srv.Client(), CloudServicesURL: cbctest.URL, Credentials: cbc.OAuthApp("app-1", "s3cr3tsecret"),
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Policies.List(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Policies.List = %v, want %q", tt.name, err, tt.want)
		}
		if err := client.Devices.Quarantine(t.Context(), 7); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Devices.Quarantine(7) = %v, want %q", tt.name, err, tt.want)
		}
		var body []byte
		if e, ok := errors.AsType[*cbc.APIError](err); ok {
			body = e.Body
		}
		if text := fmt.Sprintf("%v %s", err, body); strings.Contains(text, "s3cr3tsecret") || strings.Contains(text, "YXBwLTE6") || strings.Contains(text, "t0k3n") {
			t.Errorf("%s: the error has a secret in it: %s", tt.name, text)
		}
	}
}

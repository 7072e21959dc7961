package cbc_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// connect is a client of a fake in the same process.
func connect(t testing.TB, hc *http.Client) *cbc.Client {
	t.Helper()
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: hc,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// scripted is a client of a server that answers a route with the given texts in turn, the last one for ever, each with status 200
// unless it begins with another.
func scripted(t *testing.T, routes map[string][]string) (*cbc.Client, *fake.Server) {
	t.Helper()
	srv := fake.New(fake.Config{Name: "scripted", URL: cbctest.URL})
	for pattern, answers := range routes {
		calls := 0
		srv.Handle(pattern, func(w http.ResponseWriter, _ *http.Request) {
			answer := answers[min(calls, len(answers)-1)]
			calls++
			status := http.StatusOK
			if n, err := fmt.Sscanf(answer, "%3d ", &status); err != nil || n != 1 || status < 200 {
				status = http.StatusOK
			} else {
				answer = answer[min(4, len(answer)):]
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, answer)
		})
	}
	return connect(t, srv.Client()), srv
}

// operations are the routes that a server was asked for, in order.
func operations(srv *cbctest.Server) []string {
	var ops []string
	for _, r := range srv.Requests() {
		ops = append(ops, r.Operation)
	}
	return ops
}

// count is how many of the operations are op.
func count(ops []string, op string) (n int) {
	for _, o := range ops {
		if o == op {
			n++
		}
	}
	return n
}

func hash(t testing.TB, s string) (h [32]byte) {
	t.Helper()
	if n, err := hex.Decode(h[:], []byte(s)); err != nil || n != len(h) {
		t.Fatalf("%q is no SHA-256", s)
	}
	return h
}

// The hashes of the tests.
const (
	evil  = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
	other = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	third = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
)

func TestNewNamesEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	good := cbc.Config{BaseURL: "https://console.example", OrgKey: "7QRST4UV", Credentials: cbc.APIKey("A1B2C3D4E5", "S3CR3T")}
	for _, tt := range []struct {
		name   string
		change func(*cbc.Config)
		want   []string
	}{
		{"nothing is wrong", func(*cbc.Config) {}, nil},
		{"everything is missing", func(c *cbc.Config) { *c = cbc.Config{} }, []string{"OrgKey is empty", "Credentials are missing"}},
		{"the placeholder as organization", func(c *cbc.Config) { c.OrgKey = "{org_key}" }, []string{"OrgKey has a character"}},
		{"a line break in the organization", func(c *cbc.Config) { c.OrgKey += "\n" }, []string{"OrgKey has a character"}},
		{"an empty secret and a bad id", func(c *cbc.Config) { c.Credentials = cbc.APIKey("A B", "") }, []string{"the id of the API key has", "the secret of the API key is empty"}},
		{"both halves in one", func(c *cbc.Config) { c.Credentials = cbc.APIKey("A1B2C3D4E5", "S3CR3T/A1B2C3D4E5") }, []string{"the secret of the API key has"}},
		{"plain http to another machine", func(c *cbc.Config) { c.BaseURL = "http://console.example" }, []string{"http"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := good
			tt.change(&cfg)
			client, err := cbc.New(cfg)
			if (err == nil) != (tt.want == nil) || (client == nil) != (err != nil) {
				t.Fatalf("New = %v, %v", client, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("New: %q does not say %q", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), "S3CR3T") {
				t.Errorf("New: %q tells the secret", err)
			}
		})
	}
}

func TestCredentialsCannotBePrinted(t *testing.T) {
	t.Parallel()
	cfg := cbc.Config{Credentials: cbc.APIKey("A1B2C3D4E5", "S3CR3T")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, cfg); strings.Contains(text, "S3CR3T") {
			t.Errorf("%s prints the secret: %s", format, text)
		}
	}
}

// TestOverTLS is the one test with a real connection.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	fakeServer := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}})
	srv := httptest.NewTLSServer(fakeServer)
	defer srv.Close()
	var log bytes.Buffer
	client, err := cbc.New(cbc.Config{
		BaseURL: srv.URL + "/", OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret),
		HTTPClient: srv.Client(), UserAgent: "test/1",
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	device, err := client.Devices.Get(t.Context(), 7)
	if err != nil || device.Name != "LAB-7" {
		t.Fatalf("Devices.Get(7) = %+v, %v", device, err)
	}
	if strings.Contains(log.String(), cbctest.KeySecret) || !strings.Contains(log.String(), "devices.get") {
		t.Errorf("log = %q, want the operation and no secret", log.String())
	}
}

func TestStatusCodes(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Keys: []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: []string{"device:READ"}}}}
	t.Run("a permission is missing", func(t *testing.T) {
		t.Parallel()
		_, err := connect(t, cbctest.New(world).Client()).Policies.List(t.Context())
		if !errors.Is(err, cbc.ErrForbidden) {
			t.Errorf("Policies.List = %v, want ErrForbidden", err)
		}
	})
	t.Run("the wrong organization is not an object that is missing", func(t *testing.T) {
		t.Parallel()
		client, err := cbc.New(cbc.Config{
			BaseURL: cbctest.URL, OrgKey: "WRONG", Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: cbctest.New(world).Client(),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Devices.Get(t.Context(), 7); !errors.Is(err, cbc.ErrUnknownOrg) || errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Devices.Get = %v, want ErrUnknownOrg and not ErrNotFound", err)
		}
	})
	t.Run("id and secret in the wrong order", func(t *testing.T) {
		t.Parallel()
		client, err := cbc.New(cbc.Config{
			BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeySecret, cbctest.KeyID), HTTPClient: cbctest.New(world).Client(),
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Devices.Get(t.Context(), 7)
		if !errors.Is(err, cbc.ErrUnauthorized) || strings.Contains(err.Error(), cbctest.KeySecret) {
			t.Errorf("Devices.Get = %v, want ErrUnauthorized and no secret", err)
		}
	})
}

func TestAnswersThatOnlyLookLikeSuccess(t *testing.T) {
	t.Parallel()
	const route = "GET /appservices/v6/orgs/{org_key}/devices/{device_id}"
	for name, body := range map[string]string{
		"a page":            "<html>Please log in</html>",
		"an error message":  `{"errorMessage":"Unavailable"}`,
		"no success":        `{"success":false,"message":"no"}`,
		"nothing":           "",
		"null":              "null",
		"a list":            "[]",
		"another device":    `{"id":8,"name":"LAB-8","status":"REGISTERED"}`,
		"an object without": `{"name":"LAB-7"}`,
		"two answers":       `{"id":7}{"id":7}`,
		"half an answer":    `{"id":7,"name":"LA`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := scripted(t, map[string][]string{route: {body}})
			device, err := client.Devices.Get(t.Context(), 7)
			e, ok := errors.AsType[*cbc.APIError](err)
			if !ok || e.StatusCode != http.StatusOK || e.Op != "devices.get" || !cmp.Equal(device, cbc.Device{}) {
				t.Errorf("Devices.Get(7) = %+v, %v, want an APIError with status 200", device, err)
			}
		})
	}
}

// wait is what a test may take of its own clock.
func wait(t testing.TB, since time.Time, atLeast, atMost time.Duration) {
	t.Helper()
	if got := time.Since(since); got < atLeast || got > atMost {
		t.Errorf("it took %v, want %v to %v", got, atLeast, atMost)
	}
}

func TestDefaultPaceAndBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := connect(t, cbctest.New(devices(7)).Client())
		began := time.Now()
		for i := range cbc.DefaultBudgetCalls + 1 {
			if _, err := client.Devices.Get(t.Context(), 7); err != nil {
				t.Fatal(err)
			}
			switch i {
			case cbc.DefaultBurst - 1:
				wait(t, began, 0, time.Second/10)
			case cbc.DefaultBudgetCalls - 1:
				wait(t, began, 38*time.Second, 40*time.Second)
			}
		}
		wait(t, began, cbc.DefaultBudgetPer, cbc.DefaultBudgetPer+time.Second)
	})
}

func TestRateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(devices(7))
		srv.FailNext(1, http.StatusTooManyRequests) // Retry-After: 60
		client := connect(t, srv.Client())
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		began := time.Now()
		_, err := client.Devices.Get(ctx, 7)
		if e, ok := errors.AsType[*cbc.APIError](err); !ok || !errors.Is(err, cbc.ErrRateLimited) || e.RetryAfter != time.Minute {
			t.Errorf("Get = %v, want ErrRateLimited with the minute that was asked for", err)
		}
		wait(t, began, 0, 0)
		if _, err := client.Devices.Get(t.Context(), 7); err != nil {
			t.Errorf("Get = %v, want it to wait", err)
		}
		wait(t, began, time.Minute, 2*time.Minute)
	})
}

package cbc_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// twoHosts is a console and an object store elsewhere.
type twoHosts struct {
	console http.RoundTripper
	store   http.Handler
	at      string
}

func (h twoHosts) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != h.at {
		return h.console.RoundTrip(r)
	}
	w := httptest.NewRecorder()
	h.store.ServeHTTP(w, r)
	return w.Result(), nil
}

// TestTheStoreNeverSeesTheKey has a store that refuses every request with anything of the console's, and keeps what it got.
func TestTheStoreNeverSeesTheKey(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		location, at string
		status       int
		body         string
		ok           bool
		asked        int
	}{
		"another host":              {"https://bucket.store.example/x?X-Sig=s3cret", "bucket.store.example", 200, "MZ evil", true, 1},
		"every kind of redirect":    {"https://bucket.store.example/x?X-Sig=s3cret", "bucket.store.example", 200, "MZ evil", true, 1},
		"another port of the host":  {cbctest.URL + ":8443/x?X-Sig=s3cret", strings.TrimPrefix(cbctest.URL, "https://") + ":8443", 200, "MZ evil", true, 1},
		"plain http on loopback":    {"http://127.0.0.1:9000/x?X-Sig=s3cret", "127.0.0.1:9000", 200, "MZ evil", true, 1},
		"plain http elsewhere":      {"http://bucket.store.example/x?X-Sig=s3cret", "bucket.store.example", 200, "MZ evil", false, 0},
		"with a user name":          {"https://kim:s3cret@bucket.store.example/x", "bucket.store.example", 200, "MZ evil", false, 0},
		"a store that redirects on": {"https://bucket.store.example/x?X-Sig=s3cret", "bucket.store.example", 302, "", false, 1},
		"a store that refuses":      {"https://bucket.store.example/x?X-Sig=s3cret", "bucket.store.example", 403, "<Error>s3cret</Error>", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(lab(nil))
			asked := 0
			store := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				for header, values := range r.Header {
					switch header {
					case "User-Agent", "Accept-Encoding":
					default:
						t.Errorf("the store was sent %s: %q", header, values)
					}
					if text := strings.Join(values, " "); strings.Contains(text, cbctest.KeySecret) || strings.Contains(text, cbctest.KeyID) {
						t.Errorf("%s has a part of the key", header)
					}
				}
				if r.Header.Get("X-Auth-Token") != "" {
					http.Error(w, "whose key is this?", http.StatusBadRequest)
					return
				}
				w.Header().Set("Location", "https://third.example/?X-Sig=s3cret")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			status := http.StatusFound
			if name == "every kind of redirect" {
				status = http.StatusTemporaryRedirect
			}
			srv.Inject(onRequest("GET", "/content"), -1, fake.Status(status, http.Header{"Location": {tt.location}}, ""))
			client := connect(t, &http.Client{Transport: twoHosts{srv.Client().Transport, store, tt.at}})
			s := open(t, client, cbc.OpenOptions{})
			r, err := s.GetFile(t.Context(), invoice)
			if asked != tt.asked {
				t.Errorf("the store was asked %d times, want %d", asked, tt.asked)
			}
			if !tt.ok {
				if err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "store.example") {
					t.Errorf("GetFile = %v, want an error without the address", err)
				}
				nothingLeft(t, s)
				return
			}
			if err != nil {
				t.Fatalf("GetFile: %v", err)
			}
			got, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil || string(got) != tt.body {
				t.Errorf("GetFile read %q, %v", got, err)
			}
			nothingLeft(t, s)
		})
	}
}

// TestFilesOverASocket sends a file to a device and back over real connections, more than any buffer holds.
func TestFilesOverASocket(t *testing.T) {
	t.Parallel()
	world := lab(nil)
	fakeServer := cbctest.New(world)
	srv := httptest.NewTLSServer(fakeServer)
	defer srv.Close()
	client, err := cbc.New(cbc.Config{
		BaseURL: srv.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: srv.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
	s := open(t, client, cbc.OpenOptions{})
	for name, r := range map[string]io.Reader{"seekable": bytes.NewReader(content), "read once": bytes.NewBuffer(bytes.Clone(content))} {
		if err := s.PutFile(t.Context(), `C:\Users\kim\big.bin`, r); err != nil {
			t.Fatalf("PutFile, %s: %v", name, err)
		}
		back, err := s.GetFile(t.Context(), `C:\Users\kim\big.bin`)
		if err != nil {
			t.Fatalf("GetFile: %v", err)
		}
		h := sha256.New()
		n, err := io.Copy(h, back)
		if err := errors.Join(err, back.Close()); err != nil || n != int64(len(content)) || [32]byte(h.Sum(nil)) != sha256.Sum256(content) {
			t.Errorf("%s: %d bytes came back, %v, want the %d that were sent", name, n, err, len(content))
		}
	}
	nothingLeft(t, s)
}

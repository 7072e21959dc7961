package rest_test

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/pphunt/pphunt/internal/rest"
)

func TestConnection(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://env.example:3128")
	named, err := rest.ParseProxy("proxy.example:8080")
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://console.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		c     rest.Connection
		proxy string
		most  uint16
	}{
		{"nothing said", rest.Connection{}, "http://env.example:3128", 0},
		{"a proxy of its own", rest.Connection{Proxy: named}, "http://proxy.example:8080", 0},
		{"no proxy", rest.Connection{Direct: true, OnlyTLS12: true}, "", tls.VersionTLS12},
	} {
		transport, ok := tt.c.Client().Transport.(*http.Transport)
		if !ok {
			t.Fatalf("%s: no transport", tt.name)
		}
		got := ""
		if transport.Proxy != nil {
			proxy, err := transport.Proxy(r)
			if err != nil || proxy == nil {
				t.Fatalf("%s: proxy %v, %v", tt.name, proxy, err)
			}
			got = proxy.String()
		}
		if got != tt.proxy || transport.TLSClientConfig.MaxVersion != tt.most || transport.TLSClientConfig.MinVersion != tls.VersionTLS12 {
			t.Errorf("%s: proxy %q, TLS up to %x, want %q and %x", tt.name, got, transport.TLSClientConfig.MaxVersion, tt.proxy, tt.most)
		}
	}
	for _, bad := range []string{"", "http://", "http://u:S3CR3T@:%zz", "ftp://proxy.example:21", "htp://proxy.example"} {
		if got, err := rest.ParseProxy(bad); err == nil {
			t.Errorf("ParseProxy(%q) = %v", bad, got)
		}
	}
}

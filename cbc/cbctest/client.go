package cbctest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Client reaches the console at [URL], and its object store at an origin of its own, without a network. It can be used
// inside synctest bubbles. Requests to any other host fail as they would where there is no such host.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: network{next: s.fake.Client().Transport}}
}

// network knows the two hosts that the server answers for.
type network struct{ next http.RoundTripper }

// RoundTrip sends one request.
func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	if slices.Contains([]string{URL, objectStoreURL}, r.URL.Scheme+"://"+r.URL.Host) {
		return n.next.RoundTrip(r)
	}
	if r.Body != nil {
		_ = r.Body.Close()
	}
	known := strings.TrimPrefix(URL, "https://") + " and " + strings.TrimPrefix(objectStoreURL, "https://")
	return nil, fmt.Errorf("cbctest: no such host: %q (this client reaches %s alone)", r.URL.Host, known)
}

package nsxtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// noon is the moment at which the clocks of most tests stand.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func stopped() time.Time { return noon }

// The paths that most tests ask.
const (
	vmPath     = "/api/v1/fabric/virtual-machines"
	policyPath = "/policy/api/v1/infra/realized-state/virtual-machines"
	opPath     = "/policy/api/v1/infra/tags/tag-operations/"
	groupsPath = "/policy/api/v1/infra/domains/default/groups"
	finance    = "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// code is the code in the body of an error.
func (a answer) code() int {
	var e struct {
		Code int `json:"error_code"`
	}
	_ = json.Unmarshal([]byte(a.body), &e)
	return e.Code
}

// sign adds credentials to a request.
type sign func(*http.Request)

// basic is the credentials of the world that names none.
func basic(r *http.Request) { r.SetBasicAuth(nsxtest.Username, nsxtest.Password) }

// call makes one request with a body, which is JSON unless the header says otherwise.
func call(t *testing.T, c *http.Client, method, address, body string, signs ...sign) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, s := range signs {
		s(req)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// get reads with basic credentials.
func get(t *testing.T, srv *nsxtest.Server, path string) answer {
	t.Helper()
	return call(t, srv.Client(), http.MethodGet, nsxtest.URL+path, "", basic)
}

// post writes with basic credentials.
func post(t *testing.T, srv *nsxtest.Server, path, body string) answer {
	t.Helper()
	return call(t, srv.Client(), http.MethodPost, nsxtest.URL+path, body, basic)
}

// page is a list answer.
type page struct {
	Results []map[string]any `json:"results"`
	Count   *int             `json:"result_count"`
	Cursor  *string          `json:"cursor"`
}

// decode reads a list answer.
func decode(t *testing.T, a answer) page {
	t.Helper()
	var p page
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != http.StatusOK || p.Results == nil {
		t.Fatalf("answer %d %s: %v", a.status, a.body, err)
	}
	return p
}

// all pages through a list and returns a member of its rows.
func all(t *testing.T, srv *nsxtest.Server, path, member string) []string {
	t.Helper()
	out := []string{}
	cursor := ""
	for range 100 {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		address := path
		if cursor != "" {
			address += sep + "cursor=" + url.QueryEscape(cursor)
		}
		p := decode(t, get(t, srv, address))
		if (p.Count != nil) != (cursor == "") {
			t.Errorf("%s: result_count %v, want it on the first page alone", address, p.Count)
		}
		for _, row := range p.Results {
			s, _ := row[member].(string)
			out = append(out, s)
		}
		if p.Cursor == nil {
			return out
		}
		cursor = *p.Cursor
	}
	t.Fatalf("%s does not end", path)
	return nil
}

// tags are those of a machine, as the accessor tells.
func tags(srv *nsxtest.Server, id string) []nsxtest.Tag {
	vm, _ := srv.VM(id)
	return vm.Tags
}

// sorted is a sorted copy.
func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

package proofpointtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// noon is the moment at which the clocks of most tests stand.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// hash is the SHA-256 of nothing in particular.
const hash = "80e83a5fdf45abbeb5053a8c161911b27e3fda5fd1d9503e673137cca33e36fd"

func stopped() time.Time { return noon }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// get makes one signed call.
func get(t *testing.T, srv *proofpointtest.Server, pathAndQuery string) answer {
	t.Helper()
	return fetch(t, srv.Client(), proofpointtest.URL+pathAndQuery, proofpointtest.Secret)
}

func fetch(t *testing.T, c *http.Client, address, secret string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		req.SetBasicAuth(proofpointtest.Principal, secret)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

// interval is a query for the hours [from, to) of that day, in JSON.
func interval(from, to time.Time) string {
	return "?format=JSON&interval=" + url.QueryEscape(from.Format(time.RFC3339)+"/"+to.Format(time.RFC3339))
}

// hourBefore asks for the hour that ended a minute before noon.
func hourBefore() string { return interval(noon.Add(-61*time.Minute), noon.Add(-time.Minute)) }

// decode reads a SIEM answer.
func decode(t *testing.T, a answer) map[string][]map[string]any {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(a.body), &all); err != nil || a.status != http.StatusOK {
		t.Fatalf("answer %d %s: %v", a.status, a.body, err)
	}
	out := map[string][]map[string]any{}
	for name, raw := range all {
		if name == "queryEndTime" {
			continue
		}
		var records []map[string]any
		if err := json.Unmarshal(raw, &records); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = records
	}
	return out
}

// column lists a member of all records, sorted.
func column(records []map[string]any, name string) []string {
	out := []string{}
	for _, r := range records {
		s, _ := r[name].(string)
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{})
	for _, path := range []string{"/v2/siem/all?format=JSON&sinceSeconds=60", "/v2/threat/summary/" + hash, "/v2/nowhere"} {
		for _, secret := range []string{"", "wrong"} {
			a := fetch(t, srv.Client(), proofpointtest.URL+path, secret)
			if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("GET %s with secret %q = %d %v, want 401 with a challenge", path, secret, a.status, a.header)
			}
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{})
	for path, want := range map[string]int{
		"/v2/people":             http.StatusNotImplemented,
		"/v2/threat/families":    http.StatusNotFound,
		"/v2/siem/forensics":     http.StatusNotFound,
		"/v2/campaigns":          http.StatusNotFound,
		"/v2/quarantine/release": http.StatusNotFound,
		"/v2/siem/messages":      http.StatusNotImplemented,
	} {
		if a := get(t, srv, path); a.status != want {
			t.Errorf("GET %s = %d %q, want %d", path, a.status, a.body, want)
		}
	}
	for _, op := range srv.Operations() {
		if path := strings.Fields(op)[1]; !srv.Owns(path) {
			t.Errorf("Owns(%q) = false, but it is served", path)
		}
	}
	for _, path := range []string{
		"/v22/x", "/api/v1/x", "/api/investigate/v2/x", "/api/alerts/v7/x", "/appservices/v6/x", "/policyservice/v1/x", "/policy-assignment/v1/x", "/ubs/v1/x",
		"/jobs/v1/x", "/audit_log/v1/x", "/applianceservice/v1/x", "/threathunter/x", "/integrationServices/v3/x", "/policy/api/v1/infra/tags",
	} {
		if srv.Owns(path) {
			t.Errorf("Owns(%q) = true, but it is another service's", path)
		}
	}
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.FixtureWorld())
	over := httptest.NewTLSServer(srv)
	t.Cleanup(over.Close)
	from, to := proofpointtest.FixtureWindow()
	a := fetch(t, over.Client(), over.URL+"/v2/siem/messages/blocked"+interval(from, to), proofpointtest.Secret)
	if got := len(decode(t, a)["messagesBlocked"]); got != 3 {
		t.Errorf("%d blocked messages over TLS, want 3", got)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{Now: stopped})
	srv.FailNext(1, http.StatusTooManyRequests)
	srv.Inject(func(r *http.Request) bool { return r.Pattern == "GET /v2/siem/issues" }, 1, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>proxy</html>") })
	})
	for _, want := range []int{429, 200} {
		if a := get(t, srv, "/v2/siem/all"+hourBefore()); a.status != want || a.header.Get("Retry-After") != map[int]string{429: "60"}[want] {
			t.Errorf("answer %d %v, want %d", a.status, a.header, want)
		}
	}
	if a := get(t, srv, "/v2/siem/issues"+hourBefore()); a.body != "<html>proxy</html>" {
		t.Errorf("issues = %q, want the injected page", a.body)
	}
	want := []proofpointtest.Request{
		{Method: "GET", Path: "/v2/siem/all", Operation: "GET /v2/siem/all", Status: 429, Time: noon},
		{Method: "GET", Path: "/v2/siem/all", Operation: "GET /v2/siem/all", Status: 200, Time: noon},
		{Method: "GET", Path: "/v2/siem/issues", Operation: "GET /v2/siem/issues", Status: 200, Time: noon},
	}
	got := srv.Requests()
	for i := range got {
		got[i].Query, got[i].Header, got[i].Body = nil, nil, nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Requests() mismatch (-want +got):\n%s", diff)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	now := noon
	srv := proofpointtest.New(proofpointtest.World{Quota: 3, Now: func() time.Time { return now }})
	call := func(path, query string) int {
		t.Helper()
		a := get(t, srv, path+query)
		if a.header.Get("Retry-After") != "" {
			t.Errorf("GET %s has Retry-After %q, want none", path, a.header.Get("Retry-After"))
		}
		return a.status
	}
	since := "?format=JSON&sinceSeconds=300"
	var got []int
	for _, path := range []string{"/v2/siem/all", "/v2/siem/clicks/blocked", "/v2/siem/clicks/permitted", "/v2/siem/issues", "/v2/siem/messages/delivered", "/v2/siem/clicks/permitted"} {
		got = append(got, call(path, since))
		now = now.Add(time.Hour)
	}
	if want := []int{200, 200, 200, 200, 429, 200}; !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v: five feeds share a pool of three, permitted clicks have their own", got, want)
	}
	now = noon.Add(24 * time.Hour)
	if got := call("/v2/siem/all", since); got != 429 {
		t.Errorf("a day after the first call = %d, want 429", got)
	}
	now = now.Add(time.Second)
	if got, again := call("/v2/siem/all", since), call("/v2/siem/all", since); got != 200 || again != 429 {
		t.Errorf("once the first call is older than a day = %d, %d; want one call back: 200, 429", got, again)
	}
	if used, mine := srv.State().QuotaUsed["siem"], srv.QuotaUsed(proofpointtest.Principal, proofpointtest.PoolSIEM); used != 3 || mine != 3 {
		t.Errorf("State().QuotaUsed and QuotaUsed = %d and %d, want 3", used, mine)
	}
}

func TestRefusedCallsCountOnRequest(t *testing.T) {
	t.Parallel()
	for _, count := range []bool{false, true} {
		srv := proofpointtest.New(proofpointtest.World{Quota: 1, Now: stopped, Switches: proofpointtest.Switches{CountRefused: count}})
		first, second := get(t, srv, "/v2/siem/all?format=JSON").status, get(t, srv, "/v2/siem/all"+hourBefore()).status
		want := map[bool]int{false: 200, true: 429}[count]
		if first != 400 || second != want {
			t.Errorf("CountRefused %v: statuses %d, %d; want 400, %d", count, first, second, want)
		}
	}
}

func TestPlainLabel(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Switches: proofpointtest.Switches{TextPlain: true}})
	a := get(t, srv, "/v2/siem/all"+hourBefore())
	if a.header.Get("Content-Type") != "text/plain; charset=utf-8" || !json.Valid([]byte(a.body)) {
		t.Errorf("answer %v %q, want JSON labeled as plain text", a.header, a.body)
	}
}

func TestSyslogWithoutFormat(t *testing.T) {
	t.Parallel()
	message := proofpointtest.Message{
		Time: noon.Add(-10 * time.Minute), Recipients: []string{"ada@corp.example"}, To: []string{"a@corp.example", "b@corp.example"},
		Subject: `say "hi]"`, Threats: []proofpointtest.Threat{{Artifact: hash}},
	}
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Messages: []proofpointtest.Message{message}})
	query := strings.Replace(hourBefore(), "format=JSON&", "", 1)
	if a := get(t, srv, "/v2/siem/messages/blocked"+query); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("nothing to tell = %d %q, want 204", a.status, a.body)
	}
	for _, q := range []string{query, query + "&format=syslog"} {
		a := get(t, srv, "/v2/siem/messages/delivered"+q)
		if !strings.HasPrefix(a.body, "<38>1 2026-03-02T11:50:00Z - ProofpointTAP - MSGDLV [tapmsg@21139 ") || !strings.HasSuffix(a.body, "]\r\n") {
			t.Errorf("syslog line %q", a.body)
		}
		for _, part := range []string{` subject="say \"hi\]\""`, ` toAddresses="a@corp.example,b@corp.example"`, ` QID="null"`, ` threatsInfoMap="[{\"threatID\":\"` + hash} {
			if !strings.Contains(a.body, part) {
				t.Errorf("syslog line %q lacks %q", a.body, part)
			}
		}
	}
}

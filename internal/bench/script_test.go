package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// script does what the Python script did, call by call: one search for each file, one call for each process and action, one after the
// other, with the whole of every answer in memory.
type script struct {
	t        testing.TB
	tap, cbc *http.Client
	hook     *http.Client
}

func (c *company) script(t testing.TB) *script {
	return &script{t: t, tap: c.far(c.tap.Client()), cbc: c.far(c.cbc.Client()), hook: c.hook()}
}

func (s *script) call(client *http.Client, method, url string, body any) (int, map[string]any) {
	s.t.Helper()
	var text io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		text = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, url, text)
	if err != nil {
		s.t.Fatal(err)
	}
	switch client {
	case s.tap:
		r.SetBasicAuth(proofpointtest.Principal, proofpointtest.Secret)
	case s.cbc:
		r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var answer map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			s.t.Fatalf("%s %s: %d %s", method, url, resp.StatusCode, raw)
		}
	}
	return resp.StatusCode, answer
}

func (s *script) org(rest string) string {
	return cbctest.URL + strings.ReplaceAll(rest, "{org}", cbctest.OrgKey)
}

// condemned are the attachments of the last hour.
func (s *script) condemned() []string {
	_, answer := s.call(s.tap, http.MethodGet, proofpointtest.URL+"/v2/siem/messages/delivered?format=JSON&sinceSeconds=3600", nil)
	var hashes []string
	for _, m := range answer["messagesDelivered"].([]any) {
		message := m.(map[string]any)
		for _, threat := range message["threatsInfoMap"].([]any) {
			if threat := threat.(map[string]any); threat["threatType"] != "attachment" || threat["classification"] != "malware" {
				continue
			}
			for _, part := range message["messageParts"].([]any) {
				if part := part.(map[string]any); part["disposition"] == "attached" {
					hashes = append(hashes, part["sha256"].(string))
				}
			}
		}
	}
	return hashes
}

// processes searches for one file, and waits as long as the script did.
func (s *script) processes(sha string) []map[string]any {
	status, started := s.call(s.cbc, http.MethodPost, s.org("/api/investigate/v2/orgs/{org}/processes/search_jobs"), map[string]any{
		"query": "process_hash:" + sha, "rows": 5000, "time_range": map[string]any{"window": "-2w"},
	})
	if status != http.StatusOK {
		s.t.Fatalf("the search was answered with %d", status)
	}
	job := s.org("/api/investigate/v2/orgs/{org}/processes/search_jobs/") + started["job_id"].(string) + "/results"
	var found []map[string]any
	for start, waits := 0, 1; ; {
		_, page := s.call(s.cbc, http.MethodGet, fmt.Sprintf("%s?start=%d&rows=500", job, start), nil)
		if page["contacted"] != page["completed"] || page["contacted"] == 0.0 { // the script took none of none for the end
			if waits > 6 {
				s.t.Fatal("the script gave up")
			}
			time.Sleep(time.Duration(waits) * time.Second)
			waits++
			continue
		}
		results := page["results"].([]any)
		for _, row := range results {
			found = append(found, row.(map[string]any))
		}
		if start += len(results); len(results) == 0 || start >= int(page["num_available"].(float64)) {
			return found
		}
	}
}

// act does one action about one process.
func (s *script) act(action, sha string, p map[string]any) {
	device := fmt.Sprint(int64(p["device_id"].(float64)))
	switch action {
	case "webhook":
		s.call(s.hook, http.MethodPost, "https://hooks.invalid/finding", map[string]any{"sha256": sha, "process": p})
	case "isolate":
		s.call(s.cbc, http.MethodPost, s.org("/appservices/v6/orgs/{org}/device_actions"), map[string]any{
			"action_type": "QUARANTINE", "device_id": []string{device}, "options": map[string]any{"toggle": "ON"},
		})
	case "policy":
		s.call(s.cbc, http.MethodPost, s.org("/appservices/v6/orgs/{org}/device_actions"), map[string]any{
			"action_type": "UPDATE_POLICY", "device_id": []string{device}, "options": map[string]any{"policy_id": contain},
		})
	case "denylist":
		_, listed := s.call(s.cbc, http.MethodPost, s.org("/appservices/v6/orgs/{org}/reputations/overrides/_search"), map[string]any{
			"query": sha, "sort_field": "create_time", "sort_order": "asc",
		})
		if results, _ := listed["results"].([]any); len(results) == 0 {
			s.call(s.cbc, http.MethodPost, s.org("/appservices/v6/orgs/{org}/reputations/overrides"), map[string]any{
				"description": "Mail", "override_list": "BLACK_LIST", "override_type": "SHA256", "sha256_hash": sha, "filename": p["process_name"],
			})
		}
	}
}

// run is one run of the script. It forgets what it has done.
func (s *script) run(actions ...string) {
	for _, sha := range s.condemned() {
		for _, p := range s.processes(sha) {
			for _, a := range actions {
				s.act(a, sha, p)
			}
		}
	}
}

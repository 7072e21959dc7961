package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// blocks are the code blocks of README.md in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	// What is between the fences alternates: text, block, text, and so on. A block begins with its language.
	for i, part := range strings.Split(string(text), "```") {
		name, code, _ := strings.Cut(part, "\n")
		if i%2 == 1 && name == language {
			all = append(all, code)
		}
	}
	return all
}

func TestReadyFileInREADME(t *testing.T) {
	t.Parallel()
	var got, want map[string]any
	if err := json.Unmarshal([]byte(blocks(t, "json")[0]), &got); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(ready{})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(members("", want), members("", got)); diff != "" {
		t.Errorf("the members of the ready file (-lab +README):\n%s", diff)
	}
}

// members are the names in an object, sorted by the map that holds them.
func members(prefix string, v map[string]any) map[string]bool {
	all := map[string]bool{}
	for name, value := range v {
		all[prefix+name] = true
		if inner, ok := value.(map[string]any); ok {
			for name := range members(prefix+name+".", inner) {
				all[name] = true
			}
		}
	}
	return all
}

// The world of the README can be served, and a hunt finds in it what the text says.
func TestWorldInREADME(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(path, []byte(blocks(t, "json")[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, "--world", path)
	r.works(t)
	if r.CBC.OrgKey != "ABCD1234" || r.CBC.APIID != "LABKEY" || r.CBC.APIKey != "opens-the-lab" {
		t.Errorf("the ready file has not the world's key: %+v", r.CBC)
	}
	_, text := r.call(t, "GET", "/v2/siem/messages/delivered?format=json&sinceSeconds=3600", "")
	var mails struct {
		MessagesDelivered []struct{ ThreatsInfoMap []struct{ Threat string } }
	}
	if err := json.Unmarshal([]byte(text), &mails); err != nil || len(mails.MessagesDelivered) != 1 {
		t.Fatalf("the mails of the last hour are %s, %v; want one", text, err)
	}
	hash := mails.MessagesDelivered[0].ThreatsInfoMap[0].Threat
	jobs := "/api/investigate/v2/orgs/ABCD1234/processes/search_jobs"
	status, text := r.call(t, "POST", jobs, `{"query":"process_hash:`+hash+`","rows":10,"time_range":{"window":"-1h"}}`)
	if status != http.StatusOK {
		t.Errorf("the search = %d %s", status, text)
	}
	_, text = r.call(t, "GET", "/_lab/state", "")
	var state struct {
		CBC struct {
			Devices    []struct{ ID int64 }
			SearchJobs []struct{ Rows int } `json:"search_jobs"`
		}
		NSX struct{ VMs []struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		t.Fatal(err)
	}
	if len(state.CBC.Devices) != 2 || len(state.NSX.VMs) != 1 || len(state.CBC.SearchJobs) != 1 || state.CBC.SearchJobs[0].Rows != 1 {
		t.Errorf("the state of the world is\n%s", text)
	}
}

func TestVerdictInREADME(t *testing.T) {
	t.Parallel()
	r := start(t)
	n := 0
	for _, block := range blocks(t, "") {
		for _, m := range regexp.MustCompile(`/_lab/verdicts -d '(.*)'`).FindAllStringSubmatch(block, -1) {
			n++
			if status, body := r.call(t, "POST", "/_lab/verdicts", m[1]); status != http.StatusOK {
				t.Errorf("%s = %d %s", m[0], status, body)
			}
		}
	}
	if n != 1 {
		t.Errorf("README.md has %d examples of verdicts", n)
	}
}

func TestFaultsInREADME(t *testing.T) {
	t.Parallel()
	r := start(t)
	n := 0
	for _, block := range blocks(t, "") {
		for _, m := range regexp.MustCompile(`/_lab/faults -d '(.*)'`).FindAllStringSubmatch(block, -1) {
			n++
			if status, body := r.call(t, "POST", "/_lab/faults", m[1]); status != http.StatusOK {
				t.Errorf("%s = %d %s", m[0], status, body)
			}
		}
	}
	if n < 3 {
		t.Errorf("README.md has %d examples of faults", n)
	}
	if status, _ := r.call(t, "DELETE", "/_lab/faults", ""); status != http.StatusNoContent {
		t.Errorf("DELETE /_lab/faults = %d", status)
	}
	// The kinds that a refusal lists are those of the table.
	_, refusal := r.call(t, "POST", "/_lab/faults", `{"service":"cbc","kind":"?"}`)
	_, list, _ := strings.Cut(refusal, "want ")
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`[a-z_]{4,}`).FindAllString(list, -1)
	for _, kind := range kinds {
		if !strings.Contains(string(text), "\n| `"+kind+"` |") {
			t.Errorf("README.md does not explain the kind %s", kind)
		}
	}
	if len(kinds) != 6 {
		t.Errorf("the kinds are %q", kinds)
	}
}

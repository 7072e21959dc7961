package proofpointtest_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestSampleAnswers(t *testing.T) {
	t.Parallel()
	const rewritten = "https://urldefense.com/v3/__https://files.example/a*b__;Kw!!x!y$"
	win := []proofpointtest.Platform{{Name: "Win10", OS: "win", Version: "win10"}}
	identified := time.Date(2026, time.March, 2, 10, 21, 30, 0, time.UTC)
	stealer := []proofpointtest.Named{{ID: "0f6f2a51-8f0c-4c3e-9a77-3d5b1e2c4a99", Name: "Stealer"}}
	w := proofpointtest.World{
		Now: stopped, VAPThreshold: 981.7402, Switches: proofpointtest.Switches{Stable: true},
		Messages: []proofpointtest.Message{{Time: identified.Add(-time.Hour), Threats: []proofpointtest.Threat{{Artifact: hash, Time: identified, CampaignID: run44}}}},
		Threats:  []proofpointtest.ThreatSummary{{ID: hash, IdentifiedAt: identified, Severity: 420, AttackSpread: 17, Families: stealer}},
		Campaigns: []proofpointtest.Campaign{{
			ID: run44, Name: `Stealer "run-44" | DE Targeting | Archives`, Start: time.Date(2026, time.March, 1, 6, 10, 0, 0, time.UTC), Families: stealer,
			Description: "Freight invoices with ZIP archives.\r\n\r\nExample subjects:\r\n\r\n- Rechnung 8812",
			Malware:     []proofpointtest.Named{{ID: "b2a41c77-5e19-4d0b-8c6e-91f3a7d2e058", Name: "ExampleStealer"}},
			Techniques:  []proofpointtest.Named{{ID: "e9d3b6c4-2a85-4f71-b0d9-6c7e1f3a5b28", Name: "Compressed Executable"}},
		}},
		Reports: []proofpointtest.Report{
			{ThreatID: hash, Evidence: []proofpointtest.Evidence{
				{Type: "attachment", Display: "Attachment 80e83a5f...", Engine: "av", Malicious: true, What: map[string]any{"sha256": hash, "blacklisted": 1}, Platforms: []proofpointtest.Platform{{Name: "pps", OS: "pps"}}},
				{Type: "url", Display: "Fetches http://c2.example/a", What: map[string]any{"url": "http://c2.example/a", "blacklisted": false}, Platforms: win},
			}},
			{CampaignID: run44, Evidence: []proofpointtest.Evidence{
				{Type: "network", Display: "Contacts 203.0.113.200", Engine: "iee", Malicious: true, Note: "seen twice", What: map[string]any{"ip": "203.0.113.200", "port": "443", "type": "tcp", "action": "connect"}, Platforms: win},
			}},
		},
		People: []proofpointtest.Person{{
			GUID: "4f21c9ab02-7c3d-11e9-55aa-0242ac130003", Emails: []string{"dana@corp.example"}, Clicks: []proofpointtest.Score{{Family: "Malware", Points: 9}},
			Attacks: []proofpointtest.Score{{Family: "malware", Points: 612}, {Family: "credential phishing", Points: 700}},
		}},
		Links: []proofpointtest.Link{{URL: rewritten, MessageGUID: "Jm3_xT9vLs0QeRb6YhUw-2KpZc7NaD5g", Cluster: "corpexample_hosted", Recipient: "omar@corp.example"}},
	}
	if err := w.Check(); err != nil {
		t.Error(err)
	}
	srv := proofpointtest.New(w)
	for file, path := range map[string]string{
		"campaign_ids":   ids(noon.Add(-2*time.Hour), noon.Add(-time.Hour)),
		"campaign":       "/v2/campaign/" + run44,
		"forensics":      "/v2/forensics?includeCampaignForensics=true&threatId=" + hash,
		"vap":            "/v2/people/vap?window=14",
		"top_clickers":   "/v2/people/top-clickers?window=90",
		"threat_summary": "/v2/threat/summary/" + hash,
		"url_decode":     "",
	} {
		data, err := os.ReadFile(filepath.Join("testdata", "answers", file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if path == "" {
			body := `{"urls":["` + rewritten + `","https://files.example/plain"]}`
			a = send(t, srv, http.MethodPost, "/v2/url/decode", "application/json", body, proofpointtest.Principal, proofpointtest.Secret)
		} else {
			a = get(t, srv, path)
		}
		var want, got any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%s: %d %s: %v", file, a.status, a.body, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", file, diff)
		}
	}
}

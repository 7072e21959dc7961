package proofpoint_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestForensicsAreDecoded(t *testing.T) {
	t.Parallel()
	raw := sample(t, "forensics.json")
	evidence := func(kind proofpoint.EvidenceType, what proofpoint.EvidenceDetail) proofpoint.Evidence {
		return proofpoint.Evidence{Type: kind, What: what}
	}
	want := proofpoint.ForensicReports{
		Generated: time.Date(2026, 3, 5, 9, 3, 41, 118e6, time.UTC),
		Reports: []proofpoint.ForensicReport{
			{Scope: "THREAT", ID: offer, Name: offer, ThreatStatus: "active", Evidence: []proofpoint.Evidence{
				{
					Type: "attachment", Display: "Attachment f90e79e6", Engine: "av", Malicious: true, Note: "known",
					What:      proofpoint.AttachmentEvidence{SHA256: offer, Blacklisted: true, Offset: 12, Rule: "iso", Size: 204811},
					Platforms: []proofpoint.Platform{{Name: "pps", OS: "pps"}, {Name: "Win10", OS: "win", Version: "win10"}},
				},
				{Type: "behavior", Display: "Starts a script", Malicious: true, What: proofpoint.BehaviorEvidence{Rule: "script_from_iso", Path: `C:\run.js`}},
				evidence("cookie", proofpoint.CookieEvidence{Action: "set", Domain: "portal.lookalike.example", Key: "sid", Value: "7"}),
				evidence("dns", proofpoint.DNSEvidence{Host: "c2.example", CNames: []string{"a.example"}, IPs: []string{"203.0.113.9"}, NameServersList: []string{"ns.example"}}),
				evidence("domains", proofpoint.DomainEvidence{Domain: "c2.example"}),
				evidence("dropper", proofpoint.DropperEvidence{Path: `C:\drop.exe`, Rule: "drop", URL: "http://c2.example/d"}),
				evidence("FILE", proofpoint.FileEvidence{Action: "create", Path: `%USERPROFILE%\a.exe`, SHA256: invoice, Size: 7168}),
				evidence("idsrule", proofpoint.IDSEvidence{Name: "ET TROJAN", SignatureID: "2024792"}),
				evidence("ids", proofpoint.IDSEvidence{Name: "ET TROJAN", SignatureID: "2024792"}),
				evidence("mutex", proofpoint.MutexEvidence{Name: `Global\x`, Path: `C:\a.exe`}),
				{
					Type: "network", Display: "Contacts 203.0.113.200", Malicious: true,
					What: proofpoint.NetworkEvidence{Action: "connect", IP: "203.0.113.200", Port: 443, Protocol: "tcp"},
				},
				evidence("network", proofpoint.NetworkEvidence{Domain: "c2.example", Port: 8080}),
				evidence("policy", proofpoint.BehaviorEvidence{Rule: "macro"}),
				evidence("process", proofpoint.ProcessEvidence{Action: "create", Path: `wscript.exe C:\run.js`}),
				evidence("redirect_chain", proofpoint.URLEvidence{URL: "http://hop.example"}),
				evidence("registry", proofpoint.RegistryEvidence{Action: "set", Key: `HKCU\Run`, Name: "a", Value: `C:\a.exe`, Rule: "autorun"}),
				evidence("screenshot", proofpoint.ScreenshotEvidence{URL: "https://pictures.example/1.jpg"}),
				evidence("url", proofpoint.URLEvidence{URL: "http://c2.example/d", IP: "203.0.113.9", HTTPStatus: 200, MD5: "1bb87d41d15fe27b500a4bfcde01bb0e", Size: 10, Rule: "r"}),
				{Type: "wormhole", Display: "Something new"},
				{Type: "mutex"},
				{Display: "Nothing more is said"},
			}},
			{Scope: "campaign", ID: "a91d3c52-7b0e-4c1f-8d46-2e5f7a9b0c13", Name: "Loader", Type: "attachment"},
			{Scope: "THREAT", ID: link},
		},
		Raw: bytes.TrimSpace(raw),
	}
	got, err := newClient(t, saying(http.StatusOK, string(raw))).Forensics.ByThreat(t.Context(), offer, proofpoint.ForensicsOptions{})
	if err != nil {
		t.Fatalf("ByThreat() = %v", err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(proofpoint.Evidence{}, "RawWhat"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("ByThreat() mismatch (-want +got):\n%s", diff)
	}
	if what := string(got.Reports[0].Evidence[18].RawWhat); what != `{"depth": [1, 2]}` {
		t.Errorf("RawWhat = %s", what)
	}
	if h, ok := got.Reports[0].Evidence[0].What.(proofpoint.AttachmentEvidence).Hash(); !ok || h != hash(t, offer) {
		t.Errorf("AttachmentEvidence.Hash() = %x, %t", h, ok)
	}
	if h, ok := got.Reports[0].Evidence[6].What.(proofpoint.FileEvidence).Hash(); !ok || h != hash(t, invoice) {
		t.Errorf("FileEvidence.Hash() = %x, %t", h, ok)
	}
	if h, ok := got.Reports[0].Evidence[17].What.(proofpoint.URLEvidence).Hash(); ok {
		t.Errorf("URLEvidence.Hash() = %x", h)
	}
}

func TestForensicsQueries(t *testing.T) {
	t.Parallel()
	var got url.Values
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		got = r.URL.Query()
		return response(r, http.StatusOK, strings.NewReader(`{"reports":[]}`)), nil
	}))
	check := func(want url.Values, reports proofpoint.ForensicReports, err error) {
		t.Helper()
		if err != nil || len(reports.Reports) > 0 {
			t.Errorf("got %+v, %v", reports, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("query mismatch (-want +got):\n%s", diff)
		}
		got = nil
	}
	r, err := client.Forensics.ByThreat(t.Context(), "a&b", proofpoint.ForensicsOptions{})
	check(url.Values{"threatId": {"a&b"}}, r, err)
	r, err = client.Forensics.ByThreat(t.Context(), offer, proofpoint.ForensicsOptions{IncludeCampaign: true})
	check(url.Values{"threatId": {offer}, "includeCampaignForensics": {"true"}}, r, err)
	r, err = client.Forensics.ByCampaign(t.Context(), "c-1")
	check(url.Values{"campaignId": {"c-1"}}, r, err)
	if _, err := client.Forensics.ByCampaign(t.Context(), ""); err == nil || err.Error() != "proofpoint: forensics.by_campaign: the id is empty" || got != nil {
		t.Errorf("ByCampaign() = %v, sent %v", err, got)
	}
}

func TestForensicsThatAreOdd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		status   int
		body     string
		evidence int
		err      string
		is       error
	}{
		{"evidence that cannot be read", 200, `{"reports":[{"forensics":[7,{"type":"url","what":[]},{"type":"url"},{"type":5}]},{"forensics":[{"type":"new","what":[]}]}]}`, 2, "3 records could not be read", nil},
		{"a report that cannot be read", 200, `{"reports":[7,{"id":"a","forensics":[{}]},{"forensics":{}}]}`, 1, "2 records could not be read", nil},
		{"no reports", 200, `{"generated":"2026-03-05T09:03:41.118Z"}`, 0, "it has no list reports", nil},
		{"an unknown id", 404, "", 0, "404", proofpoint.ErrNotFound},
		{"a success without an answer", 204, "", 0, "incomplete", io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		got, err := newClient(t, saying(tt.status, tt.body)).Forensics.ByThreat(t.Context(), offer, proofpoint.ForensicsOptions{})
		count := 0
		for _, r := range got.Reports {
			count += len(r.Evidence)
		}
		if count != tt.evidence || err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "proofpoint: forensics.by_threat: ") {
			t.Errorf("%s: ByThreat() = %+v, %v, want %d pieces of evidence and an error with %q", tt.name, got, err, tt.evidence, tt.err)
		}
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: ByThreat() = %v, want %v", tt.name, err, tt.is)
		}
	}
}

func TestForensicsOnTheFake(t *testing.T) {
	t.Parallel()
	w := campaignWorld()
	w.Threats = []proofpointtest.ThreatSummary{{ID: offer, IdentifiedAt: now.Add(-19 * time.Hour)}}
	w.Messages = []proofpointtest.Message{{Time: now.Add(-19 * time.Hour), Threats: []proofpointtest.Threat{{Artifact: offer, CampaignID: "campaign-1"}}}}
	w.Reports = []proofpointtest.Report{
		{ThreatID: offer, Evidence: proofpointtest.Samples()},
		{CampaignID: "campaign-1", Evidence: proofpointtest.Samples()[:1]},
	}
	for _, old := range []bool{false, true} {
		w.Switches.OldForensics = old
		client := connect(t, proofpointtest.New(w), w.Now)
		got, err := client.Forensics.ByThreat(t.Context(), offer, proofpoint.ForensicsOptions{})
		if err != nil || len(got.Reports) != 1 || !got.Reports[0].Scope.Is(proofpoint.ScopeThreat) || got.Generated.IsZero() {
			t.Fatalf("ByThreat() = %+v, %v", got, err)
		}
		types := map[proofpoint.EvidenceType]bool{}
		for _, e := range got.Reports[0].Evidence {
			types[e.Type] = true
			if (e.What == nil) != (e.Type == "newly_invented") || len(e.RawWhat) == 0 {
				t.Errorf("evidence of the type %s became %#v of %s", e.Type, e.What, e.RawWhat)
			}
		}
		if len(types) < 16 {
			t.Errorf("ByThreat() brought %d types of evidence: %v", len(types), types)
		}
		campaign, err := client.Forensics.ByCampaign(t.Context(), "campaign-1")
		if err != nil || len(campaign.Reports) == 0 || !campaign.Reports[0].Scope.Is(proofpoint.ScopeCampaign) {
			t.Errorf("ByCampaign() = %+v, %v", campaign, err)
		}
		both, err := client.Forensics.ByThreat(t.Context(), offer, proofpoint.ForensicsOptions{IncludeCampaign: true})
		if err != nil || len(both.Reports) <= len(got.Reports) {
			t.Errorf("ByThreat() = %d reports with the campaign, %v, and %d without", len(both.Reports), err, len(got.Reports))
		}
		if _, err := client.Forensics.ByThreat(t.Context(), logo, proofpoint.ForensicsOptions{}); !errors.Is(err, proofpoint.ErrNotFound) {
			t.Errorf("ByThreat() = %v, want %v", err, proofpoint.ErrNotFound)
		}
	}
}

func TestEvidenceTypesCompareWithoutCase(t *testing.T) {
	t.Parallel()
	if !proofpoint.EvidenceType("IDSRule").Is(proofpoint.EvidenceIDS) || proofpoint.EvidenceURL.Is(proofpoint.EvidenceDNS) {
		t.Error("EvidenceType.Is is wrong")
	}
	if !proofpoint.ThreatSubType("attachment").Is(proofpoint.SubTypeAttachment) || proofpoint.SubTypeDomain.Is(proofpoint.SubTypeHostname) {
		t.Error("ThreatSubType.Is is wrong")
	}
}

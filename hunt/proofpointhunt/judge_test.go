package proofpointhunt_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// Hashes, each of one digit, so that failures can be read.
var (
	bad   = strings.Repeat("a", 64)
	worse = strings.Repeat("b", 64)
	logo  = strings.Repeat("c", 64)
	page  = strings.Repeat("d", 64)
	inner = strings.Repeat("e", 64)
)

var verdictTime = time.Date(2026, time.March, 5, 8, 30, 0, 0, time.UTC)

func newSource(t testing.TB, classes ...proofpoint.Classification) *proofpointhunt.Source {
	t.Helper()
	client, err := proofpoint.New(proofpoint.Config{Credentials: proofpoint.Basic("principal", "secret")})
	if err != nil {
		t.Fatal(err)
	}
	source, err := proofpointhunt.New(client, proofpointhunt.Options{Delivered: true, Classifications: classes})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func attached(name, hash string, sandbox proofpoint.SandboxStatus) proofpoint.Part {
	return proofpoint.Part{Disposition: proofpoint.Attached, FileName: name, SHA256: hash, SandboxStatus: sandbox}
}

func inline(name, hash string, sandbox proofpoint.SandboxStatus) proofpoint.Part {
	return proofpoint.Part{Disposition: proofpoint.Inline, FileName: name, SHA256: hash, SandboxStatus: sandbox}
}

// verdict is an active malware verdict on an attachment, changed by edits.
func verdict(hash string, edits ...func(*proofpoint.Threat)) proofpoint.Threat {
	t := proofpoint.Threat{
		ID: proofpoint.ThreatID(hash), Artifact: hash, Type: "attachment", Classification: "malware", Status: "active", Time: verdictTime,
	}
	for _, edit := range edits {
		edit(&t)
	}
	return t
}

func status(s proofpoint.ThreatStatus) func(*proofpoint.Threat) {
	return func(t *proofpoint.Threat) { t.Status = s }
}

func class(c proofpoint.Classification) func(*proofpoint.Threat) {
	return func(t *proofpoint.Threat) { t.Classification = c }
}

func kind(k proofpoint.ThreatType) func(*proofpoint.Threat) {
	return func(t *proofpoint.Threat) { t.Type = k }
}

func artifact(a string) func(*proofpoint.Threat) {
	return func(t *proofpoint.Threat) { t.Artifact = a }
}

func later(d time.Duration) func(*proofpoint.Threat) {
	return func(t *proofpoint.Threat) { t.Time = t.Time.Add(d) }
}

func TestClassificationsAreChosen(t *testing.T) {
	t.Parallel()
	m := proofpoint.Message{
		Parts:   []proofpoint.Part{attached("invoice.htm", bad, ""), attached("offer.iso", worse, "")},
		Threats: []proofpoint.Threat{verdict(bad, class("phish")), verdict(worse)},
	}
	tests := []struct {
		name    string
		classes []proofpoint.Classification
		want    []string
	}{
		{"malware unless said otherwise", nil, []string{worse}},
		{"both, in any case", []proofpoint.Classification{"Malware", "PHISH"}, []string{bad, worse}},
		{"another one alone", []proofpoint.Classification{proofpoint.ClassPhish}, []string{bad}},
		{"one that is not there", []proofpoint.Classification{proofpoint.ClassSpam}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			indicators, _ := newSource(t, tt.classes...).Judge(m)
			var got []string
			for _, ind := range indicators {
				got = append(got, ind.SHA256.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("condemned mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJudgeTellsEverythingAboutTheMail(t *testing.T) {
	t.Parallel()
	m := proofpoint.Message{
		Category: proofpoint.Delivered, ID: "id-1", GUID: "guid-1", MessageID: "<m@parts.example>",
		Subject: "=?utf-8?Q?Angebot_=E2=80=93_Pumpen?=", FromAddresses: []string{"sales@parts.example"},
		Recipients: []string{"mia@lab.example"}, Time: verdictTime.Add(-72 * time.Hour), Raw: []byte(`{"id":"id-1"}`),
		Parts: []proofpoint.Part{attached("offer.iso", bad, "THREAT")},
		Threats: []proofpoint.Threat{verdict(bad, class("Malware"), status("ACTIVE"), kind("Attachment"), func(t *proofpoint.Threat) {
			t.ID, t.URL, t.CampaignID = "threat-1", "https://threatinsight.proofpoint.com/x", "campaign-1"
		})},
	}
	hash, err := hunt.ParseSHA256(bad)
	if err != nil {
		t.Fatal(err)
	}
	want := []hunt.Indicator{{
		SHA256: hash,
		Threat: hunt.Threat{
			ID: "threat-1", Type: "attachment", Classification: "malware", Status: "active", Time: verdictTime,
			URL: "https://threatinsight.proofpoint.com/x", CampaignID: "campaign-1", Score: 90,
		},
		Mails: []hunt.Mail{{
			ID: "id-1", GUID: "guid-1", MessageID: "<m@parts.example>", Subject: "Angebot – Pumpen", Sender: "sales@parts.example",
			Recipients: []string{"mia@lab.example"}, Time: verdictTime.Add(-72 * time.Hour), Delivered: true, FileName: "offer.iso",
			Raw: []byte(`{"id":"id-1"}`),
		}},
	}}
	got, left := newSource(t).Judge(m)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Judge() mismatch (-want +got):\n%s", diff)
	}
	if len(left) > 0 {
		t.Errorf("Judge() left alone %+v", left)
	}
}

// FuzzJudge checks on any record that nothing is condemned that no verdict and no sandbox speaks against.
func FuzzJudge(f *testing.F) {
	for _, fixture := range proofpointtest.Fixtures() {
		f.Add([]byte(fixture.Raw))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m proofpoint.Message
		if m.UnmarshalJSON(data) != nil {
			return
		}
		indicators, left := newSource(t).Judge(m)
		active := slices.ContainsFunc(m.Threats, func(t proofpoint.Threat) bool {
			return t.Type.Is(proofpoint.TypeAttachment) && t.Status.Is(proofpoint.StatusActive) && t.Classification.Is(proofpoint.ClassMalware)
		})
		for _, ind := range indicators {
			named := len(m.ThreatsNaming(ind.SHA256)) > 0
			sandboxed := slices.ContainsFunc(m.Parts, func(p proofpoint.Part) bool {
				hash, ok := p.Hash()
				return ok && hash == ind.SHA256 && p.SandboxStatus.Is(proofpoint.SandboxThreat)
			})
			if !active || !named && !sandboxed || len(ind.Mails) != 1 {
				t.Errorf("%s was condemned: %s", ind.SHA256, data)
			}
		}
		for _, l := range left {
			if l.Reason == "" {
				t.Errorf("%+v was left alone without a reason: %s", l, data)
			}
		}
	})
}

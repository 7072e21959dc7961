package proofpoint_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
)

func hash(t testing.TB, s string) [32]byte {
	t.Helper()
	var h [32]byte
	if n, err := hex.Decode(h[:], []byte(s)); err != nil || n != len(h) {
		t.Fatalf("%q is no hash", s)
	}
	return h
}

func TestEnumsCompareWithoutCase(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		got  bool
		want bool
	}{
		{"type in capitals", proofpoint.ThreatType("ATTACHMENT").Is(proofpoint.TypeAttachment), true},
		{"message is messageText", proofpoint.ThreatType("Message").Is(proofpoint.TypeMessageText), true},
		{"messageText is message", proofpoint.TypeMessageText.Is("message"), true},
		{"another type", proofpoint.TypeURL.Is(proofpoint.TypeAttachment), false},
		{"no type", proofpoint.ThreatType("").Is(proofpoint.TypeAttachment), false},
		{"status", proofpoint.ThreatStatus("falsepositive").Is(proofpoint.StatusFalsePositive), true},
		{"another status", proofpoint.ThreatStatus("cleared").Is(proofpoint.StatusActive), false},
		{"classification", proofpoint.Classification("TOAD").Is(proofpoint.ClassTOAD), true},
		{"another classification", proofpoint.ClassPhish.Is(proofpoint.ClassMalware), false},
		{"sandbox", proofpoint.SandboxStatus("THREAT").Is(proofpoint.SandboxThreat), true},
		{"no sandbox", proofpoint.SandboxStatus("").Is(proofpoint.SandboxThreat), false},
		{"disposition", proofpoint.Disposition("Inline").Is(proofpoint.Inline), true},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, tt.got, tt.want)
		}
	}
}

func TestThreatNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		threat proofpoint.Threat
		want   bool
	}{
		{"by its artifact", proofpoint.Threat{Type: "attachment", Artifact: offer}, true},
		{"in capitals", proofpoint.Threat{Type: "ATTACHMENT", Artifact: strings.ToUpper(offer)}, true},
		{"by its id", proofpoint.Threat{Type: "attachment", ID: offer, Artifact: "offer.iso"}, true},
		{"another file", proofpoint.Threat{Type: "attachment", ID: logo, Artifact: logo}, false},
		{"a link whose id is the hash", proofpoint.Threat{Type: "url", ID: offer, Artifact: offer}, false},
		{"no type", proofpoint.Threat{ID: offer, Artifact: offer}, false},
		{"not quite a hash", proofpoint.Threat{Type: "attachment", Artifact: offer[:63], ID: offer + "0"}, false},
		{"not hexadecimal", proofpoint.Threat{Type: "attachment", Artifact: "x" + offer[1:]}, false},
		{"with a space", proofpoint.Threat{Type: "attachment", Artifact: " " + offer}, false},
	}
	for _, tt := range tests {
		if got := tt.threat.Names(hash(t, offer)); got != tt.want {
			t.Errorf("%s: Names() = %t, want %t", tt.name, got, tt.want)
		}
	}
	m := proofpoint.Message{Threats: []proofpoint.Threat{tests[0].threat, tests[3].threat, tests[1].threat}}
	want := []proofpoint.Threat{tests[0].threat, tests[1].threat}
	if diff := cmp.Diff(want, m.ThreatsNaming(hash(t, offer))); diff != "" {
		t.Errorf("ThreatsNaming() mismatch (-want +got):\n%s", diff)
	}
}

func TestHashes(t *testing.T) {
	t.Parallel()
	if got, ok := (proofpoint.Part{SHA256: strings.ToUpper(offer)}).Hash(); !ok || got != hash(t, offer) {
		t.Errorf("Part.Hash() = %x, %t", got, ok)
	}
	if _, ok := (proofpoint.Part{}).Hash(); ok {
		t.Error("a part without a hash has one")
	}
	if got, ok := (proofpoint.Threat{Type: "attachment", Artifact: offer, ID: logo}).Hash(); !ok || got != hash(t, offer) {
		t.Errorf("Threat.Hash() = %x, %t", got, ok)
	}
	if _, ok := (proofpoint.Threat{Type: "attachment", Artifact: "offer.iso", ID: offer}).Hash(); ok {
		t.Error("the id of a threat was taken for its file")
	}
	if _, ok := (proofpoint.Threat{Type: "url", Artifact: offer}).Hash(); ok {
		t.Error("a link was taken for a file")
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	base := proofpoint.Message{Category: proofpoint.Delivered, GUID: "g", Recipients: []string{"b", "a"}}
	turned, other, blocked, known := base, base, base, base
	turned.Recipients = []string{"a", "b"}
	other.Recipients = []string{"a"}
	blocked.Category = proofpoint.Blocked
	known.ID = "x"
	if base.Identity() != turned.Identity() {
		t.Errorf("the order of recipients changes the identity: %q, %q", base.Identity(), turned.Identity())
	}
	if base.Recipients[0] != "b" {
		t.Error("Identity() sorted the recipients of the message")
	}
	seen := map[string]bool{}
	for _, m := range []proofpoint.Message{base, other, blocked, known, {Raw: []byte("{}")}, {Raw: []byte(`{"subject":""}`)}} {
		if id := m.Identity(); id == "" || seen[id] {
			t.Errorf("Identity(%+v) = %q, which is empty or taken", m, id)
		} else {
			seen[id] = true
		}
	}
}

func TestCreatedIsTheLatestTime(t *testing.T) {
	t.Parallel()
	m := proofpoint.Message{Time: now, Threats: []proofpoint.Threat{{Time: now.Add(-time.Hour)}, {Time: now.Add(time.Hour)}, {}}}
	if got := m.Created(); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("Created() = %v", got)
	}
	if got := (proofpoint.Message{Time: now}).Created(); !got.Equal(now) {
		t.Errorf("Created() = %v without threats", got)
	}
}

func TestSubjectText(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"=?utf-8?Q?Angebot_=E2=80=93_Pumpen?=": "Angebot – Pumpen",
		"=?ISO-8859-1?B?Uvxjaw==?= frage":      "Rück frage",
		"=?x-unknown?Q?abc?=":                  "=?x-unknown?Q?abc?=",
		"plain":                                "plain",
		"":                                     "",
	}
	for subject, want := range tests {
		if got := (proofpoint.Message{Subject: subject}).SubjectText(); got != want {
			t.Errorf("SubjectText(%q) = %q, want %q", subject, got, want)
		}
		if got := (proofpoint.Part{FileName: subject}).FileNameText(); got != want {
			t.Errorf("FileNameText(%q) = %q, want %q", subject, got, want)
		}
	}
}

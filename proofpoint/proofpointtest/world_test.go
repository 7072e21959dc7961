package proofpointtest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestWorldFile(t *testing.T) {
	t.Parallel()
	text := `{
		"principal": "me", "lag": "10m0s", "quota": 5, "switches": {"stable": true},
		"messages": [
			{"time": "2026-03-02T11:00:00Z", "recipients": ["ada@corp.example"], "threats": [{"artifact": "` + hash + `"}], "extra": {"xmailer": "x", "QID": {"a": 1}}},
			{"created": "2026-03-02T11:00:00Z", "raw": {"GUID": "x"}},
			{"raw": "{oops"}
		],
		"changes": [{"at": "2026-03-02T11:30:00Z", "threat": "` + hash + `", "status": "cleared"}]
	}`
	want := proofpointtest.World{
		Principal: "me", Lag: 10 * time.Minute, Quota: 5, Switches: proofpointtest.Switches{Stable: true},
		Messages: []proofpointtest.Message{
			{
				Time: noon.Add(-time.Hour), Recipients: []string{"ada@corp.example"}, Threats: []proofpointtest.Threat{{Artifact: hash}},
				Extra: map[string]json.RawMessage{"xmailer": json.RawMessage(`"x"`), "QID": json.RawMessage(`{"a": 1}`)},
			},
			{Created: noon.Add(-time.Hour), Raw: proofpointtest.Raw(`{"GUID": "x"}`)},
			{Raw: proofpointtest.Raw("{oops")},
		},
		Changes: []proofpointtest.Change{{At: noon.Add(-30 * time.Minute), Threat: hash, Status: "cleared"}},
	}
	var got proofpointtest.World
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("world mismatch (-want +got):\n%s", diff)
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var back proofpointtest.World
	if err := json.Unmarshal(again, &back); err != nil {
		t.Fatal(err)
	}
	compact := cmp.Transformer("compact", func(r []byte) string { return strings.ReplaceAll(string(r), " ", "") })
	if diff := cmp.Diff(got, back, compact); diff != "" {
		t.Errorf("world after a round trip mismatch (-want +got):\n%s", diff)
	}
}

func TestWorldFileIsStrict(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"mesages": []}`:                              `member "mesages" is not known`,
		`{"messages": [{"recipient": ["x"]}]}`:         `member "messages[0].recipient" is not known`,
		`{"lag": "ten minutes"}`:                       `lag: time: invalid duration`,
		`{"messages": [{"parts": [{"sha265": "x"}]}]}`: `member "messages[0].parts[0].sha265" is not known`,
	} {
		var w proofpointtest.World
		if err := json.Unmarshal([]byte(text), &w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("world %s = %v, want %q", text, err, want)
		}
	}
}

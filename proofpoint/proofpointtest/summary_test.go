package proofpointtest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestThreatSummary(t *testing.T) {
	t.Parallel()
	now := noon
	srv := proofpointtest.New(proofpointtest.World{
		Quota: 1, Now: func() time.Time { return now },
		Messages: []proofpointtest.Message{{Time: noon.Add(-time.Hour), Threats: []proofpointtest.Threat{{Artifact: hash, Time: noon.Add(-30 * time.Minute)}}}},
		Threats: []proofpointtest.ThreatSummary{{
			ID: "future", IdentifiedAt: noon.Add(time.Hour), Severity: 900, Families: []proofpointtest.Named{{ID: "1", Name: "Stealer"}},
			Extra: map[string]json.RawMessage{"detectionType": nil, "notable": json.RawMessage("null")},
		}, {ID: "raw", Raw: proofpointtest.Raw("{oops")}},
		Changes: []proofpointtest.Change{{At: noon.Add(10 * time.Minute), Threat: hash, Status: "cleared"}},
	})
	summary := func(id string) string { return get(t, srv, "/v2/threat/summary/"+id).body }
	for _, tc := range []struct {
		at       time.Time
		id, want string
	}{
		{noon, hash, `{"id":"` + hash + `","identifiedAt":"2026-03-02T11:30:00.000Z","name":"` + hash + `","type":"attachment","category":"malware","status":"active","detectionType":"NONE","severityScore":420,"attackSpread":17,"notable":false,"verticallyTargeted":false,"geoTargeted":false,"actors":[],"families":[],"malware":[],"techniques":[],"brands":[]}`},
		{noon.Add(10 * time.Minute), hash, `{"id":"` + hash + `","identifiedAt":"2026-03-02T11:30:00.000Z","name":"` + hash + `","type":"attachment","category":"malware","status":"cleared","detectionType":"NONE","severityScore":420,"attackSpread":17,"notable":false,"verticallyTargeted":false,"geoTargeted":false,"actors":[],"families":[],"malware":[],"techniques":[],"brands":[]}`},
		{noon, "future", "The threat was not found.\n"},
		{noon.Add(time.Hour), "future", `{"id":"future","identifiedAt":"2026-03-02T13:00:00.000Z","name":"future","type":"attachment","category":"malware","status":"active","severityScore":900,"attackSpread":0,"notable":null,"verticallyTargeted":false,"geoTargeted":false,"actors":[],"families":[{"id":"1","name":"Stealer"}],"malware":[],"techniques":[],"brands":[]}`},
		{noon, "raw", "{oops"},
		{noon, "nothing", "The threat was not found.\n"},
		{noon, "raw?x=1", "This call takes no parameters.\n"},
	} {
		now = tc.at
		if diff := cmp.Diff(tc.want, summary(tc.id)); diff != "" {
			t.Errorf("summary of %q at %s mismatch (-want +got):\n%s", tc.id, tc.at, diff)
		}
	}
	old := proofpointtest.New(proofpointtest.World{Now: stopped, Threats: []proofpointtest.ThreatSummary{{ID: "x", Severity: 3}}, Switches: proofpointtest.Switches{OldSummary: true}})
	var got map[string]any
	if err := json.Unmarshal([]byte(get(t, old, "/v2/threat/summary/x").body), &got); err != nil || got["severity"] != 3.0 || got["verticals"] != false || got["geographies"] != false {
		t.Errorf("older spelling = %v, %v", got, err)
	}
}

func TestChangesWithAndWithoutReissue(t *testing.T) {
	t.Parallel()
	delivered := noon.Add(-3 * time.Hour)
	cleared := noon.Add(-time.Hour)
	for _, tc := range []struct {
		name           string
		reissue, newID bool
		late           []string
	}{
		{"in place", false, false, []string{}},
		{"issued again", true, false, []string{"c2f4a7b6-1d3e-4c58-a9f0-7e6b5d4c3a21"}},
		{"issued again with an id of its own", true, true, []string{"made up"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv := proofpointtest.New(proofpointtest.World{
				Now: stopped, Switches: proofpointtest.Switches{NewIDs: tc.newID},
				Messages: []proofpointtest.Message{{
					ID: "c2f4a7b6-1d3e-4c58-a9f0-7e6b5d4c3a21", Time: delivered, Recipients: []string{"ada@corp.example"}, Threats: []proofpointtest.Threat{{Artifact: hash}},
				}},
			})
			srv.Change(proofpointtest.Change{At: cleared, Threat: hash, Status: "cleared", CampaignID: "7d1c52a9", Reissue: tc.reissue})
			early := decode(t, get(t, srv, "/v2/siem/messages/delivered"+interval(delivered, delivered.Add(time.Minute))))["messagesDelivered"]
			if len(early) != 1 {
				t.Fatalf("%d events in the first window, want 1", len(early))
			}
			threat := early[0]["threatsInfoMap"].([]any)[0].(map[string]any)
			if threat["threatStatus"] != "cleared" || threat["campaignID"] != "7d1c52a9" || threat["threatTime"] != "2026-03-02T11:00:00.000Z" {
				t.Errorf("threat after the change %v", threat)
			}
			late := column(decode(t, get(t, srv, "/v2/siem/messages/delivered"+interval(cleared, cleared.Add(time.Minute))))["messagesDelivered"], "id")
			if tc.newID && len(late) == 1 && late[0] != early[0]["id"] {
				late[0] = "made up"
			}
			if !slices.Equal(late, tc.late) {
				t.Errorf("the window of the change holds %v, want %v", late, tc.late)
			}
		})
	}
}

func TestReissueForEachVerdict(t *testing.T) {
	t.Parallel()
	first, second := noon.Add(-3*time.Hour), noon.Add(-time.Hour)
	for _, reissue := range []bool{false, true} {
		srv := proofpointtest.New(proofpointtest.World{
			Now: stopped, Switches: proofpointtest.Switches{Reissue: reissue},
			Messages: []proofpointtest.Message{{Time: first, Recipients: []string{"ada@corp.example"}, Threats: []proofpointtest.Threat{{Artifact: hash}, {Artifact: "late", Type: "url", Time: second}}}},
		})
		count := func(at time.Time) int {
			return len(decode(t, get(t, srv, "/v2/siem/messages/delivered"+interval(at, at.Add(time.Minute))))["messagesDelivered"])
		}
		want := map[bool]int{false: 0, true: 1}[reissue]
		if a, b := count(first), count(second); a != want || b != 1 {
			t.Errorf("Reissue %v: %d events at the first verdict and %d at the second, want %d and 1", reissue, a, b, want)
		}
	}
}

func TestVerdictOfTheFutureIsUnknown(t *testing.T) {
	t.Parallel()
	first := noon.Add(-time.Hour)
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Messages: []proofpointtest.Message{{
		Time: first, Recipients: []string{"ada@corp.example"}, Threats: []proofpointtest.Threat{{Artifact: "known", Type: "url"}, {Artifact: hash, Time: noon.Add(time.Second)}},
	}}})
	got := decode(t, get(t, srv, "/v2/siem/messages/delivered"+interval(first, first.Add(time.Minute))))["messagesDelivered"]
	if len(got) != 1 || len(got[0]["threatsInfoMap"].([]any)) != 1 {
		t.Errorf("the window of the first verdict holds %v, want the message with that verdict alone", got)
	}
	if a := get(t, srv, "/v2/threat/summary/"+hash); a.status != 404 {
		t.Errorf("summary of a threat of the future = %d, want 404", a.status)
	}
}

func TestGivenSummaryStands(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{
		Now: stopped, Threats: []proofpointtest.ThreatSummary{{ID: hash, IdentifiedAt: noon.Add(-time.Minute), Severity: 1}},
		Messages: []proofpointtest.Message{{Time: noon.Add(-time.Hour), Threats: []proofpointtest.Threat{{Artifact: hash}}}},
	})
	if a := get(t, srv, "/v2/threat/summary/"+hash); !strings.Contains(a.body, `"identifiedAt":"2026-03-02T11:59:00.000Z"`) || !strings.Contains(a.body, `"severityScore":1,`) {
		t.Errorf("summary = %s, want it as given", a.body)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Messages: []proofpointtest.Message{
		{GUID: "a", Time: noon.Add(-time.Hour), Threats: []proofpointtest.Threat{{Artifact: hash}}},
		{GUID: "later", Time: noon.Add(time.Hour), Threats: []proofpointtest.Threat{{Artifact: "x"}}},
	}})
	srv.AddClicks(proofpointtest.Click{GUID: "c", Blocked: true, Time: noon.Add(-time.Minute), ThreatID: "t", URL: "u"})
	srv.Change(proofpointtest.Change{Threat: "t", Status: "falsepositive"})
	want := proofpointtest.State{
		Now:      noon,
		Messages: []proofpointtest.EventState{{GUID: "a", Created: []time.Time{noon.Add(-time.Hour)}, Threats: []string{hash}}},
		Clicks:   []proofpointtest.EventState{{GUID: "c", Blocked: true, Created: []time.Time{noon.Add(-time.Minute)}, Threats: []string{"t"}}},
		Threats:  []proofpointtest.ThreatState{{ID: hash, Status: "active"}, {ID: "t", Status: "falsepositive"}},
		QuotaUsed: map[string]int{
			"siem": 0, "clicks/permitted": 0, "campaign/ids": 0, "forensics/threat": 0, "forensics/campaign": 0, "people/vap": 0,
			"people/top-clickers": 0, "url/decode": 0, "url/decode/anonymous": 0,
		},
	}
	got := srv.State()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("State() mismatch (-want +got):\n%s", diff)
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
}

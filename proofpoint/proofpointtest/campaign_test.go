package proofpointtest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// run44 is the id of a campaign.
const run44 = "7d1c52a9-0b3f-4f0a-9f6d-21c4e8a7b630"

// ids asks for the ids of the campaigns of an interval.
func ids(from, to time.Time) string {
	return "/v2/campaign/ids?interval=" + url.QueryEscape(from.Format(time.RFC3339)+"/"+to.Format(time.RFC3339))
}

func TestCampaign(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Campaigns: []proofpointtest.Campaign{{
		ID: run44, Name: `Stealer "run-44" | DE`, Description: "Freight\r\n\r\n- Rechnung", Start: noon.Add(-30 * time.Hour),
		Families: []proofpointtest.Named{{ID: "0f6f2a51", Name: "Stealer"}},
		Members:  []proofpointtest.Member{{Threat: hash, Time: noon.Add(-time.Hour)}, {Threat: "203.0.113.7", ID: "t2", Type: "url", Status: "cleared"}, {Threat: "lure", ID: "t3", Type: "messageText"}},
	}, {ID: "raw", Start: noon, Raw: proofpointtest.Raw("{oops")}}})
	want := `{"id":"` + run44 + `","name":"Stealer \"run-44\" | DE","description":"Freight\r\n\r\n- Rechnung","startDate":"2026-03-01T06:00:00.000Z",` +
		`"notable":false,"verticallyTargeted":false,"actors":[],"families":[{"id":"0f6f2a51","name":"Stealer"}],"malware":[],"techniques":[],"brands":[],` +
		`"campaignMembers":[{"id":"` + hash + `","threat":"` + hash + `","type":"attachment","subType":"ATTACHMENT","threatTime":"2026-03-02T11:00:00.000Z","threatStatus":"active"},` +
		`{"id":"t2","threat":"203.0.113.7","type":"url","subType":"HOSTNAME","threatTime":"2026-03-01T06:00:00.000Z","threatStatus":"cleared"},` +
		`{"id":"t3","threat":"lure","type":"messageText","threatTime":"2026-03-01T06:00:00.000Z","threatStatus":"active"}]}`
	for _, tc := range []struct {
		id, want string
		status   int
	}{
		{run44, want, 200},
		{"raw", "{oops", 200},
		{"none", "The campaign was not found.\n", 404},
		{run44 + "?x=1", "This call takes no parameters.\n", 400},
	} {
		a := get(t, srv, "/v2/campaign/"+tc.id)
		if diff := cmp.Diff(tc.want, a.body); diff != "" || a.status != tc.status {
			t.Errorf("campaign %s = %d, want %d; mismatch (-want +got):\n%s", tc.id, a.status, tc.status, diff)
		}
	}
}

func TestCampaignIsFilledInLater(t *testing.T) {
	t.Parallel()
	now := noon
	srv := proofpointtest.New(proofpointtest.World{
		Now:       func() time.Time { return now },
		Campaigns: []proofpointtest.Campaign{{ID: run44, Start: noon.Add(-30 * time.Hour), Members: []proofpointtest.Member{{ID: "early", Threat: "a.example"}, {ID: "late", Threat: "b.example", Time: noon.Add(time.Hour)}}}},
		Messages: []proofpointtest.Message{
			{Time: noon.Add(-3 * time.Hour), Threats: []proofpointtest.Threat{{Artifact: hash}}},
			{Time: noon.Add(-3 * time.Hour), Threats: []proofpointtest.Threat{{ID: "named", Artifact: "x", CampaignID: "only named"}}},
		},
		Changes: []proofpointtest.Change{
			{At: noon.Add(10 * time.Minute), Threat: hash, CampaignID: run44},
			{At: noon.Add(20 * time.Minute), Threat: hash, Status: "falsePositive"},
			{At: noon.Add(20 * time.Minute), Threat: "named", CampaignID: "only changed"},
		},
	})
	type state struct {
		Members []string
		Updated string
	}
	state44 := func() (st state) {
		t.Helper()
		var c struct {
			Members []struct{ ID, ThreatTime, ThreatStatus string } `json:"campaignMembers"`
		}
		if err := json.Unmarshal([]byte(get(t, srv, "/v2/campaign/"+run44).body), &c); err != nil {
			t.Fatal(err)
		}
		for _, m := range c.Members {
			st.Members = append(st.Members, m.ID+" "+m.ThreatTime[11:16]+" "+m.ThreatStatus)
		}
		var list struct {
			Campaigns []struct{ ID, LastUpdatedAt string }
		}
		if err := json.Unmarshal([]byte(get(t, srv, ids(noon.Add(-3*time.Hour), now.Add(-time.Second))).body), &list); err != nil {
			t.Fatal(err)
		}
		for _, c := range list.Campaigns {
			if c.ID == run44 {
				st.Updated = c.LastUpdatedAt[11:16]
			}
		}
		return st
	}
	known := func() []int {
		t.Helper()
		return []int{get(t, srv, "/v2/campaign/only%20named").status, get(t, srv, "/v2/campaign/only%20changed").status}
	}
	if got := known(); !slices.Equal(got, []int{200, 404}) {
		t.Errorf("campaigns that the world only names = %v, want 200 and, before the change, 404", got)
	}
	for _, tc := range []struct {
		after time.Duration
		want  state
	}{
		{0, state{[]string{"early 06:00 active"}, ""}},
		{10 * time.Minute, state{[]string{"early 06:00 active", hash + " 09:00 active"}, "12:10"}},
		{20 * time.Minute, state{[]string{"early 06:00 active", hash + " 09:00 falsePositive"}, "12:20"}},
		{time.Hour, state{[]string{"early 06:00 active", "late 13:00 active", hash + " 09:00 falsePositive"}, "13:00"}},
	} {
		now = noon.Add(tc.after)
		if diff := cmp.Diff(tc.want, state44()); diff != "" {
			t.Errorf("%s after noon mismatch (-want +got):\n%s", tc.after, diff)
		}
	}
	if got := known(); !slices.Equal(got, []int{200, 200}) {
		t.Errorf("campaigns that the world only names = %v after the change, want 200", got)
	}
}

func TestCampaignIDs(t *testing.T) {
	t.Parallel()
	var campaigns []proofpointtest.Campaign
	for i := range 250 {
		campaigns = append(campaigns, proofpointtest.Campaign{ID: fmt.Sprintf("c%03d", i), Start: noon.Add(-time.Duration(i+1) * time.Minute)})
	}
	campaigns = append(campaigns, proofpointtest.Campaign{ID: "long", Start: noon.Add(-1000 * time.Hour), Updated: noon.Add(-500 * time.Hour)})
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Campaigns: campaigns, Quotas: proofpointtest.Quotas{CampaignIDs: -1}})
	list := func(srv *proofpointtest.Server, path string) (out []string) {
		t.Helper()
		var l struct {
			Campaigns []struct{ ID string }
		}
		a := get(t, srv, path)
		if err := json.Unmarshal([]byte(a.body), &l); err != nil || l.Campaigns == nil {
			t.Fatalf("GET %s = %d %s: %v", path, a.status, a.body, err)
		}
		for _, c := range l.Campaigns {
			out = append(out, c.ID)
		}
		return out
	}
	day := ids(noon.Add(-24*time.Hour), noon.Add(-time.Second))
	for query, want := range map[string][3]any{
		"":                 {100, "c249", "c150"},
		"&page=2":          {100, "c149", "c050"},
		"&page=3":          {50, "c049", "c000"},
		"&size=200&page=2": {50, "c049", "c000"},
		"&size=1&page=250": {1, "c000", "c000"},
	} {
		got := list(srv, day+query)
		if n := len(got); n != want[0] || got[0] != want[1] || got[n-1] != want[2] {
			t.Errorf("%q: %d ids from %q to %q, want %v", query, len(got), got[0], got[len(got)-1], want)
		}
	}
	if got := list(srv, day+"&page=4"); len(got) != 0 {
		t.Errorf("after the last page %v, want nothing", got)
	}
	middle := ids(noon.Add(-700*time.Hour), noon.Add(-699*time.Hour))
	if got := list(srv, middle); !slices.Equal(got, []string{"long"}) {
		t.Errorf("in the middle of a long campaign %v, want it", got)
	}
	strict := proofpointtest.New(proofpointtest.World{Now: stopped, Campaigns: campaigns, Switches: proofpointtest.Switches{CampaignsByUpdate: true, PastEndNotFound: true, CampaignsUpToNow: true}})
	for path, want := range map[string]int{middle: 404, day + "&page=4": 404, ids(noon.Add(-time.Hour), noon.Add(time.Hour)): 200} {
		if a := get(t, strict, path); a.status != want {
			t.Errorf("with switches GET %s = %d %q, want %d", path, a.status, a.body, want)
		}
	}
	for _, tc := range []struct {
		path   string
		status int
		want   string
	}{
		{"/v2/campaign/ids", 400, "interval parameter is required"},
		{"/v2/campaign/ids?sinceSeconds=3600", 400, `"sinceSeconds" is not known`},
		{"/v2/campaign/ids?interval=yesterday", 400, "badly formatted"},
		{ids(noon.Add(-time.Minute), noon.Add(-31*time.Second)), 400, "too short"},
		{ids(noon.Add(-25*time.Hour), noon.Add(-59*time.Minute)), 400, "too long"},
		{ids(noon.Add(-time.Hour), noon), 400, "still current"},
		{ids(noon, noon.Add(-time.Hour)), 400, "\n"},
		{day + "&size=201", 400, "at most 200"},
		{day + "&size=0", 400, "from 1 on"},
		{day + "&page=0", 400, "from 1 on"},
		{ids(noon.Add(-2000*time.Hour), noon.Add(-1990*time.Hour)), 404, "No campaign was active"},
	} {
		if a := get(t, srv, tc.path); a.status != tc.status || !strings.Contains(a.body, tc.want) {
			t.Errorf("GET %s = %d %q, want %d %q", tc.path, a.status, a.body, tc.status, tc.want)
		}
	}
}

package proofpointtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestCheckFindsContradictions(t *testing.T) {
	t.Parallel()
	// whole is a world with something of everything.
	whole := func() proofpointtest.World {
		return proofpointtest.World{
			Accounts: []proofpointtest.Account{{Principal: "a", Secret: "b"}},
			Threats:  []proofpointtest.ThreatSummary{{ID: "t1", Type: "url", Severity: 900}},
			Messages: []proofpointtest.Message{{
				ID: "m1", Time: noon, Recipients: []string{"ada@corp.example"}, Parts: []proofpointtest.Part{{SHA256: hash, Disposition: "attached"}},
				Threats: []proofpointtest.Threat{{Artifact: hash, CampaignID: "named", Status: "falsePositive", Type: "ATTACHMENT"}},
			}},
			Clicks:    []proofpointtest.Click{{ID: "k1", URL: "u", ThreatID: "t2"}},
			Campaigns: []proofpointtest.Campaign{{ID: run44, Start: noon, Members: []proofpointtest.Member{{ID: "t3"}}}},
			Changes:   []proofpointtest.Change{{At: noon, Threat: hash, Status: "cleared"}, {At: noon, Threat: "t2", CampaignID: "later"}, {At: noon, Threat: "t3", Reissue: true}},
			Reports: []proofpointtest.Report{
				{ThreatID: hash, Evidence: proofpointtest.Samples()}, {CampaignID: run44}, {CampaignID: "named"}, {CampaignID: "later"},
			},
			People: []proofpointtest.Person{{GUID: "g", Emails: []string{"ada@corp.example"}, Attacks: []proofpointtest.Score{{Family: "malware", Points: 1}}}},
			Links:  []proofpointtest.Link{{URL: proofpointtest.RewriteV2("http://x.example/")}},
		}
	}
	for name, w := range map[string]proofpointtest.World{"whole": whole(), "empty": {}, "fixtures": proofpointtest.FixtureWorld()} {
		if err := w.Check(); err != nil {
			t.Errorf("Check() = %v for a good world (%s)", err, name)
		}
	}
	for name, tc := range map[string]struct {
		spoil func(*proofpointtest.World)
		want  string
	}{
		"account twice":          {func(w *proofpointtest.World) { w.Accounts[0].Principal = proofpointtest.Principal }, "is there twice"},
		"account without secret": {func(w *proofpointtest.World) { w.Accounts[0].Secret = "" }, "lacks its principal or its secret"},
		"threat twice":           {func(w *proofpointtest.World) { w.Threats = append(w.Threats, w.Threats[0]) }, "is there twice"},
		"severity":               {func(w *proofpointtest.World) { w.Threats[0].Severity = 1001 }, "from 0 to 1000"},
		"category":               {func(w *proofpointtest.World) { w.Threats[0].Category = "virus" }, `"virus"`},
		"event twice":            {func(w *proofpointtest.World) { w.Clicks[0].ID = "m1" }, "the event m1 is there twice"},
		"verdict on nothing":     {func(w *proofpointtest.World) { w.Messages[0].Threats[0].Artifact = "" }, "neither id nor artifact"},
		"classification":         {func(w *proofpointtest.World) { w.Messages[0].Threats[0].Classification = "bad" }, `"bad"`},
		"status":                 {func(w *proofpointtest.World) { w.Messages[0].Threats[0].Status = "closed" }, `"closed"`},
		"short hash":             {func(w *proofpointtest.World) { w.Messages[0].Parts[0].SHA256 = "abc" }, "no hash of 32 bytes"},
		"score":                  {func(w *proofpointtest.World) { w.Messages[0].SpamScore = 101 }, "from 0 to 100"},
		"click on nothing":       {func(w *proofpointtest.World) { w.Clicks[0].URL, w.Clicks[0].ThreatID = "", "" }, "neither a URL nor a threat"},
		"campaign twice":         {func(w *proofpointtest.World) { w.Campaigns = append(w.Campaigns, w.Campaigns[0]) }, "is there twice"},
		"campaign of a bad name": {func(w *proofpointtest.World) { w.Campaigns[0].ID = "ids" }, "of another call"},
		"updated too early":      {func(w *proofpointtest.World) { w.Campaigns[0].Updated = noon.Add(-time.Hour) }, "before its start"},
		"member twice": {func(w *proofpointtest.World) {
			w.Campaigns[0].Members = append(w.Campaigns[0].Members, w.Campaigns[0].Members[0])
		}, "is there twice"},
		"change of nothing":     {func(w *proofpointtest.World) { w.Changes[0].Threat = "none" }, `"none", which is not there`},
		"change to nothing":     {func(w *proofpointtest.World) { w.Changes[0].Status = "" }, "changes nothing"},
		"report on two things":  {func(w *proofpointtest.World) { w.Reports[0].CampaignID = run44 }, "exactly one"},
		"report on no threat":   {func(w *proofpointtest.World) { w.Reports[0].ThreatID = "none" }, `"none", which is not there`},
		"report on no campaign": {func(w *proofpointtest.World) { w.Reports[1].CampaignID = "none" }, `"none", which is not there`},
		"evidence of another": {func(w *proofpointtest.World) {
			w.Reports[1].Evidence = []proofpointtest.Evidence{{Type: "mutex", What: map[string]any{"ip": 1}}}
		}, `"ip", which that type`},
		"address of two": {func(w *proofpointtest.World) {
			w.People = append(w.People, proofpointtest.Person{Emails: []string{"ADA@corp.example"}})
		}, "is there twice"},
		"score of nothing":        {func(w *proofpointtest.World) { w.People[0].Attacks[0].Points = 0 }, "not above zero"},
		"link that is no rewrite": {func(w *proofpointtest.World) { w.Links[0].URL = "http://x.example/" }, "not a URL Defense URL"},
		"negative lag":            {func(w *proofpointtest.World) { w.Lag = -1 }, "negative"},
	} {
		w := whole()
		tc.spoil(&w)
		if err := w.Check(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Check() = %v, want %q in it", name, err, tc.want)
		}
	}
}

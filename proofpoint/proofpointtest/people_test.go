package proofpointtest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

const day = 24 * time.Hour

// attacked is a world of one person that the company knows, and two that only mail and clicks know.
func attacked() proofpointtest.World {
	phish := []proofpointtest.Threat{{Artifact: "bank.example/login", Type: "url", Classification: "phish"}}
	return proofpointtest.World{
		Now: stopped, VAPThreshold: 150,
		People: []proofpointtest.Person{{GUID: "4f21c9ab02-7c3d", Emails: []string{"dana@corp.example"}, Title: "CFO", VIP: true}},
		Messages: []proofpointtest.Message{
			{Time: noon.Add(-day), Recipients: []string{"Dana@corp.example", "omar@corp.example"}, Threats: []proofpointtest.Threat{{Artifact: hash}}},
			{Time: noon.Add(-20 * day), Recipients: []string{"omar@corp.example"}, Threats: phish},
			{Time: noon.Add(-2 * day), Recipients: []string{"dana@corp.example"}, Threats: phish},
			{Time: noon.Add(-2 * day), Recipients: []string{"dana@corp.example"}, Threats: phish},
			{Time: noon.Add(-2 * day), Recipients: []string{"dana@corp.example"}, Threats: []proofpointtest.Threat{{Artifact: "later", Time: noon.Add(day)}}},
		},
		Clicks: []proofpointtest.Click{
			{Time: noon.Add(-day), URL: "u", Recipient: "omar@corp.example", Classification: "malware"},
			{Time: noon.Add(-40 * day), URL: "u", Recipient: "dana@corp.example"},
			{Time: noon.Add(-41 * day), URL: "u", Recipient: "dana@corp.example"},
		},
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(attacked())
	dana := `{"identity":{"guid":"4f21c9ab02-7c3d","customerUserId":null,"emails":["dana@corp.example"],"name":null,"department":null,"location":null,"title":"CFO","vip":true},`
	var made struct {
		Users []struct{ Identity struct{ GUID string } }
	}
	if err := json.Unmarshal([]byte(get(t, srv, "/v2/people/top-clickers?window=14").body), &made); err != nil || len(made.Users) != 1 {
		t.Fatalf("top clickers of 14 days %v, %v; want one", made, err)
	}
	omar := made.Users[0].Identity.GUID
	for path, want := range map[string]string{
		"vap?window=14": `{"users":[` + dana + `"threatStatistics":{"attackIndex":300,"families":[{"name":"credential phishing","score":200},{"name":"malware","score":100}]}}],` +
			`"totalVapUsers":1,"interval":"2026-02-16T12:00:00Z/2026-03-02T12:00:00Z","averageAttackIndex":200.0000,"vapAttackIndexThreshold":150.0000}`,
		"vap?window=14&page=2": `{"users":[],"totalVapUsers":1,"interval":"2026-02-16T12:00:00Z/2026-03-02T12:00:00Z","averageAttackIndex":200.0000,"vapAttackIndexThreshold":150.0000}`,
		"top-clickers?window=30": `{"users":[{"identity":{"guid":"` + omar + `","emails":["omar@corp.example"],"vip":false},"clickStatistics":{"clickCount":1,"families":[{"name":"malware","clicks":1}]}}],` +
			`"totalTopClickers":1,"interval":"2026-01-31T12:00:00Z/2026-03-02T12:00:00Z"}`,
		"top-clickers?window=90&size=1": `{"users":[{"identity":{"guid":"4f21c9ab02-7c3d","emails":["dana@corp.example"],"title":"CFO","vip":true},"clickStatistics":{"clickCount":2,"families":[{"name":"credential phishing","clicks":2}]}}],` +
			`"totalTopClickers":2,"interval":"2025-12-02T12:00:00Z/2026-03-02T12:00:00Z"}`,
		"top-clickers?window=90&size=1&page=3": `{"users":[],"totalTopClickers":2,"interval":"2025-12-02T12:00:00Z/2026-03-02T12:00:00Z"}`,
	} {
		if diff := cmp.Diff(want, get(t, srv, "/v2/people/"+path).body); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", path, diff)
		}
	}
	var thirty struct{ TotalVapUsers int }
	if err := json.Unmarshal([]byte(get(t, srv, "/v2/people/vap?window=30").body), &thirty); err != nil || thirty.TotalVapUsers != 2 {
		t.Errorf("%d attacked in 30 days, %v; want 2", thirty.TotalVapUsers, err)
	}
	for path, want := range map[string]int{
		"vap": 400, "vap?window=15": 400, "vap?window=14&size=0": 400, "vap?window=14&page=x": 400, "vap?window=14&sort=x": 400,
		"vap?window=14&size=5000": 200, "top-clickers?window=14&size=200": 200, "top-clickers?window=14&size=201": 400, "top-clickers": 400,
	} {
		if a := get(t, srv, "/v2/people/"+path); a.status != want {
			t.Errorf("%s = %d %q, want %d", path, a.status, a.body, want)
		}
	}
}

func TestGivenScoresStand(t *testing.T) {
	t.Parallel()
	w := attacked()
	w.VAPThreshold = 0
	w.People[0].Attacks = []proofpointtest.Score{{Family: "malspam", Points: 3}, {Family: "malspam", Points: 4, Time: noon.Add(-15 * day)}}
	w.People[0].Extra = map[string]json.RawMessage{"guid": nil, "emails": json.RawMessage("null")}
	srv := proofpointtest.New(w)
	var got struct {
		Users []struct {
			Identity map[string]any
			Stats    struct{ AttackIndex int } `json:"threatStatistics"`
		}
	}
	for _, window := range []string{"14", "30"} {
		if err := json.Unmarshal([]byte(get(t, srv, "/v2/people/vap?window="+window).body), &got); err != nil || len(got.Users) != 2 {
			t.Fatalf("%v, %v", got, err)
		}
		want := map[string]int{"14": 3, "30": 7}[window]
		if u := got.Users[1]; u.Stats.AttackIndex != want || u.Identity["title"] != "CFO" || u.Identity["emails"] != nil {
			t.Errorf("the second in %s days is %v, want an index of %d", window, u, want)
		}
	}
}

func TestPoolsAreRollingAndOfEachCredential(t *testing.T) {
	t.Parallel()
	now := noon
	world := func(s proofpointtest.Switches) proofpointtest.World {
		return proofpointtest.World{
			Now: func() time.Time { return now }, Switches: s,
			Accounts: []proofpointtest.Account{{Principal: "second", Secret: "two"}, {Principal: "third", Secret: "three", Unentitled: true}},
			Threats:  []proofpointtest.ThreatSummary{{ID: hash}}, Campaigns: []proofpointtest.Campaign{{ID: run44}},
		}
	}
	srv := proofpointtest.New(world(proofpointtest.Switches{}))
	for _, p := range []struct {
		path string
		pool proofpointtest.Pool
		size int
	}{
		{ids(noon.Add(-time.Hour), noon.Add(-time.Minute)), proofpointtest.PoolCampaignIDs, 50},
		{"/v2/forensics?threatId=" + hash, proofpointtest.PoolThreatForensics, 50},
		{"/v2/forensics?campaignId=" + run44, proofpointtest.PoolCampaignForensics, 50},
		{"/v2/people/vap?window=14", proofpointtest.PoolVAP, 50},
		{"/v2/people/top-clickers?window=14", proofpointtest.PoolTopClickers, 50},
		{"/v2/siem/clicks/permitted?format=JSON&sinceSeconds=60", proofpointtest.PoolPermitted, 1800},
	} {
		now = noon
		for i := range p.size {
			if a := get(t, srv, p.path); a.status == 429 {
				t.Fatalf("call %d of %s = 429", i+1, p.pool)
			}
		}
		a := get(t, srv, p.path)
		if used := srv.QuotaUsed(proofpointtest.Principal, p.pool); a.status != 429 || a.header.Get("Retry-After") != "" || used != p.size {
			t.Errorf("call %d of %s = %d %v with %d used, want 429 without Retry-After", p.size+1, p.pool, a.status, a.header, used)
		}
		if got := signed(t, srv, "second", "two", p.path).status; got == 429 {
			t.Errorf("%s of another credential = %d, want a pool of its own", p.pool, got)
		}
		if used := srv.QuotaUsed("second", p.pool); used != 1 {
			t.Errorf("%s of another credential has %d used, want 1", p.pool, used)
		}
		now = noon.Add(24*time.Hour + time.Second)
		if got := get(t, srv, p.path).status; got == 429 {
			t.Errorf("%s a day later = %d", p.pool, got)
		}
	}
	for range 100 {
		for _, path := range []string{"/v2/threat/summary/" + hash, "/v2/campaign/" + run44} {
			if a := get(t, srv, path); a.status != 200 {
				t.Fatalf("GET %s = %d, want no throttle", path, a.status)
			}
		}
	}
	if got := signed(t, srv, "third", "three", "/v2/siem/all?format=JSON&sinceSeconds=60").status; got != 403 {
		t.Errorf("a credential without entitlement = %d, want 403", got)
	}
	w := world(proofpointtest.Switches{TenantQuota: true, PeopleShareQuota: true})
	w.Quotas.VAP = 2
	shared := proofpointtest.New(w)
	var got []int
	for _, path := range []string{"/v2/people/vap?window=14", "/v2/people/top-clickers?window=14", "/v2/people/top-clickers?window=14"} {
		got = append(got, signed(t, shared, "second", "two", path).status)
	}
	got = append(got, get(t, shared, "/v2/people/vap?window=14").status)
	if want := []int{200, 200, 429, 429}; !slices.Equal(got, want) {
		t.Errorf("with one pool for all %v, want %v", got, want)
	}
}

func ExampleServer_QuotaUsed() {
	srv := proofpointtest.New(proofpointtest.World{Quotas: proofpointtest.Quotas{VAP: 10}})
	fmt.Println(srv.QuotaUsed(proofpointtest.Principal, proofpointtest.PoolVAP))

	// Output:
	// 0
}

package proofpointtest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestForensics(t *testing.T) {
	t.Parallel()
	contact := proofpointtest.Evidence{
		Type: "network", Display: "Contacts 203.0.113.200", Engine: "iee", Malicious: true,
		What:      map[string]any{"ip": "203.0.113.200", "port": 443, "type": "tcp", "action": "connect"},
		Platforms: []proofpointtest.Platform{{Name: "Win10", OS: "win", Version: "win10"}, {Name: "bare"}},
	}
	w := proofpointtest.World{
		Now: stopped,
		Messages: []proofpointtest.Message{{Time: noon.Add(-time.Hour), Threats: []proofpointtest.Threat{
			{Artifact: hash, CampaignID: run44}, {ID: "bare", Artifact: "x.example", Type: "url"},
		}}},
		Campaigns: []proofpointtest.Campaign{{ID: run44, Name: "run 44"}, {ID: "own"}, {ID: "quiet"}},
		Reports: []proofpointtest.Report{
			{ThreatID: hash, Evidence: []proofpointtest.Evidence{contact}},
			{ThreatID: hash, At: noon.Add(time.Hour), Evidence: []proofpointtest.Evidence{{Type: "late"}}},
			{CampaignID: "own", Name: "given name", Evidence: []proofpointtest.Evidence{{Type: "mutex", Note: "n", What: map[string]any{"name": "m"}}}},
		},
	}
	const evidence = `"forensics":[{"type":"network","display":"Contacts 203.0.113.200","engine":"iee","malicious":true,"time":0,` +
		`"what":{"action":"connect","ip":"203.0.113.200","port":443,"type":"tcp"},"platforms":[{"name":"Win10","os":"win","version":"win10"},{"name":"bare"}]}]}`
	threat := `{"scope":"THREAT","id":"` + hash + `","name":"` + hash + `","threatStatus":"active",` + evidence
	campaign := `{"scope":"CAMPAIGN","id":"` + run44 + `","name":"run 44",` + evidence
	old := strings.NewReplacer(`"scope":"THREAT"`, `"scope":"threat"`, `"threatStatus"`, `"type":"attachment","threatStatus"`).Replace(threat)
	for _, tc := range []struct {
		query    string
		switches proofpointtest.Switches
		want     string
	}{
		{"threatId=" + hash, proofpointtest.Switches{}, threat},
		{"threatId=" + hash + "&includeCampaignForensics=false", proofpointtest.Switches{}, threat},
		{"threatId=" + hash + "&includeCampaignForensics=true", proofpointtest.Switches{}, threat + "," + campaign},
		{"campaignId=" + run44, proofpointtest.Switches{}, campaign},
		{"campaignId=own", proofpointtest.Switches{}, `{"scope":"CAMPAIGN","id":"own","name":"given name","forensics":[{"type":"mutex","display":"","malicious":false,"time":0,"note":"n","what":{"name":"m"},"platforms":[]}]}`},
		{"campaignId=quiet", proofpointtest.Switches{}, `{"scope":"CAMPAIGN","id":"quiet","name":"quiet","forensics":[]}`},
		{"threatId=bare&includeCampaignForensics=true", proofpointtest.Switches{}, `{"scope":"THREAT","id":"bare","name":"x.example","threatStatus":"active","forensics":[]}`},
		{"threatId=bare", proofpointtest.Switches{EmptyReports: true}, ""},
		{"threatId=" + hash, proofpointtest.Switches{OldForensics: true}, old},
	} {
		w.Switches = tc.switches
		a := get(t, proofpointtest.New(w), "/v2/forensics?"+tc.query)
		if diff := cmp.Diff(`{"generated":"2026-03-02T12:00:00.000Z","reports":[`+tc.want+`]}`, a.body); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", tc.query, diff)
		}
	}
	for query, want := range map[string]int{
		"":                                400,
		"threatId=":                       400,
		"threatId=a&campaignId=b":         400,
		"threatId=a&threatId=b":           400,
		"threatID=" + hash:                400,
		"threatId=" + hash + "&include=1": 400,
		"threatId=" + hash + "&includeCampaignForensics=yes":      400,
		"campaignId=" + run44 + "&includeCampaignForensics=false": 400,
		"threatId=nobody":   404,
		"campaignId=nobody": 404,
	} {
		if a := get(t, proofpointtest.New(w), "/v2/forensics?"+query); a.status != want {
			t.Errorf("%q = %d %q, want %d", query, a.status, a.body, want)
		}
	}
}

func TestEvidenceOfEveryType(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{
		Now: stopped, Threats: []proofpointtest.ThreatSummary{{ID: hash}}, Reports: []proofpointtest.Report{{ThreatID: hash, Evidence: proofpointtest.Samples()}},
	})
	var got struct {
		Reports []struct {
			Forensics []struct {
				Type string
				What map[string]any
			}
		}
	}
	types, order := map[string]int{}, map[string]bool{}
	kinds := map[string]bool{}
	for range 20 {
		a := get(t, srv, "/v2/forensics?threatId="+hash)
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || len(got.Reports) != 1 {
			t.Fatalf("%s: %v", a.body, err)
		}
		var names strings.Builder
		for _, e := range got.Reports[0].Forensics {
			types[e.Type]++
			names.WriteString(e.Type + " ")
			switch e.What["blacklisted"].(type) {
			case bool:
				kinds["boolean"] = true
			case float64:
				kinds["number"] = true
			}
		}
		order[names.String()] = true
	}
	for want := range strings.FieldsSeq("attachment behavior cookie dns domains dropper file ids idsrule mutex network process registry screenshot url policy redirect_chain") {
		if types[want] == 0 {
			t.Errorf("no evidence of type %s", want)
		}
	}
	if len(kinds) != 2 || len(order) < 2 {
		t.Errorf("blacklisted arrives as %v in %d orders, want both kinds in several", kinds, len(order))
	}
}

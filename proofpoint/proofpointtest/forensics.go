package proofpointtest

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// Report is the evidence on one threat or one campaign. There can be several on the same.
type Report struct {
	// ThreatID and CampaignID say what it is about: one of them.
	ThreatID   string `json:"threat_id,omitempty"`
	CampaignID string `json:"campaign_id,omitempty"`
	// Name defaults to the artifact of the threat, or to the name of the campaign.
	Name string `json:"name,omitempty"`
	// At is when the evidence comes in. Zero is there with the threat.
	At time.Time `json:"at,omitzero"`
	// Evidence is what was found.
	Evidence []Evidence `json:"evidence,omitempty"`
	// Extra adds members or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Evidence is one thing that a report tells. [Samples] has one of each type.
type Evidence struct {
	// Type says what is found: "attachment", "network", "file" and so on. It is sent as spelled here.
	Type string `json:"type"`
	// Display is for people.
	Display string `json:"display,omitempty"`
	// Engine and Note are left out if empty.
	Engine string `json:"engine,omitempty"`
	Note   string `json:"note,omitempty"`
	// Malicious says that the evidence is bad by itself.
	Malicious bool `json:"malicious,omitempty"`
	// What has the members that belong to the type. They are sent as they are here: the real service has "blacklisted" as a
	// boolean and as a number within one report, and ports as numbers and as strings.
	What map[string]any `json:"what,omitempty"`
	// Platforms are where it was seen.
	Platforms []Platform `json:"platforms,omitempty"`
	// Extra adds members or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Platform is a machine of the sandbox. An empty OS or Version is left out.
type Platform struct {
	// Name is what it is called: "Win10".
	Name string `json:"name"`
	// OS is "win", "pps", "static" or another word.
	OS string `json:"os,omitempty"`
	// Version is that of the system.
	Version string `json:"version,omitempty"`
}

// forensics serves the evidence on a threat or on a campaign.
func (s *Server) forensics(w http.ResponseWriter, r *http.Request) {
	q, err := fake.Query(r, "threatId", "campaignId", "includeCampaignForensics")
	threat, campaign, include := q.Get("threatId"), q.Get("campaignId"), q.Get("includeCampaignForensics")
	switch {
	case err != nil:
	case (threat == "") == (campaign == ""):
		err = refusal("Exactly one of the parameters threatId and campaignId is required.")
	case q.Has("includeCampaignForensics") && include != "true" && include != "false":
		err = refusal("The includeCampaignForensics parameter must be true or false.")
	case campaign != "" && q.Has("includeCampaignForensics"):
		err = refusal("The includeCampaignForensics parameter needs a threatId.")
	}
	p := PoolThreatForensics
	if campaign != "" {
		p = PoolCampaignForensics
	}
	if !s.admit(w, r, p, err) {
		return
	}
	var reports []object
	if threat != "" {
		reports, err = s.threatReports(threat, include == "true")
	} else {
		reports, err = s.campaignReports(campaign)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	s.send(w, object{{"generated", milliseconds(s.now())}, {"reports", reports}})
}

// The texts of a 404.
const (
	errThreatUnknown   refusal = "The threat was not found."
	errCampaignUnknown refusal = "The campaign was not found."
)

// threatReports are the reports on a threat, and on the campaign that it is attributed to if include says so.
func (s *Server) threatReports(id string, include bool) ([]object, error) {
	v, items, summaries := s.world()
	t, known := summaries[id]
	if !known {
		return nil, errThreatUnknown
	}
	status := v.status(t)
	out := s.write(&v, id, "", or(t.Name, id), or(t.Type, "attachment"), status, nil)
	if !include {
		return out, nil
	}
	if campaign := v.campaignOf(items, id); campaign != "" {
		more, err := s.campaignReports(campaign)
		return append(out, more...), err
	}
	return out, nil
}

// status is a threat's present one.
func (v *view) status(t ThreatSummary) string {
	status := or(t.Status, "active")
	for _, c := range v.changes {
		if c.Threat == t.ID && !c.At.After(v.now) {
			status = or(c.Status, status)
		}
	}
	return status
}

// campaignOf is the campaign that a threat is attributed to by now; empty for none.
func (v *view) campaignOf(items []*item, threat string) string {
	campaign := ""
	for _, it := range items {
		for _, d := range it.verdicts {
			if d.id == threat && !d.first.After(v.now) {
				campaign = or(d.campaign, campaign)
			}
		}
	}
	for _, c := range v.changes {
		if c.Threat == threat && !c.At.After(v.now) {
			campaign = or(c.CampaignID, campaign)
		}
	}
	return campaign
}

// campaignReports are the reports on a campaign. One that has none of its own gets one of all the evidence on its members.
func (s *Server) campaignReports(id string) ([]object, error) {
	all := s.campaignsNow()
	i := slices.IndexFunc(all, func(c campaignView) bool { return c.ID == id })
	if i < 0 {
		return nil, errCampaignUnknown
	}
	v, _, _ := s.world()
	var evidence []Evidence
	for _, m := range all[i].members {
		for _, r := range s.reports {
			if r.ThreatID == m.ID && !r.At.After(v.now) {
				evidence = append(evidence, r.Evidence...)
			}
		}
	}
	return s.write(&v, "", id, or(all[i].Name, id), "campaign", "", evidence), nil
}

// write makes the reports on a threat or on a campaign; other is the evidence where there are none.
func (s *Server) write(v *view, threat, campaign, name, kind, status string, other []Evidence) []object {
	reports := slices.Clone(s.reports)
	reports = slices.DeleteFunc(reports, func(r Report) bool {
		return r.ThreatID != threat || r.CampaignID != campaign || r.At.After(v.now)
	})
	if len(reports) == 0 && (len(other) > 0 || !s.switches.EmptyReports) {
		reports = []Report{{ThreatID: threat, CampaignID: campaign, Evidence: other}}
	}
	scope := "THREAT"
	if campaign != "" {
		scope = "CAMPAIGN"
	}
	if s.switches.OldForensics {
		scope = strings.ToLower(scope)
	}
	out := []object{}
	for _, r := range reports {
		o := object{{"scope", scope}, {"id", or(threat, campaign)}, {"name", or(r.Name, name)}}
		if s.switches.OldForensics {
			o = append(o, member{"type", kind})
		}
		if status != "" {
			o = append(o, member{"threatStatus", status})
		}
		evidence := make([]object, len(r.Evidence))
		for i, e := range r.Evidence {
			evidence[i] = e.object()
		}
		if rng := s.order(); rng != nil {
			rng.Shuffle(len(evidence), func(i, j int) { evidence[i], evidence[j] = evidence[j], evidence[i] })
		}
		out = append(out, append(o, member{"forensics", evidence}).with(r.Extra))
	}
	return out
}

// order is this call's own order of things that have none, nil if they stay as they are.
func (s *Server) order() *rand.Rand {
	if s.switches.Stable {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	return rand.New(rand.NewPCG(s.seed, s.calls)) //nolint:gosec // an order that can be repeated is the point
}

// object is a piece of evidence on the wire.
func (e *Evidence) object() object {
	o := object{{"type", e.Type}, {"display", e.Display}}
	if e.Engine != "" {
		o = append(o, member{"engine", e.Engine})
	}
	o = append(o, member{"malicious", e.Malicious}, member{"time", 0})
	if e.Note != "" {
		o = append(o, member{"note", e.Note})
	}
	what := e.What
	if what == nil {
		what = map[string]any{}
	}
	platforms := make([]object, len(e.Platforms))
	for i, p := range e.Platforms {
		platforms[i] = object{{"name", p.Name}}
		if p.OS != "" {
			platforms[i] = append(platforms[i], member{"os", p.OS})
		}
		if p.Version != "" {
			platforms[i] = append(platforms[i], member{"version", p.Version})
		}
	}
	return append(o, member{"what", what}, member{"platforms", platforms}).with(e.Extra)
}

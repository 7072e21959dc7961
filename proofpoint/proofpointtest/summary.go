package proofpointtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// ThreatSummary is what GET /v2/threat/summary/{threatId} tells about a threat.
type ThreatSummary struct {
	// ID is the threat's id, 64 hexadecimal digits.
	ID string `json:"id"`
	// IdentifiedAt is when the threat was recognized; before, nobody knows it.
	IdentifiedAt time.Time `json:"identified_at,omitzero"`
	// Name is what was condemned: a hash, a URL or an address. Defaults to the id.
	Name string `json:"name,omitempty"`
	// Type is "attachment" (the default), "url" or "message".
	Type string `json:"type,omitempty"`
	// Category is "malware" (the default), "phish", "spam" or "impostor".
	Category string `json:"category,omitempty"`
	// Status is "active" (the default), "cleared" or "falsePositive".
	Status string `json:"status,omitempty"`
	// Severity is 0 to 1000.
	Severity int `json:"severity,omitempty"`
	// AttackSpread is how many customers saw the threat.
	AttackSpread int `json:"attack_spread,omitempty"`
	// Notable, Verticals and Geographies are flags of the dashboard.
	Notable     bool `json:"notable,omitempty"`
	Verticals   bool `json:"verticals,omitempty"`
	Geographies bool `json:"geographies,omitempty"`
	// Actors, Families, Malware, Techniques and Brands attribute the threat.
	Actors     []Named `json:"actors,omitempty"`
	Families   []Named `json:"families,omitempty"`
	Malware    []Named `json:"malware,omitempty"`
	Techniques []Named `json:"techniques,omitempty"`
	Brands     []Named `json:"brands,omitempty"`
	// Raw is sent in place of everything else.
	Raw Raw `json:"raw,omitempty"`
	// Extra adds members or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Named is an entry of one of the lists of a [ThreatSummary] or a [Campaign].
type Named struct {
	// ID is an id of Proofpoint's own; Name is for people.
	ID   string `json:"id"`
	Name string `json:"name"`
}

// remember makes a summary of each verdict that has none.
func (s *Server) remember(it *item) {
	for _, d := range it.verdicts {
		known, ok := s.summaries[d.id]
		switch {
		case d.id == "":
		case !ok:
			s.summaries[d.id] = ThreatSummary{
				ID: d.id, IdentifiedAt: d.first, Name: d.artifact, Type: strings.ToLower(d.kind),
				Category: strings.ToLower(d.classification), Status: d.status, Severity: 420, AttackSpread: 17,
			}
		case !s.given[d.id] && d.first.Before(known.IdentifiedAt):
			known.IdentifiedAt = d.first
			s.summaries[d.id] = known
		}
	}
}

// threatSummary answers for one threat. It is not throttled.
func (s *Server) threatSummary(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		http.Error(w, "This call takes no parameters.", http.StatusBadRequest)
		return
	}
	now := s.now()
	s.mu.Lock()
	t, known := s.summaries[r.PathValue("threatId")]
	changes := s.changes
	s.mu.Unlock()
	if !known || t.IdentifiedAt.After(now) {
		http.Error(w, errThreatUnknown.Error(), http.StatusNotFound)
		return
	}
	v := view{now: now, changes: changes}
	t.Status = v.status(t)
	var buf bytes.Buffer
	if len(t.Raw) > 0 {
		buf.Write(t.Raw)
	} else {
		t.object(s.switches.OldSummary).write(&buf)
	}
	s.label(w)
	_, _ = w.Write(buf.Bytes())
}

// object is a summary on the wire.
func (t *ThreatSummary) object(old bool) object {
	severity, verticals, geographies := "severityScore", "verticallyTargeted", "geoTargeted"
	if old {
		severity, verticals, geographies = "severity", "verticals", "geographies"
	}
	return object{
		{"id", t.ID},
		{"identifiedAt", t.IdentifiedAt.UTC().Format(wireTime)},
		{"name", or(t.Name, t.ID)},
		{"type", or(t.Type, "attachment")},
		{"category", or(t.Category, "malware")},
		{"status", or(t.Status, "active")},
		{"detectionType", "NONE"},
		{severity, t.Severity},
		{"attackSpread", t.AttackSpread},
		{"notable", t.Notable},
		{verticals, t.Verticals},
		{geographies, t.Geographies},
		{"actors", named(t.Actors)},
		{"families", named(t.Families)},
		{"malware", named(t.Malware)},
		{"techniques", named(t.Techniques)},
		{"brands", named(t.Brands)},
	}.with(t.Extra)
}

// named are the entries of a list on the wire.
func named(list []Named) []object {
	out := make([]object, len(list))
	for i, n := range list {
		out[i] = object{{"id", n.ID}, {"name", n.Name}}
	}
	return out
}

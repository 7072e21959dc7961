package proofpointtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// The limits of the ids of campaigns.
const (
	maxCampaignWindow = 24 * time.Hour
	campaignPage      = 100
	maxCampaignPage   = 200
)

// Campaign is a campaign that threats are attributed to. It is known from its start on.
type Campaign struct {
	// ID is a UUID.
	ID string `json:"id"`
	// Name is free text; it may have quotes and bars. Defaults to the id.
	Name string `json:"name,omitempty"`
	// Description is free text of many lines.
	Description string `json:"description,omitempty"`
	// Start is when the campaign was first seen. Defaults to the first of the times of its members.
	Start time.Time `json:"start,omitzero"`
	// Updated is a time at which the campaign was updated besides those of its members and of its start.
	Updated time.Time `json:"updated,omitzero"`
	// Notable and VerticallyTargeted are flags of the dashboard.
	Notable            bool `json:"notable,omitempty"`
	VerticallyTargeted bool `json:"vertically_targeted,omitempty"`
	// Actors, Families, Malware, Techniques and Brands attribute the campaign.
	Actors     []Named `json:"actors,omitempty"`
	Families   []Named `json:"families,omitempty"`
	Malware    []Named `json:"malware,omitempty"`
	Techniques []Named `json:"techniques,omitempty"`
	Brands     []Named `json:"brands,omitempty"`
	// Members are threats of the campaign. Threats of messages and clicks that name the campaign, and those that a [Change]
	// attributes to it, are members without being listed here.
	Members []Member `json:"members,omitempty"`
	// Raw is sent in place of everything else.
	Raw Raw `json:"raw,omitempty"`
	// Extra adds members or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Member is a threat of a campaign.
type Member struct {
	// ID is the threat's id. Defaults to what is made of Threat.
	ID string `json:"id,omitempty"`
	// Threat is a hash, a URL or a host.
	Threat string `json:"threat"`
	// Type is "attachment" (the default), "url" or "messageText".
	Type string `json:"type,omitempty"`
	// SubType is "ATTACHMENT", "COMPLETE_URL", "NORMALIZED_URL", "DOMAIN" or "HOSTNAME". Defaults to what fits Threat.
	SubType string `json:"sub_type,omitempty"`
	// Time is when the threat was recognized; before, it is no member. Defaults to the start of the campaign.
	Time time.Time `json:"time,omitzero"`
	// Status is "active" (the default), "cleared" or "falsePositive".
	Status string `json:"status,omitempty"`
	// Extra adds members or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// membership is a threat of a campaign since a moment.
type membership struct {
	Member
	since time.Time
}

// campaignView is a campaign with the threats that are attributed to it, and when it was last updated.
type campaignView struct {
	Campaign
	given   bool // in the world, not only named
	members []membership
	updated time.Time
}

// world is the view of this moment with the items that it is about.
func (s *Server) world() (v view, items []*item, summaries map[string]ThreatSummary) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	summaries = make(map[string]ThreatSummary, len(s.summaries))
	for id, t := range s.summaries {
		if !t.IdentifiedAt.After(now) {
			summaries[id] = t
		}
	}
	return view{now: now, lag: s.lag, changes: s.changes, switches: s.switches}, s.items, summaries
}

// campaignsNow lists the campaigns that are known by now, the one that was updated first first.
func (s *Server) campaignsNow() []campaignView {
	v, items, summaries := s.world()
	all := map[string]*campaignView{}
	var order []string
	get := func(id string) *campaignView {
		if all[id] == nil {
			all[id] = &campaignView{Campaign: Campaign{ID: id}}
			order = append(order, id)
		}
		return all[id]
	}
	for _, c := range s.campaigns {
		known := get(c.ID)
		known.Campaign, known.given = c, true
		for _, m := range c.Members {
			if m.Time.IsZero() {
				m.Time = c.Start
			}
			known.join(m, m.Time)
		}
	}
	for _, it := range items {
		for _, d := range it.verdicts {
			if d.campaign != "" {
				get(d.campaign).join(Member{ID: d.id, Threat: d.artifact, Type: d.kind, Time: d.first, Status: d.status}, d.first)
			}
		}
	}
	for _, c := range v.changes {
		if c.CampaignID != "" {
			t := summaries[c.Threat]
			m := Member{ID: c.Threat, Threat: or(t.Name, c.Threat), Type: t.Type, Time: t.IdentifiedAt, Status: t.Status}
			get(c.CampaignID).join(m, c.At)
		}
	}
	var out []campaignView
	for _, id := range order {
		if c, ok := v.campaign(*all[id]); ok {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b campaignView) int { return a.updated.Compare(b.updated) })
	return out
}

// join makes a threat a member of a campaign unless it is one.
func (c *campaignView) join(m Member, since time.Time) {
	m = m.filled()
	if !slices.ContainsFunc(c.members, func(other membership) bool { return other.ID == m.ID }) {
		c.members = append(c.members, membership{m, since.UTC()})
	}
}

// filled is a member with its defaults.
func (m Member) filled() Member {
	m.ID = or(m.ID, threatID(m.Threat))
	m.Type, m.Status, m.Time = or(m.Type, "attachment"), or(m.Status, "active"), m.Time.UTC()
	if m.SubType == "" {
		m.SubType = subType(m.Type, m.Threat)
	}
	return m
}

// subType is what kind of a threat an artifact is; empty for texts.
func subType(kind, artifact string) string {
	switch strings.ToLower(kind) {
	case "attachment":
		return "ATTACHMENT"
	case "url":
	default:
		return ""
	}
	_, err := netip.ParseAddr(artifact)
	switch {
	case strings.Contains(artifact, "://"):
		return "COMPLETE_URL"
	case strings.Contains(artifact, "/"):
		return "NORMALIZED_URL"
	case err == nil:
		return "HOSTNAME"
	default:
		return "DOMAIN"
	}
}

// campaign is a campaign as it is known at that moment, if it is.
func (v *view) campaign(c campaignView) (campaignView, bool) {
	members := slices.DeleteFunc(c.members, func(m membership) bool { return m.since.After(v.now) })
	c.Start, c.members = c.Start.UTC(), members
	known := c.given && (!c.Start.IsZero() || len(c.Members) == 0) || len(members) > 0
	if c.Start.IsZero() {
		for i, m := range members {
			if i == 0 || m.Time.Before(c.Start) {
				c.Start = m.Time
			}
		}
	}
	if c.Start.After(v.now) || !known {
		return c, false
	}
	c.updated = c.Start
	update := func(t time.Time) {
		if !t.After(v.now) {
			c.updated = later(c.updated, t.UTC())
		}
	}
	update(c.Updated)
	for i, m := range members {
		update(m.since)
		for _, change := range v.changes {
			if change.Threat == m.ID && !change.At.After(v.now) && change.Status != "" {
				members[i].Status = change.Status
				update(change.At)
			}
		}
	}
	return c, true
}

// campaignIDs serves the ids of the campaigns of an interval.
func (s *Server) campaignIDs(w http.ResponseWriter, r *http.Request) {
	now := s.now()
	q, err := fake.Query(r, "interval", "size", "page")
	var win window
	var size, page int
	if err == nil {
		win, err = campaignWindow(q.Get("interval"), now, s.switches.CampaignsUpToNow)
	}
	if err == nil {
		size, err = number(q, "size", campaignPage, maxCampaignPage)
	}
	if err == nil {
		page, err = number(q, "page", 1, 0)
	}
	if !s.admit(w, r, PoolCampaignIDs, err) {
		return
	}
	var found []object
	for _, c := range s.campaignsNow() {
		inside := c.Start.Before(win.end) && !c.updated.Before(win.start)
		if s.switches.CampaignsByUpdate {
			inside = !c.updated.Before(win.start) && c.updated.Before(win.end)
		}
		if inside {
			found = append(found, object{{"id", c.ID}, {"lastUpdatedAt", milliseconds(c.updated)}})
		}
	}
	from, to := cut(len(found), size, page)
	if len(found) == 0 || from == to && s.switches.PastEndNotFound {
		http.Error(w, "No campaign was active in the interval.", http.StatusNotFound)
		return
	}
	s.send(w, object{{"campaigns", found[from:to]}})
}

// campaignWindow reads the interval of campaign ids.
func campaignWindow(text string, now time.Time, upToNow bool) (window, error) {
	if text == "" {
		return window{}, refusal("The interval parameter is required.")
	}
	w, err := parseInterval(text)
	switch length := w.end.Sub(w.start); {
	case err != nil:
		return w, refusal("The interval parameter is badly formatted: " + err.Error())
	case length < 0:
		return w, errReversed
	case length < minWindow:
		return w, errTooShort
	case length > maxCampaignWindow:
		return w, refusal("The requested interval is too long. Requests must be for at most 1.00d of data")
	case !upToNow && !w.end.Before(now):
		return w, errStillCurrent
	}
	return w, nil
}

// number reads a whole number from 1 to largest; a largest of 0 is none.
func number(q map[string][]string, name string, otherwise, largest int) (int, error) {
	given := q[name]
	if len(given) == 0 {
		return otherwise, nil
	}
	n, err := strconv.Atoi(given[0])
	switch {
	case err != nil || n < 1:
		return 0, refusal("The " + name + " parameter is badly formatted: a whole number from 1 on is required.")
	case largest > 0 && n > largest:
		return 0, refusal("The " + name + " parameter must be at most " + strconv.Itoa(largest) + ".")
	}
	return n, nil
}

// cut returns where a page begins and ends.
func cut(total, size, page int) (from, to int) {
	if page-1 > total/size {
		return total, total
	}
	from = min((page-1)*size, total)
	return from, min(total, from+min(size, total))
}

// campaign serves one campaign. It is not throttled.
func (s *Server) campaign(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		http.Error(w, "This call takes no parameters.", http.StatusBadRequest)
		return
	}
	id := r.PathValue("campaignId")
	all := s.campaignsNow()
	i := slices.IndexFunc(all, func(c campaignView) bool { return c.ID == id })
	if i < 0 {
		http.Error(w, errCampaignUnknown.Error(), http.StatusNotFound)
		return
	}
	if len(all[i].Raw) > 0 {
		s.label(w)
		_, _ = w.Write(all[i].Raw)
		return
	}
	s.send(w, all[i].object(s.switches.OmitEmptyLists))
}

// object is a campaign on the wire.
func (c *campaignView) object(omitEmpty bool) object {
	o := object{
		{"id", c.ID},
		{"name", or(c.Name, c.ID)},
		{"description", c.Description},
		{"startDate", milliseconds(c.Start)},
		{"notable", c.Notable},
		{"verticallyTargeted", c.VerticallyTargeted},
	}
	members := []object{}
	for _, m := range c.members {
		members = append(members, m.object())
	}
	for _, l := range []struct {
		name string
		list []object
	}{
		{"actors", named(c.Actors)},
		{"families", named(c.Families)},
		{"malware", named(c.Malware)},
		{"techniques", named(c.Techniques)},
		{"brands", named(c.Brands)},
		{"campaignMembers", members},
	} {
		if len(l.list) > 0 || !omitEmpty {
			o = append(o, member{l.name, l.list})
		}
	}
	return o.with(c.Extra)
}

// object is a member of a campaign on the wire.
func (m Member) object() object {
	o := object{{"id", m.ID}, {"threat", m.Threat}, {"type", m.Type}}
	if m.SubType != "" {
		o = append(o, member{"subType", m.SubType})
	}
	return append(o, member{"threatTime", milliseconds(m.Time)}, member{"threatStatus", m.Status}).with(m.Extra)
}

// send answers with one object.
func (s *Server) send(w http.ResponseWriter, o object) {
	var buf bytes.Buffer
	o.write(&buf)
	s.label(w)
	_, _ = w.Write(buf.Bytes())
}

package proofpointtest

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
)

// Check finds contradictions in a world: what is there twice, what refers to something that is not there, and words that the
// service does not have. Records that are given raw may be as odd as they like. It returns all of them joined.
func (w World) Check() error {
	c := &worldCheck{fake.Checker{Name: "proofpointtest"}, map[string]bool{}, map[string]bool{}}
	c.Once("the account", or(w.Principal, Principal))
	for i, a := range w.Accounts {
		c.Need(a.Principal != "" && a.Secret != "", "accounts[%d] lacks its principal or its secret", i)
		c.Once("the account", a.Principal)
	}
	for i, t := range w.Threats {
		c.summary(i, t)
	}
	for i := range w.Messages {
		c.message(i, &w.Messages[i])
	}
	for i := range w.Clicks {
		c.click(i, &w.Clicks[i])
	}
	for i := range w.Campaigns {
		c.campaign(i, &w.Campaigns[i])
	}
	for i, change := range w.Changes {
		c.Need(!change.At.IsZero(), "changes[%d] lacks its time", i)
		c.Need(w.More != nil || c.threats[change.Threat], "changes[%d] happens to the threat %q, which is not there", i, change.Threat)
		c.Need(change.Status != "" || change.CampaignID != "" || change.Reissue, "changes[%d] changes nothing", i)
		c.status(change.Status)
		c.campaigns[change.CampaignID] = true
	}
	for i := range w.Reports {
		c.report(i, &w.Reports[i])
	}
	for i := range w.People {
		c.person(i, &w.People[i])
	}
	for i, l := range w.Links {
		_, err := unrewrite(l.URL)
		c.Need(err == nil, "links[%d] is no link that URL Defense rewrote: %v", i, err)
		c.Once("the link", l.URL)
	}
	c.Need(w.Lag >= 0 && w.LookBack >= 0, "the lag or the look-back is negative")
	c.Need(w.VAPThreshold >= 0, "the threshold of attack indexes is negative")
	return c.Err()
}

// worldCheck is the check of one world.
type worldCheck struct {
	fake.Checker
	threats, campaigns map[string]bool // by id
}

// status checks the status of a threat.
func (c *worldCheck) status(status string) {
	c.Word("the status of a threat", strings.ToLower(status), "active", "cleared", "falsepositive")
}

// hash checks a hash in hexadecimal digits.
func (c *worldCheck) hash(what, value string, bytes int) {
	b, err := hex.DecodeString(value)
	c.Need(value == "" || err == nil && len(b) == bytes, "%s is %q, which is no hash of %d bytes", what, value, bytes)
}

// summary checks a threat.
func (c *worldCheck) summary(i int, t ThreatSummary) {
	c.Need(t.ID != "", "threats[%d] lacks its id", i)
	c.Once("the threat", t.ID)
	c.threats[t.ID] = true
	c.Word("type of a threat", strings.ToLower(t.Type), "attachment", "url", "message", "messagetext", "message text")
	c.Word("category of a threat", strings.ToLower(t.Category), "malware", "phish", "spam", "impostor")
	c.Need(t.Severity >= 0 && t.Severity <= 1000, "threats[%d] has the severity %d, which is not from 0 to 1000", i, t.Severity)
	c.status(t.Status)
}

// message checks a mail.
func (c *worldCheck) message(i int, m *Message) {
	for _, d := range newMessage(m, i).verdicts {
		c.threats[d.id] = true
		c.campaigns[d.campaign] = true
	}
	if m.ID != "" {
		c.Once("the event", m.ID)
	}
	if len(m.Raw) > 0 {
		return
	}
	for _, t := range m.Threats {
		c.Need(t.ID != "" || t.Artifact != "", "a threat of messages[%d] has neither id nor artifact", i)
		c.Word("type of a threat", strings.ToLower(t.Type), "attachment", "url", "message", "messagetext")
		c.Word("classification of a threat", strings.ToLower(t.Classification), "malware", "phish", "spam", "impostor", "toad")
		c.status(t.Status)
	}
	for _, p := range m.Parts {
		c.Word("disposition of a part", p.Disposition, "attached", "inline")
		c.hash("sha256 of a part", p.SHA256, 32)
		c.hash("md5 of a part", p.MD5, 16)
	}
	for _, score := range []float64{float64(m.SpamScore), float64(m.PhishScore), float64(m.MalwareScore), m.ImpostorScore} {
		c.Need(score >= 0 && score <= 100, "messages[%d] has the score %g, which is not from 0 to 100", i, score)
	}
	c.Need(m.Size >= 0, "messages[%d] has a negative size", i)
	visible := m.Visible.IsZero() || !m.Visible.Before(m.Time)
	c.Need(visible, "messages[%d] can be seen before it was there", i)
}

// click checks a click.
func (c *worldCheck) click(i int, k *Click) {
	for _, d := range newClick(k, i).verdicts {
		c.threats[d.id] = true
		c.campaigns[d.campaign] = true
	}
	if k.ID != "" {
		c.Once("the event", k.ID)
	}
	if len(k.Raw) > 0 {
		return
	}
	c.Need(k.URL != "" || k.ThreatID != "", "clicks[%d] has neither a URL nor a threat", i)
	c.Word("classification of a click", strings.ToLower(k.Classification), "malware", "phish", "spam")
	c.status(k.ThreatStatus)
}

// campaign checks a campaign.
func (c *worldCheck) campaign(i int, campaign *Campaign) {
	c.Need(campaign.ID != "" && !strings.Contains(campaign.ID, "/"), "campaigns[%d] has no id that a path can have", i)
	c.Need(campaign.ID != "ids", "campaigns[%d] has the id of another call", i)
	c.Once("the campaign", campaign.ID)
	c.campaigns[campaign.ID] = true
	c.Need(campaign.Updated.IsZero() || !campaign.Updated.Before(campaign.Start), "the campaign %s was updated before its start", campaign.ID)
	for _, m := range campaign.Members {
		c.Need(m.ID != "" || m.Threat != "", "a member of the campaign %s has neither id nor threat", campaign.ID)
		m = m.filled()
		c.Once("the member of "+campaign.ID, m.ID)
		c.Word("type of a member", strings.ToLower(m.Type), "attachment", "url", "message", "messagetext")
		c.Word("sub_type of a member", m.SubType, "ATTACHMENT", "COMPLETE_URL", "NORMALIZED_URL", "DOMAIN", "HOSTNAME")
		c.status(m.Status)
		// A member need not be a threat of a mail here, but changes can happen to it.
		c.threats[m.ID] = true
	}
}

// members are what evidence of each known type has.
func (*worldCheck) members() map[string][]string {
	behavior := []string{"rule", "url", "path", "key"}
	address := []string{"url", "blacklisted", "ip", "httpStatus", "md5", "sha256", "size", "offset", "rule"}
	rule := []string{"name", "signatureId"}
	return map[string][]string{
		"attachment": {"sha256", "md5", "blacklisted", "offset", "rule", "size"}, "behavior": behavior, "policy": behavior,
		"cookie": {"action", "domain", "key", "value"}, "dns": {"host", "cnames", "ips", "nameservers", "nameserversList"}, "domains": {"domain"},
		"dropper": {"path", "rule", "url"}, "file": {"action", "path", "md5", "sha256", "size", "rule"}, "ids": rule, "idsrule": rule,
		"mutex": {"name", "path"}, "network": {"ip", "domain", "action", "port", "type"}, "process": {"action", "path"},
		"registry": {"action", "key", "name", "value", "rule"}, "screenshot": {"url"}, "url": address, "redirect_chain": address,
	}
}

// report checks the evidence on something. Types that are not known are let through: new ones turn up.
func (c *worldCheck) report(i int, r *Report) {
	c.Need((r.ThreatID == "") != (r.CampaignID == ""), "reports[%d] needs exactly one of threat_id and campaign_id", i)
	c.Need(r.ThreatID == "" || c.threats[r.ThreatID], "reports[%d] is about the threat %q, which is not there", i, r.ThreatID)
	c.Need(r.CampaignID == "" || c.campaigns[r.CampaignID], "reports[%d] is about the campaign %q, which is not there", i, r.CampaignID)
	members := c.members()
	for _, e := range r.Evidence {
		c.Need(e.Type != "", "evidence in reports[%d] lacks its type", i)
		known := members[e.Type]
		for _, name := range slices.Sorted(maps.Keys(e.What)) {
			c.Need(known == nil || slices.Contains(known, name), "evidence of type %s in reports[%d] has the member %q, which that type does not have", e.Type, i, name)
		}
	}
}

// person checks somebody.
func (c *worldCheck) person(i int, p *Person) {
	c.Need(p.GUID != "" || len(p.Emails) > 0, "people[%d] has neither a guid nor an address", i)
	if p.GUID != "" {
		c.Once("the person", p.GUID)
	}
	for _, address := range p.Emails {
		c.Once("the address", strings.ToLower(address))
	}
	for _, s := range slices.Concat(p.Attacks, p.Clicks) {
		c.Need(s.Family != "" && s.Points > 0, "a score of people[%d] lacks its family or is not above zero", i)
	}
}

package proofpointtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// item is a message or a click as the server keeps it. It never changes.
type item struct {
	message  *Message // one of the two is nil
	click    *Click
	number   int
	blocked  bool
	raw      Raw
	occurred time.Time
	created  time.Time // zero: from occurred and the verdicts
	visible  time.Time // zero: from created and the lag
	verdicts []verdict
}

// verdict is what the service found about something in a message, whatever form it was given in.
type verdict struct {
	id, artifact, kind, classification, status, campaign string
	// first is when the threat was recognized; at is when it got its status.
	first, at time.Time
	extra     map[string]json.RawMessage
}

// newMessage prepares a message.
func newMessage(m *Message, number int) *item {
	it := &item{message: m, number: number, blocked: m.Blocked, raw: m.Raw, occurred: m.Time.UTC(), created: m.Created.UTC(), visible: m.Visible}
	if len(m.Raw) > 0 {
		it.readRaw("messageTime")
		return it
	}
	for _, t := range m.Threats {
		v := verdict{
			id: t.ID, artifact: t.Artifact, kind: or(t.Type, "attachment"), classification: or(t.Classification, "malware"),
			status: or(t.Status, "active"), campaign: t.CampaignID, first: t.Time.UTC(), extra: t.Extra,
		}
		if t.Time.IsZero() {
			v.first = it.occurred
		}
		if v.id == "" {
			v.id = threatID(v.artifact)
		}
		v.at = v.first
		it.verdicts = append(it.verdicts, v)
	}
	return it
}

// newClick prepares a click. Clicks are about URL threats alone.
func newClick(c *Click, number int) *item {
	it := &item{click: c, number: number, blocked: c.Blocked, raw: c.Raw, occurred: c.Time.UTC(), created: c.Created.UTC(), visible: c.Visible}
	if len(c.Raw) > 0 {
		it.readRaw("clickTime")
		return it
	}
	v := verdict{
		id: or(c.ThreatID, threatID(c.URL)), artifact: c.URL, kind: "url", classification: or(c.Classification, "phish"),
		status: or(c.ThreatStatus, "active"), campaign: c.CampaignID, first: c.ThreatTime.UTC(),
	}
	if c.ThreatTime.IsZero() {
		v.first = it.occurred
	}
	v.at = v.first
	it.verdicts = []verdict{v}
	return it
}

// readRaw looks into a raw record as far as it can be read.
func (it *item) readRaw(timeMember string) {
	text := func(raw json.RawMessage) (s string) {
		_ = json.Unmarshal(raw, &s)
		return s
	}
	instant := func(raw json.RawMessage) time.Time {
		t, _ := time.Parse(time.RFC3339, text(raw))
		return t.UTC()
	}
	var record map[string]json.RawMessage
	if json.Unmarshal(it.raw, &record) != nil {
		return
	}
	if t := instant(record[timeMember]); !t.IsZero() {
		it.occurred = t
	}
	var threats []map[string]json.RawMessage
	if it.click != nil {
		record["threatType"], record["threat"] = json.RawMessage(`"url"`), record["url"]
		threats = []map[string]json.RawMessage{record}
	} else if json.Unmarshal(record["threatsInfoMap"], &threats) != nil {
		return
	}
	for _, t := range threats {
		v := verdict{
			id: or(text(t["threatID"]), text(t["threatId"])), artifact: text(t["threat"]), kind: text(t["threatType"]),
			classification: text(t["classification"]), status: or(text(t["threatStatus"]), "active"),
			campaign: or(text(t["campaignID"]), text(t["campaignId"])), first: instant(t["threatTime"]),
		}
		if v.first.IsZero() {
			v.first = it.occurred
		}
		v.at = v.first
		it.verdicts = append(it.verdicts, v)
	}
}

// view is the state of the world at one moment.
type view struct {
	now      time.Time
	lag      time.Duration
	changes  []Change
	switches Switches
}

// verdicts returns what is known about an item at that moment.
func (v *view) verdicts(it *item) []verdict {
	var out []verdict
	for _, d := range it.verdicts {
		if d.first.After(v.now) {
			continue
		}
		for _, c := range v.changes {
			if c.Threat == d.id && !c.At.After(v.now) {
				d.campaign = or(c.CampaignID, d.campaign)
				if c.Status != "" {
					d.status, d.at = c.Status, c.At.UTC()
				}
			}
		}
		out = append(out, d)
	}
	return out
}

// creations returns the times at which events were made of an item, oldest first. There are none if the item is not about a
// known threat, or if nobody can see it yet.
func (v *view) creations(it *item, known []verdict) []time.Time {
	if len(known) == 0 && (len(it.raw) == 0 || len(it.verdicts) > 0) {
		return nil
	}
	latest := it.occurred
	var times []time.Time
	for _, d := range known {
		t := later(it.occurred, d.first)
		times, latest = append(times, t), later(latest, t)
	}
	if !it.created.IsZero() {
		times, latest = nil, it.created
	}
	if !v.switches.Reissue || len(times) == 0 {
		times = []time.Time{latest}
	}
	for _, c := range v.changes {
		if c.Reissue && slices.ContainsFunc(known, func(d verdict) bool { return d.id == c.Threat }) {
			times = append(times, c.At.UTC())
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	return slices.DeleteFunc(times, func(t time.Time) bool {
		if !it.visible.IsZero() {
			return later(t, it.visible).After(v.now)
		}
		return t.Add(v.lag).After(v.now)
	})
}

// filter is what threatType and threatStatus leave in.
type filter struct{ kinds, statuses []string }

// admits says whether a verdict passes both lists. A message passes with all of its threats if one of them does.
func (f filter) admits(known []verdict) bool {
	if len(known) == 0 {
		return true // a raw record that cannot be read
	}
	return slices.ContainsFunc(known, f.admitsOne)
}

// admitsOne says whether one verdict passes both lists.
func (f filter) admitsOne(d verdict) bool {
	kind := strings.ToLower(d.kind)
	if kind == "message" {
		kind = "messagetext"
	}
	return (len(f.kinds) == 0 || slices.Contains(f.kinds, kind)) && slices.Contains(f.statuses, strings.ToLower(d.status))
}

// event is one object of an answer.
type event struct {
	item      *item
	known     []verdict
	created   time.Time
	issue     int // 0 the first time
	recipient int // -1: all of them
}

// events returns an item's events that a call asks for.
func (v *view) events(it *item, w window, f filter) []event {
	known := v.verdicts(it)
	if !f.admits(known) {
		return nil
	}
	creations := v.creations(it, known)
	if v.switches.FilterEntries {
		known = slices.DeleteFunc(slices.Clone(known), func(d verdict) bool { return !f.admitsOne(d) })
	}
	var out []event
	for issue, created := range creations {
		timeless := it.occurred.IsZero() && created.IsZero()
		inside := !created.Before(w.start) && (created.Before(w.end) || v.switches.InclusiveEnd && created.Equal(w.end))
		if !timeless && !inside {
			continue
		}
		e := event{item: it, known: known, created: created, issue: issue, recipient: -1}
		if it.message == nil || len(it.raw) > 0 || v.switches.JoinRecipients || len(it.message.Recipients) == 0 {
			out = append(out, e)
			continue
		}
		for i := range it.message.Recipients {
			e.recipient = i
			out = append(out, e)
		}
	}
	return out
}

// guid is the id of the mail, made up from its place in the world unless given.
func (it *item) guid() string {
	if it.message != nil && it.message.GUID != "" {
		return it.message.GUID
	}
	if it.click != nil && it.click.GUID != "" {
		return it.click.GUID
	}
	sum := sha256.Sum256([]byte("guid " + it.kind() + strconv.Itoa(it.number)))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// kind tells messages from clicks in what is made up.
func (it *item) kind() string {
	if it.message != nil {
		return "message"
	}
	return "click"
}

// id is the id of the event.
func (e *event) id(newIDs bool) string {
	var id string
	if e.item.message != nil {
		id = e.item.message.ID
	} else {
		id = e.item.click.ID
	}
	if id == "" || e.recipient > 0 {
		id = madeUpID("event", id, e.item.kind(), strconv.Itoa(e.item.number), strconv.Itoa(max(e.recipient, 0)))
	}
	if newIDs && e.issue > 0 {
		id = madeUpID("issue", id, strconv.Itoa(e.issue))
	}
	return id
}

// madeUpID is a UUID that depends on nothing but its arguments.
func madeUpID(parts ...string) string {
	b := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// threatID is the id of an artifact: itself if it is a SHA-256, else its SHA-256.
func threatID(artifact string) string {
	if b, err := hex.DecodeString(artifact); err == nil && len(b) == sha256.Size {
		return strings.ToLower(artifact)
	}
	sum := sha256.Sum256([]byte(artifact))
	return hex.EncodeToString(sum[:])
}

// or returns the first of two strings that is not empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

package proofpointtest

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// wireTime is the format of times in events, wireEnd that of queryEndTime.
const (
	wireTime = "2006-01-02T15:04:05.000Z"
	wireEnd  = "2006-01-02T15:04:05Z"
)

// member is a name with a value: nil, string, []string, int, object, []object, json.RawMessage that is sent as it stands, or anything that encoding/json takes.
type member struct {
	name  string
	value any
}

// object is a JSON object with its members in order.
type object []member

// with replaces and adds members, and leaves out those whose value is empty.
func (o object) with(extra map[string]json.RawMessage) object {
	names := make([]string, 0, len(extra))
	for name := range extra {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := extra[name]
		at := slices.IndexFunc(o, func(m member) bool { return m.name == name })
		switch {
		case at < 0 && len(value) > 0:
			o = append(o, member{name, value})
		case at >= 0 && len(value) > 0:
			o[at].value = value
		case at >= 0:
			o = slices.Delete(o, at, at+1)
		}
	}
	return o
}

// write appends the object to buf.
func (o object) write(buf *bytes.Buffer) {
	buf.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			buf.WriteByte(',')
		}
		writeString(buf, m.name)
		buf.WriteByte(':')
		writeValue(buf, m.value)
	}
	buf.WriteByte('}')
}

// writeValue appends one value to buf.
func writeValue(buf *bytes.Buffer, value any) {
	switch v := value.(type) {
	case json.RawMessage:
		buf.Write(v)
	case object:
		v.write(buf)
	case []object:
		buf.WriteByte('[')
		for i, o := range v {
			if i > 0 {
				buf.WriteByte(',')
			}
			o.write(buf)
		}
		buf.WriteByte(']')
	case []string:
		if v == nil {
			buf.WriteString("null")
			return
		}
		buf.WriteByte('[')
		for i, text := range v {
			if i > 0 {
				buf.WriteByte(',')
			}
			writeString(buf, text)
		}
		buf.WriteByte(']')
	case string:
		writeString(buf, v)
	case int:
		buf.WriteString(strconv.Itoa(v))
	default:
		encode(buf, v)
	}
}

// writeString appends a string to buf. Nearly all of them need no escapes, which matters in answers of a hundred megabytes.
func writeString(buf *bytes.Buffer, s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			encode(buf, s)
			return
		}
	}
	buf.WriteByte('"')
	buf.WriteString(s)
	buf.WriteByte('"')
}

// encode appends what encoding/json makes of a value.
func encode(buf *bytes.Buffer, v any) {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) == nil {
		buf.Truncate(buf.Len() - 1) // the newline
	}
}

// orNull is null for an empty string.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// list is an empty array for nil.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// record is an event as an object; raw ones have none. A nil rng keeps the order of the parts.
func (e *event) record(s Switches, rng *rand.Rand) object {
	if e.item.click != nil {
		return e.clickRecord(s)
	}
	m := e.item.message
	recipients := list(m.Recipients)
	if e.recipient >= 0 {
		recipients = recipients[e.recipient : e.recipient+1]
	}
	o := object{
		{"id", e.id(s.NewIDs)},
		{"GUID", e.item.guid()},
		{"QID", orNull(m.QID)},
		{"cluster", or(m.Cluster, "corpexample_hosted")},
		{"messageID", m.MessageID},
		{"messageTime", milliseconds(e.item.occurred)},
		{"messageSize", m.Size},
		{"subject", orNull(m.Subject)},
		{"sender", m.Sender},
		{"senderIP", or(m.SenderIP, "203.0.113.9")},
		{"recipient", recipients},
		{"fromAddress", m.From},
		{"headerFrom", orNull(m.HeaderFrom)},
		{"replyToAddress", list(m.ReplyTo)},
		{"headerReplyTo", nil},
		{"toAddresses", m.To},
		{"ccAddresses", list(m.CC)},
		{"xmailer", nil},
		{"modulesRun", []string{"access", "av", "zerohour", "spf", "dkimv", "sandbox", "spam", "dmarc", "pdr", "urldefense"}},
		{"policyRoutes", []string{"default_inbound"}},
		{"quarantineFolder", orNull(m.QuarantineFolder)},
		{"quarantineRule", orNull(m.QuarantineRule)},
		{"spamScore", m.SpamScore},
		{"phishScore", m.PhishScore},
		{"malwareScore", m.MalwareScore},
		{"impostorScore", json.RawMessage(strconv.FormatFloat(m.ImpostorScore, 'f', 1, 64))},
		{"completelyRewritten", false},
		{"messageParts", parts(m.Parts, rng)},
		{"threatsInfoMap", threats(e.known)},
	}
	empty := map[string]json.RawMessage{}
	if m.From == nil && m.Sender != "" {
		o = o.with(map[string]json.RawMessage{"fromAddress": quoted([]string{m.Sender})})
	}
	if m.To == nil {
		o = o.with(map[string]json.RawMessage{"toAddresses": quoted(list(m.Recipients))})
	}
	if m.Skeleton {
		for _, name := range []string{
			"QID", "subject", "fromAddress", "headerFrom", "replyToAddress", "toAddresses", "ccAddresses", "modulesRun",
			"policyRoutes", "messageParts",
		} {
			empty[name] = json.RawMessage("null")
		}
		empty["sender"], empty["messageID"], empty["messageSize"] = json.RawMessage(`""`), json.RawMessage(`""`), json.RawMessage("0")
	}
	return o.with(empty).with(m.Extra)
}

// quoted is a list as JSON.
func quoted(s []string) json.RawMessage {
	var buf bytes.Buffer
	writeValue(&buf, s)
	return buf.Bytes()
}

// parts are the objects in messageParts, in an order of their own.
func parts(given []Part, rng *rand.Rand) any {
	if given == nil {
		return nil
	}
	out := make([]object, len(given))
	for i, p := range given {
		out[i] = object{
			{"disposition", or(p.Disposition, "attached")},
			{"filename", orNull(p.Filename)},
			{"contentType", orNull(p.ContentType)},
			{"oContentType", orNull(p.DeclaredType)},
			{"md5", orNull(p.MD5)},
			{"sha256", orNull(p.SHA256)},
			{"sandboxStatus", orNull(p.SandboxStatus)},
		}.with(p.Extra)
	}
	if rng != nil {
		rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	return out
}

// threats are the objects in threatsInfoMap.
func threats(known []verdict) []object {
	out := make([]object, len(known))
	for i, d := range known {
		out[i] = object{
			{"threatID", d.id},
			{"threat", d.artifact},
			{"threatType", d.kind},
			{"classification", d.classification},
			{"threatStatus", d.status},
			{"threatTime", milliseconds(d.at)},
			{"threatUrl", threatURL(d.id)},
			{"campaignID", orNull(d.campaign)},
			{"actors", []string{}},
			{"detectionType", "NONE"},
		}.with(d.extra)
	}
	return out
}

// clickRecord is a click as an object. It spells threatURL and campaignId otherwise than messages do.
func (e *event) clickRecord(s Switches) object {
	c, d := e.item.click, e.known[0]
	return object{
		{"id", e.id(s.NewIDs)},
		{"GUID", e.item.guid()},
		{"messageID", c.MessageID},
		{"url", c.URL},
		{"classification", d.classification},
		{"clickTime", milliseconds(e.item.occurred)},
		{"threatTime", milliseconds(d.at)},
		{"clickIP", or(c.IP, "198.51.100.24")},
		{"userAgent", c.UserAgent},
		{"recipient", c.Recipient},
		{"sender", c.Sender},
		{"senderIP", or(c.SenderIP, "203.0.113.61")},
		{"threatID", d.id},
		{"threatStatus", d.status},
		{"threatURL", threatURL(d.id)},
		{"campaignId", orNull(d.campaign)},
	}.with(c.Extra)
}

// threatURL is the address of a threat in the dashboard.
func threatURL(id string) string {
	return "https://threatinsight.proofpoint.com/0d7c1f52-3a64-4b0e-8d5a-6f9b2c1e7a40/threat/email/" + id
}

// milliseconds is a time in an event; one that is not known is empty.
func milliseconds(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(wireTime)
}

// seconds drops what is below a second.
func seconds(t time.Time) string { return t.UTC().Truncate(time.Second).Format(wireEnd) }

package proofpointtest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// syslogNames are the message id and the element of structured data of a category.
func (c category) syslogNames() (id, element string) {
	switch c {
	case messagesDelivered:
		return "MSGDLV", "tapmsg@21139"
	case messagesBlocked:
		return "MSGBLK", "tapmsg@21139"
	case clicksPermitted:
		return "CLKPER", "tapclk@21139"
	default:
		return "CLKBLK", "tapclk@21139"
	}
}

// syslogLine is a record as one line of RFC 5424: lists joined with commas, parts and threats as JSON text, null as a word.
// Quotation marks, backslashes and closing brackets have a backslash in front of them, and no others; line breaks become
// spaces, because they would end the line. A member whose name the format cannot have is left out. It is nil for a record that
// is no JSON object.
func syslogLine(c category, record []byte, at time.Time) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(record, &members) != nil {
		return nil
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	id, element := c.syslogNames()
	var b bytes.Buffer
	b.WriteString("<38>1 " + at.UTC().Format(wireEnd) + " - ProofpointTAP - " + id + " [" + element)
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`, "\r\n", " ", "\r", " ", "\n", " ")
	for _, name := range names {
		if !isParamName(name) {
			continue
		}
		b.WriteString(" " + name + `="` + escape.Replace(syslogValue(name, members[name])) + `"`)
	}
	b.WriteString("]\r\n")
	return b.Bytes()
}

// syslogValue is a member's value as text.
func syslogValue(name string, raw json.RawMessage) string {
	if name == "messageParts" || name == "threatsInfoMap" {
		return string(raw)
	}
	var texts []string
	if json.Unmarshal(raw, &texts) == nil && texts != nil {
		return strings.Join(texts, ",")
	}
	var text *string
	if json.Unmarshal(raw, &text) == nil && text != nil {
		return *text
	}
	return string(raw)
}

// isParamName says whether a name can stand in front of a value: at most 32 printable signs, without those that end it.
func isParamName(name string) bool {
	return name != "" && len(name) <= 32 && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '=' || r == ']' || r == '"'
	})
}

package proofpoint

import (
	"bytes"
	"slices"
)

// Glimpse is what can be seen of a message without decoding it, each value once and as it is written.
type Glimpse struct {
	// Types are what its threats are about.
	Types []ThreatType
	// Sandbox are the verdicts of the sandbox on its parts.
	Sandbox []SandboxStatus
}

// GlimpseOf looks at a message without decoding it. It is for [Query.Relevant], which gets one whole JSON value: most messages are about
// links alone, and who looks for files need not have them decoded. It is not ok where no threat is seen, or something by which a message is
// known is written with escapes or is not what belongs there: such a message has to be decoded, and may turn out to be [Malformed].
func GlimpseOf(message []byte) (g Glimpse, ok bool) {
	for rest := message; ; {
		name, value, plain := nextMember(rest)
		switch {
		case name == nil:
			return g, len(g.Types) > 0
		case !plain:
			return Glimpse{}, false
		case begins(value, 'n'):
			ok = true // null is nothing
		case string(name) == "threatType":
			ok = addText(&g.Types, value)
		case string(name) == "sandboxStatus":
			ok = addText(&g.Sandbox, value)
		default:
			ok = fits(string(name), value)
		}
		if !ok {
			return Glimpse{}, false
		}
		rest = value
	}
}

// addText adds a text that is plain, once.
func addText[T ~string](to *[]T, value []byte) bool {
	text, ok := unescaped(value)
	if ok && !slices.Contains(*to, T(text)) {
		*to = append(*to, T(text))
	}
	return ok
}

// fits tells whether the value of a member that a message is known by looks as it must.
func fits(name string, value []byte) bool {
	switch name {
	case "threatsInfoMap", "messageParts":
		return lists(value, '{')
	case "recipient":
		return lists(value, '"') || begins(value, '"')
	case "messageTime", "threatTime":
		said, ok := unescaped(value)
		_, isTime := parseTime(said)
		return ok && isTime
	case "id", "GUID", "guid", "threatID", "threatId", "threat", "classification", "threatStatus", "disposition", "sha256":
		return begins(value, '"')
	default:
		return true
	}
}

// lists tells whether a list comes, and in it what begins so, nothing or null.
func lists(value []byte, c byte) bool {
	if !begins(value, '[') {
		return false
	}
	first := trimSpace(value[1:])
	return begins(first, c) || begins(first, ']') || begins(first, 'n')
}

func begins(value []byte, c byte) bool { return len(value) > 0 && value[0] == c }

// nextMember finds the next member of a JSON value, at whatever depth, and returns its name, nil behind the last, and everything from its
// value on. It is not ok if a name is written with escapes.
func nextMember(raw []byte) (name, value []byte, ok bool) {
	for {
		i := bytes.IndexByte(raw, '"')
		if i < 0 {
			return nil, nil, true
		}
		raw = raw[i+1:]
		end := endOfText(raw)
		text := raw[:end]
		if raw = raw[min(end+1, len(raw)):]; begins(trimSpace(raw), ':') {
			return text, trimSpace(trimSpace(raw)[1:]), bytes.IndexByte(text, '\\') < 0
		}
	}
}

// endOfText is where the quotes are that end a text.
func endOfText(raw []byte) int {
	for i := 0; ; i++ {
		j := bytes.IndexByte(raw[i:], '"')
		if j < 0 {
			return len(raw)
		}
		i += j
		slashes := 0
		for slashes < i && raw[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
}

func trimSpace(raw []byte) []byte {
	for len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t' || raw[0] == '\n' || raw[0] == '\r') {
		raw = raw[1:]
	}
	return raw
}

// unescaped is the text that comes first, if it has nothing escaped in it.
func unescaped(raw []byte) (string, bool) {
	if !begins(raw, '"') {
		return "", false
	}
	text := raw[1 : 1+endOfText(raw[1:])]
	return string(text), bytes.IndexByte(text, '\\') < 0
}

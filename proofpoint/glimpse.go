package proofpoint

import "bytes"

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
	for at := 0; ; {
		begin, end, value := nextMember(message, at)
		if value < 0 {
			return g, len(g.Types) > 0
		}
		name, rest := message[begin:end], message[value:]
		switch {
		case bytes.IndexByte(name, '\\') >= 0:
			return Glimpse{}, false
		case begins(rest, 'n'):
			ok = true // null is nothing
		case string(name) == "threatType":
			ok = addText(&g.Types, rest, TypeURL, TypeAttachment, TypeMessageText)
		case string(name) == "sandboxStatus":
			ok = addText(&g.Sandbox, rest, SandboxThreat)
		default:
			ok = fits(name, rest)
		}
		if !ok {
			return Glimpse{}, false
		}
		if at = value; begins(rest, '"') { // a text is no name
			at += 2 + endOfText(rest[1:])
		}
	}
}

// addText adds a text that is plain, once. The usual ones are not made anew.
func addText[T ~string](to *[]T, value []byte, usual ...T) bool {
	text, ok := unescaped(value)
	if !ok {
		return false
	}
	for _, have := range *to {
		if string(text) == string(have) {
			return true
		}
	}
	for _, u := range usual {
		if string(text) == string(u) {
			*to = append(*to, u)
			return true
		}
	}
	*to = append(*to, T(text))
	return true
}

// fits tells whether the value of a member that a message is known by looks as it must.
func fits(name, value []byte) bool {
	switch string(name) {
	case "threatsInfoMap", "messageParts":
		return lists(value, '{')
	case "recipient":
		return lists(value, '"') || begins(value, '"')
	case "messageTime", "threatTime":
		said, ok := unescaped(value)
		return ok && looksLikeTime(said)
	case "id", "GUID", "guid", "threatID", "threatId", "threat", "classification", "threatStatus", "disposition", "sha256":
		return begins(value, '"')
	default:
		return true
	}
}

// looksLikeTime tells whether a text is a time as the service writes it. Others may be times as well.
func looksLikeTime(text []byte) bool {
	const pattern = "0000-00-00T00:00:00"
	if len(text) <= len(pattern) || text[len(text)-1] != 'Z' {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] == '0' && (text[i] < '0' || text[i] > '9') || pattern[i] != '0' && text[i] != pattern[i] {
			return false
		}
	}
	_, ok := parseTime(string(text)) // February has no thirtieth day
	return ok
}

// lists tells whether a list comes, and in it what begins so, nothing or null.
func lists(value []byte, c byte) bool {
	if !begins(value, '[') {
		return false
	}
	first := value[skipSpace(value, 1):]
	return begins(first, c) || begins(first, ']') || begins(first, 'n')
}

func begins(value []byte, c byte) bool { return len(value) > 0 && value[0] == c }

// nextMember finds the next member of a JSON value from a place on that is outside of texts, at whatever depth. It returns where its name
// begins and ends and where its value begins, below zero behind the last.
func nextMember(raw []byte, at int) (begin, end, value int) {
	for at < len(raw) {
		i := bytes.IndexByte(raw[at:], '"')
		if i < 0 {
			break
		}
		begin = at + i + 1
		end = begin + endOfText(raw[begin:])
		if at = skipSpace(raw, end+1); at < len(raw) && raw[at] == ':' {
			return begin, end, skipSpace(raw, at+1)
		}
	}
	return 0, 0, -1
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

// skipSpace is the first place from one on, at the end of raw at the latest, where no white space is.
func skipSpace(raw []byte, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\t' || raw[at] == '\n' || raw[at] == '\r') {
		at++
	}
	return min(at, len(raw))
}

// unescaped is the text that comes first, if it has nothing escaped in it.
func unescaped(raw []byte) ([]byte, bool) {
	if !begins(raw, '"') {
		return nil, false
	}
	text := raw[1 : 1+endOfText(raw[1:])]
	return text, bytes.IndexByte(text, '\\') < 0
}

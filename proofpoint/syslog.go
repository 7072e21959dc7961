package proofpoint

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseSyslog reads one line of the syslog form of the feeds, such as a collector keeps, into the record that the JSON form would
// give. [Record.Raw] is the line. The clients of this package ask for JSON and need none of this.
//
// The form says less than JSON, and not all of it is documented, so that some things are read as follows. Values are escaped as RFC
// 5424 has it. Lists are split at each comma, also where a comma is part of an element. The word null is an absent value, also where
// a subject is that word. The names of values are those of the JSON form. A line of another shape is an error, which does not quote
// the line.
func ParseSyslog(line []byte) (Record, error) {
	r, err := parseSyslog(bytes.TrimRight(line, "\r\n"))
	if err != nil {
		return Record{}, fmt.Errorf("proofpoint: syslog: %w", err)
	}
	switch {
	case r.Message != nil:
		r.Message.Raw = bytes.Clone(line)
	case r.Click != nil:
		r.Click.Raw = bytes.Clone(line)
	}
	return r, nil
}

func parseSyslog(line []byte) (Record, error) {
	head, data, found := bytes.Cut(line, []byte(" ["))
	words := strings.Split(string(head), " ")
	if !found || len(words) != 6 || !priority(words[0]) || words[3] != "ProofpointTAP" {
		return Record{}, errors.New("the line does not begin as one of this service")
	}
	category, element, ok := syslogKind(words[5])
	if !ok {
		return Record{}, errors.New("the line is about none of messages and clicks")
	}
	data, found = bytes.CutPrefix(data, []byte(element))
	if !found {
		return Record{}, fmt.Errorf("the line does not have its data in %s", element)
	}
	object := []byte{'{'}
	for {
		var name, value string
		var err error
		if name, value, data, err = parameter(data); err != nil {
			return Record{}, err
		}
		if name == "" {
			break
		}
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = quoted(object, name)
		object = append(object, ':')
		if object, err = syslogValue(object, category, name, value); err != nil {
			return Record{}, err
		}
	}
	if len(bytes.TrimSpace(data)) > 0 {
		return Record{}, errors.New("the line has more in it than its data")
	}
	return decodeRecord(category, append(object, '}'))
}

// priority tells whether a word is the beginning of a line of RFC 5424.
func priority(word string) bool {
	number, ok := strings.CutPrefix(word, "<")
	number, version, closed := strings.Cut(number, ">")
	return ok && closed && version == "1" && number != "" && strings.Trim(number, "0123456789") == ""
}

// syslogKind is the category of a kind of line, and the name of the element that has its data.
func syslogKind(id string) (Category, string, bool) {
	switch id {
	case "MSGDLV":
		return Delivered, "tapmsg@21139", true
	case "MSGBLK":
		return Blocked, "tapmsg@21139", true
	case "CLKPER":
		return ClicksPermitted, "tapclk@21139", true
	case "CLKBLK":
		return ClicksBlocked, "tapclk@21139", true
	}
	return "", "", false
}

// parameter reads one name and its value, and returns what is behind them. At the end of the element the name is empty.
func parameter(data []byte) (name, value string, rest []byte, err error) {
	data = bytes.TrimLeft(data, " ")
	if rest, ok := bytes.CutPrefix(data, []byte("]")); ok {
		return "", "", rest, nil
	}
	before, after, found := bytes.Cut(data, []byte(`="`))
	if !found || len(before) == 0 || bytes.ContainsAny(before, ` "]=`) {
		return "", "", nil, errors.New("the line has something else where the name of a value belongs")
	}
	var b []byte
	for i := 0; i < len(after); i++ {
		switch c := after[i]; {
		case c == '"':
			return string(before), string(b), after[i+1:], nil
		case c == '\\' && i+1 < len(after) && bytes.IndexByte([]byte(`"\]`), after[i+1]) >= 0:
			i++
			b = append(b, after[i])
		default:
			b = append(b, c) // a backslash before anything else is itself
		}
	}
	return "", "", nil, errors.New("the line is cut off in a value")
}

// syslogValue appends the JSON of a value.
func syslogValue(dst []byte, category Category, name, value string) ([]byte, error) {
	switch name {
	case "messageParts", "threatsInfoMap":
		if value == "" {
			value = "null"
		}
		if !jsontext.Value(value).IsValid(decoderOptions()) {
			return nil, fmt.Errorf("the value of %s is no JSON", name)
		}
		return append(dst, value...), nil
	case "recipient", "fromAddress", "replyToAddress", "toAddresses", "ccAddresses", "modulesRun", "policyRoutes":
		if value == "null" || category != Delivered && category != Blocked {
			break
		}
		dst = append(dst, '[')
		for i, element := range strings.Split(value, ",") {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = quoted(dst, strings.TrimSpace(element))
		}
		return append(dst, ']'), nil
	}
	if value == "null" {
		return append(dst, value...), nil
	}
	return quoted(dst, value), nil
}

func quoted(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(s, "\uFFFD")) // which is the only error that there can be
	return dst
}

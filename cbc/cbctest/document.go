package cbctest

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// document is something that a query can find.
type document struct {
	wire   map[string]any      // what can be sent
	hidden map[string][]string // what can be searched besides; it wins over wire
	bare   []string            // where a value without a field is looked for
	stored int                 // how many stored events it stands for; at least one
	time   time.Time           // when it happened
}

// fieldKind is how the values of a field are compared.
type fieldKind int

const (
	fieldWord fieldKind = iota // as a whole, whatever the case
	fieldHash                  // as a whole
	fieldPath                  // also by the names that it is made of
	fieldText                  // also by words
	fieldNumber
	fieldTime
	fieldFlag
)

// kindOfField goes by the names that the services use.
func kindOfField(field string) (fieldKind, bool) {
	switch field {
	case "hash", "sha256_hash":
		return fieldHash, true
	case "process_name", "parent_name", "process_loaded_script_name", "name", "process_username", "login_user_name":
		return fieldPath, true
	case "process_cmdline", "parent_cmdline", "os_version", "process_file_description", "process_product_name":
		return fieldText, true
	case "id", "device_id", "device_policy_id", "device_group_id", "process_pid", "parent_pid", "ingress_time", "policy_id",
		"netconn_port", "netconn_local_port", "netconn_remote_port":
		return fieldNumber, true
	case "enriched", "legacy", "process_terminated", "process_elevated", "quarantined", "passive_mode", "policy_override":
		return fieldFlag, true
	case "process_start_time", "process_end_time", "create_time", "last_contact_time", "last_reported_time", "registered_time":
		return fieldTime, true
	}
	switch _, suffix, _ := cutLast(field, '_'); suffix {
	case "hash", "sha256", "md5":
		return fieldHash, true
	case "count":
		return fieldNumber, true
	case "timestamp":
		return fieldTime, true
	case "name":
	default:
		return fieldWord, false
	}
	for _, event := range eventTypes() {
		if field == event+"_name" {
			return fieldPath, true
		}
	}
	return fieldWord, false
}

// cutLast cuts around the last of a character.
func cutLast(s string, c byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, c); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// kind is how the values of a field of this document are compared.
func (d document) kind(field string) fieldKind {
	if kind, known := kindOfField(field); known {
		return kind
	}
	switch d.wire[field].(type) {
	case int, int64, float64, []int64:
		return fieldNumber
	case bool:
		return fieldFlag
	default:
		return fieldWord
	}
}

// values are the values of a field as text; there are none of an unknown field.
func (d document) values(field string) []string {
	if v, ok := d.hidden[field]; ok {
		return v
	}
	return texts(d.wire[field])
}

// texts writes a member's value, or its values, as text.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
		return []string{v}
	case []string:
		return v
	case bool:
		return []string{strconv.FormatBool(v)}
	case int:
		return []string{strconv.Itoa(v)}
	case int64:
		return []string{strconv.FormatInt(v, 10)}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	case []int64:
		all := make([]string, 0, len(v))
		for _, n := range v {
			all = append(all, strconv.FormatInt(n, 10))
		}
		return all
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, texts(one)...)
		}
		return all
	default:
		return nil
	}
}

// order3 compares a value with the end of a range, as numbers, times or text.
func order3(kind fieldKind, value, end string) int {
	switch kind {
	case fieldNumber:
		a, err := strconv.ParseFloat(value, 64)
		b, err2 := strconv.ParseFloat(end, 64)
		if err == nil && err2 == nil {
			return cmp.Compare(a, b)
		}
	case fieldTime:
		a, err := time.Parse(time.RFC3339, value)
		b, err2 := time.Parse(time.RFC3339, end)
		if err == nil && err2 == nil {
			return a.Compare(b)
		}
	default:
	}
	return strings.Compare(strings.ToLower(value), strings.ToLower(end))
}

// checkBounds names the end of a range that its field cannot have.
func checkBounds(field string, ends ...string) (string, error) {
	kind, _ := kindOfField(field)
	for _, end := range ends {
		var err error
		switch {
		case end == "*":
		case end == "":
			err = errors.New("empty")
		case kind == fieldNumber:
			_, err = strconv.ParseFloat(end, 64)
		case kind == fieldTime:
			_, err = time.Parse(time.RFC3339, end)
		}
		if err != nil {
			return end, err
		}
	}
	return "", nil
}

// anyOf is the filter of criteria: each field must have one of its values, taken literally.
func anyOf(criteria map[string][]literal, exactCase bool) filter {
	return func(d document) bool {
		for field, wanted := range criteria {
			if len(wanted) > 0 && !d.hasLiteral(field, wanted, exactCase) {
				return false
			}
		}
		return true
	}
}

// noneOf is the filter of exclusions: no field may have one of its values.
func noneOf(exclusions map[string][]literal, exactCase bool) filter {
	return func(d document) bool {
		for field, unwanted := range exclusions {
			if d.hasLiteral(field, unwanted, exactCase) {
				return false
			}
		}
		return true
	}
}

func (d document) hasLiteral(field string, wanted []literal, exactCase bool) bool {
	exact := d.kind(field) == fieldHash && exactCase
	return slices.ContainsFunc(d.values(field), func(v string) bool {
		return slices.ContainsFunc(wanted, func(w literal) bool {
			return v == string(w) || !exact && strings.EqualFold(v, string(w))
		})
	})
}

// literal is a value in criteria: a string, a number or a truth value, as text.
type literal string

// UnmarshalJSON reads a value that is neither null nor made of others.
func (l *literal) UnmarshalJSON(data []byte) error {
	text := string(data)
	switch text[0] {
	case '"':
		return json.Unmarshal(data, (*string)(l))
	case '{', '[', 'n':
		return errors.New("a value of criteria is a string, a number, true or false")
	default:
		*l = literal(text)
		return nil
	}
}

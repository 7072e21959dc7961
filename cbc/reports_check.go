package cbc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Validate finds what the vendor would refuse, and what it would take and never match. The error names everything. Reports are
// checked before they are written; there is no need to call it.
func (r Report) Validate() error {
	var problems []error
	complain := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("report %q: "+format, append([]any{printable(string(r.ID))}, args...)...))
	}
	id := string(r.ID)
	if id == "" || id == "." || id == ".." || url.PathEscape(id) != id {
		complain("the id must be letters, digits and characters that need no escaping")
	}
	if !r.Timestamp.IsZero() && r.Timestamp.Unix() <= 0 {
		complain("the timestamp lies before 1970")
	}
	if strings.TrimSpace(r.Title) == "" {
		complain("the title is empty")
	}
	if strings.TrimSpace(r.Description) == "" {
		complain("the description is empty")
	}
	if r.Severity < 1 || r.Severity > 10 {
		complain("the severity %d is not 1 to 10", r.Severity)
	}
	for _, text := range append([]string{r.Title, r.Description, r.Link, r.Visibility}, r.Tags...) {
		if !utf8.ValidString(text) {
			complain("a text is not UTF-8")
			break
		}
	}
	switch {
	case len(r.IOCs) == 0:
		complain("there is no indicator")
	case len(r.IOCs) > MaxIOCs:
		complain("%d indicators are more than %d", len(r.IOCs), MaxIOCs)
		return errors.Join(problems...)
	}
	seen := make(map[string]bool, len(r.IOCs))
	for _, ioc := range r.IOCs {
		if seen[ioc.ID] {
			complain("two indicators have the id %q", printable(ioc.ID))
		}
		seen[ioc.ID] = true
		if err := ioc.check(); err != nil {
			complain("indicator %q: %w", printable(ioc.ID), err)
		}
	}
	return errors.Join(problems...)
}

func (i IOC) check() error {
	var problems []error
	if i.ID == "" || !utf8.ValidString(i.ID) || !utf8.ValidString(i.Link) {
		problems = append(problems, errors.New("the id is empty or a text is not UTF-8"))
	}
	switch i.MatchType {
	case MatchEquality, MatchRegex:
		if !isFieldName(i.Field) {
			problems = append(problems, fmt.Errorf("%q is no field name", i.Field))
		}
	case MatchQuery:
		if i.Field != "" {
			problems = append(problems, errors.New("a query has no field of its own"))
		}
		if len(i.Values) != 1 {
			problems = append(problems, fmt.Errorf("a query has one value, not %d", len(i.Values)))
		}
	default:
		problems = append(problems, fmt.Errorf("%q is no match type", string(i.MatchType)))
	}
	if len(i.Values) == 0 {
		problems = append(problems, errors.New("there is no value"))
	}
	for _, v := range i.Values {
		if err := i.checkValue(v); err != nil {
			problems = append(problems, fmt.Errorf("value %q: %w", printable(v), err))
		}
	}
	return errors.Join(problems...)
}

// checkValue refuses values that never match: the vendor takes them without a word.
func (i IOC) checkValue(v string) error {
	switch {
	case strings.TrimSpace(v) == "":
		return errors.New("it is empty")
	case !utf8.ValidString(v):
		return errors.New("it is not UTF-8")
	case i.MatchType != MatchEquality:
		return nil
	case strings.TrimSpace(v) != v || strings.ContainsFunc(v, unicode.IsControl):
		return errors.New("spaces at its ends or a line break keep it from matching")
	}
	switch {
	case i.Field == "md5" || i.Field == "hash" || strings.HasSuffix(i.Field, "_hash") || strings.HasSuffix(i.Field, "_md5") || strings.HasSuffix(i.Field, "_sha256"):
		if raw, err := hex.DecodeString(v); err != nil || len(raw) != 16 && len(raw) != 32 || strings.ToLower(v) != v {
			return errors.New("a hash is 32 or 64 hexadecimal digits in lower case")
		}
	case strings.HasSuffix(i.Field, "_ipv4"):
		if addr, err := netip.ParseAddr(v); err != nil || !addr.Is4() {
			return errors.New("it is no single IPv4 address; a network takes a query")
		}
	case strings.HasSuffix(i.Field, "_ipv6"):
		if raw, err := hex.DecodeString(v); err != nil || len(raw) != 16 || strings.ToUpper(v) != v {
			return errors.New("an IPv6 address is 32 hexadecimal digits in upper case, without colons")
		}
	}
	return nil
}

package cbctest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// feedInfo is a feed on the wire, both ways. Pointers tell members that were not sent from empty ones.
type feedInfo struct {
	Name        *string `json:"name"`
	Owner       *string `json:"owner"`
	ProviderURL *string `json:"provider_url"`
	Summary     *string `json:"summary"`
	Category    *string `json:"category"`
	SourceLabel *string `json:"source_label"`
	Access      *string `json:"access"`
	ID          *string `json:"id"`
	Alertable   *bool   `json:"alertable,omitempty"`
}

// reportJSON is a report on the wire, both ways.
type reportJSON struct {
	ID          string    `json:"id"`
	Timestamp   int64     `json:"timestamp"`
	Title       *string   `json:"title"`
	Description *string   `json:"description"`
	Severity    *int      `json:"severity"`
	Link        *string   `json:"link"`
	Tags        []string  `json:"tags"`
	IOCs        *oldIOCs  `json:"iocs"`
	IOCsV2      []iocJSON `json:"iocs_v2"`
	Visibility  *string   `json:"visibility"`
}

// iocJSON is an indicator on the wire, both ways.
type iocJSON struct {
	ID        string   `json:"id"`
	MatchType string   `json:"match_type"`
	Values    []string `json:"values"`
	Field     *string  `json:"field,omitempty"`
	Link      *string  `json:"link"`
}

// oldIOCs is the first form of indicators, which the service still takes.
type oldIOCs struct {
	MD5   []string   `json:"md5,omitempty"`
	IPv4  []string   `json:"ipv4,omitempty"`
	IPv6  []string   `json:"ipv6,omitempty"`
	DNS   []string   `json:"dns,omitempty"`
	Query []oldQuery `json:"query,omitempty"`
}

type oldQuery struct {
	IndexType   string `json:"index_type"`
	SearchQuery string `json:"search_query"`
}

// filled turns an empty string into null.
func filled(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// value reads a string that may be null.
func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// feedOnWire writes a feed without its reports.
func (s *Server) feedOnWire(f *Feed) feedInfo {
	info := feedInfo{
		Name: &f.Name, Owner: &f.Owner, ProviderURL: &f.ProviderURL, Summary: &f.Summary, Category: &f.Category,
		SourceLabel: filled(f.SourceLabel), Access: &f.Access, ID: &f.ID,
	}
	if !s.switches.Feeds.OmitAlertable {
		info.Alertable = new(!f.Muted)
	}
	return info
}

// reportOnWire writes a report; whatever is unset is null.
func reportOnWire(r Report) reportJSON {
	out := reportJSON{
		ID: r.ID, Timestamp: r.Timestamp, Title: &r.Title, Description: &r.Description, Severity: &r.Severity,
		Link: filled(r.Link), Tags: r.Tags, Visibility: filled(r.Visibility),
	}
	for _, ioc := range r.IOCs {
		out.IOCsV2 = append(out.IOCsV2, iocJSON{
			ID: ioc.ID, MatchType: ioc.MatchType, Values: ioc.Values, Field: filled(ioc.Field), Link: filled(ioc.Link),
		})
	}
	return out
}

// reportsOnWire writes the reports of a feed; none is an empty array.
func reportsOnWire(reports []Report) []reportJSON {
	out := make([]reportJSON, 0, len(reports))
	for _, r := range reports {
		out = append(out, reportOnWire(r))
	}
	return out
}

// report reads a report as it came. Indicators in the old form become ones in the new.
func (r reportJSON) report() Report {
	out := Report{
		ID: r.ID, Timestamp: r.Timestamp, Title: value(r.Title), Description: value(r.Description), Link: value(r.Link),
		Tags: r.Tags, Visibility: value(r.Visibility),
	}
	if r.Severity != nil {
		out.Severity = *r.Severity
	}
	for _, ioc := range r.IOCsV2 {
		out.IOCs = append(out.IOCs, IOC{
			ID: ioc.ID, MatchType: ioc.MatchType, Values: ioc.Values, Field: value(ioc.Field), Link: value(ioc.Link),
		})
	}
	if r.IOCs != nil {
		out.IOCs = append(out.IOCs, r.IOCs.converted()...)
	}
	return out
}

// converted is the new form of old indicators.
func (o oldIOCs) converted() []IOC {
	lists := map[string][]string{
		"md5": o.MD5, "netconn_ipv4": o.IPv4, "netconn_ipv6": o.IPv6, "netconn_domain": o.DNS,
	}
	var out []IOC
	for _, field := range slices.Sorted(maps.Keys(lists)) {
		if len(lists[field]) > 0 {
			out = append(out, IOC{ID: "v1-" + field, MatchType: "equality", Field: field, Values: lists[field]})
		}
	}
	for i, q := range o.Query {
		id := "v1-query-" + strconv.Itoa(i)
		out = append(out, IOC{ID: id, MatchType: "query", Values: []string{q.SearchQuery}})
	}
	return out
}

// check says what is wrong with a report. Only feeds need an id from the client.
func (r reportJSON) check(inFeed bool) error {
	switch {
	case inFeed && r.ID == "":
		return errors.New("a report needs an id")
	case r.Timestamp <= 0:
		return errors.New("a report needs a timestamp in seconds since 1970")
	case value(r.Title) == "":
		return errors.New("a report needs a title")
	case r.Description == nil:
		return errors.New("a report needs a description")
	case r.Severity == nil || *r.Severity < 1 || *r.Severity > 10:
		return errors.New("a report needs a severity from 1 to 10")
	}
	seen := map[string]bool{}
	for _, ioc := range r.IOCsV2 {
		if err := ioc.check(); err != nil {
			return err
		}
		if seen[ioc.ID] {
			return fmt.Errorf("the indicator id %q is there twice", ioc.ID)
		}
		seen[ioc.ID] = true
	}
	return nil
}

// check says what is wrong with an indicator.
func (i iocJSON) check() error {
	if i.ID == "" {
		return errors.New("an indicator needs an id")
	}
	switch i.MatchType {
	case "equality", "regex":
		if value(i.Field) == "" {
			return fmt.Errorf("the indicator %q needs a field", i.ID)
		}
	case "query":
		if i.Field != nil {
			return fmt.Errorf("the indicator %q is a query and takes no field", i.ID)
		}
		if len(i.Values) > 1 {
			return fmt.Errorf("the indicator %q is a query and takes one value", i.ID)
		}
	default:
		return fmt.Errorf("the indicator %q has no known match_type", i.ID)
	}
	if len(i.Values) == 0 {
		return fmt.Errorf("the indicator %q needs values", i.ID)
	}
	return nil
}

package cbc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ReportID identifies a report within its feed. The caller chooses it; one that is derived from what the report is about keeps a
// repetition from making another report. Letters, digits and -._~ are safe.
type ReportID string

// Report is a set of indicators with what the console shows about them.
type Report struct {
	// ID is required.
	ID ReportID
	// Timestamp is the date of the report, to the second. Defaults to now when a report is written.
	Timestamp time.Time
	// Title is required.
	Title string
	// Description is required.
	Description string
	// Severity is 1 to 10, and that of the alerts. Required.
	Severity int
	// Link leads to more. With a link, the console does not let anybody edit the report.
	Link string
	// Tags are free text.
	Tags []string
	// IOCs are the indicators: at least one, at most MaxIOCs. The console edits up to a thousand.
	IOCs []IOC
	// Visibility is "visible" or empty.
	Visibility string
}

// MatchType says how the values of an indicator are compared.
type MatchType string

// The ways to compare.
const (
	// MatchEquality compares events with the values as they arrive, letter by letter.
	MatchEquality MatchType = "equality"
	// MatchRegex compares events with regular expressions as they arrive.
	MatchRegex MatchType = "regex"
	// MatchQuery runs a process search every five minutes. Every term of it must name its field.
	MatchQuery MatchType = "query"
)

// IOC is an indicator of a report.
type IOC struct {
	// ID is unique in the report, and named by hits. Required.
	ID string `json:"id"`
	// MatchType is required.
	MatchType MatchType `json:"match_type"`
	// Field is the field to compare, such as process_hash. Required, but for MatchQuery, which must not have one. The vendor takes
	// any name, and one that does not exist never matches.
	Field string `json:"field,omitzero"`
	// Values are what to look for, any of them: at least one, for MatchQuery exactly one.
	Values []string `json:"values"`
	// Link leads to more.
	Link string `json:"link,omitzero"`
}

// HashIOC is the indicator of a program: a process whose executable has the hash.
func HashIOC(hash [32]byte) IOC {
	text := hex.EncodeToString(hash[:])
	return IOC{ID: text, MatchType: MatchEquality, Field: "process_hash", Values: []string{text}}
}

// reportBody is a report as it is written: what is not set is left out, because null is not accepted everywhere.
type reportBody struct {
	ID          ReportID `json:"id,omitzero"`
	Timestamp   int64    `json:"timestamp"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Severity    int      `json:"severity"`
	Link        string   `json:"link,omitzero"`
	Tags        []string `json:"tags,omitzero"`
	IOCs        []IOC    `json:"iocs_v2"`
	Visibility  string   `json:"visibility,omitzero"`
}

func (r Report) body(now time.Time) reportBody {
	if r.Timestamp.IsZero() {
		r.Timestamp = now
	}
	return reportBody{
		ID: r.ID, Timestamp: r.Timestamp.Unix(), Title: r.Title, Description: r.Description, Severity: r.Severity,
		Link: r.Link, Tags: r.Tags, IOCs: r.IOCs, Visibility: r.Visibility,
	}
}

// wireReport is a report as it is read, where most of it can be null. Some answers wrap it.
type wireReport struct {
	ID          string         `json:"id"`
	Timestamp   stamp          `json:"timestamp"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Severity    int            `json:"severity"`
	Link        string         `json:"link"`
	Tags        []string       `json:"tags"`
	IOCs        []wireIOC      `json:"iocs_v2"`
	Visibility  string         `json:"visibility"`
	Wrapped     jsontext.Value `json:"report"`
}

type wireIOC struct {
	ID        string   `json:"id"`
	MatchType string   `json:"match_type"`
	Field     string   `json:"field"`
	Values    []string `json:"values"`
	Link      string   `json:"link"`
}

func (w wireReport) report(op string) (Report, error) {
	if w.ID == "" && w.Wrapped.Kind() == '{' {
		var inner wireReport
		if err := decodeValue(op, w.Wrapped, &inner); err != nil {
			return Report{}, err
		}
		inner.Wrapped = nil
		return inner.report(op)
	}
	if w.ID == "" {
		return Report{}, answerError(op, http.StatusOK, nil, errors.New("a report without an id"))
	}
	r := Report{
		ID: ReportID(w.ID), Timestamp: w.Timestamp.Time, Title: w.Title, Description: w.Description, Severity: w.Severity,
		Link: w.Link, Tags: w.Tags, Visibility: w.Visibility,
	}
	for _, ioc := range w.IOCs {
		r.IOCs = append(r.IOCs, IOC{ID: ioc.ID, MatchType: MatchType(ioc.MatchType), Field: ioc.Field, Values: ioc.Values, Link: ioc.Link})
	}
	return r, nil
}

// Reports returns all reports of a feed, [ErrNotFound] if there is no such feed. The answer is tens of megabytes for a full feed,
// and an error beyond 64 MiB. It needs org.feeds (READ).
//
//api:op GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports
func (f *Feeds) Reports(ctx context.Context, feed FeedID) ([]Report, error) {
	call := f.c.call("feeds.reports", http.MethodGet, "/threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports", string(feed))
	call.Repeatable = true
	wire, err := list[wireReport](ctx, f.c, call)
	if err != nil {
		return nil, unknownID(err)
	}
	return readReports(call.Op, wire)
}

// Report reads one report, [ErrNotFound] if the feed has none with this id. It needs org.feeds (READ).
//
//api:op GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports/{report_id}
func (f *Feeds) Report(ctx context.Context, feed FeedID, id ReportID) (Report, error) {
	call := f.c.call("feeds.report", http.MethodGet,
		"/threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports/{report_id}", string(feed), string(id))
	call.Repeatable = true
	var w wireReport
	if err := f.c.do(ctx, call, &w); err != nil {
		return Report{}, unknownID(err)
	}
	return w.report(call.Op)
}

// PutReport writes one report, new or not, and leaves the others of the feed alone. It sets a state, so it is repeatable. The
// report is checked with [Report.Validate] first, and returned as it was written. The vendor's limit of MaxReports in a feed is
// not checked, since that would take reading all of them. PutReport needs org.feeds (CREATE, UPDATE).
//
//api:op PUT /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports/{report_id}
func (f *Feeds) PutReport(ctx context.Context, feed FeedID, r Report) (Report, error) {
	const op = "feeds.put_report"
	if err := r.Validate(); err != nil {
		return Report{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	body := r.body(f.c.now())
	call := f.c.call(op, http.MethodPut,
		"/threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports/{report_id}", string(feed), string(r.ID))
	call.Body, call.Repeatable = body, true
	if err := f.c.do(ctx, call, nil); err != nil {
		return Report{}, err
	}
	r.Timestamp = time.Unix(body.Timestamp, 0).UTC()
	return r, nil
}

// DeleteReport deletes one report of a feed. One that is not there is [ErrNotFound]. It needs org.feeds (DELETE).
//
//api:op DELETE /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports/{report_id}
func (f *Feeds) DeleteReport(ctx context.Context, feed FeedID, id ReportID) error {
	call := f.c.call("feeds.delete_report", http.MethodDelete,
		"/threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports/{report_id}", string(feed), string(id))
	call.Repeatable = true
	return unknownID(f.c.do(ctx, call, nil))
}

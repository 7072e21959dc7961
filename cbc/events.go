package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"
)

// What a search within a process lets pass while the vendor works.
const (
	// segmentPause is the time between two requests while segments are missing.
	segmentPause = time.Second
	// segmentTries is how often in a row no further segment may be ready.
	segmentTries = 10
)

// eventAnchor is what every event has.
const eventAnchor = "event_type:*"

// EventQuery says which events of a process to find. The zero value finds all.
type EventQuery struct {
	// Query, Criteria and Exclusions choose events as in [ProcessQuery]: cbc.Field("filemod_sha256").SHA256(hash).
	Query      Expr
	Criteria   map[string][]string
	Exclusions map[string][]string
	// Window is how far to look back from now, in whole seconds. Defaults to everything that the vendor holds if Start and End are
	// zero too. For events that are about 30 days.
	Window time.Duration
	// Start and End bound the events instead of Window. Give both or none.
	Start, End time.Time
	// Fields are what each event has; "*" stands for everything, which is the default.
	Fields []string
	// Sort is the order of the events. Defaults to the oldest first.
	Sort []Sort
}

func (q EventQuery) body() (searchBody, error) {
	order, fields := q.Sort, q.Fields
	if len(order) == 0 {
		order = []Sort{{Field: "event_timestamp"}} // pages of an order that nobody knows might overlap
	}
	if len(fields) == 0 {
		fields = []string{"*"}
	}
	body, rowsErr := searchRows(pageRows, fields, order)
	var err error
	body.selectionBody, err = selection{allEvents(q.Query, q.Criteria), q.Criteria, q.Exclusions, q.Window, q.Start, q.End}.orAll().body(eventAnchor)
	return body, errors.Join(err, rowsErr)
}

// allEvents is the query, or one for all events where nothing else is asked for.
func allEvents(query Expr, criteria map[string][]string) Expr {
	if query.IsZero() && len(criteria) == 0 {
		return Field("event_type").Exists()
	}
	return query
}

// segments tell how far a search within a process is: it looks through the events in parts, and the same request has to be made
// until all of them are done.
type segments struct {
	Total     int `json:"total_segments"`
	Processed int `json:"processed_segments"`
}

// untilProcessed asks until all segments are processed. The error is an [*IncompleteError] if they never are; what was asked for last
// is then good as far as it goes.
func untilProcessed(ctx context.Context, op string, ask func() (segments, Status, error)) error {
	best := -1
	for tries := 0; ; tries++ {
		done, status, err := ask()
		switch {
		case err != nil:
			return err
		case done.Processed >= done.Total:
			return nil
		case done.Processed > best:
			best, tries = done.Processed, 0
		}
		status.Contacted, status.Completed, status.Finished = done.Total, done.Processed, false
		if tries >= segmentTries {
			return &IncompleteError{Op: op, Status: status, Err: fmt.Errorf("no further segment in %d tries", tries)}
		}
		if err := sleep(ctx, segmentPause); err != nil {
			return &IncompleteError{Op: op, Status: status, Err: err}
		}
	}
}

// Events yields what a process did. The vendor keeps events in segments that it looks through while it is asked again, once a second;
// events are yielded when all segments are done. It yields at most one error, last: an [*IncompleteError] if segments stayed away or
// events cannot be read, and an [ErrTruncated] for more than the 10,000 events that a search reaches. A process that is not known
// has no events, which is no error. Raw events need Enterprise EDR; an organization without it may find none. It needs
// org.search.events (READ, and perhaps CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/events/{process_guid}/_search
func (p *Processes) Events(ctx context.Context, guid ProcessGUID, q EventQuery) iter.Seq2[Event, error] {
	const op = "processes.events"
	return func(yield func(Event, error) bool) {
		body, err := q.body()
		if err := errors.Join(checkID(op, "process GUID", guid), err); err != nil {
			yield(Event{}, err)
			return
		}
		var last searchPage
		var missing error // segments of a page
		next := func(seen int) (searchPage, error) {
			body.Start, body.Rows = seen, min(pageRows, MaxRows-seen)
			var answer struct {
				listingPage
				segments
			}
			err := untilProcessed(ctx, op, func() (segments, Status, error) {
				call := p.c.call(op, http.MethodPost, "/api/investigate/v2/orgs/{org_key}/events/{process_guid}/_search", string(guid))
				call.Body, call.Repeatable = body, true
				answer.listingPage, answer.segments = listingPage{}, segments{}
				err := p.c.do(ctx, call, &answer)
				return answer.segments, answer.status(), err
			})
			if incomplete, ok := errors.AsType[*IncompleteError](err); ok && ctx.Err() == nil {
				missing, err = incomplete, nil
			}
			if err == nil {
				last, err = answer.page(op)
			}
			return last, err
		}
		first, err := next(0)
		if err != nil {
			yield(Event{}, err)
			return
		}
		r := rowReader[Event]{decode: decodeEvent, next: next}
		if !r.read(first, yield) {
			return
		}
		if err := r.verdict(op, last); r.trouble == nil && missing != nil {
			yield(Event{}, missing)
		} else if err != nil {
			yield(Event{}, err)
		}
	}
}

// EventFacets counts values in the events of a process, all of them unless q says otherwise. Like [Processes.Events] it asks until
// all segments are done; counts of fewer come together with an [*IncompleteError]. It needs org.search.events (READ, and perhaps
// CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/events/{process_guid}/_facet
func (p *Processes) EventFacets(ctx context.Context, guid ProcessGUID, q FacetQuery) (Facets, error) {
	const op = "processes.event_facets"
	q.Query = allEvents(q.Query, q.Criteria)
	if s := (selection{window: q.Window, start: q.Start, end: q.End}).orAll(); s.window != 0 {
		q.Window = s.window
	}
	body, err := q.body(eventAnchor)
	if err := errors.Join(checkID(op, "process GUID", guid), err); err != nil {
		return Facets{}, err
	}
	var last facetAnswer
	incomplete := untilProcessed(ctx, op, func() (segments, Status, error) {
		call := p.c.call(op, http.MethodPost, "/api/investigate/v2/orgs/{org_key}/events/{process_guid}/_facet", string(guid))
		call.Body, call.Repeatable = body, true
		var answer struct {
			facetAnswer
			segments
		}
		err := p.c.do(ctx, call, &answer)
		last = answer.facetAnswer
		return answer.segments, answer.status(), err
	})
	if incomplete != nil && (ctx.Err() != nil || !errors.Is(incomplete, ErrIncomplete)) {
		return Facets{}, incomplete
	}
	return last.result(op, incomplete)
}

// ValidateEvents is [Processes.Validate] for expressions that search events. It needs org.search.events (READ).
//
//api:op POST /api/investigate/v1/orgs/{org_key}/events/search_validation
func (p *Processes) ValidateEvents(ctx context.Context, e Expr) error {
	return p.c.validate(ctx, "processes.validate_events", "/api/investigate/v1/orgs/{org_key}/events/search_validation", e, eventAnchor)
}

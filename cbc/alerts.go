package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// alertPage is how many alerts are read at a time, as the vendor's own SDK does.
const alertPage = 100

// Alerts reads alerts and says what has become of them.
type Alerts struct{ c *core }

// AlertQuery says which alerts. The values of a field are alternatives; all fields must match. The zero value is every alert of the
// last two weeks.
type AlertQuery struct {
	IDs       []AlertID
	Types     []AlertType
	Statuses  []WorkflowStatus
	ThreatIDs []ThreatID
	DeviceIDs []DeviceID
	// ProcessSHA256 are hashes of the executable that raised the alert.
	ProcessSHA256 [][32]byte
	// MinimumSeverity is from 1 to 10. Defaults to none.
	MinimumSeverity int
	// Criteria are further fields with the values that they may have, taken literally, such as "report_name". Exclusions are those
	// that they must not have.
	Criteria   map[string][]string
	Exclusions map[string][]string
	// Query is a search expression. One that only excludes finds nothing here: use Exclusions.
	Query Expr
	// Window is how far to look back from now, in whole seconds. If Start and End are zero too, it defaults to DefaultWindow, or for
	// alerts whose IDs are given to everything that the vendor holds.
	Window time.Duration
	// Start and End bound the alerts instead of Window. Give both or none.
	Start, End time.Time
	// Rows is the size of a page, for a search alone. Defaults to 100.
	Rows int
	// Sort is the order, for a search alone. Defaults to the newest detection first.
	Sort []Sort
}

// alertBody is a selection of alerts on the wire.
type alertBody struct {
	Criteria   map[string]any      `json:"criteria,omitzero"`
	Exclusions map[string][]string `json:"exclusions,omitzero"`
	Query      string              `json:"query,omitzero"`
	TimeRange  spanBody            `json:"time_range"`
}

// spanBody is a span of time as some services want it: like a timeRange, with another word for the window.
type spanBody struct {
	Range string `json:"range,omitzero"`
	Start string `json:"start,omitzero"`
	End   string `json:"end,omitzero"`
}

// criteria are those of the query, typed and others.
func (q AlertQuery) criteria() (map[string]any, error) {
	typed := map[string]any{}
	put := func(field string, n int, values any) {
		if n > 0 {
			typed[field] = values
		}
	}
	put("id", len(q.IDs), q.IDs)
	put("type", len(q.Types), q.Types)
	put("workflow_status", len(q.Statuses), q.Statuses)
	put("threat_id", len(q.ThreatIDs), q.ThreatIDs)
	put("device_id", len(q.DeviceIDs), q.DeviceIDs)
	put("process_sha256", len(q.ProcessSHA256), hexadecimal(q.ProcessSHA256))
	for field, values := range q.Criteria {
		if _, twice := typed[field]; twice || field == "minimum_severity" {
			return nil, fmt.Errorf("cbc: query: %s is in Criteria and has a field of its own", field)
		}
		typed[field] = values
	}
	return typed, nil
}

func (q AlertQuery) body() (alertBody, error) {
	body := alertBody{Exclusions: q.Exclusions}
	var err error
	body.Criteria, err = q.criteria()
	problems := []error{err, checkCriteria(q.Criteria), checkCriteria(q.Exclusions)}
	if slices.Contains(q.IDs, "") || slices.Contains(q.ThreatIDs, "") || slices.Contains(q.Types, "") || slices.Contains(q.Statuses, "") {
		problems = append(problems, errors.New("cbc: query: an id, a type or a status is empty"))
	}
	if slices.ContainsFunc(q.DeviceIDs, func(id DeviceID) bool { return id <= 0 }) {
		problems = append(problems, errors.New("cbc: query: a device id is zero or below"))
	}
	switch {
	case q.MinimumSeverity < 0 || q.MinimumSeverity > 10:
		problems = append(problems, fmt.Errorf("cbc: query: MinimumSeverity is %d: want 1 to 10", q.MinimumSeverity))
	case q.MinimumSeverity > 0 && body.Criteria != nil:
		body.Criteria["minimum_severity"] = q.MinimumSeverity
	}
	if !q.Query.IsZero() {
		body.Query, err = q.Query.buildFor("")
		problems = append(problems, err)
	}
	span := selection{window: q.Window, start: q.Start, end: q.End}
	if len(q.IDs) > 0 {
		span = span.orAll()
	}
	reach, err := span.timeRange()
	body.TimeRange = spanBody{Range: reach.Window, Start: reach.Start, End: reach.End}
	if err := errors.Join(append(problems, err)...); err != nil {
		return alertBody{}, err
	}
	return body, nil
}

// Search yields the alerts that q describes. It yields at most one error, last. The vendor lets a search reach 10,000 alerts; one
// that finds more ends with an [ErrTruncated]: narrow the span. Alerts that are raised or changed meanwhile can move between pages;
// one that comes again is left out. It needs org.alerts (READ).
//
//api:op POST /api/alerts/v7/orgs/{org_key}/alerts/_search
func (a *Alerts) Search(ctx context.Context, q AlertQuery) iter.Seq2[Alert, error] {
	const op = "alerts.search"
	return func(yield func(Alert, error) bool) {
		selected, err := q.body()
		size, order := q.Rows, q.Sort
		if size == 0 {
			size = alertPage
		}
		if len(order) == 0 {
			order = []Sort{{Field: "detection_timestamp", Descending: true}}
		}
		body := struct {
			alertBody
			Rows  int      `json:"rows"`
			Start int      `json:"start,omitzero"` // from 1, which is left out
			Sort  []sortBy `json:"sort"`
		}{alertBody: selected}
		var sortErr error
		body.Sort, sortErr = sortBody(order)
		if size < 0 || size > MaxRows {
			err = errors.Join(err, fmt.Errorf("cbc: alerts.search: Rows is %d: want 1 to %d", q.Rows, MaxRows))
		}
		if err := errors.Join(err, sortErr); err != nil {
			yield(Alert{}, err)
			return
		}
		known := make(map[AlertID]bool)
		listing[Alert]{
			op: op, decode: decodeAlert,
			known: func(alert Alert) bool {
				before := known[alert.ID]
				known[alert.ID] = true
				return before
			},
			call: func(seen int) rest.Call {
				body.Rows = min(size, MaxRows-seen)
				if seen > 0 {
					body.Start = seen + 1
				}
				call := a.c.call(op, http.MethodPost, "/api/alerts/v7/orgs/{org_key}/alerts/_search")
				call.Body, call.Repeatable = body, true
				return call
			},
		}.all(ctx, a.c)(yield)
	}
}

// Get reads an alert, [ErrNotFound] if there is none. It needs org.alerts (READ).
//
//api:op GET /api/alerts/v7/orgs/{org_key}/alerts/{alert_id}
func (a *Alerts) Get(ctx context.Context, id AlertID) (Alert, error) {
	const op = "alerts.get"
	if err := checkID(op, "alert id", id); err != nil {
		return Alert{}, err
	}
	call := a.c.call(op, http.MethodGet, "/api/alerts/v7/orgs/{org_key}/alerts/{alert_id}", string(id))
	call.Repeatable = true
	var raw jsontext.Value
	if err := a.c.do(ctx, call, &raw); err != nil {
		return Alert{}, err
	}
	alert, err := decodeAlert(raw, forgiving())
	if err == nil && alert.ID != id {
		err = fmt.Errorf("it is about alert %s", printable(string(alert.ID)))
	}
	if err != nil {
		return Alert{}, answerError(op, http.StatusOK, raw, err)
	}
	return alert, nil
}

// AlertFacetQuery says what to count in which alerts.
type AlertFacetQuery struct {
	// AlertQuery chooses the alerts. Its Rows and Sort must be zero.
	AlertQuery
	// Terms are fields whose values are counted, such as "type" or "device_id". Required.
	Terms []string
	// Values is how many values of each field are told, the most frequent. Defaults to all.
	Values int
}

// Facets counts values in alerts. A field that the vendor cannot count is an [*APIError] with the code INVALID_ENUM_VALUE. It needs
// org.alerts (READ).
//
//api:op POST /api/alerts/v7/orgs/{org_key}/alerts/_facet
func (a *Alerts) Facets(ctx context.Context, q AlertFacetQuery) ([]Facet, error) {
	const op = "alerts.facets"
	selected, err := q.body()
	body := struct {
		alertBody
		Terms struct {
			Fields []string `json:"fields"`
			Rows   int      `json:"rows"` // 0 stands for all
		} `json:"terms"`
	}{alertBody: selected}
	body.Terms.Fields, body.Terms.Rows = q.Terms, q.Values
	problems := []error{err, checkFacetFields(q.Terms, q.Values), q.noPages(op)}
	if len(q.Terms) == 0 {
		problems = append(problems, errors.New("cbc: query: Terms does not say what to count"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	call := a.c.call(op, http.MethodPost, "/api/alerts/v7/orgs/{org_key}/alerts/_facet")
	call.Body, call.Repeatable = body, true
	var answer struct {
		Results *[]jsontext.Value `json:"results"`
	}
	if err := a.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Results == nil {
		return nil, answerError(op, http.StatusOK, nil, errors.New("no results"))
	}
	facets, err := facetAnswer{Terms: *answer.Results}.facets(op)
	return facets.Terms, err
}

// noPages refuses what has no meaning but in a search.
func (q AlertQuery) noPages(op string) error {
	if q.Rows != 0 || len(q.Sort) != 0 {
		return fmt.Errorf("cbc: %s: Rows and Sort are for searches", op)
	}
	return nil
}

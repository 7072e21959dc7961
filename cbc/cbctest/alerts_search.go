package cbctest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultAlerts is how many alerts a search answers with unless it says otherwise.
const defaultAlerts = 10

// maxAlerts is how many alerts can be paged through.
const maxAlerts = 10_000

// alertSelection says which alerts a call is about.
type alertSelection struct {
	Criteria   criteria     `json:"criteria"`
	Exclusions criteria     `json:"exclusions"`
	Query      string       `json:"query"`
	TimeRange  *contactTime `json:"time_range"`
	Sort       []sortBy     `json:"sort"`
}

// empty says whether the selection leaves the choice to the service.
func (in alertSelection) empty() bool {
	return len(in.Criteria) == 0 && len(in.Exclusions) == 0 && strings.TrimSpace(in.Query) == "" && in.TimeRange == nil
}

// alertMatch is a selection that was understood.
type alertMatch struct {
	query    filter
	from, to time.Time
	minimum  int // severity
	criteria map[string]filter
	excluded map[string]filter
}

// alertForm is how a field of alerts is given in criteria. The caller holds the lock.
func (s *Server) alertForm() func(string) fieldForm {
	known := s.knownAlertFields()
	return func(field string) fieldForm {
		switch {
		case field == "alert_notes_present" || field == "threat_notes_present" || field == "remote_is_private":
			return formValue
		case strings.HasSuffix(field, "_timestamp") && slices.Contains(known, field):
			return formTime
		case slices.Contains(known, field):
			return formList
		default:
			return noField
		}
	}
}

// knownAlertFields are the fields of alerts with those that only alerts of this world have. The caller holds the lock.
func (s *Server) knownAlertFields() []string {
	known := alertFields()
	for _, a := range s.alerts.alerts {
		known = append(known, slices.Sorted(maps.Keys(a.Extra))...)
	}
	return known
}

// understandAlerts checks a selection. The caller holds the lock.
func (s *Server) understandAlerts(in alertSelection) (*alertMatch, error) {
	now := s.now()
	m := &alertMatch{query: func(document) bool { return true }, from: now.Add(-s.switches.Alerts.DefaultWindow), to: now}
	wanted := maps.Clone(in.Criteria)
	if raw, ok := wanted["minimum_severity"]; ok {
		n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
		if err != nil || n < 1 || n > 10 {
			return nil, errors.New("criteria.minimum_severity is not between 1 and 10")
		}
		m.minimum = n
		delete(wanted, "minimum_severity")
	}
	var err error
	if m.criteria, err = wanted.understand("criteria", s.alertForm(), now); err != nil {
		return nil, err
	}
	if m.excluded, err = in.Exclusions.understand("exclusions", s.alertForm(), now); err != nil {
		return nil, err
	}
	if raw, ok := wanted["workflow_status"]; ok {
		var statuses []string
		if err := json.Unmarshal(raw, &statuses); err != nil {
			return nil, errors.New("criteria.workflow_status is not a list of words")
		}
		for i, status := range statuses {
			if !slices.Contains(alertStatuses(), status) {
				return nil, &enumError{field: fmt.Sprintf("criteria.workflow_status[%d]", i), value: status, known: alertStatuses()}
			}
		}
	}
	if in.TimeRange != nil {
		if m.from, m.to, err = in.TimeRange.span("time_range", now); err != nil {
			return nil, err
		}
	}
	for _, by := range in.Sort {
		if by.Order != "ASC" && by.Order != "DESC" || !slices.Contains(s.knownAlertFields(), by.Field) {
			return nil, errors.New("sort takes a field of alerts and the order ASC or DESC")
		}
	}
	if strings.TrimSpace(in.Query) != "" {
		q, err := parseQuery(in.Query, dialect{phrases: true})
		if err != nil {
			return nil, err
		}
		m.query = q.match
	}
	return m, nil
}

// wants says whether an alert is one that was selected; a field can be left out of account.
func (m *alertMatch) wants(a *alert, d document, without string) bool {
	if a.Severity < m.minimum || d.time.Before(m.from) || d.time.After(m.to) || !m.query(d) {
		return false
	}
	for field, match := range m.criteria {
		if field != without && !match(d) {
			return false
		}
	}
	for field, match := range m.excluded {
		if field != without && match(d) {
			return false
		}
	}
	return true
}

// selectAlerts are the alerts that were selected, with their documents. The caller holds the lock.
func (s *Server) selectAlerts(m *alertMatch, without string) ([]*alert, []document) {
	s.advanceServiceJobs()
	var alerts []*alert
	var documents []document
	for _, a := range s.alerts.alerts {
		if d := s.alertDocument(a); m.wants(a, d, without) {
			alerts, documents = append(alerts, a), append(documents, d)
		}
	}
	return alerts, documents
}

// badAlerts answers 400 to a call about alerts that was not understood.
func (s *Server) badAlerts(w http.ResponseWriter, err error) {
	if enum, ok := errors.AsType[*enumError](err); ok {
		s.badEnum(w, enum.field, enum.value, enum.known)
		return
	}
	s.badSearch(w, err)
}

func (s *Server) searchAlerts(w http.ResponseWriter, r *http.Request) {
	var in struct {
		alertSelection
		Rows    *int     `json:"rows"`
		Start   int      `json:"start"`
		GroupBy *groupBy `json:"group_by"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	rows, start := defaultAlerts, max(in.Start, 1)
	if in.Rows != nil {
		rows = *in.Rows
	}
	if rows < 0 || rows > maxAlerts || in.Start < 0 {
		s.badRequest(w, fmt.Sprintf("rows is not between 0 and %d, or start is negative", maxAlerts))
		return
	}
	m, err := s.understandAlerts(in.alertSelection)
	if err != nil {
		s.badAlerts(w, err)
		return
	}
	field := ""
	if in.GroupBy != nil {
		if field = strings.ToLower(in.GroupBy.Field); !slices.Contains(s.knownAlertFields(), field) {
			s.badEnum(w, "group_by.field", in.GroupBy.Field, s.knownAlertFields())
			return
		}
	}
	if start-1+rows > maxAlerts {
		s.fail(w, http.StatusInternalServerError, "INTERNAL_SERVER_ERROR",
			fmt.Sprintf("cbctest: alerts beyond the first %d cannot be reached", maxAlerts))
		return
	}
	_, found := s.selectAlerts(m, "")
	ordered(found, in.Sort, "backend_timestamp")
	results := []map[string]any{}
	for _, d := range found {
		results = append(results, d.wire)
	}
	answer := map[string]any{}
	if in.GroupBy != nil {
		answer["group_by_total_count"] = len(results)
		results = grouped(found, field)
	}
	from := min(start-1, len(results))
	answer["results"] = results[from:min(from+rows, len(results))]
	answer["num_found"], answer["num_available"] = len(results), min(maxAlerts, len(results))
	s.reply(w, http.StatusOK, answer)
}

// facetAlerts counts the values of fields. Unless told otherwise it counts the selected alerts; with filter_values false it
// leaves the criteria of a field out of account where it counts that field.
func (s *Server) facetAlerts(w http.ResponseWriter, r *http.Request) {
	var in struct {
		alertSelection
		Terms        facetTerms `json:"terms"`
		FilterValues *bool      `json:"filter_values"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	m, err := s.understandAlerts(in.alertSelection)
	if err != nil {
		s.badAlerts(w, err)
		return
	}
	rows := 0
	if in.Terms.Rows != nil {
		rows = *in.Terms.Rows
	}
	if len(in.Terms.Fields) == 0 || rows < 0 || rows > maxAlerts {
		s.badRequest(w, fmt.Sprintf("terms.fields is empty, or terms.rows is not between 0 and %d", maxAlerts))
		return
	}
	results := []map[string]any{}
	for i, name := range in.Terms.Fields {
		field := strings.ToLower(name)
		if !slices.Contains(s.knownAlertFields(), field) {
			known := s.knownAlertFields()
			for i := range known {
				known[i] = strings.ToUpper(known[i])
			}
			s.badEnum(w, fmt.Sprintf("terms.fields[%d]", i), name, known)
			return
		}
		without := ""
		if in.FilterValues != nil && !*in.FilterValues {
			without = field
		}
		_, found := s.selectAlerts(m, without)
		results = append(results, map[string]any{"field": field, "values": termsOf(found, field, rows)})
	}
	s.reply(w, http.StatusOK, map[string]any{"results": results})
}

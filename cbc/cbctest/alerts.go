package cbctest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"
)

// alert is an alert with what became of it. The server's lock guards it.
type alert struct {
	Alert
	workflow      change // of status and closure reason
	determination change
	raised        time.Time // when it could be found first, at the latest
	updated       time.Time // by a user; zero if never
	history       []map[string]any
}

// change is who changed something, and when.
type change struct {
	at       time.Time
	by, kind string
}

// alertState is the state of alerts and threats. The server's lock guards it.
type alertState struct {
	alerts  []*alert
	threats map[string]*Threat
	// dismissed are the threats whose future alerts are closed from the beginning.
	dismissed map[string]bool
}

// alertsV7 is where the paths of alerts and threats begin.
const alertsV7 = "/api/alerts/v7/orgs/{org_key}"

// registerAlerts sets up the alerts from the world and adds their routes.
func (s *Server) registerAlerts() {
	s.alerts = alertState{threats: map[string]*Threat{}, dismissed: map[string]bool{}}
	for _, t := range s.world.Threats {
		t.Tags, t.Notes = slices.Clone(t.Tags), s.filledNotes(t.Notes)
		s.alerts.threats[t.ID] = &t
	}
	s.addAlerts(s.world.Alerts)
	const (
		read  = "org.alerts:READ"
		notes = "org.alerts.notes:"
		tags  = "org.alerts.tags:"
	)
	s.serve("POST "+alertsV7+"/alerts/_search", read, s.searchAlerts)
	s.serve("POST "+alertsV7+"/alerts/_facet", read, s.facetAlerts)
	s.serve("POST "+alertsV7+"/alerts/_export", read, s.exportAlerts)
	s.serve("GET "+alertsV7+"/alerts/{alert_id}", read, s.getAlert)
	s.serve("GET "+alertsV7+"/alerts/{alert_id}/history", read, s.alertHistory)
	s.serve("POST "+alertsV7+"/alerts/workflow", "org.alerts.close:EXECUTE", s.changeAlerts)
	for _, of := range []string{"/alerts/{alert_id}", "/threats/{threat_id}"} {
		s.serve("GET "+alertsV7+of+"/notes", notes+"READ", s.listNotes)
		s.serve("POST "+alertsV7+of+"/notes", notes+"CREATE", s.addNote)
		s.serve("DELETE "+alertsV7+of+"/notes/{note_id}", notes+"DELETE", s.deleteNote)
	}
	s.serve("GET "+alertsV7+"/threats/{threat_id}/history", read, s.threatHistory)
	s.serve("GET "+alertsV7+"/threats/{threat_id}/tags", tags+"READ", s.listTags)
	s.serve("POST "+alertsV7+"/threats/{threat_id}/tags", tags+"CREATE", s.addTags)
	s.serve("DELETE "+alertsV7+"/threats/{threat_id}/tags/{tag}", tags+"DELETE", s.deleteTag)
	s.serve("GET "+alertsV7+"/alerts/search_suggestions", read, s.suggest(s.alertDocuments), "suggest.q", "suggest.count")
	s.serve("POST /appservices/v6/orgs/{org_key}/threat/workflow/_criteria", "org.alerts.dismiss:EXECUTE", s.dismissThreat)
}

// AddAlerts raises alerts. Their defaults are those of the world file.
func (s *Server) AddAlerts(alerts ...Alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addAlerts(alerts)
}

// Alerts lists the alerts as they are now, with their notes and with the defaults filled in, oldest first.
func (s *Server) Alerts() []Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alertList()
}

func (s *Server) alertList() []Alert {
	s.advanceServiceJobs()
	list := make([]Alert, 0, len(s.alerts.alerts))
	for _, a := range s.alerts.alerts {
		c := a.Alert
		c.Notes = slices.Clone(c.Notes)
		list = append(list, c)
	}
	return list
}

// Threats lists the threats of all alerts with their tags and notes, by id.
func (s *Server) Threats() []Threat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.threatList()
}

func (s *Server) threatList() []Threat {
	list := make([]Threat, 0, len(s.alerts.threats))
	for _, id := range slices.Sorted(maps.Keys(s.alerts.threats)) {
		t := *s.alerts.threats[id]
		t.Tags, t.Notes = slices.Clone(t.Tags), slices.Clone(t.Notes)
		list = append(list, t)
	}
	return list
}

func (s *Server) addAlerts(alerts []Alert) {
	for _, in := range alerts {
		in.ID = cmp.Or(in.ID, s.newUUID("alert"))
		in.Severity = cmp.Or(in.Severity, 5)
		in.ThreatID = cmp.Or(in.ThreatID, madeUp("threat "+in.ID, 0))
		in.Status, in.ClosureReason = cmp.Or(in.Status, alertOpen), cmp.Or(in.ClosureReason, "NO_REASON")
		in.Determination = cmp.Or(in.Determination, "NONE")
		in.Reason = cmp.Or(in.Reason, "A process behaved as malware does")
		if in.Type == "" {
			if in.Type = "CB_ANALYTICS"; in.ReportID != "" {
				in.Type = "WATCHLIST"
			}
		}
		if in.Time.IsZero() {
			in.Time = s.now().Add(-time.Hour)
		}
		if i, ok := s.byGUID[in.ProcessGUID]; ok {
			in.DeviceID = cmp.Or(in.DeviceID, s.processes[i].DeviceID)
		}
		if s.alerts.dismissed[in.ThreatID] {
			in.Status = alertClosed
		}
		in.Notes = s.filledNotes(in.Notes)
		if s.alerts.threats[in.ThreatID] == nil {
			s.alerts.threats[in.ThreatID] = &Threat{ID: in.ThreatID}
		}
		born := change{at: in.Time, by: "ALERT_CREATION", kind: "SYSTEM"}
		a := &alert{Alert: in, workflow: born, determination: born, raised: s.now()}
		if in.Time.After(a.raised) {
			a.raised = in.Time
		}
		for _, n := range in.Notes {
			a.remember("note", noteJSON(n), n.Created)
		}
		s.alerts.alerts = append(s.alerts.alerts, a)
	}
}

// remember adds to an alert's history.
func (a *alert) remember(what string, value any, at time.Time) {
	a.history = append(a.history, map[string]any{what: value, "threat_id": a.ThreatID, "create_time": stamp(at)})
}

// alert finds the alert of the path, or answers 404. The caller holds the lock.
func (s *Server) alert(w http.ResponseWriter, r *http.Request) (*alert, bool) {
	s.advanceServiceJobs()
	for _, a := range s.alerts.alerts {
		if a.ID == r.PathValue("alert_id") {
			return a, true
		}
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "alert not found")
	return nil, false
}

func (s *Server) getAlert(w http.ResponseWriter, r *http.Request) {
	if a, ok := s.alert(w, r); ok {
		s.reply(w, http.StatusOK, s.alertDocument(a).wire)
	}
}

// alertHistory lists what was done about an alert, the latest first.
func (s *Server) alertHistory(w http.ResponseWriter, r *http.Request) {
	if a, ok := s.alert(w, r); ok {
		history := append([]map[string]any{}, a.history...)
		slices.Reverse(history)
		s.reply(w, http.StatusOK, map[string]any{"history": history})
	}
}

// threatHistory lists what was done about the alerts of a threat, the latest first.
func (s *Server) threatHistory(w http.ResponseWriter, r *http.Request) {
	s.advanceServiceJobs()
	t, ok := s.threat(w, r)
	if !ok {
		return
	}
	history := []map[string]any{}
	for _, a := range s.alerts.alerts {
		if a.ThreatID == t.ID {
			history = append(history, a.history...)
		}
	}
	slices.SortStableFunc(history, func(a, b map[string]any) int {
		return cmp.Compare(b["create_time"].(string), a["create_time"].(string)) //nolint:forcetypeassert // remember writes it
	})
	s.reply(w, http.StatusOK, map[string]any{"history": history})
}

// threat finds the threat of the path, or answers 404. The caller holds the lock.
func (s *Server) threat(w http.ResponseWriter, r *http.Request) (*Threat, bool) {
	if t, ok := s.alerts.threats[r.PathValue("threat_id")]; ok {
		return t, true
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "threat not found")
	return nil, false
}

// dismissThreat settles what becomes of the future alerts of a threat. The vendor's SDK does not say which threat it means;
// then nothing comes of it.
func (s *Server) dismissThreat(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ThreatID         string `json:"threat_id"`
		State            string `json:"state"`
		RemediationState string `json:"remediation_state"`
		Comment          string `json:"comment"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	if known := []string{"OPEN", "DISMISSED"}; !slices.Contains(known, in.State) {
		s.badEnum(w, "state", in.State, known)
		return
	}
	if in.ThreatID != "" {
		s.alerts.dismissed[in.ThreatID] = in.State == "DISMISSED"
	}
	s.audit(r, "Set the future alerts of threat "+cmp.Or(in.ThreatID, "(none)")+" to "+in.State)
	s.reply(w, http.StatusOK, map[string]any{
		"state": in.State, "remediation": orNull(in.RemediationState), "comment": orNull(in.Comment), "changed_by": callerID(r),
		"last_update_time": stamp(s.now()),
	})
}

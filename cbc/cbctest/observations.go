package cbctest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Observation is something that the service found remarkable. Nothing is needed.
type Observation struct {
	// ID is observation_id; made up if empty.
	ID string `json:"id,omitempty"`
	// Type is CONTEXTUAL_ACTIVITY (the default), CB_ANALYTICS, TAU_INTELLIGENCE, BLOCKED_HASH or another word.
	Type string `json:"type,omitempty"`
	// Description is observation_description.
	Description string `json:"description,omitempty"`
	// EventType is event_type. Defaults to childproc.
	EventType string `json:"event_type,omitempty"`
	// ProcessGUID is the process. What the world knows of it is part of the observation.
	ProcessGUID string `json:"process_guid,omitempty"`
	// DeviceID is the device; that of the process if it is left out.
	DeviceID int64 `json:"device_id,omitempty"`
	// AlertIDs are the alerts that the observation belongs to.
	AlertIDs []string `json:"alert_ids,omitempty"`
	// ScriptHashes and ScriptNames are the scripts that the process loaded: process_loaded_script_hash and _name.
	ScriptHashes []string `json:"script_hashes,omitempty"`
	ScriptNames  []string `json:"script_names,omitempty"`
	// Time is device_timestamp. Defaults to that of the process, or to an hour before the server was made or the observation
	// was added to it.
	Time time.Time `json:"time,omitzero"`
	// Extra adds or replaces members of the observation; they can be searched as well. A nil value is null on the wire.
	Extra map[string]any `json:"extra,omitempty"`
	// Omit leaves members out, for example "process_username".
	Omit []string `json:"omit,omitempty"`
}

// registerObservations sets up the observations from the world and adds their routes.
func (s *Server) registerObservations() {
	s.addObservations(s.world.Observations)
	const observed = investigateV2 + "/observations"
	s.serve("POST "+observed+"/search_jobs", searchCreate, s.startObserved)
	s.serve("GET "+observed+"/search_jobs/{job_id}/results", searchRead, s.rowsOf(observedSearch), "start", "rows")
	s.serve("POST "+observed+"/search_jobs/{job_id}/group_results", searchRead, s.groupObserved)
	s.serve("POST "+observed+"/facet_jobs", searchCreate, s.startFacet(observedFacet, s.findObserved, s.observedDocuments))
	s.serve("GET "+observed+"/facet_jobs/{job_id}/results", searchRead, s.facetResults(observedFacet), "limit")
	s.serve("POST "+observed+"/detail_jobs", searchCreate, s.startObservedDetail)
	s.serve("GET "+observed+"/detail_jobs/{job_id}/results", searchRead, s.rowsOf(observedDetail), "start", "rows")
	s.serve("POST "+observed+"/search_validation", searchRead, s.validateSearch)
	s.serve("GET "+observed+"/search_suggestions", searchRead, s.suggest(s.observedDocuments), "suggest.q", "suggest.count")
}

// AddObservations lets observations appear. Their defaults are those of the world file.
func (s *Server) AddObservations(observations ...Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addObservations(observations)
}

// Observations lists the observations, with the defaults filled in.
func (s *Server) Observations() []Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.observations)
}

func (s *Server) addObservations(observations []Observation) {
	for _, o := range observations {
		o.ID = cmp.Or(o.ID, s.newUUID("observation"))
		o.Type, o.EventType = cmp.Or(o.Type, "CONTEXTUAL_ACTIVITY"), cmp.Or(o.EventType, "childproc")
		if i, ok := s.byGUID[o.ProcessGUID]; ok {
			o.DeviceID = cmp.Or(o.DeviceID, s.processes[i].DeviceID)
			if o.Time.IsZero() {
				o.Time = s.processes[i].Time
			}
		}
		if o.Time.IsZero() {
			o.Time = s.now().Add(-time.Hour)
		}
		s.observations = append(s.observations, o)
	}
}

// observations finds contradictions in observations.
func (c *checker) observations(w World, devices map[int64]bool) {
	for i, o := range w.Observations {
		if o.ID != "" {
			c.once("the observation", o.ID)
		}
		c.need(o.DeviceID == 0 || devices[o.DeviceID], "observations[%d] is about device %d, which is not there", i, o.DeviceID)
	}
}

// observedDocument is an observation on the wire. The caller holds the lock.
func (s *Server) observedDocument(o Observation) document {
	i, ok := s.byGUID[o.ProcessGUID]
	var d document
	if ok {
		d = detailed(s.document(s.processes[i]))
		delete(d.wire, "document_guid")
	} else {
		d = document{wire: map[string]any{"legacy": false, "org_id": s.orgKey, "device_group_id": int64(0)}, bare: bareFields()}
		s.describeDevice(d.wire, o.DeviceID)
		d.wire["device_id"] = o.DeviceID
		if o.ProcessGUID != "" {
			d.wire["process_guid"] = o.ProcessGUID
		}
	}
	reported := o.Time.Add(2 * time.Minute)
	event := madeUp("event of "+o.ID, 0)
	d.hidden, d.time, d.bare = nil, o.Time, append(d.bare, "observation_id", "observation_description", "event_id", "alert_id")
	d.wire["observation_id"], d.wire["observation_type"], d.wire["observation_description"] = o.ID, o.Type, o.Description
	d.wire["event_id"], d.wire["event_type"], d.wire["enriched"] = event, []string{o.EventType}, true
	d.wire["enriched_event_type"], d.wire["device_timestamp"] = []string{"CREATE_PROCESS"}, stamp(o.Time)
	d.wire["backend_timestamp"], d.wire["ingress_time"] = stamp(reported), reported.Add(-20*time.Second).UnixMilli()
	for field, values := range map[string][]string{
		"alert_id": o.AlertIDs, "process_loaded_script_hash": o.ScriptHashes, "process_loaded_script_name": o.ScriptNames,
	} {
		if len(values) > 0 {
			d.wire[field] = values
		}
	}
	maps.Copy(d.wire, o.Extra)
	for _, field := range o.Omit {
		delete(d.wire, field)
	}
	return d
}

// observedDocuments are all observations. The caller holds the lock.
func (s *Server) observedDocuments() []document {
	all := make([]document, 0, len(s.observations))
	for _, o := range s.observations {
		all = append(all, s.observedDocument(o))
	}
	return all
}

// findObserved are the observations that a search wants. The caller holds the lock.
func (s *Server) findObserved(q *search) []document {
	var found []document
	only := q.body.guid()
	for _, d := range s.observedDocuments() {
		if (only == "" || slices.Contains(d.values("process_guid"), only)) && q.covers(d.time) && q.wants(d, s.switches.Search) {
			found = append(found, d)
		}
	}
	return found
}

// observedFields are the members of an observation that need not be asked for.
func observedFields() []string {
	return append(defaultFields(), "observation_id", "observation_type", "observation_description", "event_id", "event_description",
		"process_loaded_script_hash", "process_loaded_script_name", "attack_tactic", "attack_technique", "rule_id", "ttp", "device_policy",
		"device_os")
}

// startObserved starts a search for observations, which lives as a process search does.
func (s *Server) startObserved(w http.ResponseWriter, r *http.Request) {
	var in searchBody
	if !s.decode(w, r, &in) {
		return
	}
	q, err := s.understand(in, s.observedDocuments)
	if err != nil {
		s.badSearch(w, err)
		return
	}
	j := s.newJob(observedSearch, in.words())
	j.fill(s.findObserved(q), q, observedFields())
	s.reply(w, http.StatusOK, map[string]any{"job_id": j.id})
}

// startObservedDetail starts a job that tells all that is known of observations, or of those of an alert.
func (s *Server) startObservedDetail(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ObservationIDs []string `json:"observation_ids"`
		AlertID        string   `json:"alert_id"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	if (len(in.ObservationIDs) == 0) == (in.AlertID == "") || slices.Contains(in.ObservationIDs, "") {
		s.badRequest(w, "either observation_ids or alert_id must be present")
		return
	}
	var found []document
	for _, d := range s.observedDocuments() {
		id, _ := d.wire["observation_id"].(string)
		if slices.Contains(in.ObservationIDs, id) || in.AlertID != "" && slices.Contains(d.values("alert_id"), in.AlertID) {
			found = append(found, d)
		}
	}
	ordered(found, nil, "device_timestamp")
	j := s.newJob(observedDetail, in.AlertID)
	j.fillWhole(found)
	s.reply(w, http.StatusOK, map[string]any{"job_id": j.id})
}

package cbctest

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

// nsxTags are the tags that the appliance can set.
func nsxTags() []string { return []string{"CB-NSX-Quarantine", "CB-NSX-Isolate", "CB-NSX-Custom"} }

// remediation is a job of the Workload appliance: one tag for the machines of one appliance. The server's lock guards it.
type remediation struct {
	NSXSwitches
	id      string
	devices []int64
	tag     string
	on      bool
	created time.Time

	ended  bool
	reason string // why it failed; "" if it did not
}

// registerWorkloads adds the routes of the Workload appliance.
func (s *Server) registerWorkloads() {
	const appliance = "/applianceservice/v1/orgs/{org_key}"
	s.serve("POST "+appliance+"/device_actions", "", s.remediate)
	s.serve("GET "+appliance+"/jobs/{job_id}/status", "appliances.registration:READ", s.remediationStatus)
}

// remediationBody is what is to be done. Its list of devices has another name than that of a device action.
type remediationBody struct {
	DeviceIDs  []int64 `json:"device_ids"`
	ActionType string  `json:"action_type"`
	Options    *struct {
		Toggle string `json:"toggle"`
		Tag    string `json:"tag"`
	} `json:"options"`
}

// remediate starts a job for each appliance that has a machine among the devices. Devices without NSX have none.
func (s *Server) remediate(w http.ResponseWriter, r *http.Request) {
	// The vendor spells the permission in two ways.
	if !s.allow(w, r, "appliances.nsx.remediation:EXECUTE", "appliance.nsx.remediate:EXECUTE") {
		return
	}
	var in remediationBody
	if !s.decode(w, r, &in) {
		return
	}
	toggles := []string{"ON", "OFF"}
	switch {
	case in.ActionType != "NSX_REMEDIATION":
		s.badEnum(w, "action_type", in.ActionType, []string{"NSX_REMEDIATION"})
		return
	case len(in.DeviceIDs) == 0:
		s.badRequest(w, "device_ids is missing or empty")
		return
	case in.Options == nil:
		s.badRequest(w, "options are missing")
		return
	case !slices.Contains(toggles, in.Options.Toggle):
		s.badEnum(w, "options.toggle", in.Options.Toggle, toggles)
		return
	case !slices.Contains(nsxTags(), in.Options.Tag):
		s.badEnum(w, "options.tag", in.Options.Tag, nsxTags())
		return
	}
	s.advanceRemediations()
	machines, appliances := map[string][]int64{}, []string{}
	for i, id := range in.DeviceIDs {
		d, ok := s.device(id)
		if ok = ok && s.underNSX(d); !ok && s.switches.NSX.RefuseIneligible {
			s.badRequest(w, "a device is no workload under NSX")
			return
		}
		if !ok || slices.Contains(in.DeviceIDs[:i], id) {
			continue
		}
		appliance, _ := s.deviceJSON(d)["appliance_uuid"].(string)
		if machines[appliance] == nil {
			appliances = append(appliances, appliance)
		}
		machines[appliance] = append(machines[appliance], id)
	}
	ids := []string{}
	for _, appliance := range appliances {
		job := &remediation{
			NSXSwitches: s.switches.NSX, id: "NSX_REMEDIATE_" + s.newUUID("nsx job"), devices: machines[appliance],
			tag: in.Options.Tag, on: in.Options.Toggle == "ON", created: s.now(),
		}
		s.remediations = append(s.remediations, job)
		ids = append(ids, job.id)
	}
	s.reply(w, http.StatusCreated, map[string]any{"job_ids": ids})
}

// underNSX says whether a device is a machine that NSX can tag. The caller holds the lock.
func (s *Server) underNSX(d *device) bool {
	return d.DeploymentType == "WORKLOAD" && s.deviceJSON(d)["nsx_enabled"] == true
}

// advanceRemediations sets and clears the tags of the jobs that have ended, in the order in which they ended. The caller
// holds the lock.
func (s *Server) advanceRemediations() {
	var due []*remediation
	for _, job := range s.remediations {
		if !job.ended && !s.now().Before(job.created.Add(job.Duration)) {
			due = append(due, job)
		}
	}
	slices.SortStableFunc(due, func(a, b *remediation) int {
		return a.created.Add(a.Duration).Compare(b.created.Add(b.Duration))
	})
	for _, job := range due {
		job.ended = true
		for _, id := range job.devices {
			if d, ok := s.byID[id]; ok {
				job.reason = cmp.Or(job.tagDevice(d), job.reason)
			}
		}
	}
}

// tagDevice sets or clears the tag of one machine, or says why that cannot be done. A machine has one tag at a time.
func (j *remediation) tagDevice(d *device) (problem string) {
	switch {
	case j.Fail:
		return "the appliance could not reach NSX"
	case j.on && d.NSXTag != "" && d.NSXTag != j.tag:
		return "the machine has another tag already"
	case j.on:
		d.NSXTag = j.tag
	case d.NSXTag == j.tag:
		d.NSXTag = ""
	}
	return ""
}

// remediationStatus tells how a job stands.
func (s *Server) remediationStatus(w http.ResponseWriter, r *http.Request) {
	s.advanceRemediations()
	i := slices.IndexFunc(s.remediations, func(job *remediation) bool { return job.id == r.PathValue("job_id") })
	if i < 0 {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "job not found")
		return
	}
	job, status, code := s.remediations[i], "SUCCESSFUL", ""
	switch {
	case s.now().Before(job.created.Add(min(job.StartDelay, job.Duration))):
		status = "SCHEDULED"
	case !job.ended:
		status = "RUNNING"
	case job.reason != "":
		status, code = "FAILED", "NSX_REMEDIATION_FAILED"
	}
	s.reply(w, http.StatusOK, map[string]any{"status": status, "reason": job.reason, "error_code": code})
}

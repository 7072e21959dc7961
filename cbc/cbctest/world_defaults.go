package cbctest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// filled is a copy of the world with the defaults in place.
func (w World) filled() World {
	if w.Now == nil {
		w.Now = time.Now
	}
	now := w.Now().UTC()
	w.OrgKey = cmp.Or(w.OrgKey, OrgKey)
	w.Keys = slices.Clone(w.Keys)
	if len(w.Keys) == 0 {
		w.Keys = []Key{{ID: KeyID, Secret: KeySecret}}
	}
	if w.CSP != nil {
		csp := *w.CSP
		csp.Lifetime = cmp.Or(csp.Lifetime, 30*time.Minute)
		w.CSP = &csp
	}
	w.Policies = slices.Clone(w.Policies)
	if len(w.Policies) == 0 {
		w.Policies = []Policy{{ID: 88231, Name: "Standard", Description: "Default protection", System: true}}
	}
	for i := range w.Policies {
		w.Policies[i].fill(i, now)
	}
	w.Devices = slices.Clone(w.Devices)
	w.AssetGroups = w.assetGroups()
	for i := range w.Devices {
		w.Devices[i].fill(now, w.Policies, w.AssetGroups)
	}
	w.Overrides = slices.Clone(w.Overrides)
	for i := range w.Overrides {
		o := &w.Overrides[i]
		o.ID = cmp.Or(o.ID, madeUp("override", i))
		o.List, o.Type = cmp.Or(o.List, listBlack), cmp.Or(o.Type, typeHash)
		o.CreatedBy = cmp.Or(o.CreatedBy, "analyst@corp.example")
		if o.Created.IsZero() {
			o.Created = now.Add(-24 * time.Hour)
		}
	}
	w.Binaries = slices.Clone(w.Binaries)
	for i := range w.Binaries {
		b := &w.Binaries[i]
		b.MD5, b.OSType = cmp.Or(b.MD5, strings.Repeat("0", 32)), cmp.Or(b.OSType, "WINDOWS")
		if b.Architecture == nil {
			b.Architecture = []string{"amd64"}
		}
		b.Signatures = slices.Clone(b.Signatures)
		for j := range b.Signatures {
			b.Signatures[j].Count = cmp.Or(b.Signatures[j].Count, 1)
		}
	}
	w.Switches.fill()
	return w
}

func (p *Policy) fill(i int, now time.Time) {
	p.Rules = slices.Clone(p.Rules)
	for j := range p.Rules {
		p.Rules[j].ID = cmp.Or(p.Rules[j].ID, int64(j+1))
	}
	if p.Updated.IsZero() {
		p.Updated = now
	}
	p.PriorityLevel = cmp.Or(p.PriorityLevel, "MEDIUM")
	p.Position = cmp.Or(p.Position, i+1)
}

func (d *Device) fill(now time.Time, policies []Policy, groups []AssetGroup) {
	d.SearchName = cmp.Or(d.SearchName, strings.ToLower(d.Name))
	d.OS = cmp.Or(d.OS, "WINDOWS")
	if d.OSVersion == "" {
		switch d.OS {
		case "WINDOWS":
			d.OSVersion = "Windows 11 x64"
		case "MAC":
			d.OSVersion = "MAC OS X 15.1"
		case "LINUX":
			d.OSVersion = "Ubuntu 24.04 x64"
		default:
			d.OSVersion = "unknown"
		}
	}
	d.Status = cmp.Or(d.Status, "REGISTERED")
	if d.PolicyID == 0 {
		d.PolicyID = groupPolicy(*d, groups, policies)
	}
	d.SensorPolicyID = cmp.Or(d.SensorPolicyID, d.PolicyID)
	d.SensorKit = cmp.Or(d.SensorKit, sensorKit(d.OS))
	d.SensorVersion = cmp.Or(d.SensorVersion, "4.0.3.1234")
	d.DeploymentType = cmp.Or(d.DeploymentType, "ENDPOINT")
	d.TargetPriority = cmp.Or(d.TargetPriority, "MEDIUM")
	d.InternalIP = cmp.Or(d.InternalIP, fmt.Sprintf("192.0.2.%d", 1+uint64(d.ID)%254)) //nolint:gosec // any number will do
	if d.LastContact.IsZero() {
		d.LastContact = now
		if d.Offline {
			d.LastContact = now.Add(-24 * time.Hour)
		}
	}
	if d.SensorStates == nil {
		state := stateEnabled
		if i := slices.IndexFunc(policies, func(p Policy) bool { return p.ID == d.SensorPolicyID }); i >= 0 {
			state = policies[i].liveResponse()
		}
		d.SensorStates = []string{"ACTIVE", "LIVE_RESPONSE_NOT_RUNNING", "LIVE_RESPONSE_NOT_KILLED", state}
	}
}

// The states of a sensor that a policy decides on.
const (
	stateEnabled  = "LIVE_RESPONSE_ENABLED"
	stateDisabled = "LIVE_RESPONSE_DISABLED"
)

// liveResponse is the sensor state that the policy brings about.
func (p Policy) liveResponse() string {
	if p.NoLiveResponse {
		return stateDisabled
	}
	return stateEnabled
}

func (sw *Switches) fill() {
	sw.Search.fill()
	sw.Jobs.fill()
	sw.NSX.StartDelay = cmp.Or(sw.NSX.StartDelay, 350*time.Millisecond)
	sw.NSX.Duration = cmp.Or(sw.NSX.Duration, 900*time.Millisecond)
	sw.Binaries.SignatureMember = cmp.Or(sw.Binaries.SignatureMember, "signature_summaries")
	sw.Alerts.DefaultWindow = cmp.Or(sw.Alerts.DefaultWindow, 14*24*time.Hour)
	sw.Audit.QueueSize = cmp.Or(sw.Audit.QueueSize, 2500)
	sw.RetiredStatus = cmp.Or(sw.RetiredStatus, 410)
	sw.RateLimit.Per = cmp.Or(sw.RateLimit.Per, 5*time.Minute)
	sw.RateLimit.Penalty = cmp.Or(sw.RateLimit.Penalty, time.Minute)
	sw.RateLimit.RetryAfter = cmp.Or(sw.RateLimit.RetryAfter, "seconds")
	sw.Overrides.Duplicates = cmp.Or(sw.Overrides.Duplicates, "new")
}

func (sw *JobSwitches) fill() {
	sw.StartDelay = cmp.Or(sw.StartDelay, 350*time.Millisecond)
	sw.Duration = cmp.Or(sw.Duration, 900*time.Millisecond)
}

func (sw *SearchSwitches) fill() {
	sw.StartDelay = cmp.Or(sw.StartDelay, 350*time.Millisecond)
	sw.Duration = cmp.Or(sw.Duration, 900*time.Millisecond)
	sw.Lifetime = cmp.Or(sw.Lifetime, 15*time.Minute)
	sw.Searchers = cmp.Or(sw.Searchers, 24)
	sw.Retention = cmp.Or(sw.Retention, 30*24*time.Hour)
	sw.SegmentDelay = cmp.Or(sw.SegmentDelay, 300*time.Millisecond)
}

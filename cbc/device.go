package cbc

import (
	"slices"
	"strings"
	"time"
)

// DeviceID identifies a device. A machine that is installed or registered again gets a new one. Valid ids are above zero.
type DeviceID int64

// Device is a machine as the vendor sees it. Everything but ID, Name and Status may be missing. The object as it came is not kept:
// it has secrets in it, such as the code that uninstalls the sensor.
type Device struct {
	ID DeviceID `json:"id"`
	// Name is HOST, DOMAIN\HOST or a DNS name. See [Device.Host].
	Name string `json:"name"`
	// Status is PENDING, REGISTERED, DEREGISTERED or BYPASS. The set is open, as all sets here.
	Status string `json:"status"`
	// OS is WINDOWS, MAC, LINUX, ANDROID, IOS or OTHER.
	OS            string `json:"os,omitzero"`
	OSVersion     string `json:"os_version,omitzero"`
	SensorVersion string `json:"sensor_version,omitzero"`
	// SensorStates are what the sensor reports, such as LIVE_RESPONSE_ENABLED. Empty for a machine that never checked in.
	SensorStates []string `json:"sensor_states,omitzero"`
	// Quarantined tells that the sensor has cut the machine off. It follows the action at the next check-in.
	Quarantined bool `json:"quarantined,omitzero"`
	// PassiveMode tells that the sensor lets everything pass.
	PassiveMode bool `json:"passive_mode,omitzero"`

	// PolicyID and PolicyName are the policy that is assigned; PolicyOverride tells that somebody assigned it by hand.
	PolicyID             PolicyID `json:"policy_id,omitzero"`
	PolicyName           string   `json:"policy_name,omitzero"`
	PolicyOverride       bool     `json:"policy_override,omitzero"`
	PolicyAssignmentType string   `json:"policy_assignment_type,omitzero"`
	// CurrentSensorPolicy is the name of the policy in force on the sensor. It follows at a check-in.
	CurrentSensorPolicy string `json:"current_sensor_policy_name,omitzero"`

	// TargetPriority is LOW, MEDIUM, HIGH or MISSION_CRITICAL.
	TargetPriority string       `json:"target_priority,omitzero"`
	AssetGroups    []AssetGroup `json:"asset_group,omitzero"`
	// DeploymentType is ENDPOINT, WORKLOAD, VDI, AWS, AZURE or GCP.
	DeploymentType         string `json:"deployment_type,omitzero"`
	VirtualMachine         bool   `json:"virtual_machine,omitzero"`
	VirtualizationProvider string `json:"virtualization_provider,omitzero"`
	// VMName, VMUUID and what follows are known only where the vendor's appliance watches the vCenter.
	VMName      string `json:"vm_name,omitzero"`
	VMUUID      string `json:"vm_uuid,omitzero"`
	VCenterName string `json:"vcenter_name,omitzero"`
	VCenterUUID string `json:"vcenter_uuid,omitzero"`
	NSXEnabled  bool   `json:"nsx_enabled,omitzero"`

	ADDomain   string `json:"ad_domain,omitzero"`
	ADOrgUnit  string `json:"ad_org_unit,omitzero"`
	MACAddress string `json:"mac_address,omitzero"`
	InternalIP string `json:"last_internal_ip_address,omitzero"`
	ExternalIP string `json:"last_external_ip_address,omitzero"`
	// Location is ONSITE, OFFSITE or UNKNOWN.
	Location string `json:"last_location,omitzero"`
	// User is who logged in last.
	User string `json:"login_user_name,omitzero"`

	// LastContact is the last check-in, LastReported the last delivery of events.
	LastContact  time.Time `json:"last_contact_time,omitzero"`
	LastReported time.Time `json:"last_reported_time,omitzero"`
	Registered   time.Time `json:"registered_time,omitzero"`
	Deregistered time.Time `json:"deregistered_time,omitzero"`
}

// AssetGroup is a group that a device is a member of.
type AssetGroup struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// MembershipType is DYNAMIC or MANUAL.
	MembershipType string `json:"membership_type,omitzero"`
}

// Host is the bare host name: Name without domain and DNS suffix, in lower case. Two machines can share it.
func (d Device) Host() string {
	name := d.Name[strings.LastIndex(d.Name, `\`)+1:]
	name, _, _ = strings.Cut(name, ".")
	return strings.ToLower(name)
}

// LiveResponse tells whether the sensor takes Live Response sessions: its policy switches them on, and nobody has killed them on
// the machine. After a change of policy the state follows at a check-in.
func (d Device) LiveResponse() bool {
	return slices.Contains(d.SensorStates, "LIVE_RESPONSE_ENABLED") && !slices.Contains(d.SensorStates, "LIVE_RESPONSE_KILLED")
}

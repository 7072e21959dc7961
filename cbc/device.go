package cbc

import (
	"slices"
	"strings"
	"time"
)

// DeviceID identifies a device. A machine that is installed or registered again gets a new one. Valid ids are above zero.
type DeviceID int64

// Device is a machine as the vendor sees it. Everything but ID, Name and Status may be missing. The object as it came is not kept, nor
// are the codes in it that activate or uninstall the sensor, which are secrets.
type Device struct {
	ID DeviceID `json:"id"`
	// Name is HOST, DOMAIN\HOST or a DNS name. See [Device.Host].
	Name string `json:"name"`
	// Status is PENDING, REGISTERED, DEREGISTERED or BYPASS. The set is open, as all sets here.
	Status  string `json:"status"`
	OrgID   int64  `json:"organization_id,omitzero"`
	OrgName string `json:"organization_name,omitzero"`
	// OS is WINDOWS, MAC, LINUX, ANDROID, IOS or OTHER.
	OS        string `json:"os,omitzero"`
	OSVersion string `json:"os_version,omitzero"`
	// WindowsPlatform is such as CLIENT_X64 or SERVER_X64.
	WindowsPlatform string `json:"windows_platform,omitzero"`
	LinuxKernel     string `json:"linux_kernel_version,omitzero"`

	SensorVersion string `json:"sensor_version,omitzero"`
	// SensorKit is the kind of installer that the sensor came from. See [Devices.UpdateSensor].
	SensorKit SensorKit `json:"sensor_kit_type,omitzero"`
	// SensorStates are what the sensor reports, such as LIVE_RESPONSE_ENABLED. Empty for a machine that never checked in.
	SensorStates        []string `json:"sensor_states,omitzero"`
	SensorOutOfDate     bool     `json:"sensor_out_of_date,omitzero"`
	SensorPendingUpdate bool     `json:"sensor_pending_update,omitzero"`
	// SensorGateway is the address of the gateway that the sensor calls through, if there is one.
	SensorGateway   string `json:"sensor_gateway_url,omitzero"`
	SensorGatewayID string `json:"sensor_gateway_uuid,omitzero"`
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
	// PolicyRequested and PolicyChanged are when another policy was asked for and when it was taken on, PolicyUpdated when the policy was
	// last brought up to date on the sensor.
	PolicyRequested time.Time `json:"last_device_policy_requested_time,omitzero"`
	PolicyChanged   time.Time `json:"last_device_policy_changed_time,omitzero"`
	PolicyUpdated   time.Time `json:"last_policy_updated_time,omitzero"`
	// AssetGroups are the groups that the device is a member of. A change can take ten minutes to show.
	AssetGroups []AssetGroup `json:"asset_group,omitzero"`
	// ADGroupID is the sensor group, zero for none. The vendor has given up sensor groups for asset groups.
	ADGroupID int64 `json:"ad_group_id,omitzero"`
	// TargetPriority is LOW, MEDIUM, HIGH or MISSION_CRITICAL.
	TargetPriority string `json:"target_priority,omitzero"`

	// DeploymentType is ENDPOINT, WORKLOAD, VDI, AWS, AZURE or GCP.
	DeploymentType string `json:"deployment_type,omitzero"`
	// VirtualMachine is superseded by DeploymentType.
	VirtualMachine bool `json:"virtual_machine,omitzero"`
	// VirtualizationProvider is such as VMW_ESX, VirtualBox, OTHER or UNKNOWN.
	VirtualizationProvider string `json:"virtualization_provider,omitzero"`
	// VMName, VMUUID and what follows up to NSXTag are known only where the vendor's appliance watches the vCenter.
	VMName         string `json:"vm_name,omitzero"`
	VMUUID         string `json:"vm_uuid,omitzero"`
	VMIP           string `json:"vm_ip,omitzero"`
	VCenterName    string `json:"vcenter_name,omitzero"`
	VCenterUUID    string `json:"vcenter_uuid,omitzero"`
	VCenterURL     string `json:"vcenter_host_url,omitzero"`
	ESXHostName    string `json:"esx_host_name,omitzero"`
	ESXHostUUID    string `json:"esx_host_uuid,omitzero"`
	ClusterName    string `json:"cluster_name,omitzero"`
	DatacenterName string `json:"datacenter_name,omitzero"`
	ApplianceName  string `json:"appliance_name,omitzero"`
	ApplianceUUID  string `json:"appliance_uuid,omitzero"`
	// NSXEnabled tells that an NSX is registered with the appliance. NSXTag is the tag that [Workloads] has set, if any.
	NSXEnabled bool   `json:"nsx_enabled,omitzero"`
	NSXTag     NSXTag `json:"nsx_distributed_firewall_policy,omitzero"`
	// VDIBaseDevice and what follows up to BaseDevice tell what a virtual desktop was made from, as far as the vendor knows.
	VDIBaseDevice  DeviceID `json:"vdi_base_device,omitzero"`
	VDIProvider    string   `json:"vdi_provider,omitzero"`
	GoldenDevice   string   `json:"golden_device,omitzero"`
	GoldenDeviceID DeviceID `json:"golden_device_id,omitzero"`
	BaseDevice     string   `json:"base_device,omitzero"`

	// CloudAccountID and what follows up to Infrastructure describe a machine in a public cloud.
	CloudAccountID       string   `json:"cloud_provider_account_id,omitzero"`
	CloudResourceID      string   `json:"cloud_provider_resource_id,omitzero"`
	CloudResourceGroup   string   `json:"cloud_provider_resource_group,omitzero"`
	CloudScaleGroup      string   `json:"cloud_provider_scale_group,omitzero"`
	CloudNetwork         string   `json:"cloud_provider_network,omitzero"`
	CloudManagedIdentity string   `json:"cloud_provider_managed_identity,omitzero"`
	CloudTags            []string `json:"cloud_provider_tags,omitzero"`
	VirtualPrivateCloud  string   `json:"virtual_private_cloud_id,omitzero"`
	AutoScalingGroup     string   `json:"auto_scaling_group_name,omitzero"`
	Infrastructure       string   `json:"infrastructure_provider,omitzero"`

	ADDomain  string `json:"ad_domain,omitzero"`
	ADOrgUnit string `json:"ad_org_unit,omitzero"`
	// MACAddress is twelve hexadecimal digits without separators.
	MACAddress string `json:"mac_address,omitzero"`
	InternalIP string `json:"last_internal_ip_address,omitzero"`
	ExternalIP string `json:"last_external_ip_address,omitzero"`
	// Location is ONSITE, OFFSITE or UNKNOWN.
	Location string `json:"last_location,omitzero"`
	// User is who logged in last.
	User string `json:"login_user_name,omitzero"`
	// Email, the names and OwnerID are of the person that the sensor was handed out to, if it was.
	Email      string `json:"email,omitzero"`
	FirstName  string `json:"first_name,omitzero"`
	MiddleName string `json:"middle_name,omitzero"`
	LastName   string `json:"last_name,omitzero"`
	OwnerID    string `json:"device_owner_id,omitzero"`
	// Metadata are further facts from the sensor, such as the value of SUBNET.
	Metadata []DeviceMetadata `json:"device_meta_data_item_list,omitzero"`

	// AVStatus and what follows up to AVMaster are about the sensor's scanner for known malware.
	AVStatus         []string  `json:"av_status,omitzero"`
	AVEngine         string    `json:"av_engine,omitzero"`
	AVPackVersion    string    `json:"av_pack_version,omitzero"`
	AVProductVersion string    `json:"av_product_version,omitzero"`
	AVAveVersion     string    `json:"av_ave_version,omitzero"`
	AVVdfVersion     string    `json:"av_vdf_version,omitzero"`
	AVLastScan       time.Time `json:"av_last_scan_time,omitzero"`
	AVUpdateServers  []string  `json:"av_update_servers,omitzero"`
	AVMaster         bool      `json:"av_master,omitzero"`
	// HostFirewallStatus and HostFirewallReasons tell whether the sensor's firewall works, and why not.
	HostFirewallStatus  string   `json:"host_based_firewall_status,omitzero"`
	HostFirewallReasons []string `json:"host_based_firewall_reasons,omitzero"`
	// VulnerabilityScore is 0 to 10, VulnerabilitySeverity its name.
	VulnerabilityScore    float64 `json:"vulnerability_score,omitzero"`
	VulnerabilitySeverity string  `json:"vulnerability_severity,omitzero"`
	ComplianceStatus      string  `json:"compliance_status,omitzero"`

	// LastContact is the last check-in, LastReported the last delivery of events.
	LastContact  time.Time `json:"last_contact_time,omitzero"`
	LastReported time.Time `json:"last_reported_time,omitzero"`
	LastReset    time.Time `json:"last_reset_time,omitzero"`
	LastShutdown time.Time `json:"last_shutdown_time,omitzero"`
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

// DeviceMetadata is one fact about a device.
type DeviceMetadata struct {
	// Name is such as OS_MAJOR_VERSION, SUBNET or AD_LDAP.
	Name     string `json:"key_name"`
	Value    string `json:"key_value"`
	Position int    `json:"position,omitzero"`
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

// InGroup tells whether the device is a member of an asset group, by the group's id. That a search could ask for it is not documented:
// look at the devices of a [Devices.Scroll].
func (d Device) InGroup(id string) bool {
	return slices.ContainsFunc(d.AssetGroups, func(g AssetGroup) bool { return strings.EqualFold(g.ID, id) })
}

// wireDevice is a device with members that have had other names.
type wireDevice struct {
	Device
	Groups       []AssetGroup `json:"groups"`
	VulnScore    float64      `json:"vuln_score"`
	VulnSeverity string       `json:"vuln_severity"`
}

func (w wireDevice) device() Device {
	d := w.Device
	if d.AssetGroups == nil {
		d.AssetGroups = w.Groups
	}
	if d.VulnerabilityScore == 0 {
		d.VulnerabilityScore = w.VulnScore
	}
	if d.VulnerabilitySeverity == "" {
		d.VulnerabilitySeverity = w.VulnSeverity
	}
	return d
}

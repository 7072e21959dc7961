package cbctest

import "time"

// Device is an endpoint with a sensor. Only ID and Name are needed.
type Device struct {
	// ID identifies the device.
	ID int64 `json:"id"`
	// Name is the host name as the device service writes it: "LAP-0417", "CORP\\LAP-0417" or "lap-0417.corp.example".
	Name string `json:"name"`
	// SearchName is the same as the process search writes it. Defaults to Name in lower case.
	SearchName string `json:"search_name,omitempty"`
	// OS is WINDOWS (the default), MAC, LINUX, ANDROID, IOS or OTHER.
	OS string `json:"os,omitempty"`
	// OSVersion is free text. Defaults to one that fits OS.
	OSVersion string `json:"os_version,omitempty"`
	// Status is REGISTERED (the default), PENDING, DEREGISTERED or UNINSTALLED, which shows itself as DEREGISTERED. Bypass
	// shows itself as BYPASS.
	Status string `json:"status,omitempty"`
	// PolicyID is the policy that the device is assigned to. Defaults to that of its asset groups, or else the first policy.
	PolicyID int64 `json:"policy_id,omitempty"`
	// SensorPolicyID is the policy in force on the sensor. Defaults to PolicyID.
	SensorPolicyID int64 `json:"sensor_policy_id,omitempty"`
	// PolicyOverride says that the policy was assigned by hand.
	PolicyOverride bool `json:"policy_override,omitempty"`
	// Quarantined is the state that the sensor reports.
	Quarantined bool `json:"quarantined,omitempty"`
	// Bypass is the state that the sensor reports.
	Bypass bool `json:"bypass,omitempty"`
	// Offline cuts the sensor off: it takes no requests until [Server.SetOffline] or OnlineAfter brings it back.
	Offline bool `json:"offline,omitempty"`
	// OnlineAfter brings an offline device back that long after the server was made. 0 means never.
	OnlineAfter time.Duration `json:"online_after,omitempty"`
	// CheckIn is the time between two contacts of the sensor, counted from when the server was made or the device came
	// back. What is asked of the device takes effect at the next contact. Defaults to 0: at once.
	CheckIn time.Duration `json:"check_in,omitempty"`
	// LastContact is the last contact before the server was made. Defaults to that moment, and to a day earlier for a
	// device that is offline.
	LastContact time.Time `json:"last_contact,omitzero"`
	// SensorStates are what the sensor reports. Nil means a healthy sensor, with LIVE_RESPONSE_ENABLED or _DISABLED as its
	// policy says; later policy changes replace that one state in any case.
	SensorStates []string `json:"sensor_states,omitempty"`
	// SensorVersion defaults to "4.0.3.1234".
	SensorVersion string `json:"sensor_version,omitempty"`
	// SensorKit is WINDOWS, XP, MAC, RHEL, UBUNTU, SUSE, AMAZON_LINUX or another kind of sensor. Defaults to one that fits OS.
	SensorKit string `json:"sensor_kit,omitempty"`
	// SensorOutOfDate says that the sensor's version is not the newest. An update clears it.
	SensorOutOfDate bool `json:"sensor_out_of_date,omitempty"`
	// DeploymentType is ENDPOINT (the default), WORKLOAD, VDI, AWS, AZURE or GCP.
	DeploymentType string `json:"deployment_type,omitempty"`
	// TargetPriority is LOW, MEDIUM (the default), HIGH or MISSION_CRITICAL.
	TargetPriority string `json:"target_priority,omitempty"`
	// AssetGroups are the names of the asset groups that the device is in.
	AssetGroups []string `json:"asset_groups,omitempty"`
	// VMUUID is the UUID of the virtual machine in vCenter. Empty is null on the wire, as without a Workload appliance.
	VMUUID string `json:"vm_uuid,omitempty"`
	// VMName is the name of the virtual machine in vCenter. Empty is null on the wire.
	VMName string `json:"vm_name,omitempty"`
	// NSXEnabled says that NSX is registered with the Workload appliance of the machine. False is null on the wire.
	NSXEnabled bool `json:"nsx_enabled,omitempty"`
	// NSXTag is the tag that the appliance has set: CB-NSX-Quarantine, CB-NSX-Isolate or CB-NSX-Custom. Empty is null on the
	// wire.
	NSXTag string `json:"nsx_tag,omitempty"`
	// User is who logged in last. Empty is null on the wire.
	User string `json:"user,omitempty"`
	// InternalIP is the last internal address. Defaults to one of 192.0.2.0/24.
	InternalIP string `json:"internal_ip,omitempty"`
	// Running are the processes that run on the device, for Live Response.
	Running []RunningProcess `json:"running,omitempty"`
	// Files are the files on the device, for Live Response.
	Files []File `json:"files,omitempty"`
	// Registry are the values in the registry of a Windows device, for Live Response. Its roots are there in any case.
	Registry []RegistryValue `json:"registry,omitempty"`
	// Extra adds or replaces members of the device on the wire. A nil value is null.
	Extra map[string]any `json:"extra,omitempty"`
}

// RunningProcess is a process that runs on a device now.
type RunningProcess struct {
	// PID is the process id.
	PID int64 `json:"pid"`
	// Path is the path of the executable.
	Path string `json:"path"`
	// CmdLine is the command line.
	CmdLine string `json:"cmd_line,omitempty"`
	// Username is the account.
	Username string `json:"username,omitempty"`
	// Started is when it was started, in whatever unit the sensor has. Defaults to a number whose unit nobody knows.
	Started int64 `json:"started,omitempty"`
	// Restarts is how often something starts it again, under another process id, as soon as it is killed.
	Restarts int `json:"restarts,omitempty"`
	// GUID is the process_guid under which the search knows the process; it is not part of a process list.
	GUID string `json:"guid,omitempty"`
}

// File is a file on a device. Its content is Content, or Data if that is not nil.
type File struct {
	// Path is the full path. Directories on the way are there too.
	Path string `json:"path"`
	// Content is the content as text.
	Content string `json:"content,omitempty"`
	// Data is the content in base 64.
	Data []byte `json:"data,omitempty"`
	// Attributes are the words with which a list of its directory shows it, such as ARCHIVE, HIDDEN, SYSTEM, READONLY or
	// REPARSE_POINT. With DIRECTORY among them it is a directory, which has no content. Defaults to ARCHIVE.
	Attributes []string `json:"attributes,omitempty"`
}

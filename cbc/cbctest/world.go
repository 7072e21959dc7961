package cbctest

import "time"

// World describes an organization: what is there when the server is made. As JSON it is the "cbc" part of the lab's world
// file. Members that are left out get the defaults that their comments name; [World.Check] finds contradictions.
//
// Durations are written as Go writes them ("90s", "2m30s"), times in RFC 3339.
type World struct {
	// OrgKey is the organization's key in paths. Defaults to the constant [OrgKey].
	OrgKey string `json:"org_key,omitempty"`
	// Keys are the API keys that are known. Defaults to one key with every permission: [KeyID] and [KeySecret].
	Keys []Key `json:"keys,omitempty"`
	// CSP is the sign-in with bearer tokens. Nil means that the organization has none: keys alone are known.
	CSP *CSP `json:"csp,omitempty"`
	// Devices are the endpoints.
	Devices []Device `json:"devices,omitempty"`
	// Policies are the policies that devices can be in. Defaults to one, "Standard".
	Policies []Policy `json:"policies,omitempty"`
	// AssetGroups are the groups that devices can be in. Groups that only devices name are there too, without a policy.
	AssetGroups []AssetGroup `json:"asset_groups,omitempty"`
	// Processes are what the process search can find.
	Processes []Process `json:"processes,omitempty"`
	// Overrides are the reputation overrides, bans and approvals, that are there already.
	Overrides []Override `json:"overrides,omitempty"`
	// Binaries are the files that the Unified Binary Store knows.
	Binaries []Binary `json:"binaries,omitempty"`
	// Feeds are the feeds of threat intelligence.
	Feeds []Feed `json:"feeds,omitempty"`
	// Reports are watchlist reports: those that belong to no feed.
	Reports []Report `json:"reports,omitempty"`
	// Watchlists subscribe to feeds or to single reports.
	Watchlists []Watchlist `json:"watchlists,omitempty"`
	// Observations are what the service found remarkable.
	Observations []Observation `json:"observations,omitempty"`
	// Alerts are the alerts that were raised already.
	Alerts []Alert `json:"alerts,omitempty"`
	// Threats are the tags of and the notes on what alerts have in common. A threat of an alert need not be among them.
	Threats []Threat `json:"threats,omitempty"`
	// Audit are the entries of the audit log, oldest first. What is changed through the server adds entries.
	Audit []AuditEntry `json:"audit,omitempty"`
	// Switches choose between the behaviors that no public source pins down.
	Switches Switches `json:"switches,omitzero"`
	// Now is the world's clock. Defaults to time.Now.
	Now func() time.Time `json:"-"`
}

// Key is an API key of the type Custom with its access level.
type Key struct {
	// ID is the API ID, the second half of the token.
	ID string `json:"id"`
	// Secret is the API Secret Key, the first half of the token.
	Secret string `json:"secret"`
	// Permissions are written "device.quarantine:EXECUTE". Nil means all of them; an empty list means none.
	Permissions []string `json:"permissions"`
}

// Policy is a set of rules for the sensors of the devices in it.
type Policy struct {
	// ID identifies the policy.
	ID int64 `json:"id"`
	// Name is what the console shows.
	Name string `json:"name"`
	// Description is free text.
	Description string `json:"description,omitempty"`
	// PriorityLevel is LOW, MEDIUM (the default), HIGH or MISSION_CRITICAL.
	PriorityLevel string `json:"priority_level,omitempty"`
	// Position ranks the policies. Defaults to the place in the list, from 1.
	Position int `json:"position,omitempty"`
	// System marks the policies that the vendor brings along.
	System bool `json:"system,omitempty"`
	// NoLiveResponse forbids Live Response on the devices in the policy.
	NoLiveResponse bool `json:"no_live_response,omitempty"`
	// Rules are the rules. Their ids default to the place in the list, from 1.
	Rules []PolicyRule `json:"rules,omitempty"`
	// SensorSettings are settings of the sensor besides CB_LIVE_RESPONSE, which NoLiveResponse tells. All values are strings.
	SensorSettings map[string]string `json:"sensor_settings,omitempty"`
	// Updated is when the policy was changed last. Defaults to when the server was made.
	Updated time.Time `json:"updated,omitzero"`
	// Extra adds or replaces members of the policy's own page (not of the summary). A nil value is null on the wire.
	Extra map[string]any `json:"extra,omitempty"`
}

// PolicyRule says what an application must not do, or may.
type PolicyRule struct {
	// ID identifies the rule in its policy.
	ID int64 `json:"id"`
	// Required says that the console does not let go of the rule.
	Required bool `json:"required"`
	// Action is IGNORE, ALLOW, TERMINATE_PROCESS, TERMINATE_THREAD, TERMINATE or DENY.
	Action string `json:"action"`
	// Application is what the rule is about.
	Application PolicyApplication `json:"application"`
	// Operation is what the application does: RUN, RANSOM, NETWORK and so on.
	Operation string `json:"operation"`
}

// PolicyApplication tells applications by a property.
type PolicyApplication struct {
	// Type is NAME_PATH, SIGNED_BY or REPUTATION.
	Type string `json:"type"`
	// Value is the path, the signer or the reputation.
	Value string `json:"value"`
}

// Override is a reputation override.
type Override struct {
	// ID is 32 hexadecimal digits; made up if empty.
	ID string `json:"id,omitempty"`
	// List is BLACK_LIST (the default) or WHITE_LIST.
	List string `json:"list,omitempty"`
	// Type is SHA256 (the default), CERT or IT_TOOL.
	Type string `json:"type,omitempty"`
	// SHA256 is what an override of that type applies to.
	SHA256 string `json:"sha256,omitempty"`
	// Filename is a label on an override of a hash.
	Filename string `json:"filename,omitempty"`
	// SignedBy and CertificateAuthority tell what a CERT override applies to.
	SignedBy             string `json:"signed_by,omitempty"`
	CertificateAuthority string `json:"certificate_authority,omitempty"`
	// Path and IncludeChildProcesses tell what an IT_TOOL override applies to.
	Path                  string `json:"path,omitempty"`
	IncludeChildProcesses bool   `json:"include_child_processes,omitempty"`
	// Description is free text. Searches look in it too.
	Description string `json:"description,omitempty"`
	// CreatedBy is a user's address or an API ID. Defaults to "analyst@corp.example".
	CreatedBy string `json:"created_by,omitempty"`
	// Created defaults to a day before the server was made.
	Created time.Time `json:"created,omitzero"`
}

// Binary is a file that the Unified Binary Store knows. Documents and scripts are never there.
type Binary struct {
	// SHA256 identifies the file.
	SHA256 string `json:"sha256"`
	// MD5 is its other hash. Defaults to 32 zeros.
	MD5 string `json:"md5,omitempty"`
	// Size is its length in bytes.
	Size int64 `json:"size,omitempty"`
	// OSType is WINDOWS (the default), MAC or LINUX.
	OSType string `json:"os_type,omitempty"`
	// Architecture defaults to ["amd64"].
	Architecture []string `json:"architecture,omitempty"`
	// Unavailable says that the store knows of the file but does not have it. Files of more than 25 MB it never has.
	Unavailable bool `json:"unavailable,omitempty"`
	// Data is the file, in base 64, that a download contains. Defaults to a few bytes that say that they are made up, so its
	// hash is not SHA256.
	Data []byte `json:"data,omitempty"`
	// Signatures are who signed the file. Where and under which paths it was seen is told by Processes: those that ran it,
	// and those whose events loaded it.
	Signatures []BinarySignature `json:"signatures,omitempty"`
	// Extra adds or replaces members of the metadata, for example "company_name". A nil value is null on the wire.
	Extra map[string]any `json:"extra,omitempty"`
}

// BinarySignature is a signature on a file.
type BinarySignature struct {
	// Count is how often it was seen. Defaults to 1.
	Count int `json:"count,omitempty"`
	// SignedBy is who signed. Empty is null on the wire.
	SignedBy string `json:"signed_by,omitempty"`
	// CertificateAuthority is who vouches for that. Empty is null on the wire.
	CertificateAuthority string `json:"certificate_authority,omitempty"`
}

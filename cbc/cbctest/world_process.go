package cbctest

import "time"

// Process is a process that the search can find. Only DeviceID is needed.
type Process struct {
	// GUID is the process_guid. Made up from the organization, the device, the first process id and Start if empty.
	GUID string `json:"guid,omitempty"`
	// DeviceID says where the process ran.
	DeviceID int64 `json:"device_id"`
	// PIDs are the process ids: several after fork and exec. Nil leaves the member out, an empty list is [] on the wire.
	PIDs []int64 `json:"pids,omitempty"`
	// Name is the full path of the executable; lower case on the wire, whatever is written here.
	Name string `json:"name,omitempty"`
	// Hashes are the executable's MD5 and SHA-256, one or both, in the order in which the service sends them: process_hash.
	// Nil leaves the member out.
	Hashes []string `json:"hashes,omitempty"`
	// Touched are the hashes that the process had to do with in other ways, by search field: parent_hash, childproc_hash,
	// modload_hash, filemod_hash, crossproc_hash, scriptload_hash, fileless_scriptload_hash, blocked_hash or
	// container_image_hash. Those of Events, of the parent and of the children in this world come on top.
	Touched map[string][]string `json:"touched,omitempty"`
	// Username is the account.
	Username string `json:"username,omitempty"`
	// CmdLine is the command line.
	CmdLine string `json:"cmd_line,omitempty"`
	// ParentGUID is the parent's process_guid.
	ParentGUID string `json:"parent_guid,omitempty"`
	// Start is process_start_time. Defaults to Time.
	Start time.Time `json:"start,omitzero"`
	// Time is device_timestamp, the newest activity. Defaults to an hour before the server was made, or before the process
	// was added to it.
	Time time.Time `json:"time,omitzero"`
	// Searchable is backend_timestamp, when the process became searchable; before that no search finds it. Zero means
	// always, and 92 seconds after Time on the wire.
	Searchable time.Time `json:"searchable,omitzero"`
	// Reputation is process_reputation and process_effective_reputation. Defaults to NOT_LISTED.
	Reputation string `json:"reputation,omitempty"`
	// Enriched adds a second row for the same process, as analyzed by Endpoint Standard.
	Enriched bool `json:"enriched,omitempty"`
	// EnrichedName and EnrichedHashes are what the enriched row says in place of Name and Hashes: the script in place of
	// its interpreter.
	EnrichedName   string   `json:"enriched_name,omitempty"`
	EnrichedHashes []string `json:"enriched_hashes,omitempty"`
	// WatchlistHits adds a row for each of them.
	WatchlistHits []string `json:"watchlist_hits,omitempty"`
	// Events are what the process did, for the search within the process.
	Events []Event `json:"events,omitempty"`
	// Documents is how many stored events the row stands for: num_found counts them. Defaults to 7.
	Documents int `json:"documents,omitempty"`
	// Extra adds or replaces members of the row; they can be searched as well. A nil value is null on the wire.
	Extra map[string]any `json:"extra,omitempty"`
	// Omit leaves members out of the row, for example "process_username".
	Omit []string `json:"omit,omitempty"`
}

// Event is something that a process did.
type Event struct {
	// Type is childproc, crossproc, filemod, fileless_scriptload, modload, netconn, regmod, scriptload or another word.
	Type string `json:"type"`
	// Time is event_timestamp. Defaults to the process's Time.
	Time time.Time `json:"time,omitzero"`
	// Name is what the event is about: filemod_name, modload_name and so on, by Type.
	Name string `json:"name,omitempty"`
	// SHA256 and MD5 are its hashes: filemod_sha256 and so on. The process document has them as filemod_hash.
	SHA256 string `json:"sha256,omitempty"`
	MD5    string `json:"md5,omitempty"`
	// Actions are filemod_action and so on.
	Actions []string `json:"actions,omitempty"`
	// ContentLength is how long a script is: scriptload_content_length and fileless_scriptload_content_length.
	ContentLength int64 `json:"content_length,omitempty"`
	// Extra adds or replaces members of the event. A nil value is null on the wire.
	Extra map[string]any `json:"extra,omitempty"`
}

package cbctest

import "time"

// LiveResponseSwitches choose between the behaviors of Live Response that no public source pins down, and set its
// limits and delays. The zero value is the behavior that is most likely.
type LiveResponseSwitches struct {
	// LowerStatus writes the statuses of sessions and commands in lower case, as the service did until July 2021.
	LowerStatus bool `json:"lower_status,omitempty"`
	// UnsignedResults writes result codes as unsigned 32-bit numbers. Defaults to signed ones.
	UnsignedResults bool `json:"unsigned_results,omitempty"`
	// NullWhilePending writes the members of a session that only an active one has as null while it is pending.
	// Defaults to leaving them out.
	NullWhilePending bool `json:"null_while_pending,omitempty"`
	// AbsentResults leaves out the empty result arrays of a command. Defaults to empty arrays.
	AbsentResults bool `json:"absent_results,omitempty"`
	// EpochTimes writes times as numbers (milliseconds in sessions, seconds in commands), as older data has them.
	// Defaults to ISO 8601 strings.
	EpochTimes bool `json:"epoch_times,omitempty"`
	// WrappedLists answers the lists of sessions and commands as {"results": [...]}. Defaults to bare arrays.
	WrappedLists bool `json:"wrapped_lists,omitempty"`
	// KeepAliveEmpty answers a keepalive with 204 and no body. Defaults to 200 and {}.
	KeepAliveEmpty bool `json:"keep_alive_empty,omitempty"`
	// RefuseDisabled answers 403 when a session is asked for on a device whose sensor does not allow Live Response.
	// Defaults to a session that stays pending until it vanishes.
	RefuseDisabled bool `json:"refuse_disabled,omitempty"`
	// RefuseWhilePending answers 400 to a command on a pending session. Defaults to a command that waits.
	RefuseWhilePending bool `json:"refuse_while_pending,omitempty"`
	// FailStart ends each session with the status ERROR when its sensor checks in.
	FailStart bool `json:"fail_start,omitempty"`
	// EndedStatus, for example "CLOSED", is the status with which the session itself goes on answering 200 after its
	// end. Defaults to the 404 that the service gives for every address of an ended session.
	EndedStatus string `json:"ended_status,omitempty"`
	// RunningStatus, for example "IN PROGRESS", is the status of a command that has started and not ended.
	// Defaults to "PENDING".
	RunningStatus string `json:"running_status,omitempty"`
	// ImagesDeletable lets the file of a running process be deleted. Defaults to a sharing violation on Windows;
	// elsewhere such a file can always be deleted.
	ImagesDeletable bool `json:"images_deletable,omitempty"`
	// KillAnything lets the processes 0 and 4 of a Windows device be killed. Defaults to access denied.
	KillAnything bool `json:"kill_anything,omitempty"`
	// DirectContent answers the content of a file with 200. Defaults to 302 to the object store.
	DirectContent bool `json:"direct_content,omitempty"`
	// StoreTakesToken lets the object store answer a request that carries X-Auth-Token. Defaults to 400, which shows
	// up a client that hands its secret to a foreign host; but an object store at the console's own address, as it is on a
	// socket, always takes it, because there whoever follows a redirect rightly keeps the header.
	StoreTakesToken bool `json:"store_takes_token,omitempty"`
	// ObjectStore is the origin of the redirect to a file's content, for example "https://store.invalid". It must lead
	// to this server. Defaults to an origin of its own in process, and to the host that was asked otherwise.
	ObjectStore string `json:"object_store,omitempty"`
	// CommandDelay is how long a sensor works on one command; it does them one after the other. Defaults to 0: the
	// answer to the command itself is pending, and the first look at it finds it done.
	CommandDelay time.Duration `json:"command_delay,omitempty"`
	// ProcessOutput is what each process writes to the output_file of create process. Defaults to nothing.
	ProcessOutput string `json:"process_output,omitempty"`
	// ReturnCode is what each process ends with that create process waits for. Defaults to 0.
	ReturnCode int `json:"return_code,omitempty"`
	// DetailsOnTop writes the result of create process as members of the command itself, as the older API did. Defaults
	// to process_details.
	DetailsOnTop bool `json:"details_on_top,omitempty"`
	// DocumentedRegistry writes registry values as the vendor's documentation has them: value_name, value_type and
	// value_data, the data as a number or an array where it is one. Defaults to registry_name, registry_type with the
	// prefix pb, and registry_data, which is always a string, as live data has them.
	DocumentedRegistry bool `json:"documented_registry,omitempty"`
	// SessionLimit is the number of sessions that an organization can have at a time. Defaults to 100.
	SessionLimit int `json:"session_limit,omitempty"`
	// CommandLimit is the number of commands that a session takes. Defaults to 250; the session ends with the next.
	CommandLimit int `json:"command_limit,omitempty"`
}

// Session is what a Live Response session has been through. Ended ones stay on record.
type Session struct {
	// ID is the session's identifier, "<number>:<device id>".
	ID string `json:"id"`
	// DeviceID says on which device the session works.
	DeviceID int64 `json:"device_id"`
	// Status is PENDING, ACTIVE, ERROR or, once the session has ended, ENDED.
	Status string `json:"status"`
	// Created is when the session was asked for.
	Created time.Time `json:"created"`
	// CheckedIn is when the sensor picked it up; zero if it never did.
	CheckedIn time.Time `json:"checked_in,omitzero"`
	// Ended is when it ended; zero while it lives.
	Ended time.Time `json:"ended,omitzero"`
	// Reason says why it ended: "closed", "idle", "not picked up", "no command" or "command limit".
	Reason string `json:"reason,omitempty"`
	// Opened counts the calls that asked for this session: more than one means that it was shared.
	Opened int `json:"opened"`
	// Commands are the commands in the order of their ids.
	Commands []Command `json:"commands,omitempty"`
}

// Command is one command of a Live Response session.
type Command struct {
	// ID counts from 0.
	ID int `json:"id"`
	// Name is the command's name, for example "delete file".
	Name string `json:"name"`
	// Object is its main argument: a path, a command line or a process id.
	Object string `json:"object,omitempty"`
	// Status is PENDING, COMPLETE, ERROR or, if it was canceled, the service's word for that.
	Status string `json:"status"`
	// ResultCode is the HRESULT (on Windows) or error number (elsewhere) of a failed command.
	ResultCode uint32 `json:"result_code,omitempty"`
}

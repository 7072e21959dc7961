package hunt

import (
	"cmp"
	"fmt"
	"time"
)

// Evidence says how sure it is that a file acted on a device. A larger value is stronger.
type Evidence int

// The strengths of evidence, from none to certain.
const (
	// None is no sighting at all: what an action needs that is about the file, not about a machine.
	None Evidence = iota
	// Named means that only the file's name was seen. It is for reports and webhooks, never for an action on a machine.
	Named
	// Touched means that another process loaded, wrote or interpreted the file. That process may be a mail client.
	Touched
	// Executed means that the file itself ran: the process's own executable has the hash.
	Executed
)

var evidenceNames = [...]string{None: "none", Named: "named", Touched: "touched", Executed: "executed"} //nolint:gochecknoglobals // never written

// String is the word for e: none, named, touched or executed.
func (e Evidence) String() string {
	if e < None || e > Executed {
		return fmt.Sprintf("Evidence(%d)", int(e))
	}
	return evidenceNames[e]
}

// ParseEvidence reads the word for a strength of evidence.
func ParseEvidence(s string) (Evidence, error) {
	for e, name := range evidenceNames {
		if s == name {
			return Evidence(e), nil
		}
	}
	return None, fmt.Errorf("hunt: %q is no evidence: want executed, touched, named or none", s)
}

// MarshalText implements [encoding.TextMarshaler].
func (e Evidence) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (e *Evidence) UnmarshalText(text []byte) error {
	parsed, err := ParseEvidence(string(text))
	if err != nil {
		return err
	}
	*e = parsed
	return nil
}

// Sighting is one process in which an indicator was seen, on its device.
type Sighting struct {
	SHA256   SHA256   `json:"sha256"`
	Evidence Evidence `json:"evidence"`
	// Field is the searched field that showed the hash or the name, such as process_hash or filemod_name, as far as it is known.
	Field string `json:"field,omitempty"`
	// ByMD5 means that the MD5 matched and no SHA-256 was there to agree or to disagree.
	ByMD5 bool `json:"by_md5,omitempty"`
	// File is where the file was touched, and how, as far as the events of the process tell.
	File FileEvent `json:"file,omitzero"`
	// Recipient is the recipient of the file whose process it was, as far as the name of its user tells.
	Recipient string  `json:"recipient,omitempty"`
	Process   Process `json:"process"`
	Device    Device  `json:"device"`
	// Time is the newest activity of the process. Zero means unknown.
	Time time.Time `json:"time,omitzero"`
	// Keep asks for the sighting to be handed back with [Indicator.Seen] for as long as the file is hunted: the searcher has told all
	// that there is to tell, and finding it again would cost it calls. One without evidence says that the process has nothing to do with
	// the file, and goes nowhere else.
	Keep bool `json:"-"`
}

// FileEvent is one event in which a process touched a file.
type FileEvent struct {
	// Path is the full path of the file, as the sensor saw it.
	Path string `json:"path,omitempty"`
	// What is the kind of the event, such as filemod or scriptload.
	What string `json:"what,omitempty"`
	// Time is when it happened. Zero means unknown.
	Time time.Time `json:"time,omitzero"`
}

// Process is what a search tells about a process. It is a record of the past: whether the process still runs, and whether its
// id belongs to another one now, only the device can say.
type Process struct {
	// GUID is the identity of the process.
	GUID string `json:"guid"`
	// PIDs are the process ids it was seen with; several after a fork, none when the search did not tell.
	PIDs []int64 `json:"pids,omitempty"`
	// Path is the full path of its executable, usually in lower case.
	Path string `json:"path,omitempty"`
	// CommandLine, User and Reputation are empty when the search did not tell.
	CommandLine string `json:"command_line,omitempty"`
	User        string `json:"user,omitempty"`
	Reputation  string `json:"reputation,omitempty"`
	// Start is when the process began. Zero means unknown.
	Start time.Time `json:"start,omitzero"`
	// Raw is the row as the service sent it, for the webhook. It is no part of reports.
	Raw []byte `json:"-"`
}

// Device is the machine that a process ran on, as the search result names it.
type Device struct {
	ID int64 `json:"id"`
	// Name may be HOST, DOMAIN\HOST or a DNS name: the form differs from device to device.
	Name string `json:"name"`
	// OS is WINDOWS, MAC or LINUX, empty when the search did not tell.
	OS string `json:"os,omitempty"`
	// PolicyID and Policy are the policy at the time of the record.
	PolicyID int64  `json:"policy_id,omitempty"`
	Policy   string `json:"policy,omitempty"`
}

func compareSightings(a, b Sighting) int {
	return cmp.Or(
		cmp.Compare(a.Device.ID, b.Device.ID),
		cmp.Compare(b.Evidence, a.Evidence),
		cmp.Compare(a.SHA256.String(), b.SHA256.String()),
		cmp.Compare(a.Process.GUID, b.Process.GUID),
	)
}

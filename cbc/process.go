package cbc

import (
	"bytes"
	"encoding/hex"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ProcessGUID identifies a process, on any device and for all time. It is opaque.
type ProcessGUID string

// Process is one row of a process search: a process as it was recorded, not as it is. Everything but GUID, DeviceID and
// DeviceName may be missing. One process can have several rows; see [ProcessQuery.CollapseGUID].
type Process struct {
	GUID ProcessGUID `json:"process_guid"`
	// PIDs are the process ids, several after a fork. The device may have given them to other processes since.
	PIDs []int64 `json:"process_pid,omitzero"`
	// Hashes are those of the process's own executable: MD5, SHA-256 or both, in any order. See [Process.HasSHA256].
	Hashes []string `json:"process_hash,omitzero"`
	// DetailHash is the SHA-256 as detailed rows name it, if it was asked for.
	DetailHash string `json:"process_sha256,omitzero"`
	// Name is the full path of the executable in lower case. With Endpoint Standard it can be a script and not its interpreter.
	Name                string   `json:"process_name,omitzero"`
	CommandLines        []string `json:"process_cmdline,omitzero"`
	Usernames           []string `json:"process_username,omitzero"`
	EffectiveReputation string   `json:"process_effective_reputation,omitzero"`
	Reputation          string   `json:"process_reputation,omitzero"`
	// Start is when the process began.
	Start      time.Time `json:"process_start_time,omitzero"`
	Terminated bool      `json:"process_terminated,omitzero"`

	ParentGUID   ProcessGUID `json:"parent_guid,omitzero"`
	ParentPID    int64       `json:"parent_pid,omitzero"`
	ParentName   string      `json:"parent_name,omitzero"`
	ParentHashes []string    `json:"parent_hash,omitzero"`

	DeviceID DeviceID `json:"device_id"`
	// DeviceName is HOST, DOMAIN\HOST or a DNS name: the form differs from device to device.
	DeviceName string `json:"device_name"`
	// DeviceOS is WINDOWS, MAC or LINUX.
	DeviceOS       string   `json:"device_os,omitzero"`
	DevicePolicyID PolicyID `json:"device_policy_id,omitzero"`
	DevicePolicy   string   `json:"device_policy,omitzero"`

	// Time is the newest activity of the process, Backend when it became searchable, Ingress when it reached the vendor.
	Time    time.Time `json:"device_timestamp,omitzero"`
	Backend time.Time `json:"backend_timestamp,omitzero"`
	Ingress time.Time `json:"ingress_time,omitzero"`

	// BlockedHashes are children that the sensor did not let run, if the field was asked for.
	BlockedHashes []string `json:"blocked_hash,omitzero"`
	// Enriched tells that Endpoint Standard has analyzed the row.
	Enriched           bool     `json:"enriched,omitzero"`
	EnrichedEventTypes []string `json:"enriched_event_type,omitzero"`
	AlertIDs           []string `json:"alert_id,omitzero"`
	WatchlistHits      []string `json:"watchlist_hit,omitzero"`
	TTPs               []string `json:"ttp,omitzero"`

	// Raw is the row as it came, as evidence.
	Raw []byte `json:"-"`
}

// SHA256 is the SHA-256 of the process's own executable, if the row has one.
func (p Process) SHA256() (hash [32]byte, ok bool) {
	for _, s := range append([]string{p.DetailHash}, p.Hashes...) {
		if h, ok := parseSHA256(s); ok {
			return h, true
		}
	}
	return [32]byte{}, false
}

// HasSHA256 tells whether the process's own executable has the hash: whether that file ran. A search in other fields also finds
// processes that only touched it.
func (p Process) HasSHA256(hash [32]byte) bool {
	for _, s := range append([]string{p.DetailHash}, p.Hashes...) {
		if h, ok := parseSHA256(s); ok && h == hash {
			return true
		}
	}
	return false
}

// parseSHA256 reads 64 hexadecimal digits of either case. MD5 hashes stand in the same lists: the length tells them apart.
func parseSHA256(s string) (hash [32]byte, ok bool) {
	if len(s) != hex.EncodedLen(len(hash)) {
		return hash, false
	}
	_, err := hex.Decode(hash[:], []byte(s))
	return hash, err == nil
}

// decodeProcess reads a row. A row that does not say which process on which device it is about is an error: nothing could be
// done about it that could not hit another. The options are those of [forgiving], made once for many rows.
func decodeProcess(raw jsontext.Value, options json.Options) (Process, error) {
	var p Process
	if err := json.Unmarshal(raw, &p, options); err != nil {
		return Process{}, err
	}
	switch {
	case p.GUID == "":
		return Process{}, errors.New("a row without process_guid")
	case p.DeviceID <= 0:
		return Process{}, errors.New("a row without device_id")
	}
	p.Raw = bytes.Clone(raw)
	return p, nil
}

package cbc

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ObservationID identifies an observation. It is opaque.
type ObservationID string

// Observation is something that the vendor found remarkable, with the process that did it. Everything but ID may be missing.
type Observation struct {
	ID ObservationID `json:"observation_id"`
	// Type is such as CB_ANALYTICS, CONTEXTUAL_ACTIVITY, TAU_INTELLIGENCE, BLOCKED_HASH, TAMPER, HOST_BASED_FIREWALL,
	// INTRUSION_DETECTION_SYSTEM or INDICATOR_OF_ATTACK. The set is open.
	Type        string `json:"observation_type,omitzero"`
	Description string `json:"observation_description,omitzero"`
	EventID     string `json:"event_id,omitzero"`
	// EventTypes are such as childproc or netconn.
	EventTypes []string `json:"event_type,omitzero"`
	// Process is what did it, and where. Its GUID and DeviceID may be missing, unlike in a process search. AlertIDs, Time and Raw
	// are those of the observation.
	Process
	ChildGUID         ProcessGUID `json:"childproc_guid,omitzero"`
	ChildName         string      `json:"childproc_name,omitzero"`
	ChildHashes       []string    `json:"childproc_hash,omitzero"`
	ChildCommandLines []string    `json:"childproc_cmdline,omitzero"`
	// ScriptHashes and ScriptNames are scripts that the process loaded: where a script that came by mail is found.
	ScriptHashes []string `json:"process_loaded_script_hash,omitzero"`
	ScriptNames  []string `json:"process_loaded_script_name,omitzero"`
}

// HasScriptSHA256 tells whether the process loaded a script with the hash.
func (o Observation) HasScriptSHA256(hash [32]byte) bool {
	for _, s := range o.ScriptHashes {
		if h, ok := parseSHA256(s); ok && h == hash {
			return true
		}
	}
	return false
}

// decodeObservation reads a row. One without an id could not be asked for again.
func decodeObservation(raw jsontext.Value, options json.Options) (Observation, error) {
	var o Observation
	if err := json.Unmarshal(raw, &o, options); err != nil {
		return Observation{}, err
	}
	if o.ID == "" {
		return Observation{}, errors.New("a row without observation_id")
	}
	o.Raw = bytes.Clone(raw)
	return o, nil
}

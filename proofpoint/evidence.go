package proofpoint

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Evidence is one thing that a sandbox or an analysis saw. Every field may be absent.
type Evidence struct {
	// Type selects the kind of What.
	Type EvidenceType `json:"type,omitzero"`
	// Display is a sentence for people. It may name live addresses.
	Display string `json:"display,omitzero"`
	// Malicious tells whether the evidence is bad by itself. It is false as well where nothing is said.
	Malicious bool `json:"malicious,omitzero"`
	// Engine found it, such as iee, static or av.
	Engine    string     `json:"engine,omitzero"`
	Note      string     `json:"note,omitzero"`
	Platforms []Platform `json:"platforms,omitzero"`
	// What is what was seen: a value of the type that [EvidenceType] names, such as [NetworkEvidence], and nil for a type that this
	// package does not know.
	What EvidenceDetail `json:"-"`
	// RawWhat is what was seen as it came, for all types.
	RawWhat []byte `json:"-"`
}

// Platform is a system that something was seen on.
type Platform struct {
	Name    string `json:"name,omitzero"`
	OS      string `json:"os,omitzero"`
	Version string `json:"version,omitzero"`
}

// EvidenceType tells what kind of thing was seen. Compare with [EvidenceType.Is].
type EvidenceType string

// The known types, each with the type that [Evidence.What] has then. The set is open: other values are kept as they come.
const (
	EvidenceAttachment EvidenceType = "attachment" // AttachmentEvidence
	EvidenceBehavior   EvidenceType = "behavior"   // BehaviorEvidence
	EvidenceCookie     EvidenceType = "cookie"     // CookieEvidence
	EvidenceDNS        EvidenceType = "dns"        // DNSEvidence
	EvidenceDropper    EvidenceType = "dropper"    // DropperEvidence
	EvidenceFile       EvidenceType = "file"       // FileEvidence
	EvidenceIDS        EvidenceType = "ids"        // IDSEvidence
	EvidenceMutex      EvidenceType = "mutex"      // MutexEvidence
	EvidenceNetwork    EvidenceType = "network"    // NetworkEvidence
	EvidenceProcess    EvidenceType = "process"    // ProcessEvidence
	EvidenceRegistry   EvidenceType = "registry"   // RegistryEvidence
	EvidenceScreenshot EvidenceType = "screenshot" // ScreenshotEvidence
	EvidenceURL        EvidenceType = "url"        // URLEvidence

	// These are not documented.
	EvidenceDomains       EvidenceType = "domains"        // DomainEvidence
	EvidencePolicy        EvidenceType = "policy"         // BehaviorEvidence
	EvidenceRedirectChain EvidenceType = "redirect_chain" // URLEvidence
)

// Is compares without regard to case. The two names of [EvidenceIDS], ids and idsrule, are one type.
func (t EvidenceType) Is(other EvidenceType) bool { return t.plain() == other.plain() }

func (t EvidenceType) plain() EvidenceType {
	if t = EvidenceType(strings.ToLower(string(t))); t == "idsrule" {
		return EvidenceIDS
	}
	return t
}

func readEvidence(dec *jsontext.Decoder, e *Evidence) error {
	err := members(dec, func(name []byte) error {
		switch string(name) {
		case "type":
			return mustText(dec, &e.Type)
		case "display":
			return text(dec, &e.Display)
		case "malicious":
			return boolean(dec, &e.Malicious)
		case "engine":
			return text(dec, &e.Engine)
		case "note":
			return text(dec, &e.Note)
		case "platforms":
			return objects(dec, &e.Platforms, readPlatform)
		case "what":
			raw, err := dec.ReadValue()
			e.RawWhat = bytes.Clone(raw)
			return err
		default:
			return errSkip
		}
	})
	if err != nil || len(e.RawWhat) == 0 || jsontext.Value(e.RawWhat).Kind() == jsontext.KindNull {
		return err
	}
	e.What, err = e.Type.detail(e.RawWhat)
	return err
}

func readPlatform(dec *jsontext.Decoder, p *Platform) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "name":
			return text(dec, &p.Name)
		case "os":
			return text(dec, &p.OS)
		case "version":
			return text(dec, &p.Version)
		default:
			return errSkip
		}
	})
}

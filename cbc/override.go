package cbc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// OverrideID identifies a reputation override.
type OverrideID string

// OverrideList is the list that an override puts something on.
type OverrideList string

// The lists. An entry on the allow list outranks one on the ban list.
const (
	Banned  OverrideList = "BLACK_LIST"
	Allowed OverrideList = "WHITE_LIST"
)

// OverrideType says what an override recognizes files by.
type OverrideType string

// The types. Only hashes can be banned.
const (
	ByHash        OverrideType = "SHA256"
	ByCertificate OverrideType = "CERT"
	ByTool        OverrideType = "IT_TOOL"
)

// Override is an entry of the organization's own that outranks the vendor's judgement of a file. It takes effect on executables that
// are run or loaded, at the sensors' next check-ins; for documents and archives it is accepted and means nothing.
type Override struct {
	// ID, CreatedBy and CreateTime are the vendor's; Create ignores them.
	ID OverrideID `json:"id,omitzero"`
	// CreatedBy is a user's address or the id of an API key.
	CreatedBy  string       `json:"created_by,omitzero"`
	CreateTime time.Time    `json:"create_time,omitzero"`
	List       OverrideList `json:"override_list"`
	Type       OverrideType `json:"override_type"`
	// Description is free text.
	Description string `json:"description,omitzero"`
	// Hash is the SHA-256 of a ByHash entry, 64 hexadecimal digits. See [Override.SHA256] and [Override.For].
	Hash string `json:"sha256_hash,omitzero"`
	// FileName is a label of a ByHash entry; nothing is matched with it.
	FileName string `json:"filename,omitzero"`
	// SignedBy and CertificateAuthority are for ByCertificate.
	SignedBy             string `json:"signed_by,omitzero"`
	CertificateAuthority string `json:"certificate_authority,omitzero"`
	// Path and IncludeChildProcesses are for ByTool.
	Path                  string `json:"path,omitzero"`
	IncludeChildProcesses bool   `json:"include_child_processes,omitzero"`
}

// SHA256 is the hash of a ByHash entry.
func (o Override) SHA256() (hash [32]byte, ok bool) { return parseSHA256(o.Hash) }

// For tells whether the entry is about the hash itself, not one that only mentions it.
func (o Override) For(hash [32]byte) bool {
	h, ok := o.SHA256()
	return ok && h == hash && strings.EqualFold(string(o.Type), string(ByHash))
}

func (o Override) on(list OverrideList) bool { return strings.EqualFold(string(o.List), string(list)) }

// AllowOf is the entry that allows a file, ready for [Reputation.Create]. It outranks a ban of the same file. The file name is a label and may
// be empty.
func AllowOf(hash [32]byte, fileName, description string) Override {
	return Override{List: Allowed, Type: ByHash, Hash: hex.EncodeToString(hash[:]), FileName: fileName, Description: description}
}

// AllowCertificate is the entry that allows what a publisher has signed, ready for [Reputation.Create]. The authority that vouches for the
// publisher may be empty: then any does. An organization with Enterprise EDR alone accepts the entry, and it means nothing there.
func AllowCertificate(signedBy, authority, description string) Override {
	return Override{List: Allowed, Type: ByCertificate, SignedBy: signedBy, CertificateAuthority: authority, Description: description}
}

// AllowTool is the entry that allows what a tool of the IT department drops, ready for [Reputation.Create]. The path of the tool may have
// wildcards; set IncludeChildProcesses if what the tool starts is allowed to as well. An organization with Enterprise EDR alone accepts the
// entry, and it means nothing there.
func AllowTool(path, description string) Override {
	return Override{List: Allowed, Type: ByTool, Path: path, Description: description}
}

// BanOf is the entry that bans a file, ready for [Reputation.Ban]. The file name is a label and may be empty.
func BanOf(hash [32]byte, fileName, description string) Override {
	return Override{List: Banned, Type: ByHash, Hash: hex.EncodeToString(hash[:]), FileName: fileName, Description: description}
}

// check refuses what the vendor refuses, or accepts without meaning.
func (o Override) check() error {
	const op = "cbc: reputation.create: "
	if o.List != Banned && o.List != Allowed {
		return fmt.Errorf(op+"%q is no list", o.List)
	}
	switch o.Type {
	case ByHash:
		if h, ok := o.SHA256(); !ok || h == [32]byte{} {
			return errors.New(op + "no SHA-256")
		}
	case ByCertificate, ByTool:
		switch {
		case o.List == Banned:
			return errors.New(op + "only a hash can be banned")
		case o.Type == ByCertificate && strings.TrimSpace(o.SignedBy) == "":
			return errors.New(op + "SignedBy is empty")
		case o.Type == ByTool && strings.Trim(o.Path, `*?\/ `) == "":
			return errors.New(op + "Path is empty, or nothing but wildcards")
		}
	default:
		return fmt.Errorf(op+"%q is no type", o.Type)
	}
	for _, member := range []struct {
		name  string
		of    OverrideType
		given bool
	}{
		{"Hash", ByHash, o.Hash != ""},
		{"FileName", ByHash, o.FileName != ""},
		{"SignedBy", ByCertificate, o.SignedBy != ""},
		{"CertificateAuthority", ByCertificate, o.CertificateAuthority != ""},
		{"Path", ByTool, o.Path != ""},
		{"IncludeChildProcesses", ByTool, o.IncludeChildProcesses},
	} {
		if member.given && member.of != o.Type {
			return fmt.Errorf(op+"%s does not belong to an override by %s", member.name, o.Type)
		}
	}
	return nil
}

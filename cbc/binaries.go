package cbc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Binaries is the Unified Binary Store: what is known of the Windows programs that ran or were loaded in the organization. Documents,
// scripts and archives are never in it, and what it counts begins in May 2022. It needs the product Enterprise EDR.
type Binaries struct{ c *core }

// Binary is a program with what its version resource says. Texts that it does not have are empty.
type Binary struct {
	SHA256 [32]byte
	// MD5 is zero if it is not known.
	MD5 [16]byte
	// Architectures are such as x86 and amd64. The set is open.
	Architectures []string
	// OS is such as WINDOWS.
	OS string
	// Size is the size of the file in bytes.
	Size int64
	// Available tells whether the vendor has the file itself, and AvailableSize how much of it: files above 25 MB are not collected.
	Available     bool
	AvailableSize int64

	OriginalFilename, InternalName, FileDescription, FileVersion string
	ProductName, ProductVersion, ProductDescription              string
	CompanyName, Copyright, Trademark, Comments                  string
	PrivateBuild, SpecialBuild                                   string
	// LanguageID and CharsetID are numbers of Windows, zero if there are none.
	LanguageID, CharsetID int64
}

type wireBinary struct {
	SHA256             string   `json:"sha256"`
	MD5                string   `json:"md5"`
	Architecture       []string `json:"architecture"`
	OSType             string   `json:"os_type"`
	FileSize           int64    `json:"file_size"`
	FileAvailable      bool     `json:"file_available"`
	AvailableFileSize  int64    `json:"available_file_size"`
	OriginalFilename   string   `json:"original_filename"`
	InternalName       string   `json:"internal_name"`
	FileDescription    string   `json:"file_description"`
	FileVersion        string   `json:"file_version"`
	ProductName        string   `json:"product_name"`
	ProductVersion     string   `json:"product_version"`
	ProductDescription string   `json:"product_description"`
	CompanyName        string   `json:"company_name"`
	Copyright          string   `json:"copyright"`
	Trademark          string   `json:"trademark"`
	Comments           string   `json:"comments"`
	PrivateBuild       string   `json:"private_build"`
	SpecialBuild       string   `json:"special_build"`
	LangID             int64    `json:"lang_id"`
	CharsetID          int64    `json:"charset_id"`
}

func (w wireBinary) binary(hash [32]byte) Binary {
	b := Binary{
		SHA256: hash, Architectures: w.Architecture, OS: w.OSType, Size: w.FileSize, Available: w.FileAvailable,
		AvailableSize: w.AvailableFileSize, OriginalFilename: w.OriginalFilename, InternalName: w.InternalName,
		FileDescription: w.FileDescription, FileVersion: w.FileVersion, ProductName: w.ProductName, ProductVersion: w.ProductVersion,
		ProductDescription: w.ProductDescription, CompanyName: w.CompanyName, Copyright: w.Copyright, Trademark: w.Trademark,
		Comments: w.Comments, PrivateBuild: w.PrivateBuild, SpecialBuild: w.SpecialBuild, LanguageID: w.LangID, CharsetID: w.CharsetID,
	}
	if raw, err := hex.DecodeString(w.MD5); err == nil && len(raw) == len(b.MD5) {
		b.MD5 = [16]byte(raw)
	}
	return b
}

// Get reads what is known of a program. [ErrNotFound] means that it was not seen to run, or that it is no Windows program. It needs
// ubs.org.sha256 (READ).
//
//api:op GET /ubs/v1/orgs/{org_key}/sha256/{sha256}/metadata
func (b *Binaries) Get(ctx context.Context, hash [32]byte) (Binary, error) {
	var w wireBinary
	if err := b.read(ctx, "binaries.get", "/ubs/v1/orgs/{org_key}/sha256/{sha256}/metadata", hash, 0, &w, &w.SHA256); err != nil {
		return Binary{}, err
	}
	return w.binary(hash), nil
}

// read gets what a route says of a hash, and makes sure that it is about that one; the vendor may write it in another case.
func (b *Binaries) read(ctx context.Context, op, route string, hash [32]byte, rows int, out any, echo *string) error {
	call := b.c.call(op, http.MethodGet, route, hex.EncodeToString(hash[:]))
	call.Repeatable = true
	if rows != 0 {
		if rows < 0 || rows > maxSummaryRows {
			return fmt.Errorf("cbc: %s: %d rows: want 1 to %d", op, rows, maxSummaryRows)
		}
		call.Query = url.Values{"rows": {strconv.Itoa(rows)}}
	}
	if err := b.c.do(ctx, call, out); err != nil {
		return err
	}
	if got, ok := parseSHA256(*echo); !ok || got != hash {
		return answerError(op, http.StatusOK, nil, errors.New("it is not about the hash that was asked for"))
	}
	return nil
}

// maxSummaryRows is the most that the vendor returns of the places or signatures of a program.
const maxSummaryRows = 100

// BinarySighting is where and when a program was seen.
type BinarySighting struct {
	Time       time.Time
	DeviceID   DeviceID
	DeviceName string
}

// BinaryDevices is how far a program has spread.
type BinaryDevices struct {
	// Devices is how many devices have seen it.
	Devices     int64
	First, Last BinarySighting
}

// Devices tells on how many devices a program was seen, first and last: a cheap look before a ban. [ErrNotFound] means that it was
// not seen. It needs ubs.org.sha256 (READ).
//
//api:op GET /ubs/v1/orgs/{org_key}/sha256/{sha256}/summary/device
func (b *Binaries) Devices(ctx context.Context, hash [32]byte) (BinaryDevices, error) {
	var w wireBinaryDevices
	if err := b.read(ctx, "binaries.devices", "/ubs/v1/orgs/{org_key}/sha256/{sha256}/summary/device", hash, 0, &w, &w.SHA256); err != nil {
		return BinaryDevices{}, err
	}
	return w.devices(), nil
}

type wireBinaryDevices struct {
	SHA256    string    `json:"sha256"`
	Devices   int64     `json:"num_devices"`
	FirstTime time.Time `json:"first_seen_device_timestamp"`
	FirstID   DeviceID  `json:"first_seen_device_id"`
	FirstName string    `json:"first_seen_device_name"`
	LastTime  time.Time `json:"last_seen_device_timestamp"`
	LastID    DeviceID  `json:"last_seen_device_id"`
	LastName  string    `json:"last_seen_device_name"`
}

func (w wireBinaryDevices) devices() BinaryDevices {
	return BinaryDevices{
		Devices: w.Devices,
		First:   BinarySighting{w.FirstTime, w.FirstID, w.FirstName},
		Last:    BinarySighting{w.LastTime, w.LastID, w.LastName},
	}
}

// BinaryPath is a place at which a program was seen.
type BinaryPath struct {
	Path string
	// Count is how often it was seen there.
	Count     int64
	FirstSeen time.Time
}

// BinaryPaths are the places at which a program was seen.
type BinaryPaths struct {
	Paths []BinaryPath
	// Total is how many there are, of which the vendor returns up to 100.
	Total int64
}

// Paths tells where a program was seen, at most rows places: 1 to 100, or zero for the vendor's own number. [ErrNotFound] means that
// it was not seen. It needs ubs.org.sha256 (READ).
//
//api:op GET /ubs/v1/orgs/{org_key}/sha256/{sha256}/summary/file_path
func (b *Binaries) Paths(ctx context.Context, hash [32]byte, rows int) (BinaryPaths, error) {
	var w wireBinaryPaths
	if err := b.read(ctx, "binaries.paths", "/ubs/v1/orgs/{org_key}/sha256/{sha256}/summary/file_path", hash, rows, &w, &w.SHA256); err != nil {
		return BinaryPaths{}, err
	}
	return w.paths(), nil
}

type wireBinaryPaths struct {
	SHA256 string `json:"sha256"`
	Total  int64  `json:"total_file_path_count"`
	Paths  []struct {
		Path      string    `json:"file_path"`
		Count     int64     `json:"count"`
		FirstSeen time.Time `json:"first_seen_timestamp"`
	} `json:"file_paths"`
}

func (w wireBinaryPaths) paths() BinaryPaths {
	out := BinaryPaths{Total: max(w.Total, int64(len(w.Paths)))}
	for _, p := range w.Paths {
		out.Paths = append(out.Paths, BinaryPath{Path: p.Path, Count: p.Count, FirstSeen: p.FirstSeen})
	}
	return out
}

// BinarySignature is a signature that a program was seen with.
type BinarySignature struct {
	// Count is how often it was seen with it.
	Count int64
	// SignedBy and CertificateAuthority are empty for a program without a signature.
	SignedBy, CertificateAuthority string
	// Raw is what the vendor says of it, of which only these names are documented.
	Raw jsontext.Value
}

// Signatures tells how a program is signed, at most rows signatures: 1 to 100, or zero for the vendor's own number. A known signer
// speaks against a ban. [ErrNotFound] means that the program was not seen. It needs ubs.org.sha256 (READ).
//
//api:op GET /ubs/v1/orgs/{org_key}/sha256/{sha256}/summary/signature
func (b *Binaries) Signatures(ctx context.Context, hash [32]byte, rows int) ([]BinarySignature, error) {
	const op = "binaries.signatures"
	var w signatureSummary
	if err := b.read(ctx, op, "/ubs/v1/orgs/{org_key}/sha256/{sha256}/summary/signature", hash, rows, &w, &w.SHA256); err != nil {
		return nil, err
	}
	return w.signatures(op)
}

func (s signatureSummary) signatures(op string) ([]BinarySignature, error) {
	var out []BinarySignature
	for _, raw := range s.Signatures {
		var one struct {
			Count     int64  `json:"count"`
			SignedBy  string `json:"signed_by"`
			Authority string `json:"certificate_authority"`
		}
		if err := decodeValue(op, raw, &one); err != nil {
			return nil, err
		}
		out = append(out, BinarySignature{Count: one.Count, SignedBy: one.SignedBy, CertificateAuthority: one.Authority, Raw: raw})
	}
	return out, nil
}

// signatureSummary is an answer whose list has a name that is not documented: it is the only list of objects in it.
type signatureSummary struct {
	SHA256     string
	Signatures []jsontext.Value
}

// UnmarshalJSONFrom looks for the list.
func (s *signatureSummary) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var members map[string]jsontext.Value
	if err := json.UnmarshalDecode(dec, &members); err != nil {
		return err
	}
	s.SHA256, _ = scalar(members["sha256"])
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if list := items(members[name]); members[name].Kind() == '[' && len(list) > 0 && list[0].Kind() == '{' {
			s.Signatures = list
			return nil
		}
	}
	return nil
}

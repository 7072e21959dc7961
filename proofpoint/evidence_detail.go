package proofpoint

import "github.com/go-json-experiment/json/jsontext"

// EvidenceDetail is one of the types of this package whose names end in Evidence. All of their fields may be absent. Paths have
// placeholders for the directories of the user.
type EvidenceDetail interface{ evidence() }

// AttachmentEvidence is a file that came with a message.
type AttachmentEvidence struct {
	SHA256 string `json:"sha256,omitzero"`
	MD5    string `json:"md5,omitzero"`
	// Blacklisted tells whether the file was known to be bad.
	Blacklisted bool `json:"blacklisted,omitzero"`
	// Offset is where in the file the rule found something, in bytes.
	Offset int64  `json:"offset,omitzero"`
	Rule   string `json:"rule,omitzero"`
	Size   int64  `json:"size,omitzero"`
}

// BehaviorEvidence is a rule that something broke.
type BehaviorEvidence struct {
	Rule string `json:"rule,omitzero"`
	URL  string `json:"url,omitzero"`
	Path string `json:"path,omitzero"`
	Key  string `json:"key,omitzero"`
}

// CookieEvidence is a cookie that was set or deleted.
type CookieEvidence struct {
	Action string `json:"action,omitzero"`
	Domain string `json:"domain,omitzero"`
	Key    string `json:"key,omitzero"`
	Value  string `json:"value,omitzero"`
}

// DNSEvidence is a name that was looked up.
type DNSEvidence struct {
	Host        string   `json:"host,omitzero"`
	CNames      []string `json:"cnames,omitzero"`
	IPs         []string `json:"ips,omitzero"`
	NameServers []string `json:"nameservers,omitzero"`
	// NameServersList is a second list of that kind. How they differ is not documented.
	NameServersList []string `json:"nameserversList,omitzero"`
}

// DomainEvidence is a domain.
type DomainEvidence struct {
	Domain string `json:"domain,omitzero"`
}

// DropperEvidence is something that brings a file in.
type DropperEvidence struct {
	Path string `json:"path,omitzero"`
	Rule string `json:"rule,omitzero"`
	URL  string `json:"url,omitzero"`
}

// FileEvidence is a file that was created, modified or deleted.
type FileEvidence struct {
	Action string `json:"action,omitzero"`
	Path   string `json:"path,omitzero"`
	SHA256 string `json:"sha256,omitzero"`
	MD5    string `json:"md5,omitzero"`
	Size   int64  `json:"size,omitzero"`
	Rule   string `json:"rule,omitzero"`
}

// IDSEvidence is a rule of an intrusion detection that matched.
type IDSEvidence struct {
	Name        string `json:"name,omitzero"`
	SignatureID string `json:"signatureId,omitzero"`
}

// MutexEvidence is a mutex that was made.
type MutexEvidence struct {
	Name string `json:"name,omitzero"`
	Path string `json:"path,omitzero"`
}

// NetworkEvidence is a connection. It has an IP or a Domain.
type NetworkEvidence struct {
	Action string `json:"action,omitzero"`
	IP     string `json:"ip,omitzero"`
	Domain string `json:"domain,omitzero"`
	Port   int    `json:"port,omitzero"`
	// Protocol is tcp or udp.
	Protocol string `json:"type,omitzero"`
}

// ProcessEvidence is a process that was started.
type ProcessEvidence struct {
	Action string `json:"action,omitzero"`
	// Path is the whole command line.
	Path string `json:"path,omitzero"`
}

// RegistryEvidence is a value in the registry that was created or set.
type RegistryEvidence struct {
	Action string `json:"action,omitzero"`
	Key    string `json:"key,omitzero"`
	Name   string `json:"name,omitzero"`
	Value  string `json:"value,omitzero"`
	Rule   string `json:"rule,omitzero"`
}

// ScreenshotEvidence is a picture of what a user would have seen.
type ScreenshotEvidence struct {
	// URL is where the picture is.
	URL string `json:"url,omitzero"`
}

// URLEvidence is an address that was visited.
type URLEvidence struct {
	URL string `json:"url,omitzero"`
	// Blacklisted tells whether the address was known to be bad.
	Blacklisted bool   `json:"blacklisted,omitzero"`
	IP          string `json:"ip,omitzero"`
	HTTPStatus  int    `json:"httpStatus,omitzero"`
	SHA256      string `json:"sha256,omitzero"`
	MD5         string `json:"md5,omitzero"`
	Size        int64  `json:"size,omitzero"`
	// Offset is where in the page the rule found something, in bytes.
	Offset int64  `json:"offset,omitzero"`
	Rule   string `json:"rule,omitzero"`
}

// Hash is the SHA-256 of the file, and false if the evidence has none.
func (e AttachmentEvidence) Hash() ([32]byte, bool) { return parseHash(e.SHA256) }

// Hash is the SHA-256 of the file, and false if the evidence has none.
func (e FileEvidence) Hash() ([32]byte, bool) { return parseHash(e.SHA256) }

// Hash is the SHA-256 of what was at the address, and false if the evidence has none.
func (e URLEvidence) Hash() ([32]byte, bool) { return parseHash(e.SHA256) }

func (AttachmentEvidence) evidence() {}
func (BehaviorEvidence) evidence()   {}
func (CookieEvidence) evidence()     {}
func (DNSEvidence) evidence()        {}
func (DomainEvidence) evidence()     {}
func (DropperEvidence) evidence()    {}
func (FileEvidence) evidence()       {}
func (IDSEvidence) evidence()        {}
func (MutexEvidence) evidence()      {}
func (NetworkEvidence) evidence()    {}
func (ProcessEvidence) evidence()    {}
func (RegistryEvidence) evidence()   {}
func (ScreenshotEvidence) evidence() {}
func (URLEvidence) evidence()        {}

// detail reads what was seen, nil for an unknown type.
func (t EvidenceType) detail(raw []byte) (EvidenceDetail, error) {
	switch t.plain() {
	case EvidenceAttachment:
		return detailOf(raw, func(e *AttachmentEvidence) fields {
			return fields{"sha256": &e.SHA256, "md5": &e.MD5, "blacklisted": &e.Blacklisted, "offset": &e.Offset, "rule": &e.Rule, "size": &e.Size}
		})
	case EvidenceBehavior, EvidencePolicy:
		return detailOf(raw, func(e *BehaviorEvidence) fields {
			return fields{"rule": &e.Rule, "url": &e.URL, "path": &e.Path, "key": &e.Key}
		})
	case EvidenceCookie:
		return detailOf(raw, func(e *CookieEvidence) fields {
			return fields{"action": &e.Action, "domain": &e.Domain, "key": &e.Key, "value": &e.Value}
		})
	case EvidenceDNS:
		return detailOf(raw, func(e *DNSEvidence) fields {
			return fields{"host": &e.Host, "cnames": &e.CNames, "ips": &e.IPs, "nameservers": &e.NameServers, "nameserversList": &e.NameServersList}
		})
	case EvidenceDomains:
		return detailOf(raw, func(e *DomainEvidence) fields { return fields{"domain": &e.Domain} })
	case EvidenceDropper:
		return detailOf(raw, func(e *DropperEvidence) fields { return fields{"path": &e.Path, "rule": &e.Rule, "url": &e.URL} })
	case EvidenceFile:
		return detailOf(raw, func(e *FileEvidence) fields {
			return fields{"action": &e.Action, "path": &e.Path, "sha256": &e.SHA256, "md5": &e.MD5, "size": &e.Size, "rule": &e.Rule}
		})
	case EvidenceIDS:
		return detailOf(raw, func(e *IDSEvidence) fields { return fields{"name": &e.Name, "signatureId": &e.SignatureID} })
	case EvidenceMutex:
		return detailOf(raw, func(e *MutexEvidence) fields { return fields{"name": &e.Name, "path": &e.Path} })
	case EvidenceNetwork:
		return detailOf(raw, func(e *NetworkEvidence) fields {
			return fields{"action": &e.Action, "ip": &e.IP, "domain": &e.Domain, "port": &e.Port, "type": &e.Protocol}
		})
	case EvidenceProcess:
		return detailOf(raw, func(e *ProcessEvidence) fields { return fields{"action": &e.Action, "path": &e.Path} })
	case EvidenceRegistry:
		return detailOf(raw, func(e *RegistryEvidence) fields {
			return fields{"action": &e.Action, "key": &e.Key, "name": &e.Name, "value": &e.Value, "rule": &e.Rule}
		})
	case EvidenceScreenshot:
		return detailOf(raw, func(e *ScreenshotEvidence) fields { return fields{"url": &e.URL} })
	case EvidenceURL, EvidenceRedirectChain:
		return detailOf(raw, func(e *URLEvidence) fields {
			return fields{
				"url": &e.URL, "blacklisted": &e.Blacklisted, "ip": &e.IP, "httpStatus": &e.HTTPStatus, "sha256": &e.SHA256,
				"md5": &e.MD5, "size": &e.Size, "offset": &e.Offset, "rule": &e.Rule,
			}
		})
	default:
		return nil, nil //nolint:nilnil // an unknown type has no detail, and that is no error
	}
}

// fields are places for the members of an object: *string, *[]string, *bool, *int or *int64.
type fields map[string]any

// detailOf reads an object into a detail. Scalars may be of any type that can be taken for the one wanted: the service sends numbers
// in quotes, and counts for booleans.
func detailOf[T EvidenceDetail](raw []byte, of func(*T) fields) (EvidenceDetail, error) {
	var detail T
	places := of(&detail)
	err := readWhole(raw, func(dec *jsontext.Decoder) error {
		return members(dec, func(name []byte) error {
			switch place := places[string(name)].(type) {
			case *string:
				return text(dec, place)
			case *[]string:
				return texts(dec, place)
			case *bool:
				return boolean(dec, place)
			case *int:
				return integer(dec, place)
			case *int64:
				return integer(dec, place)
			default:
				return errSkip
			}
		})
	})
	if err != nil {
		return nil, err
	}
	return detail, nil
}

package cbc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Event is one thing that a process did.
type Event struct {
	// Type is what it did: filemod, modload, scriptload, fileless_scriptload, childproc, crossproc, netconn, netconn_proxy, regmod.
	// The set is open.
	Type string `json:"event_type"`
	GUID string `json:"event_guid,omitzero"`
	// Hash is the vendor's digest of the event, not of a file.
	Hash string `json:"event_hash,omitzero"`
	// Time is when it happened, Backend when it became searchable, Created when the record was made.
	Time        time.Time   `json:"event_timestamp,omitzero"`
	Backend     time.Time   `json:"backend_timestamp,omitzero"`
	Created     time.Time   `json:"created_timestamp,omitzero"`
	ProcessGUID ProcessGUID `json:"process_guid,omitzero"`
	// ProcessPID is zero if the event does not say.
	ProcessPID int64 `json:"process_pid,omitzero"`
	Legacy     bool  `json:"legacy,omitzero"`
	// Detail is what is particular to the type: a [FileMod], [ModLoad], [ScriptLoad], [FilelessScriptLoad], [ChildProc], [CrossProc],
	// [NetConn] or [RegMod]. Nil for other types.
	Detail EventDetail `json:"-"`
	// Raw is the event as it came, as evidence.
	Raw []byte `json:"-"`
}

// EventDetail is what is particular to a type of events. Switch on its type. What an event does not say is zero.
type EventDetail interface{ detail() }

// FileMod is a file that was created, written, renamed or deleted. Writes of documents and archives usually have no hash.
type FileMod struct {
	// Actions are such as ACTION_FILE_CREATE.
	Actions []string
	Path    string
	SHA256  [32]byte
	MD5     [16]byte
}

// ModLoad is a module that was loaded.
type ModLoad struct {
	Actions []string
	Path    string
	SHA256  [32]byte
	MD5     [16]byte
}

// ScriptLoad is a script file that was loaded.
type ScriptLoad struct {
	Actions []string
	Path    string
	SHA256  [32]byte
	MD5     [16]byte
	// ContentLength is in bytes.
	ContentLength   int64
	PublisherStates []string
}

// FilelessScriptLoad is script content that was run without a file. The hash is that of the content.
type FilelessScriptLoad struct {
	Actions     []string
	CommandLine string
	SHA256      [32]byte
	MD5         [16]byte
}

// ChildProc is a process that was started.
type ChildProc struct {
	Actions     []string
	GUID        ProcessGUID
	PID         int64
	Path        string
	CommandLine string
	Username    string
	SHA256      [32]byte
	MD5         [16]byte
}

// CrossProc is access to another process.
type CrossProc struct {
	Actions []string
	GUID    ProcessGUID
	PID     int64
	Path    string
	SHA256  [32]byte
	MD5     [16]byte
	// Target tells that the other process accessed this one.
	Target bool
}

// NetConn is a network connection, made or taken.
type NetConn struct {
	Actions []string
	Domain  string
	// Remote and Local are the ends. An address that the event does not say is not valid, a port zero.
	Remote, Local netip.AddrPort
	// Protocol is such as PROTO_TCP.
	Protocol string
	Inbound  bool
	// Proxied tells that the connection went through a proxy.
	Proxied bool
}

// RegMod is a registry key or value that was changed.
type RegMod struct {
	Actions []string
	Path    string
}

func (FileMod) detail()            {}
func (ModLoad) detail()            {}
func (ScriptLoad) detail()         {}
func (FilelessScriptLoad) detail() {}
func (ChildProc) detail()          {}
func (CrossProc) detail()          {}
func (NetConn) detail()            {}
func (RegMod) detail()             {}

// decodeEvent reads an event. One that does not say what happened is an error.
func decodeEvent(raw jsontext.Value, options json.Options) (Event, error) {
	var e Event
	if err := json.Unmarshal(raw, &e, options); err != nil {
		return Event{}, err
	}
	if e.Type == "" {
		return Event{}, errors.New("an event without event_type")
	}
	fields, _ := object(raw)
	e.Detail = eventFields{fields, e.Type + "_"}.detail(e.Type)
	e.Raw = bytes.Clone(raw)
	return e, nil
}

// eventFields are the members of an event. Their names begin with its type, and differ a little from route to route.
type eventFields struct {
	members members
	prefix  string
}

func (f eventFields) detail(kind string) EventDetail {
	actions, path := f.texts("action"), f.text("name")
	sha256, md5 := f.hashes()
	switch kind {
	case "filemod":
		return FileMod{actions, path, sha256, md5}
	case "modload":
		return ModLoad{actions, path, sha256, md5}
	case "scriptload":
		return ScriptLoad{actions, path, sha256, md5, f.number("content_length"), f.texts("publisher_state")}
	case "fileless_scriptload":
		return FilelessScriptLoad{actions, f.text("cmdline"), sha256, md5}
	case "childproc":
		guid := ProcessGUID(f.text("process_guid", "guid"))
		return ChildProc{actions, guid, f.number("pid"), path, f.text("cmdline"), f.text("username"), sha256, md5}
	case "crossproc":
		guid := ProcessGUID(f.text("process_guid", "guid"))
		return CrossProc{actions, guid, f.number("pid"), path, sha256, md5, f.is("target")}
	case "netconn", "netconn_proxy":
		return f.connection(kind == "netconn_proxy")
	case "regmod":
		return RegMod{actions, path}
	}
	return nil
}

// connection reads a connection. The members of one through a proxy have either prefix.
func (f eventFields) connection(proxied bool) NetConn {
	if proxied && f.text("domain", "remote_ipv4", "remote_ipv6", "ipv4", "ipv6", "action") == "" {
		f.prefix = "netconn_"
	}
	return NetConn{
		Actions: f.texts("action"), Domain: f.text("domain"), Protocol: f.text("protocol"), Inbound: f.is("inbound"), Proxied: proxied,
		Remote: netip.AddrPortFrom(f.address("remote_ipv4", "remote_ipv6", "ipv4", "ipv6"), f.port("remote_port", "port")),
		Local:  netip.AddrPortFrom(f.address("local_ipv4", "local_ipv6"), f.port("local_port")),
	}
}

// texts is the first member of these names with any text in it.
func (f eventFields) texts(names ...string) []string {
	for _, name := range names {
		if list, ok := listOf(asText[string])(f.members[f.prefix+name]); ok {
			return list
		}
	}
	return nil
}

func (f eventFields) text(names ...string) string {
	if list := f.texts(names...); len(list) > 0 {
		return list[0]
	}
	return ""
}

func (f eventFields) number(name string) int64 {
	n, _ := asInteger[int64](f.members[f.prefix+name])
	return n
}

func (f eventFields) is(name string) bool {
	v, _ := asBool(f.members[f.prefix+name])
	return v
}

func (f eventFields) port(names ...string) uint16 {
	for _, name := range names {
		if n := f.number(name); n > 0 && n <= 65535 {
			return uint16(n)
		}
	}
	return 0
}

// hashes are told apart by their length where one member has both.
func (f eventFields) hashes() (sha256 [32]byte, md5 [16]byte) {
	for _, text := range append(append(f.texts("sha256"), f.texts("md5")...), f.texts("hash")...) {
		if h, ok := parseSHA256(text); ok && sha256 == [32]byte{} {
			sha256 = h
		}
		var h [16]byte
		if len(text) == hex.EncodedLen(len(h)) && md5 == h {
			if _, err := hex.Decode(h[:], []byte(text)); err == nil {
				md5 = h
			}
		}
	}
	return sha256, md5
}

// address reads the first valid address of these names: written out, as an IPv6 address without its colons, or as the signed
// number that an IPv4 address is in four bytes.
func (f eventFields) address(names ...string) netip.Addr {
	for _, name := range names {
		text := strings.TrimSpace(f.text(name))
		if addr, err := netip.ParseAddr(text); err == nil {
			return addr
		}
		if raw, err := hex.DecodeString(text); err == nil && len(raw) == 16 {
			return netip.AddrFrom16([16]byte(raw))
		}
		if n, err := parseInteger(text); err == nil && n != 0 && n >= -1<<31 && n < 1<<32 {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], uint32(n)) // a negative number stands for the same bytes
			return netip.AddrFrom4(b)
		}
	}
	return netip.Addr{}
}

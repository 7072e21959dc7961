package cbc

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// The indicators that reports are made of most. Their ids are their values, so that a report written twice has each once. For
// programs there is [HashIOC].

// FieldIOC is an indicator that compares one field with values, letter by letter, such as "scriptload_hash" or "process_publisher".
// Its values are checked with the report.
func FieldIOC(id, field string, values ...string) IOC {
	return IOC{ID: id, MatchType: MatchEquality, Field: field, Values: values}
}

// MD5IOC is [HashIOC] for files of which only the MD5 is known.
func MD5IOC(hash [16]byte) IOC {
	text := hex.EncodeToString(hash[:])
	return FieldIOC(text, "process_hash", text)
}

// AddrIOC is a connection with an address. IPv6 addresses are written as the vendor compares them: 32 digits in upper case.
// Networks take a [QueryIOC]. The zero address becomes an indicator without a value, which [Report.Validate] refuses.
func AddrIOC(addr netip.Addr) IOC {
	if !addr.IsValid() {
		return FieldIOC(addr.String(), "netconn_ipv4")
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return FieldIOC(addr.String(), "netconn_ipv4", addr.String())
	}
	raw := addr.As16()
	return FieldIOC(addr.String(), "netconn_ipv6", fmt.Sprintf("%X", raw[:]))
}

// DomainIOC is a connection with a host of this name, in lower case.
func DomainIOC(name string) IOC {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return FieldIOC(name, "netconn_domain", name)
}

// QueryIOC is a process search that the vendor runs every five minutes over the last hour. Every term of the expression must name its field.
// An expression that makes no sense becomes an indicator without a value, which [Report.Validate] refuses.
func QueryIOC(id string, e Expr) IOC {
	return IOC{ID: id, MatchType: MatchQuery, Values: []string{e.String()}}
}

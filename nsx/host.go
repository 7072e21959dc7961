package nsx

import (
	"net"
	"strings"
)

// Host is what another system, such as an endpoint sensor, knows of a machine.
type Host struct {
	// Name is its name in any form: HOST, DOMAIN\HOST or host.example.com, in any case.
	Name string
	// UUIDs are ids that it may have in the inventory: the external id, the instance UUID or the BIOS UUID. Dashes, braces and
	// case do not count.
	UUIDs []string
}

// String names the host in errors.
func (h Host) String() string {
	if h.Name == "" {
		return "the UUID " + quoted(strings.Join(h.UUIDs, ", "))
	}
	return quoted(h.Name)
}

// netBIOSLength is where Windows cuts names off to make the short form.
const netBIOSLength = 15

// name is a host name taken apart.
type name struct {
	realm string // of DOMAIN\HOST
	full  string // without the realm
	short string // before the first dot
}

func parseName(s string) name {
	var n name
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '\\'); i >= 0 {
		n.realm, s = s[:i], s[i+1:]
	}
	n.full = strings.TrimRight(strings.TrimSpace(s), ".")
	n.short = n.full
	if net.ParseIP(n.full) == nil {
		n.short, _, _ = strings.Cut(n.full, ".")
	}
	return n
}

// domain is what follows the first dot.
func (n name) domain() string { return strings.TrimPrefix(n.full[len(n.short):], ".") }

// usable tells whether the name can tell machines apart. Every Linux may call itself localhost.
func (n name) usable() bool {
	return n.short != "" && !strings.EqualFold(n.short, "localhost") && !strings.EqualFold(n.short, "localhost4") && !strings.EqualFold(n.short, "localhost6")
}

// sameShort tells whether two names can be those of one machine: the first labels are equal, and the domains do not differ.
func (n name) sameShort(other name) bool {
	if !strings.EqualFold(n.short, other.short) {
		return false
	}
	return n.domain() == "" || other.domain() == "" || strings.EqualFold(n.domain(), other.domain())
}

// cutOff tells whether n, of the form DOMAIN\HOST, is the NetBIOS form of a longer name. The domain has to agree where it is
// known, since the form is unique within one domain only.
func (n name) cutOff(other name) bool {
	short := []rune(n.short)
	long := []rune(other.short)
	if n.realm == "" || n.domain() != "" || len(short) != netBIOSLength || len(long) <= netBIOSLength {
		return false
	}
	if !strings.EqualFold(n.short, string(long[:netBIOSLength])) {
		return false
	}
	label, _, _ := strings.Cut(other.domain(), ".")
	return label == "" || strings.EqualFold(label, n.realm)
}

// uuidKey brings the spellings of a UUID together. Ids that are none are compared as they are, and the placeholders for "none" are
// no ids.
func uuidKey(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	hex := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-{} ", r) {
			return -1
		}
		return r
	}, s)
	switch {
	case strings.Trim(hex, "0") == "" || strings.Trim(hex, "f") == "":
		return ""
	case len(hex) == 32 && strings.Trim(hex, "0123456789abcdef") == "":
		return hex
	}
	return s
}

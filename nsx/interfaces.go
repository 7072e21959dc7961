package nsx

import (
	"context"
	"iter"
	"net/netip"
	"net/url"
	"strings"

	"github.com/pphunt/pphunt/internal/rest"
)

// Interfaces lists the network interfaces of machines. It is safe for concurrent use.
type Interfaces struct {
	core *core
}

// Interface is a network interface of a machine, called a VIF by the vendor.
type Interface struct {
	// ID is the id of the machine with the key of the device after it.
	ID string
	// VM is the machine.
	VM ExternalID
	// MAC is the hardware address as NSX spells it, with colons.
	MAC string
	// Device is the name in vCenter, such as "Network adapter 1".
	Device string
	// Attachment is the port of NSX that the interface is attached to. Without one the interface is in a network that NSX does not
	// manage, and the distributed firewall is not in its way.
	Attachment string
	// HostID is the host that the machine runs on.
	HostID string
	// Addresses are the addresses that the guest has. They need VMware Tools in the guest.
	Addresses []netip.Addr
}

// Managed tells whether NSX, and with it the distributed firewall, has a say about the interface.
func (i Interface) Managed() bool { return i.Attachment != "" }

// InterfaceQuery chooses interfaces. All that is set must fit. The zero value is all interfaces. The manager cannot be asked for an
// address: list and compare.
type InterfaceQuery struct {
	// VM is the machine; case does not count.
	VM ExternalID
	// Attachment is the port.
	Attachment string
	// HostID is the host.
	HostID string
	// PageSize is how many interfaces the manager sends at a time, at most 1000. Defaults to the manager's own, 1000.
	PageSize int
}

// List returns the interfaces that fit. They come page by page; the sequence asks for no page before it is needed and ends with its
// first error.
//
// It needs the right to read the inventory.
//
//api:op GET /api/v1/fabric/vifs
func (i *Interfaces) List(ctx context.Context, q InterfaceQuery) iter.Seq2[Interface, error] {
	return i.list(ctx, "interfaces.list", q)
}

func (i *Interfaces) list(ctx context.Context, op string, q InterfaceQuery) iter.Seq2[Interface, error] {
	call := rest.Call{Op: op, Route: "/api/v1/fabric/vifs", Query: setNonEmpty(url.Values{},
		"owner_vm_id", string(q.VM), "lport_attachment_id", q.Attachment, "host_id", q.HostID)}
	how := paging[wireVIF]{
		what: "an interface", valid: func(w wireVIF) bool { return w.ID != "" || w.VM != "" }, last: endsWithZeros[wireVIF], size: q.PageSize,
	}
	return func(yield func(Interface, error) bool) {
		for w, err := range rows(ctx, i.core, call, how) {
			vif := w.vif()
			if err == nil && !q.fits(vif) {
				continue
			}
			if !yield(vif, err) {
				return
			}
		}
	}
}

func (q InterfaceQuery) fits(i Interface) bool {
	return (q.VM == "" || folded(q.VM) == folded(i.VM)) &&
		(q.Attachment == "" || strings.EqualFold(q.Attachment, i.Attachment)) &&
		(q.HostID == "" || strings.EqualFold(q.HostID, i.HostID))
}

// wireVIF is the vendor's form.
type wireVIF struct {
	ID         string     `json:"external_id"`
	VM         ExternalID `json:"owner_vm_id"`
	MAC        string     `json:"mac_address"`
	Device     string     `json:"device_name"`
	Attachment string     `json:"lport_attachment_id"`
	HostID     string     `json:"host_id"`
	Addresses  []struct {
		Addresses []string `json:"ip_addresses"`
	} `json:"ip_address_info"`
}

func (w wireVIF) vif() Interface {
	out := Interface{ID: w.ID, VM: w.VM, MAC: w.MAC, Device: w.Device, Attachment: w.Attachment, HostID: w.HostID}
	for _, info := range w.Addresses {
		for _, text := range info.Addresses {
			// With a prefix length or without; what is neither is no address.
			addr, _, _ := strings.Cut(text, "/")
			if a, err := netip.ParseAddr(addr); err == nil {
				out.Addresses = append(out.Addresses, a)
			}
		}
	}
	return out
}

package cbchunt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// DeviceReader reads the present state of devices. *cbc.Devices is one; it needs device (READ).
type DeviceReader interface {
	ByIDs(ctx context.Context, ids ...cbc.DeviceID) ([]cbc.Device, error)
}

// ProtectDevicesConfig says which devices are left alone. Devices is required; a device is protected as soon as one of the lists
// names it. Case does not matter anywhere, and space around a value neither.
type ProtectDevicesConfig struct {
	Devices DeviceReader
	// Names are patterns such as "DC-*", in which * stands for any text, ? for one character and [0-9] for one of a set. They are
	// compared with the name at the search and the present one, with and without domain. Carbon Black Cloud names a device HOST,
	// DOMAIN\HOST or by its DNS name, which differs from device to device: give patterns without a domain.
	Names []string
	// IDs are those of devices.
	IDs []cbc.DeviceID
	// Networks are compared with the last internal and the last external address.
	Networks []netip.Prefix
	// Policies are ids or exact names. The policy that is assigned to the device at the moment of the review counts.
	Policies []string
	// Groups are the ids or exact names of asset groups, the id of a sensor group, or the exact name of an organizational unit. A
	// change of an asset group can take ten minutes to show.
	Groups []string
	// Priorities are LOW, MEDIUM, HIGH or MISSION_CRITICAL. Nil means MISSION_CRITICAL; a list that is empty, but not nil, none.
	Priorities []string
	// Deployments are ENDPOINT, WORKLOAD, VDI, AWS, AZURE or GCP.
	Deployments []string
}

// ProtectDevices is a [hunt.Guard] that keeps every action from protected devices: what isolates, moves, tags, kills, deletes or runs
// a command on one is held, and what merely tells goes on. The ban of a file goes on, too: it is not about a device.
//
// It reads the present state of all devices of a review at once and needs the permission device (READ). A device that Carbon Black
// Cloud does not know is held: nothing says that it is not protected. So is a device without a name, an address, a policy, a priority
// or a deployment type if one of those could protect it. Where a state could not be read this time the tasks fail, and the next run asks again; when
// none can be read, the guard fails.
//
// A machine says itself what its name and its addresses are. Whoever has taken it over can give it a protected one, and so have it
// held until a person decides, but cannot take protection from another machine. Ids, policies and groups are the organization's own.
//
// It is safe for concurrent use.
type ProtectDevices struct {
	devices DeviceReader
	names   []glob
	ids     []cbc.DeviceID
	rules   []rule
}

// NewProtectDevices checks the configuration and reports everything that is wrong with it.
func NewProtectDevices(cfg ProtectDevicesConfig) (*ProtectDevices, error) {
	p := &ProtectDevices{devices: cfg.Devices, ids: slices.Clone(cfg.IDs)}
	var problems []error
	if cfg.Devices == nil {
		problems = append(problems, errors.New("the Devices are missing"))
	}
	for _, id := range cfg.IDs {
		if id <= 0 {
			problems = append(problems, fmt.Errorf("%d is no device id", id))
		}
	}
	var err error
	p.names, err = compileGlobs(cfg.Names)
	problems = append(problems, err)
	p.rules, err = rules(cfg)
	problems = append(problems, err)
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("cbchunt: ProtectDevices: %w", err)
	}
	return p, nil
}

// Review implements [hunt.Guard].
func (p *ProtectDevices) Review(ctx context.Context, r hunt.Review) ([]hunt.Hold, error) {
	if len(p.ids)+len(p.names)+len(p.rules) == 0 {
		return nil, nil
	}
	machines, holds := gatherMachines(r.Tasks)
	if err := p.read(ctx, machines); err != nil {
		return nil, fmt.Errorf("cbchunt: which devices are protected could not be read, which needs the permission device (READ): %w", err)
	}
	for _, m := range machines {
		why, unsure := p.why(m)
		if why == "" {
			continue
		}
		for _, key := range m.tasks {
			holds = append(holds, hunt.Hold{Key: key, Reason: m.label() + " " + why, Unsure: unsure})
		}
	}
	return holds, nil
}

// why is in what way a device is protected, or may be, empty if it is not. It is unsure where that could not be asked this time.
func (p *ProtectDevices) why(m *machine) (text string, unsure bool) {
	if slices.Contains(p.ids, m.id) {
		return fmt.Sprintf("is protected: its id is %d", m.id), false
	}
	names := m.names()
	for _, name := range names {
		for _, g := range p.names {
			if g.fits(name) {
				return "is protected: its name fits " + g.text, false
			}
		}
	}
	if m.unknown != "" {
		return "may be protected: " + m.unknown, m.unread
	}
	if len(p.names) > 0 && len(names) == 0 {
		return "may be protected: its name is not known", false
	}
	for _, rule := range p.rules {
		if why := rule(m.device); why != "" {
			return why, false
		}
	}
	return "", false
}

// machine is a device of the review.
type machine struct {
	id cbc.DeviceID
	// seen are the names that the search had for it.
	seen  []string
	tasks []string
	// device is its present state, unless it is unknown why there is none.
	device  cbc.Device
	unknown string
	// unread means that the state could not be had this time.
	unread bool
}

func (m *machine) label() string {
	name := m.device.Name
	for _, seen := range m.seen {
		name = cmp.Or(name, seen)
	}
	return cmp.Or(foreign(name), fmt.Sprintf("device %d", m.id))
}

// gatherMachines collects the devices that tasks are on, in their order. A task without a device is held.
func gatherMachines(tasks []hunt.Task) (machines []*machine, holds []hunt.Hold) {
	index := make(map[cbc.DeviceID]*machine)
	for _, t := range tasks {
		if t.Scope == hunt.ScopeHash {
			continue
		}
		on := make(map[cbc.DeviceID]bool)
		at := func(id cbc.DeviceID, name string) {
			m := index[id]
			if m == nil {
				m = &machine{id: id}
				index[id] = m
				machines = append(machines, m)
			}
			if name != "" && !slices.Contains(m.seen, name) {
				m.seen = append(m.seen, name)
			}
			if !on[id] {
				on[id] = true
				m.tasks = append(m.tasks, t.Key())
			}
		}
		if id, err := strconv.ParseInt(t.Target, 10, 64); err == nil && t.Scope == hunt.ScopeDevice {
			at(cbc.DeviceID(id), "")
		}
		for _, s := range t.Sightings {
			at(cbc.DeviceID(s.Device.ID), s.Device.Name)
		}
		if len(on) == 0 {
			holds = append(holds, hunt.Hold{Key: t.Key(), Reason: "the device may be protected: nothing says which one it is"})
		}
	}
	return machines, holds
}

// read fills in the present states. Its error means that none is known.
func (p *ProtectDevices) read(ctx context.Context, machines []*machine) error {
	var ids []cbc.DeviceID
	for _, m := range machines {
		if m.id > 0 { // one that can be no id would make the whole call fail
			ids = append(ids, m.id)
		}
	}
	var devices []cbc.Device
	failed := make(map[cbc.DeviceID]error)
	if len(ids) > 0 {
		var err error
		devices, err = p.devices.ByIDs(ctx, ids...)
		rest := splitDevices(err, failed)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case rest != nil, len(devices) == 0 && err != nil && !allMissing(failed, ids):
			return err
		}
	}
	state := make(map[cbc.DeviceID]cbc.Device, len(devices))
	for _, d := range devices {
		state[d.ID] = d
	}
	for _, m := range machines {
		device, ok := state[m.id]
		switch err := failed[m.id]; {
		case ok:
			m.device = device
		case err != nil && !missing(err):
			m.unknown, m.unread = "its state could not be read: "+cause(err), true
		default:
			m.unknown = fmt.Sprintf("Carbon Black Cloud knows no device %d", m.id)
		}
	}
	return nil
}

// splitDevices files the parts of an error under the devices that they name and returns the rest.
func splitDevices(err error, failed map[cbc.DeviceID]error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, part := range joined.Unwrap() {
			rest = append(rest, splitDevices(part, failed))
		}
		return errors.Join(rest...)
	}
	e, ok := errors.AsType[*cbc.DevicesError](err)
	if !ok {
		return err
	}
	for _, id := range e.IDs {
		failed[id] = e.Err
	}
	return nil
}

// missing tells whether the service has answered, without this device. A 404 from the service itself is about the call.
func missing(err error) bool {
	return err == cbc.ErrNotFound //nolint:errorlint // what ByIDs itself says, not the service
}

func allMissing(failed map[cbc.DeviceID]error, ids []cbc.DeviceID) bool {
	return !slices.ContainsFunc(ids, func(id cbc.DeviceID) bool { return !missing(failed[id]) })
}

// cause is an error in words that are the same every time, without the number of the request.
func cause(err error) string {
	if e, ok := errors.AsType[*cbc.APIError](err); ok {
		return fmt.Sprintf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))
	}
	return foreign(err.Error())
}

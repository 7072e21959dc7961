package cbctest

import (
	"slices"
	"time"
)

// device is an endpoint with its sensor. The server's lock guards it.
type device struct {
	Device
	anchor    time.Time // the contacts of the sensor are counted from here
	contact   time.Time // the last of them
	asked     []order   // what the sensor has not taken yet
	requested time.Time // when a policy was assigned last; zero: never
	enforced  time.Time // when the sensor took a policy last; zero: never
	left      time.Time // when the sensor was uninstalled; zero: never
	updating  bool      // a sensor update is on its way
}

// order is something that a sensor is to do at its next contact.
type order struct {
	at time.Time
	do func(*device)
}

// addDevice adds a device as the world describes it, defaults filled in.
func (s *Server) addDevice(in Device) {
	d := &device{Device: in, anchor: s.created, contact: in.LastContact}
	s.devices = append(s.devices, d)
	s.byID[in.ID] = d
}

// device finds a device and brings it to the present. The caller holds the lock.
func (s *Server) device(id int64) (*device, bool) {
	s.advanceRemediations()
	d, ok := s.byID[id]
	if ok {
		s.advanceDevice(d)
	}
	return d, ok
}

// advanceDevices brings all devices to the present. The caller holds the lock.
func (s *Server) advanceDevices() {
	s.advanceRemediations()
	for _, d := range s.devices {
		s.advanceDevice(d)
	}
}

// advanceDevice lets a sensor make the contacts that are due. There is no goroutine behind the fake; whoever looks moves the
// world on. The caller holds the lock.
func (s *Server) advanceDevice(d *device) {
	now := s.now()
	if d.Offline && d.OnlineAfter > 0 {
		if back := s.created.Add(d.OnlineAfter); !back.After(now) {
			d.goOnline(back)
		}
	}
	if d.Offline || d.gone() {
		return
	}
	if last := d.lastContact(now); last.After(d.contact) {
		d.contact = last
	}
	for len(d.asked) > 0 {
		o := d.asked[0]
		at := d.nextContact(o.at)
		if at.After(now) {
			return
		}
		d.asked = d.asked[1:]
		if at.After(d.contact) {
			d.contact = at
		}
		o.do(d)
	}
}

// goOnline ends a device's absence; the sensor makes contact at once.
func (d *device) goOnline(at time.Time) {
	d.Offline, d.OnlineAfter = false, 0
	d.anchor = at
	if at.After(d.contact) {
		d.contact = at
	}
}

// gone says whether the device has no sensor anymore.
func (d *device) gone() bool { return d.Status == "DEREGISTERED" || d.Status == "UNINSTALLED" }

// lastContact is the last contact up to now of a sensor that has been online since its anchor.
func (d *device) lastContact(now time.Time) time.Time {
	if now.Before(d.anchor) {
		return now
	}
	return d.anchor.Add(now.Sub(d.anchor).Truncate(d.CheckIn))
}

// nextContact is when a sensor that is online takes what is asked at a given time: at the next contact after it, or at once if
// it is in contact all the time.
func (d *device) nextContact(asked time.Time) time.Time {
	if asked.Before(d.anchor) {
		return d.anchor
	}
	return d.anchor.Add(asked.Sub(d.anchor).Truncate(d.CheckIn) + d.CheckIn)
}

// contactAfter is when the sensor of a device takes what is asked of it at a given time; not ok if the device is unknown,
// offline or without a sensor. The caller holds the lock.
func (s *Server) contactAfter(id int64, asked time.Time) (at time.Time, ok bool) {
	d, ok := s.device(id)
	if !ok || d.Offline || d.gone() {
		return time.Time{}, false
	}
	return d.nextContact(asked), true
}

// ask gives a sensor something to do. The caller holds the lock.
func (s *Server) ask(d *device, do func(*device)) {
	if d.gone() {
		return
	}
	d.asked = append(d.asked, order{at: s.now(), do: do})
}

// Device tells how a device stands now; ok is false if there is none with that id.
func (s *Server) Device(id int64) (d Device, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.device(id)
	if !ok {
		return Device{}, false
	}
	return s.present(found), true
}

// Devices lists all devices as they stand now, in the world's order.
func (s *Server) Devices() []Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deviceList()
}

func (s *Server) deviceList() []Device {
	s.advanceDevices()
	list := make([]Device, 0, len(s.devices))
	for _, d := range s.devices {
		list = append(list, s.present(d))
	}
	return list
}

// present is a copy of a device for the outside. The caller holds the lock.
func (s *Server) present(d *device) Device {
	out := d.Device
	out.LastContact = d.contact
	out.SensorStates = slices.Clone(d.SensorStates)
	out.AssetGroups = slices.Clone(d.AssetGroups)
	out.Running, out.Files = s.endpoint(d.ID)
	out.Registry = s.registryOf(d.ID)
	return out
}

// SetOffline cuts a device's sensor off or brings it back. A sensor that comes back makes contact at once. It does nothing
// about a device that is not there.
func (s *Server) SetOffline(id int64, offline bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.device(id)
	switch {
	case !ok:
	case offline:
		d.Offline, d.OnlineAfter = true, 0
	case d.Offline:
		d.goOnline(s.now())
	}
}

package cbctest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/pphunt/pphunt/internal/fake"
)

// actionBody is the body of a device action.
type actionBody struct {
	ActionType string          `json:"action_type"`
	DeviceID   []int64         `json:"device_id"`
	Search     *deviceSearch   `json:"search"`
	Options    json.RawMessage `json:"options"`
}

// action is a device action that was understood.
type action struct {
	atOnce func(*device) // done when the request comes; nil: nothing
	do     func(*device) // done when the sensor takes it; nil: nothing
}

// actionTypes are the actions in the order of the documentation.
func actionTypes() []string {
	return []string{
		"QUARANTINE", "BYPASS", "BACKGROUND_SCAN", "UPDATE_POLICY", "UPDATE_SENSOR_VERSION", "UNINSTALL_SENSOR",
		"DELETE_SENSOR",
	}
}

// actionPermission is what an action asks for.
func actionPermission(kind string) string {
	switch kind {
	case "QUARANTINE":
		return "device.quarantine:EXECUTE"
	case "BYPASS":
		return "device.bypass:EXECUTE"
	case "BACKGROUND_SCAN":
		return "device.bg-scan:EXECUTE"
	case "UPDATE_POLICY":
		return "device.policy:UPDATE"
	case "UPDATE_SENSOR_VERSION":
		return "org.kits:EXECUTE"
	case "UNINSTALL_SENSOR":
		return "device.uninstall:EXECUTE"
	default:
		return "device.deregistered:DELETE"
	}
}

// deviceAction does something to devices. All that is wrong with a request is found before anything is done.
func (s *Server) deviceAction(w http.ResponseWriter, r *http.Request) {
	var in actionBody
	if !s.decode(w, r, &in) {
		return
	}
	if !slices.Contains(actionTypes(), in.ActionType) {
		s.badEnum(w, "action_type", in.ActionType, actionTypes())
		return
	}
	if !s.allow(w, r, actionPermission(in.ActionType)) {
		return
	}
	act, err := s.action(in)
	if err != nil {
		s.badDevices(w, err)
		return
	}
	targets, unknown, err := s.targets(in)
	switch {
	case err != nil:
		s.badDevices(w, err)
		return
	case unknown && s.switches.Devices.UnknownDevice:
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "device not found")
		return
	case in.ActionType == "DELETE_SENSOR" && slices.ContainsFunc(targets, func(d *device) bool { return !d.gone() }):
		s.badRequest(w, "only deregistered devices can be deleted")
		return
	}
	for _, d := range targets {
		if act.atOnce != nil {
			act.atOnce(d)
		}
		if act.do != nil {
			s.ask(d, act.do)
		}
	}
	if in.ActionType == "DELETE_SENSOR" {
		s.forget(targets)
	}
	s.auditAction(r, in, targets)
	if s.switches.Devices.ActionsAnswer {
		s.reply(w, http.StatusOK, struct{}{})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// targets are the devices that an action is for.
func (s *Server) targets(in actionBody) (targets []*device, unknown bool, err error) {
	switch {
	case (in.DeviceID == nil) == (in.Search == nil):
		return nil, false, errors.New("an action takes either device_id or search")
	case in.Search != nil:
		m, err := in.Search.understand(s.now())
		if err != nil {
			return nil, false, err
		}
		found := s.matching(m)
		return found[:min(len(found), maxDevices)], false, nil
	case len(in.DeviceID) == 0:
		return nil, false, errors.New("device_id is empty")
	case len(in.DeviceID) > maxDevices:
		return nil, false, fmt.Errorf("device_id has more than %d entries", maxDevices)
	}
	for _, id := range in.DeviceID {
		d, ok := s.device(id)
		switch {
		case !ok:
			unknown = true
		case !slices.Contains(targets, d):
			targets = append(targets, d)
		}
	}
	return targets, unknown, nil
}

// forget takes devices off the list.
func (s *Server) forget(gone []*device) {
	s.devices = slices.DeleteFunc(s.devices, func(d *device) bool { return slices.Contains(gone, d) })
	for _, d := range gone {
		delete(s.byID, d.ID)
	}
}

// action reads what is to be done.
func (s *Server) action(in actionBody) (action, error) {
	switch in.ActionType {
	case "QUARANTINE", "BYPASS", "BACKGROUND_SCAN":
		on, err := toggle(in.Options)
		return action{do: func(d *device) {
			switch in.ActionType {
			case "QUARANTINE":
				d.Quarantined = on
			case "BYPASS":
				d.Bypass = on
			default: // a background scan shows nowhere
			}
		}}, err
	case "UPDATE_POLICY":
		return s.policyMove(in.Options)
	case "UPDATE_SENSOR_VERSION":
		return sensorUpdate(in.Options)
	default:
		if len(in.Options) > 0 && fake.UnmarshalStrict(in.Options, &struct{}{}) != nil {
			return action{}, errors.New(in.ActionType + " has no options")
		}
		if in.ActionType == "DELETE_SENSOR" {
			return action{}, nil
		}
		return action{do: func(d *device) {
			d.Status, d.left = "DEREGISTERED", s.now()
			d.asked = nil
		}}, nil
	}
}

// options reads the options of an action.
func options(raw json.RawMessage, into any) error {
	if len(raw) == 0 || string(raw) == "null" {
		return errors.New("options are missing")
	}
	if err := fake.UnmarshalStrict(raw, into); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	return nil
}

// toggle reads the option that turns something on or off.
func toggle(raw json.RawMessage) (on bool, err error) {
	var o struct {
		Toggle string `json:"toggle"`
	}
	if err := options(raw, &o); err != nil {
		return false, err
	}
	if o.Toggle != "ON" && o.Toggle != "OFF" {
		return false, &enumError{field: "options.toggle", value: o.Toggle, known: []string{"ON", "OFF"}}
	}
	return o.Toggle == "ON", nil
}

// policyMove assigns a policy by hand; the sensor learns of it later.
func (s *Server) policyMove(raw json.RawMessage) (action, error) {
	var o struct {
		PolicyID *looseInt `json:"policy_id"`
	}
	if err := options(raw, &o); err != nil {
		return action{}, err
	}
	if o.PolicyID == nil {
		return action{}, errors.New("options.policy_id is missing")
	}
	p, ok := s.policy(int64(*o.PolicyID))
	if !ok {
		return action{}, errors.New("options.policy_id is no policy: " + strconv.FormatInt(int64(*o.PolicyID), 10))
	}
	return action{
		atOnce: func(d *device) { d.PolicyID, d.PolicyOverride, d.requested = p.ID, true, s.now() },
		do:     func(d *device) { d.enforce(p) },
	}, nil
}

// enforce puts a policy in force on a sensor.
func (d *device) enforce(p Policy) {
	d.SensorPolicyID, d.enforced = p.ID, d.contact
	states := slices.DeleteFunc(slices.Clone(d.SensorStates), func(state string) bool {
		return state == stateEnabled || state == stateDisabled
	})
	d.SensorStates = append(states, p.liveResponse())
}

// sensorUpdate sets the version of the sensors whose kit is named.
func sensorUpdate(raw json.RawMessage) (action, error) {
	var o struct {
		SensorVersion map[string]string `json:"sensor_version"`
	}
	if err := options(raw, &o); err != nil {
		return action{}, err
	}
	if len(o.SensorVersion) == 0 {
		return action{}, errors.New("options.sensor_version is missing")
	}
	kits := []string{"XP", "WINDOWS", "MAC", "RHEL", "UBUNTU", "SUSE", "AMAZON_LINUX"}
	for _, kit := range slices.Sorted(maps.Keys(o.SensorVersion)) {
		if !slices.Contains(kits, kit) {
			return action{}, &enumError{field: "options.sensor_version", value: kit, known: kits}
		}
	}
	return action{
		atOnce: func(d *device) { _, d.updating = o.SensorVersion[d.SensorKit] },
		do: func(d *device) {
			if version, ok := o.SensorVersion[d.SensorKit]; ok {
				d.SensorVersion, d.SensorOutOfDate, d.updating = version, false, false
			}
		},
	}, nil
}

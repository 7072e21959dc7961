package actions

import (
	"context"
	"errors"
	"fmt"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// PolicySetter moves devices to a policy. *cbc.Devices is one.
type PolicySetter interface {
	DeviceLister
	SetPolicy(ctx context.Context, policy cbc.PolicyID, ids ...cbc.DeviceID) error
}

// NewPolicyMove moves the devices on which a condemned file was seen with at least the given evidence ([hunt.Executed] or
// [hunt.Touched], the zero value meaning the first) to a policy. Devices that are in it are left as they are. It needs the
// permissions device.policy (UPDATE) and device (READ).
//
// CBC pins a device that is moved so: its asset groups do not decide about its policy any more until the override is taken off.
func NewPolicyMove(devices PolicySetter, policy cbc.Policy, evidence hunt.Evidence) (hunt.Action, error) {
	spec, err := deviceSpec("policy", evidence, "the device can be moved back to the policy that it had, and its override taken off")
	if err != nil {
		return nil, err
	}
	if devices == nil {
		return nil, errors.New("actions: policy: the devices are missing")
	}
	if policy.ID <= 0 {
		return nil, errors.New("actions: policy: the policy has no id")
	}
	a := &deviceAction{
		name: spec.Name, devices: devices,
		apply:  func(ctx context.Context, ids ...cbc.DeviceID) error { return devices.SetPolicy(ctx, policy.ID, ids...) },
		detail: fmt.Sprintf("moved to policy %s (%d), which pins it there; in force when the sensor checks in", policy.Name, policy.ID),
		judge: func(t hunt.Task, d cbc.Device) (hunt.Outcome, bool) {
			return already(t, "the device is in policy "+policy.Name+" already"), d.PolicyID == policy.ID
		},
		before: func(d cbc.Device) any {
			return map[string]any{"policy_id": d.PolicyID, "policy_name": d.PolicyName, "policy_override": d.PolicyOverride}
		},
	}
	return hunt.NewAction(spec, a.do), nil
}

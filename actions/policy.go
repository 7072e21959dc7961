package actions

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
//
// Undo assigns the policy of before to a device that is still in the one that it was moved to, and pinned there; one that was moved
// again since is held. That somebody has assigned the same policy since cannot be seen. The pin stays also where there was none before:
// no documented call takes it off, and the outcome says so.
func NewPolicyMove(devices PolicySetter, policy cbc.Policy, evidence hunt.Evidence) (hunt.Action, error) {
	spec, err := deviceSpec("policy", evidence, "the device can be moved back to the policy that it had; its override stays")
	if err != nil {
		return nil, err
	}
	if devices == nil {
		return nil, errors.New("actions: policy: the devices are missing")
	}
	if policy.ID <= 0 {
		return nil, errors.New("actions: policy: the policy has no id")
	}
	return &deviceAction{
		spec: spec, devices: devices,
		apply:  func(ctx context.Context, ids ...cbc.DeviceID) error { return devices.SetPolicy(ctx, policy.ID, ids...) },
		detail: fmt.Sprintf("moved to policy %s (%d), which pins it there; in force when the sensor checks in", policy.Name, policy.ID),
		plan: func(d cbc.Device) string {
			return fmt.Sprintf("would be moved from policy %s (%d) to %s (%d)", d.PolicyName, d.PolicyID, policy.Name, policy.ID)
		},
		judge: func(t hunt.Task, d cbc.Device) (hunt.Outcome, bool) {
			return already(t, "the device is in policy "+policy.Name+" already"), d.PolicyID == policy.ID
		},
		before: func(d cbc.Device) any {
			return policyBefore{PolicyID: d.PolicyID, PolicyName: d.PolicyName, PolicyOverride: d.PolicyOverride, Set: policy.ID}
		},
		after: func(before []byte) []byte { return before },
		back:  policyBack, restore: devices.SetPolicy,
	}, nil
}

// policyBefore is the state before, and the policy that is set.
type policyBefore struct {
	PolicyID       cbc.PolicyID `json:"policy_id"`
	PolicyName     string       `json:"policy_name"`
	PolicyOverride bool         `json:"policy_override"`
	Set            cbc.PolicyID `json:"set"`
}

// policyBack parts the devices that can go back from those that cannot.
func policyBack(_ context.Context, tasks []deviceTask) (open []restoration, outcomes []hunt.Outcome) {
	for _, t := range tasks {
		var b policyBefore
		d := t.device
		switch {
		case !parseBefore(t.Task, &b) || b.PolicyID <= 0 || b.Set <= 0:
			outcomes = append(outcomes, held(t.Task, noBefore))
		case d.PolicyID == b.PolicyID:
			outcomes = append(outcomes, already(t.Task, fmt.Sprintf("the device is in policy %s (%d) again", d.PolicyName, d.PolicyID)))
		case d.PolicyID != b.Set:
			outcomes = append(outcomes, held(t.Task, fmt.Sprintf("stays: the device was moved again since, to policy %s (%d)", d.PolicyName, d.PolicyID)))
		case !d.PolicyOverride && !strings.EqualFold(d.PolicyAssignmentType, "MANUAL"):
			outcomes = append(outcomes, held(t.Task, fmt.Sprintf("stays: somebody took the override off, and the device's groups put it in policy %s (%d)", d.PolicyName, d.PolicyID)))
		default:
			r := restoration{deviceTask: t, to: b.PolicyID, detail: fmt.Sprintf("moved back to policy %s (%d); in force when the sensor checks in", b.PolicyName, b.PolicyID)}
			if !b.PolicyOverride {
				r.detail += "; its groups had put it there, and no documented call takes the override off: remove it in the console"
			}
			open = append(open, r)
		}
	}
	return open, outcomes
}

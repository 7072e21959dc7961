package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// NSXTag is a tag that the distributed firewall of an NSX knows rules for. The vendor has three.
type NSXTag string

// The tags. What they let through is set up in NSX.
const (
	// NSXQuarantine leaves DHCP, DNS and HTTPS to the vendor open.
	NSXQuarantine NSXTag = "CB-NSX-Quarantine"
	// NSXIsolate cuts everything.
	NSXIsolate NSXTag = "CB-NSX-Isolate"
	// NSXCustom has the rules that an administrator gave it.
	NSXCustom NSXTag = "CB-NSX-Custom"
)

// Workloads sets NSX tags on virtual machines through the vendor's appliance, which stands beside the vCenter. A machine has one of the
// tags at most: take off the present one, which [Device.NSXTag] tells, before setting another. [Workloads.Switch] does.
type Workloads struct{ c *core }

// NSXEligible tells whether the vendor can set tags on the device: its appliance knows the machine, and an NSX is registered there. The error
// says what is missing; it is nil if nothing is.
func (d Device) NSXEligible() error {
	switch {
	case d.DeploymentType != "WORKLOAD":
		return fmt.Errorf("cbc: device %d is of the deployment type %q, not WORKLOAD", d.ID, printable(d.DeploymentType))
	case !d.NSXEnabled:
		return fmt.Errorf("cbc: device %d: no NSX is registered with the appliance", d.ID)
	}
	return nil
}

type remediation struct {
	DeviceIDs  []DeviceID         `json:"device_ids"` // not device_id, as other actions have it
	ActionType string             `json:"action_type"`
	Options    remediationOptions `json:"options"`
}

type remediationOptions struct {
	Toggle string `json:"toggle"`
	Tag    NSXTag `json:"tag"`
}

// Tag begins to set a tag on devices and returns the jobs that do it, of which there can be fewer than devices, and which
// [RemediationJobs.Wait] waits for. What becomes of devices that are not eligible is not documented: see [Device.NSXEligible]. Setting a
// tag that is set does nothing, so that the call is repeated when its answer is lost. Any number of devices goes out in calls of a
// thousand; what failed is a [*DevicesError] for the devices of the call, several of them joined, and comes together with the jobs that
// were started. That nothing was started is such an error. It needs the permission appliances.nsx.remediation (EXECUTE).
//
//api:op POST /applianceservice/v1/orgs/{org_key}/device_actions
func (w *Workloads) Tag(ctx context.Context, tag NSXTag, ids ...DeviceID) (*RemediationJobs, error) {
	return w.start(ctx, "workloads.tag", remediationOptions{"ON", tag}, ids)
}

// Untag begins to take a tag off devices. Taking off a tag that is not set does nothing. All else is as with [Workloads.Tag].
//
//api:op POST /applianceservice/v1/orgs/{org_key}/device_actions
func (w *Workloads) Untag(ctx context.Context, tag NSXTag, ids ...DeviceID) (*RemediationJobs, error) {
	return w.start(ctx, "workloads.untag", remediationOptions{"OFF", tag}, ids)
}

func (w *Workloads) start(ctx context.Context, op string, options remediationOptions, ids []DeviceID) (*RemediationJobs, error) {
	if err := options.Tag.check(op); err != nil {
		return nil, err
	}
	ids, err := checkDeviceIDs(op, ids)
	if err != nil {
		return nil, err
	}
	jobs := &RemediationJobs{c: w.c}
	var problems []error
	for chunk := range slices.Chunk(ids, maxActionDevices) {
		started, err := w.post(ctx, op, options, chunk)
		if err != nil {
			problems = append(problems, &DevicesError{Op: op, IDs: slices.Clone(chunk), Err: err})
		}
		jobs.IDs = append(jobs.IDs, started...)
	}
	return jobs, errors.Join(problems...)
}

func (w *Workloads) post(ctx context.Context, op string, options remediationOptions, ids []DeviceID) ([]RemediationJobID, error) {
	call := w.c.call(op, http.MethodPost, "/applianceservice/v1/orgs/{org_key}/device_actions")
	call.Body = remediation{DeviceIDs: ids, ActionType: "NSX_REMEDIATION", Options: options}
	call.Repeatable = true // "setting the tag that is set, or clearing one that is not, does nothing"
	var answer struct {
		JobIDs []string `json:"job_ids"`
	}
	result, err := w.c.send(ctx, call, &answer)
	if err != nil {
		return nil, err
	}
	if result.Status != http.StatusCreated {
		return nil, answerError(op, result.Status, nil, errors.New("no status 201"))
	}
	jobs := make([]RemediationJobID, 0, len(answer.JobIDs))
	for _, id := range answer.JobIDs {
		if id != "" {
			jobs = append(jobs, RemediationJobID(id))
		}
	}
	if len(jobs) == 0 {
		return nil, answerError(op, result.Status, nil, errors.New("no job was started"))
	}
	return jobs, nil
}

func (t NSXTag) check(op string) error {
	switch t {
	case NSXQuarantine, NSXIsolate, NSXCustom:
		return nil
	}
	return fmt.Errorf("cbc: %s: %q is none of the tags that the vendor sets", op, printable(string(t)))
}

package cbc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DeviceQuery says which devices to search for. The values of a field are alternatives; all fields must match. The zero value finds
// every device.
type DeviceQuery struct {
	IDs []DeviceID
	// Statuses are such as ACTIVE, REGISTERED, DEREGISTERED, QUARANTINE or BYPASS. Defaults to ALL, so that nothing is hidden.
	Statuses []string
	// OS are such as WINDOWS, MAC or LINUX.
	OS         []string
	PolicyIDs  []PolicyID
	ADGroupIDs []int64
	// TargetPriorities are LOW, MEDIUM, HIGH and MISSION_CRITICAL.
	TargetPriorities []string
	// DeploymentTypes are such as ENDPOINT, WORKLOAD or VDI.
	DeploymentTypes []string
	// VirtualizationProviders are such as VMW_ESX or VirtualBox.
	VirtualizationProviders []string
	// CloudAccountIDs, AutoScalingGroups and VirtualPrivateClouds are those of machines in a public cloud.
	CloudAccountIDs      []string
	AutoScalingGroups    []string
	VirtualPrivateClouds []string
	// ContactedWithin is how long ago the last check-in may be, in whole seconds. Zero means that it does not matter.
	ContactedWithin time.Duration
	// ContactedFrom and ContactedUntil bound the last check-in instead. Give both or none.
	ContactedFrom, ContactedUntil time.Time
	// NotSensorVersions leaves out devices with any of these versions.
	NotSensorVersions []string
	// Query searches in texts such as name, user and address: cbc.Field("name").Prefix("lap-04"). The vendor knows no quotes here,
	// and an expression must find something, not only exclude.
	Query Expr
	// Sort is the order of a search or an export; a scroll has its own. Defaults to the ids, upwards. Devices that move in the order while
	// the pages are read can be missed: sort by what does not change.
	Sort []DeviceSort
	// Rows is the size of a page. Defaults to 1,000.
	Rows int
}

// DeviceSort is a field to sort devices by, such as "name" or "last_contact_time".
type DeviceSort struct {
	Field      string
	Descending bool
}

type deviceCriteria struct {
	ID                     []DeviceID   `json:"id,omitzero"`
	Status                 []string     `json:"status,omitzero"`
	OS                     []string     `json:"os,omitzero"`
	PolicyID               []PolicyID   `json:"policy_id,omitzero"`
	ADGroupID              []int64      `json:"ad_group_id,omitzero"`
	TargetPriority         []string     `json:"target_priority,omitzero"`
	DeploymentType         []string     `json:"deployment_type,omitzero"`
	VirtualizationProvider []string     `json:"virtualization_provider,omitzero"`
	CloudAccountID         []string     `json:"cloud_provider_account_id,omitzero"`
	AutoScalingGroup       []string     `json:"auto_scaling_group_name,omitzero"`
	VirtualPrivateCloud    []string     `json:"virtual_private_cloud_id,omitzero"`
	LastContact            contactRange `json:"last_contact_time,omitzero"`
}

type contactRange struct {
	Start string `json:"start,omitzero"`
	End   string `json:"end,omitzero"`
	Range string `json:"range,omitzero"`
}

type deviceExclusions struct {
	SensorVersion []string `json:"sensor_version,omitzero"`
}

// deviceFilter is the part of a body that says which devices are meant.
type deviceFilter struct {
	Criteria   deviceCriteria   `json:"criteria"`
	Exclusions deviceExclusions `json:"exclusions,omitzero"`
	Query      string           `json:"query,omitzero"`
}

type sortBy struct {
	Field string `json:"field"`
	Order string `json:"order"`
}

// filter checks what q asks for and writes it as the vendor wants it.
func (q DeviceQuery) filter(op string) (deviceFilter, error) {
	f := deviceFilter{
		Criteria: deviceCriteria{
			ID: nonEmpty(q.IDs), Status: nonEmpty(q.Statuses), OS: nonEmpty(q.OS), PolicyID: nonEmpty(q.PolicyIDs),
			ADGroupID: nonEmpty(q.ADGroupIDs), TargetPriority: nonEmpty(q.TargetPriorities), DeploymentType: nonEmpty(q.DeploymentTypes),
			VirtualizationProvider: nonEmpty(q.VirtualizationProviders), CloudAccountID: nonEmpty(q.CloudAccountIDs),
			AutoScalingGroup: nonEmpty(q.AutoScalingGroups), VirtualPrivateCloud: nonEmpty(q.VirtualPrivateClouds),
		},
		Exclusions: deviceExclusions{SensorVersion: nonEmpty(q.NotSensorVersions)},
	}
	if len(f.Criteria.Status) == 0 {
		f.Criteria.Status = []string{"ALL"}
	}
	problems := []error{q.check(op)}
	var err error
	f.Criteria.LastContact, err = q.contact(op)
	problems = append(problems, err)
	if !q.Query.IsZero() {
		f.Query, err = q.Query.buildFor("")
		if err == nil && strings.Contains(f.Query, `"`) {
			err = fmt.Errorf("cbc: %s: the expression needs quotes, which device search does not know", op)
		}
		problems = append(problems, err)
	}
	return f, errors.Join(problems...)
}

// check refuses values that can be none.
func (q DeviceQuery) check(op string) error {
	if slices.ContainsFunc(q.IDs, func(id DeviceID) bool { return id <= 0 }) {
		return fmt.Errorf("cbc: %s: a device id is zero or below", op)
	}
	if slices.ContainsFunc(q.PolicyIDs, func(id PolicyID) bool { return id <= 0 }) {
		return fmt.Errorf("cbc: %s: a policy id is zero or below", op)
	}
	for _, list := range [][]string{
		q.Statuses, q.OS, q.TargetPriorities, q.DeploymentTypes, q.VirtualizationProviders, q.CloudAccountIDs, q.AutoScalingGroups,
		q.VirtualPrivateClouds, q.NotSensorVersions,
	} {
		if slices.Contains(list, "") {
			return fmt.Errorf("cbc: %s: an empty value", op)
		}
	}
	return nil
}

func (q DeviceQuery) contact(op string) (contactRange, error) {
	within := q.ContactedWithin
	switch {
	case q.ContactedFrom.IsZero() != q.ContactedUntil.IsZero():
		return contactRange{}, fmt.Errorf("cbc: %s: ContactedFrom and ContactedUntil go together", op)
	case !q.ContactedFrom.IsZero() && within != 0:
		return contactRange{}, fmt.Errorf("cbc: %s: ContactedWithin and ContactedFrom exclude each other", op)
	case !q.ContactedFrom.IsZero() && !q.ContactedFrom.Before(q.ContactedUntil):
		return contactRange{}, fmt.Errorf("cbc: %s: ContactedFrom is not before ContactedUntil", op)
	case !q.ContactedFrom.IsZero():
		return contactRange{Start: formatTime(q.ContactedFrom), End: formatTime(q.ContactedUntil)}, nil
	case within == 0:
		return contactRange{}, nil
	case within < time.Second || within%time.Second != 0:
		return contactRange{}, fmt.Errorf("cbc: %s: ContactedWithin is %v: want whole seconds, at least one", op, within)
	}
	return contactRange{Range: formatWindow(within)}, nil
}

// order is the order to ask for. Rows sorted by what changes would move between pages.
func (q DeviceQuery) order(op string) ([]sortBy, error) {
	if len(q.Sort) == 0 {
		return []sortBy{{Field: "id", Order: "ASC"}}, nil
	}
	order := make([]sortBy, len(q.Sort))
	for i, s := range q.Sort {
		if !isFieldName(s.Field) {
			return nil, fmt.Errorf("cbc: %s: Sort: %q is no field name", op, s.Field)
		}
		order[i] = sortBy{Field: s.Field, Order: "ASC"}
		if s.Descending {
			order[i].Order = "DESC"
		}
	}
	return order, nil
}

// page is the number of rows to ask for at a time.
func (q DeviceQuery) page(op string, most int) (int, error) {
	switch {
	case q.Rows == 0:
		return 1000, nil
	case q.Rows < 0 || q.Rows > most:
		return 0, fmt.Errorf("cbc: %s: Rows is %d: want 1 to %d", op, q.Rows, most)
	}
	return q.Rows, nil
}

// nonEmpty leaves out a list without elements: as a criterion it could mean everything or nothing.
func nonEmpty[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Devices reads devices and acts on them.
type Devices struct{ c *core }

// maxDevices is how far a device search reaches: the sum of the first row and the number of rows.
const maxDevices = 10000

// DeviceQuery says which devices to search for. The values of a field are alternatives; all fields must match. The zero value finds
// every device.
type DeviceQuery struct {
	IDs []DeviceID
	// Statuses are such as ACTIVE, REGISTERED, DEREGISTERED, QUARANTINE or BYPASS. Defaults to ALL, so that nothing is hidden.
	Statuses []string
	// OS are such as WINDOWS, MAC or LINUX.
	OS        []string
	PolicyIDs []PolicyID
	// TargetPriorities are LOW, MEDIUM, HIGH and MISSION_CRITICAL.
	TargetPriorities []string
	// DeploymentTypes are such as ENDPOINT, WORKLOAD or VDI.
	DeploymentTypes []string
	// Query searches in texts such as name, user and address: cbc.Field("name").Prefix("lap-04"). The vendor knows no quotes here,
	// and an expression must find something, not only exclude.
	Query Expr
	// Rows is the size of a page. Defaults to 1,000.
	Rows int
}

type deviceCriteria struct {
	ID             []DeviceID `json:"id,omitzero"`
	Status         []string   `json:"status,omitzero"`
	OS             []string   `json:"os,omitzero"`
	PolicyID       []PolicyID `json:"policy_id,omitzero"`
	TargetPriority []string   `json:"target_priority,omitzero"`
	DeploymentType []string   `json:"deployment_type,omitzero"`
}

type deviceSearch struct {
	Criteria deviceCriteria `json:"criteria"`
	Query    string         `json:"query,omitzero"`
	Rows     int            `json:"rows"`
	Start    int            `json:"start"` // from 1
	Sort     []sortBy       `json:"sort"`
}

type sortBy struct {
	Field string `json:"field"`
	Order string `json:"order"`
}

func (q DeviceQuery) body() (deviceSearch, error) {
	body := deviceSearch{
		Criteria: deviceCriteria{
			ID: nonEmpty(q.IDs), Status: nonEmpty(q.Statuses), OS: nonEmpty(q.OS), PolicyID: nonEmpty(q.PolicyIDs),
			TargetPriority: nonEmpty(q.TargetPriorities), DeploymentType: nonEmpty(q.DeploymentTypes),
		},
		Rows: q.Rows,
		Sort: []sortBy{{Field: "id", Order: "ASC"}}, // rows sorted by what changes would move between pages
	}
	if len(body.Criteria.Status) == 0 {
		body.Criteria.Status = []string{"ALL"}
	}
	switch {
	case body.Rows == 0:
		body.Rows = 1000
	case body.Rows < 0 || body.Rows >= maxDevices:
		return body, fmt.Errorf("cbc: devices.search: Rows is %d: want 1 to %d", q.Rows, maxDevices-1)
	}
	if slices.ContainsFunc(q.IDs, func(id DeviceID) bool { return id <= 0 }) {
		return body, errors.New("cbc: devices.search: a device id is zero or below")
	}
	if q.Query.IsZero() {
		return body, nil
	}
	var err error
	body.Query, err = q.Query.build()
	if err == nil && (strings.Contains(body.Query, `"`) || strings.Contains(body.Query, anchor)) {
		err = errors.New("cbc: devices.search: the expression needs quotes or only excludes, which device search cannot do")
	}
	return body, err
}

// nonEmpty leaves out a list without elements: as a criterion it could mean everything or nothing.
func nonEmpty[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// Get reads a device. It needs the permission device (READ) and returns [ErrNotFound] for an id that is not in use.
//
//api:op GET /appservices/v6/orgs/{org_key}/devices/{device_id}
func (d *Devices) Get(ctx context.Context, id DeviceID) (Device, error) {
	if id <= 0 {
		return Device{}, fmt.Errorf("cbc: devices.get: %d is no device id", id)
	}
	call := d.c.call("devices.get", http.MethodGet, "/appservices/v6/orgs/{org_key}/devices/{device_id}", formatID(id))
	call.Repeatable = true
	var device Device
	if err := d.c.do(ctx, call, &device); err != nil {
		return Device{}, err
	}
	if device.ID != id {
		return Device{}, answerError(call.Op, http.StatusOK, nil, fmt.Errorf("it is about device %d, not %d", device.ID, id))
	}
	return device, nil
}

func formatID[T ~int64](id T) string { return strconv.FormatInt(int64(id), 10) }

// Search yields the devices that q describes, in the order of their ids. It yields at most one error, last. The vendor lets a
// search reach just under 10,000 devices; one that finds more ends with an [ErrTruncated]. It needs device (READ).
//
//api:op POST /appservices/v6/orgs/{org_key}/devices/_search
func (d *Devices) Search(ctx context.Context, q DeviceQuery) iter.Seq2[Device, error] {
	return func(yield func(Device, error) bool) {
		body, err := q.body()
		if err != nil {
			yield(Device{}, err)
			return
		}
		d.pages(ctx, body)(yield)
	}
}

func (d *Devices) pages(ctx context.Context, body deviceSearch) iter.Seq2[Device, error] {
	size := body.Rows
	return pages("devices.search", func(device Device) DeviceID { return device.ID }, func(seen int) ([]Device, int, error) {
		body.Start = seen + 1
		body.Rows = min(size, maxDevices-body.Start)
		if body.Rows <= 0 {
			return nil, 0, fmt.Errorf("cbc: devices.search: more than the %d devices that a search reaches: %w", seen, ErrTruncated)
		}
		call := d.c.call("devices.search", http.MethodPost, "/appservices/v6/orgs/{org_key}/devices/_search")
		call.Body, call.Repeatable = body, true
		var answer listAnswer[Device]
		if err := d.c.do(ctx, call, &answer); err != nil {
			return nil, 0, err
		}
		if slices.ContainsFunc(answer.Results, func(device Device) bool { return device.ID <= 0 }) {
			return nil, 0, answerError(call.Op, http.StatusOK, nil, errors.New("a device without an id"))
		}
		return answer.page(call.Op)
	})
}

// ByIDs reads many devices with few calls and returns them in the order of ids, each once. Those that do not exist are left out and
// named by a [*DevicesError] that is an [ErrNotFound]; the error can come together with devices. It needs device (READ).
func (d *Devices) ByIDs(ctx context.Context, ids ...DeviceID) ([]Device, error) {
	const op = "devices.by_ids"
	ids, err := checkDeviceIDs(op, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[DeviceID]Device, len(ids))
	var problems []error
	var missing []DeviceID
	for chunk := range slices.Chunk(ids, maxActionDevices) {
		// Without a status, as everybody asks for single devices.
		body := deviceSearch{Criteria: deviceCriteria{ID: chunk}, Rows: maxActionDevices, Sort: []sortBy{{Field: "id", Order: "ASC"}}}
		failed := false
		for device, err := range d.pages(ctx, body) {
			if err != nil {
				failed = true
				problems = append(problems, &DevicesError{Op: op, IDs: slices.Clone(chunk), Err: err})
				break
			}
			byID[device.ID] = device
		}
		if !failed {
			missing = slices.AppendSeq(missing, absent(chunk, byID))
		}
	}
	if len(missing) > 0 {
		problems = append(problems, &DevicesError{Op: op, IDs: missing, Err: ErrNotFound})
	}
	found := make([]Device, 0, len(ids))
	for _, id := range ids {
		if device, ok := byID[id]; ok {
			found = append(found, device)
		}
	}
	return found, errors.Join(problems...)
}

func absent(ids []DeviceID, byID map[DeviceID]Device) iter.Seq[DeviceID] {
	return func(yield func(DeviceID) bool) {
		for _, id := range ids {
			if _, ok := byID[id]; !ok && !yield(id) {
				return
			}
		}
	}
}

// checkDeviceIDs drops repetitions and refuses what is no id.
func checkDeviceIDs(op string, ids []DeviceID) ([]DeviceID, error) {
	seen := make(map[DeviceID]bool, len(ids))
	unique := make([]DeviceID, 0, len(ids))
	for _, id := range ids {
		if id <= 0 {
			return nil, fmt.Errorf("cbc: %s: %d is no device id", op, id)
		}
		if !seen[id] {
			seen[id] = true
			unique = append(unique, id)
		}
	}
	return unique, nil
}

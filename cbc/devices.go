package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"

	"github.com/pphunt/pphunt/internal/rest"
)

// Devices reads devices and acts on them.
type Devices struct{ c *core }

// maxDevices is how far a device search reaches: the sum of the first row and the number of rows.
const maxDevices = 10000

type deviceSearch struct {
	deviceFilter
	Rows  int      `json:"rows"`
	Start int      `json:"start"` // from 1
	Sort  []sortBy `json:"sort"`
}

// body is the search for a first page.
func (q DeviceQuery) body() (deviceSearch, error) {
	const op = "devices.search"
	filter, err := q.filter(op)
	order, errOrder := q.order(op)
	rows, errRows := q.page(op, maxDevices-1)
	return deviceSearch{deviceFilter: filter, Rows: rows, Sort: order}, errors.Join(err, errOrder, errRows)
}

// read makes a call whose answer has devices in it. They come with secrets, so that no error may keep an answer that could not be read.
func (d *Devices) read(ctx context.Context, call rest.Call, out any) error {
	return withoutAnswer(d.c.do(ctx, call, out))
}

// deviceList checks and unpacks the devices of an answer.
func deviceList(op string, rows []wireDevice) ([]Device, error) {
	devices := make([]Device, len(rows))
	for i, w := range rows {
		if w.ID <= 0 {
			return nil, answerError(op, http.StatusOK, nil, errors.New("a device without an id"))
		}
		devices[i] = w.device()
	}
	return devices, nil
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
	var w wireDevice
	if err := d.read(ctx, call, &w); err != nil {
		return Device{}, err
	}
	if w.ID != id {
		return Device{}, answerError(call.Op, http.StatusOK, nil, fmt.Errorf("it is about device %d, not %d", w.ID, id))
	}
	return w.device(), nil
}

func formatID[T ~int64](id T) string { return strconv.FormatInt(int64(id), 10) }

// Search yields the devices that q describes, in the order of their ids unless q says another. It yields at most one error, last. The vendor lets a
// search reach just under 10,000 devices; one that finds more ends with an [ErrTruncated]: use [Devices.Scroll]. It needs device (READ).
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
		var answer listAnswer[wireDevice]
		if err := d.read(ctx, call, &answer); err != nil {
			return nil, 0, err
		}
		rows, total, err := answer.page(call.Op)
		if err != nil {
			return nil, 0, err
		}
		devices, err := deviceList(call.Op, rows)
		return devices, total, err
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
		body := deviceSearch{
			deviceFilter: deviceFilter{Criteria: deviceCriteria{ID: chunk}}, Rows: maxActionDevices, Sort: []sortBy{{Field: "id", Order: "ASC"}},
		}
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

package hunt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Ceilings is a [Guard] against the false positive that would take down many machines at once. A file that crosses a ceiling is held
// whole, with all its tasks on files, devices and processes: nothing is done in part. A device on which another condemned file was
// seen is still handled for that other file.
//
// A device counts for a file as soon as any task rests on the file having been seen there: a ban counts for every device with the
// file, because it reaches them all. What other guards hold counts as well, and what merely tells does not.
//
// Zero means no ceiling in each of the fields, so that the zero value holds nothing. [DefaultCeilings] has the usual ones.
type Ceilings struct {
	// DevicesPerHash is the most devices that may be handled because of one file. Devices that the ledger has as done count, so that
	// a file does not pass in small pieces, run after run.
	DevicesPerHash int
	// DevicesPerRun is the most devices that may be handled in one run. The files that were seen on the fewest devices go first: a
	// single widespread one is held, and the others go through. Devices that are done already do not count.
	DevicesPerRun int
	// FleetShare is the same as a share of all devices, from 0 to 1: 0.1 is a tenth. It is rounded down, but one device is always
	// allowed.
	FleetShare float64
	// Fleet tells how many devices there are. It is required with a FleetShare and asked once for each review. When it fails, or
	// knows of no device, the guard fails, and everything is held.
	Fleet func(context.Context) (int, error)
}

// DefaultCeilings are 25 devices for a file, 50 devices for a run, and a tenth of the fleet, which the function counts.
func DefaultCeilings(fleet func(context.Context) (int, error)) Ceilings {
	return Ceilings{DevicesPerHash: 25, DevicesPerRun: 50, FleetShare: 0.1, Fleet: fleet}
}

// Check reports everything that is wrong with the ceilings. Review does so too, and everything is held then.
func (c Ceilings) Check() error {
	var problems []error
	if c.DevicesPerHash < 0 || c.DevicesPerRun < 0 {
		problems = append(problems, errors.New("hunt: DevicesPerHash and DevicesPerRun must not be negative"))
	}
	if !(c.FleetShare >= 0 && c.FleetShare <= 1) { // NaN is neither
		problems = append(problems, fmt.Errorf("hunt: FleetShare is %v: want 0 to 1", c.FleetShare))
	}
	if c.FleetShare != 0 && c.Fleet == nil {
		problems = append(problems, errors.New("hunt: Fleet is missing: without it nobody knows what a share of the fleet is"))
	}
	return errors.Join(problems...)
}

// Review implements [Guard].
func (c Ceilings) Review(ctx context.Context, r Review) ([]Hold, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	open := make(reach)
	open.add(r.Tasks)
	files := open.files()
	var holds []Hold
	if c.DevicesPerHash > 0 {
		done := make(reach)
		done.add(r.Done)
		files = slices.DeleteFunc(files, func(file SHA256) bool {
			n := together(open[file], done[file])
			if n <= c.DevicesPerHash {
				return false
			}
			holds = append(holds, Hold{SHA256: file, Reason: fmt.Sprintf(
				"seen on %s, more than the ceiling of %s per file: held whole", devices(n), devices(c.DevicesPerHash))})
			return true
		})
	}
	limit, name, err := c.perRun(ctx, len(files) > 0)
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		return holds, nil
	}
	handled := make(map[int64]bool)
	for _, file := range files {
		if together(handled, open[file]) > limit {
			holds = append(holds, Hold{SHA256: file, Reason: fmt.Sprintf(
				"its %s would take the run above the ceiling of %s: held whole", devices(len(open[file])), name)})
			continue
		}
		for id := range open[file] {
			handled[id] = true
		}
	}
	return holds, nil
}

// perRun is the lower of the ceilings on a run, and the words for it. Zero is none.
func (c Ceilings) perRun(ctx context.Context, needed bool) (limit int, name string, err error) {
	if c.DevicesPerRun > 0 {
		limit, name = c.DevicesPerRun, devices(c.DevicesPerRun)+" per run"
	}
	if c.FleetShare == 0 || !needed {
		return limit, name, nil
	}
	fleet, err := c.Fleet(ctx)
	if err == nil && fleet <= 0 {
		err = fmt.Errorf("there are %d of them", fleet)
	}
	if err != nil {
		return 0, "", fmt.Errorf("hunt: the devices of the fleet could not be counted: %w", err)
	}
	// A tenth has no exact number: without the correction 0.29 of 100 would be 28.
	share := max(1, int(math.Floor(c.FleetShare*float64(fleet)+1e-9)))
	if limit == 0 || share < limit {
		limit, name = share, strconv.FormatFloat(c.FleetShare*100, 'g', 6, 64)+"% of the fleet"
	}
	return limit, name, nil
}

// reach is on which devices there is something to do, or was, because of a file.
type reach map[SHA256]map[int64]bool

func (r reach) add(tasks []Task) {
	for i := range tasks {
		t := &tasks[i]
		for j := range t.Sightings {
			r.on(t.Sightings[j].SHA256, t.Sightings[j].Device.ID)
		}
		device, ok := targetDevice(t)
		for j := range t.Indicators {
			if ok {
				r.on(t.Indicators[j].SHA256, device)
			}
		}
	}
}

// targetDevice is the device that a task is on by its target, whatever was seen.
func targetDevice(t *Task) (id int64, ok bool) {
	if t.Scope != ScopeDevice {
		return 0, false
	}
	id, err := strconv.ParseInt(t.Target, 10, 64)
	return id, err == nil
}

func (r reach) on(file SHA256, device int64) {
	on := r[file]
	if on == nil {
		on = make(map[int64]bool)
		r[file] = on
	}
	on[device] = true
}

// files are all of them, those on the fewest devices first.
func (r reach) files() []SHA256 {
	all := make([]SHA256, 0, len(r))
	for file := range r {
		all = append(all, file)
	}
	slices.SortFunc(all, func(a, b SHA256) int {
		return cmp.Or(cmp.Compare(len(r[a]), len(r[b])), bytes.Compare(a[:], b[:]))
	})
	return all
}

// together is how many devices there are in either.
func together(devices, more map[int64]bool) int {
	n := len(devices)
	for id := range more {
		if !devices[id] {
			n++
		}
	}
	return n
}

func devices(n int) string {
	if n == 1 {
		return "1 device"
	}
	return strconv.Itoa(n) + " devices"
}

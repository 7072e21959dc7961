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
// A device counts for a file as soon as any task rests on the file having been seen there: a ban counts for every device on which
// there was the evidence that it needs. What other guards hold counts as well. What merely tells does not, nor does what a person has
// released. A machine that was registered anew has another id and counts again.
//
// Zero means no ceiling in each of the fields, so that the zero value holds nothing. [DefaultCeilings] has the usual ones.
type Ceilings struct {
	// DevicesPerHash is the most devices that may be handled because of one file. Devices that the ledger has as done count, so that
	// a file does not pass in small pieces, run after run: for as long as the search finds it there and the ledger remembers.
	DevicesPerHash int
	// DevicesPerRun is the most devices that may be handled in one run. The files that were seen on the fewest devices go first: a
	// single widespread one is held, and the others go through. Devices that are done already do not count, nor do those of another
	// program that runs at the same time.
	DevicesPerRun int
	// FleetShare is both of them as a share of all devices, from 0 to 1: 0.1 is a tenth. It is rounded down, but one device is always
	// allowed. The lower number counts.
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
	open, done := make(reach), make(reach)
	open.add(r.Tasks)
	done.add(r.Done)
	files := open.files()
	if len(files) == 0 {
		return nil, nil
	}
	share, err := c.share(ctx)
	if err != nil {
		return nil, err
	}
	ever := lower(ceiling{c.DevicesPerHash, devices(c.DevicesPerHash) + " per file"}, share)
	run := lower(ceiling{c.DevicesPerRun, devices(c.DevicesPerRun) + " per run"}, share)
	var holds []Hold
	handled := make(map[int64]bool)
	for _, file := range files {
		if n := together(open[file], done[file]); ever.crossed(n) {
			holds = append(holds, Hold{SHA256: file, Reason: fmt.Sprintf(
				"seen on %s, more than the ceiling of %s: held whole", devices(n), ever.name)})
			continue
		}
		if run.crossed(together(handled, open[file])) {
			holds = append(holds, Hold{SHA256: file, Reason: fmt.Sprintf(
				"its %s would take the run above the ceiling of %s: held whole", devices(len(open[file])), run.name)})
			continue
		}
		for id := range open[file] {
			handled[id] = true
		}
	}
	return holds, nil
}

// ceiling is a number of devices with the words for it. Zero is none.
type ceiling struct {
	most int
	name string
}

func (c ceiling) crossed(devices int) bool { return c.most > 0 && devices > c.most }

func lower(a, b ceiling) ceiling {
	if a.most == 0 || b.most > 0 && b.most < a.most {
		return b
	}
	return a
}

// share is how many devices FleetShare is.
func (c Ceilings) share(ctx context.Context) (ceiling, error) {
	if c.FleetShare == 0 {
		return ceiling{}, nil
	}
	fleet, err := c.Fleet(ctx)
	if err == nil && fleet <= 0 {
		err = fmt.Errorf("there are %d of them", fleet)
	}
	if err != nil {
		return ceiling{}, fmt.Errorf("hunt: the devices of the fleet could not be counted: %w", err)
	}
	// A tenth has no exact number: without the correction 0.29 of 100 would be 28.
	most := max(1, int(math.Floor(c.FleetShare*float64(fleet)+1e-9)))
	return ceiling{most, strconv.FormatFloat(c.FleetShare*100, 'g', 6, 64) + "% of the fleet"}, nil
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

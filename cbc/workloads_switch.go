package cbc

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Switch gives devices a tag, whichever they have: it reads them, takes another tag off where one is set, waits for that, and sets the
// new one, for which it waits as well. A machine is without a tag in between. Devices that have the tag already are left alone. Those that
// are not eligible, that do not exist or whose old tag did not come off are not given the new one; each is named by a [*DevicesError],
// joined with the others. An error of the last step is one of [RemediationJobs.Wait]. It needs device (READ) and what [Workloads.Tag] and
// [RemediationJobs.Wait] need.
func (w *Workloads) Switch(ctx context.Context, tag NSXTag, ids ...DeviceID) error {
	const op = "workloads.switch"
	if err := tag.check(op); err != nil {
		return err
	}
	devices, err := (&Devices{w.c}).ByIDs(ctx, ids...)
	problems := []error{err}
	var ready []DeviceID
	present := make(map[NSXTag][]DeviceID)
	for _, device := range devices {
		switch err := device.NSXEligible(); {
		case err != nil:
			problems = append(problems, &DevicesError{Op: op, IDs: []DeviceID{device.ID}, Err: err})
		case device.NSXTag == tag:
		case device.NSXTag == "":
			ready = append(ready, device.ID)
		default:
			present[device.NSXTag] = append(present[device.NSXTag], device.ID)
		}
	}
	for _, old := range []NSXTag{NSXQuarantine, NSXIsolate, NSXCustom} {
		tagged := present[old]
		delete(present, old)
		if len(tagged) == 0 {
			continue
		}
		if err := w.finish(ctx, w.Untag, old, tagged); err != nil {
			bare, left := w.bare(ctx, tagged)
			if len(left) > 0 {
				problems = append(problems, &DevicesError{Op: op, IDs: left, Err: err})
			}
			tagged = bare
		}
		ready = append(ready, tagged...)
	}
	for _, unknown := range slices.Sorted(maps.Keys(present)) {
		problems = append(problems, &DevicesError{Op: op, IDs: present[unknown], Err: unknown.check(op)})
	}
	if len(ready) > 0 {
		problems = append(problems, w.finish(ctx, w.Tag, tag, ready))
	}
	return errors.Join(problems...)
}

// bare tells the devices without a tag from the others. What failed for one machine of a group may have been done for its neighbors,
// which must not be left without any tag. Devices that cannot be read count as tagged.
func (w *Workloads) bare(ctx context.Context, ids []DeviceID) (bare, left []DeviceID) {
	devices, _ := (&Devices{w.c}).ByIDs(ctx, ids...) // those that could be read are among them
	for _, device := range devices {
		if device.NSXTag == "" {
			bare = append(bare, device.ID)
		}
	}
	for _, id := range ids {
		if !slices.Contains(bare, id) {
			left = append(left, id)
		}
	}
	return bare, left
}

type changeTag func(context.Context, NSXTag, ...DeviceID) (*RemediationJobs, error)

func (w *Workloads) finish(ctx context.Context, change changeTag, tag NSXTag, ids []DeviceID) error {
	jobs, err := change(ctx, tag, ids...)
	if jobs == nil {
		return err
	}
	return errors.Join(err, jobs.Wait(ctx))
}

package cbc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
)

// DeviceCursor is a position in a scroll. It is opaque; the zero value is the beginning.
type DeviceCursor string

// DevicePage is a part of a scroll.
type DevicePage struct {
	Devices []Device
	// Found is how many devices match. It can move while somebody scrolls.
	Found int
	// Next is where the next page begins; empty at the end.
	Next DeviceCursor
}

type deviceScroll struct {
	deviceFilter
	Rows        int          `json:"rows"`
	SearchAfter DeviceCursor `json:"search_after,omitzero"`
}

// ScrollPage reads the page of a scroll that begins at a position: the zero position, or the [DevicePage.Next] of the page before. A
// position can be stored, with the query that it belongs to, and taken up later. Devices come in the order of their last check-in, so
// that one that checks in meanwhile can come on two pages; [Devices.Scroll] leaves out the second. Up to 10,000 Rows make a page, and
// Sort must be empty. It needs device (READ).
//
//api:op POST /appservices/v6/orgs/{org_key}/devices/_scroll
func (d *Devices) ScrollPage(ctx context.Context, q DeviceQuery, from DeviceCursor) (DevicePage, error) {
	const op = "devices.scroll"
	filter, err := q.filter(op)
	rows, errRows := q.page(op, maxDevices)
	if len(q.Sort) > 0 {
		err = errors.Join(err, fmt.Errorf("cbc: %s: a scroll cannot be sorted", op))
	}
	if err := errors.Join(err, errRows); err != nil {
		return DevicePage{}, err
	}
	call := d.c.call(op, http.MethodPost, "/appservices/v6/orgs/{org_key}/devices/_scroll")
	call.Body, call.Repeatable = deviceScroll{deviceFilter: filter, Rows: rows, SearchAfter: from}, true
	var answer struct {
		listAnswer[wireDevice]
		SearchAfter string `json:"search_after"`
	}
	if err := d.read(ctx, call, &answer); err != nil {
		return DevicePage{}, err
	}
	found, total, err := answer.page(op)
	if err != nil {
		return DevicePage{}, err
	}
	page := DevicePage{Found: total, Next: DeviceCursor(answer.SearchAfter)}
	if page.Devices, err = deviceList(op, found); err != nil {
		return DevicePage{}, err
	}
	switch {
	case len(page.Devices) == 0 && from == "" && total > 0:
		return DevicePage{}, fmt.Errorf("cbc: %s: none of %d came: %w", op, total, ErrIncomplete)
	case len(page.Devices) == 0:
		page.Next = ""
	case page.Next == from && from != "":
		return DevicePage{}, fmt.Errorf("cbc: %s: the page leads to itself: %w", op, ErrIncomplete)
	}
	return page, nil
}

// Scroll yields the devices that q describes, any number of them, each once, in the order of their last check-in. It yields at most one
// error, last; a position that comes twice is an [ErrIncomplete]. A loop that has to survive a restart uses [Devices.ScrollPage]. It
// needs device (READ).
func (d *Devices) Scroll(ctx context.Context, q DeviceQuery) iter.Seq2[Device, error] {
	return func(yield func(Device, error) bool) {
		devices := make(map[DeviceID]bool)
		positions := make(map[DeviceCursor]bool)
		for position := DeviceCursor(""); ; {
			page, err := d.ScrollPage(ctx, q, position)
			if err != nil {
				yield(Device{}, err)
				return
			}
			for _, device := range page.Devices {
				if devices[device.ID] {
					continue
				}
				devices[device.ID] = true
				if !yield(device, nil) {
					return
				}
			}
			switch position = page.Next; {
			case position == "":
				return
			case positions[position]:
				yield(Device{}, fmt.Errorf("cbc: devices.scroll: the same position came twice after %d devices: %w", len(devices), ErrIncomplete))
				return
			}
			positions[position] = true
		}
	}
}

package cbchunt

import (
	"context"
	"fmt"

	"github.com/pphunt/pphunt/cbc"
)

// DeviceCounter counts devices. *cbc.Devices is one; it needs device (READ).
type DeviceCounter interface {
	Facet(ctx context.Context, q cbc.DeviceQuery, fields ...string) ([]cbc.Facet, error)
}

// FleetSize counts the devices with an active sensor, for [hunt.Ceilings]. One call tells; it needs device (READ). Virtual desktops that
// come and go count as long as the vendor has their sensors as active, and make a share of the fleet larger than it seems.
func FleetSize(devices DeviceCounter) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		const field = "os" // every device has one
		facets, err := devices.Facet(ctx, cbc.DeviceQuery{Statuses: []string{"ACTIVE"}, Rows: 1000}, field)
		if err != nil {
			return 0, fmt.Errorf("cbchunt: %w", err)
		}
		total := 0
		for _, facet := range facets {
			if facet.Field != field {
				continue
			}
			for _, v := range facet.Values {
				total += int(v.Total)
			}
		}
		return total, nil
	}
}

package hunt_test

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// on is a task on a device because of files that were seen there.
func on(device int64, files ...byte) hunt.Task {
	t := hunt.Task{Action: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Target: strconv.FormatInt(device, 10)}
	for _, f := range files {
		t.Indicators = append(t.Indicators, indicator(f))
		t.Sightings = append(t.Sightings, hunt.Sighting{SHA256: hash(f), Evidence: hunt.Executed, Device: hunt.Device{ID: device}})
	}
	return t
}

// ban is a task on a file that was seen on devices.
func ban(file byte, devices ...int64) hunt.Task {
	t := hunt.Task{Action: "denylist", Scope: hunt.ScopeHash, Target: hash(file).String(), Indicators: []hunt.Indicator{indicator(file)}}
	for _, id := range devices {
		t.Sightings = append(t.Sightings, hunt.Sighting{SHA256: hash(file), Evidence: hunt.Executed, Device: hunt.Device{ID: id}})
	}
	return t
}

func fleetOf(n int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return n, nil }
}

func TestCeilings(t *testing.T) {
	t.Parallel()
	const (
		two   = "more than the ceiling of 2 devices per file: held whole"
		run   = "would take the run above the ceiling of 3 devices per run: held whole"
		tenth = "would take the run above the ceiling of 10% of the fleet: held whole"
		share = "more than the ceiling of 10% of the fleet: held whole"
	)
	for _, tt := range []struct {
		name        string
		ceilings    hunt.Ceilings
		tasks, done []hunt.Task
		want        map[byte]string
	}{
		{"the zero value holds nothing", hunt.Ceilings{}, []hunt.Task{on(1, 1), on(2, 1), on(3, 1), ban(1, 1, 2, 3)}, nil, nil},
		{"a file on as many devices as allowed", hunt.Ceilings{DevicesPerHash: 2}, []hunt.Task{on(1, 1), on(2, 1), ban(1, 1, 2)}, nil, nil},
		{
			"a file on one more",
			hunt.Ceilings{DevicesPerHash: 2},
			[]hunt.Task{on(1, 1), on(2, 1, 2), on(3, 1)},
			nil,
			map[byte]string{1: "seen on 3 devices, " + two},
		},
		{"a file that was seen twice on each device", hunt.Ceilings{DevicesPerHash: 2}, []hunt.Task{on(1, 1, 1), on(2, 1), on(1, 1), ban(1, 1, 1, 2, 2)}, nil, nil},
		{
			"a file that was dealt with on other devices before",
			hunt.Ceilings{DevicesPerHash: 2},
			[]hunt.Task{on(3, 1)},
			[]hunt.Task{on(1, 1), on(2, 1)},
			map[byte]string{1: "seen on 3 devices, " + two},
		},
		{"a file with which everything is done", hunt.Ceilings{DevicesPerHash: 2}, []hunt.Task{on(1, 2)}, []hunt.Task{on(1, 1), on(2, 1), on(3, 1)}, nil},
		{
			"a ban alone counts for where the file is",
			hunt.Ceilings{DevicesPerHash: 2},
			[]hunt.Task{ban(1, 1, 2, 3)},
			nil,
			map[byte]string{1: "seen on 3 devices, " + two},
		},
		{
			"a file of a device's task that has no sighting",
			hunt.Ceilings{DevicesPerHash: 1},
			[]hunt.Task{
				{Action: "isolate", Scope: hunt.ScopeDevice, Target: "1", Indicators: []hunt.Indicator{indicator(1)}}, on(2, 1),
			},
			nil,
			map[byte]string{1: "seen on 2 devices, more than the ceiling of 1 device per file: held whole"},
		},
		{"a ban of a file that was seen nowhere", hunt.Ceilings{DevicesPerHash: 1, DevicesPerRun: 1}, []hunt.Task{ban(1), on(1, 2)}, nil, nil},
		{
			"the ceiling of one",
			hunt.Ceilings{DevicesPerHash: 1},
			[]hunt.Task{on(1, 1), on(2, 1)},
			nil,
			map[byte]string{1: "seen on 2 devices, more than the ceiling of 1 device per file: held whole"},
		},
		{"a run with as many devices as allowed", hunt.Ceilings{DevicesPerRun: 3}, []hunt.Task{on(1, 1), on(2, 2), on(3, 3), ban(3, 3)}, nil, nil},
		{
			"the widespread file waits for a person, the others do not",
			hunt.Ceilings{DevicesPerRun: 3},
			[]hunt.Task{on(1, 1), on(2, 1), on(3, 1), on(4, 2), on(5, 3)},
			nil,
			map[byte]string{1: "its 3 devices " + run},
		},
		{
			"devices in common count once",
			hunt.Ceilings{DevicesPerRun: 3},
			[]hunt.Task{on(1, 1, 2), on(2, 1, 2), on(3, 2), on(4, 4, 3)},
			nil,
			map[byte]string{2: "its 3 devices " + run},
		},
		{
			"among equals the hash decides",
			hunt.Ceilings{DevicesPerRun: 3},
			[]hunt.Task{on(4, 2), on(3, 2), on(2, 1), on(1, 1)},
			nil,
			map[byte]string{2: "its 2 devices " + run},
		},
		{"what is done does not count in a run", hunt.Ceilings{DevicesPerRun: 3}, []hunt.Task{on(4, 1)}, []hunt.Task{on(1, 1), on(2, 1), on(3, 1)}, nil},
		{
			"what the ceiling on files holds does not count in a run",
			hunt.Ceilings{DevicesPerHash: 2, DevicesPerRun: 3},
			[]hunt.Task{on(1, 1), on(2, 1), on(3, 1), on(4, 2), on(5, 2), on(6, 3)},
			nil,
			map[byte]string{1: "seen on 3 devices, " + two},
		},
		{
			"a share of the fleet",
			hunt.Ceilings{FleetShare: 0.1, Fleet: fleetOf(29)},
			[]hunt.Task{on(1, 1), on(2, 1), on(3, 2), on(4, 3)},
			nil,
			map[byte]string{1: "its 2 devices " + tenth},
		},
		{
			"a share of the fleet in small pieces",
			hunt.Ceilings{DevicesPerHash: 25, FleetShare: 0.1, Fleet: fleetOf(20)},
			[]hunt.Task{on(3, 1), on(4, 2)},
			[]hunt.Task{on(1, 1), on(2, 1)},
			map[byte]string{1: "seen on 3 devices, " + share},
		},
		{
			"a share of a small fleet is one device",
			hunt.Ceilings{FleetShare: 0.1, Fleet: fleetOf(3)},
			[]hunt.Task{on(1, 1), on(2, 2)},
			nil,
			map[byte]string{2: "its 1 device " + tenth},
		},
		{"a share that has no exact number", hunt.Ceilings{FleetShare: 0.29, Fleet: fleetOf(100)}, many(29), nil, nil},
		{
			"the lower ceiling counts: the run",
			hunt.Ceilings{DevicesPerRun: 3, FleetShare: 0.1, Fleet: fleetOf(40)},
			[]hunt.Task{on(1, 1), on(2, 1), on(3, 1), on(4, 1)},
			nil,
			map[byte]string{1: "its 4 devices " + run},
		},
		{
			"the lower ceiling counts: the fleet",
			hunt.Ceilings{DevicesPerRun: 3, FleetShare: 0.1, Fleet: fleetOf(20)},
			[]hunt.Task{on(1, 1), on(2, 1), on(3, 1)},
			nil,
			map[byte]string{1: "seen on 3 devices, " + share},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			holds, err := tt.ceilings.Review(t.Context(), hunt.Review{Tasks: tt.tasks, Done: tt.done})
			if err != nil {
				t.Fatal(err)
			}
			var got map[byte]string
			for _, h := range holds {
				if got == nil {
					got = make(map[byte]string)
				}
				if h.Key != "" || h.SHA256 != hash(h.SHA256[0]) || got[h.SHA256[0]] != "" {
					t.Errorf("Review holds %+v", h)
				}
				got[h.SHA256[0]] = h.Reason
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("held files mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// many are tasks on n devices because of as many files.
func many(n int) []hunt.Task {
	var tasks []hunt.Task
	for i := range n {
		tasks = append(tasks, on(int64(i+1), byte(i+1)))
	}
	return tasks
}

func TestCeilingsThatCannotBe(t *testing.T) {
	t.Parallel()
	gone := errors.New("no answer")
	failing := func(context.Context) (int, error) { return 100, gone }
	for want, c := range map[string]hunt.Ceilings{
		"DevicesPerHash and DevicesPerRun": {DevicesPerHash: -1},
		"must not be negative":             {DevicesPerRun: -1},
		"FleetShare is 1.1":                {FleetShare: 1.1, Fleet: fleetOf(10)},
		"FleetShare is -0.1":               {FleetShare: -0.1, Fleet: fleetOf(10)},
		"FleetShare is NaN":                {FleetShare: math.NaN(), Fleet: fleetOf(10)},
		"Fleet is missing":                 {FleetShare: 0.1},
		"there are 0 of them":              {FleetShare: 0.1, Fleet: fleetOf(0)},
		"there are -1 of them":             {FleetShare: 0.1, Fleet: fleetOf(-1)},
		"could not be counted: no answer":  {FleetShare: 0.1, Fleet: failing},
	} {
		holds, err := c.Review(t.Context(), hunt.Review{Tasks: []hunt.Task{on(1, 1)}})
		if err == nil || !strings.Contains(err.Error(), want) || holds != nil {
			t.Errorf("%+v.Review = %v, %v, want an error with %q", c, holds, err, want)
		}
	}
	if c := hunt.DefaultCeilings(fleetOf(3)); c.Check() != nil || c.DevicesPerHash != 25 || c.DevicesPerRun != 50 || c.FleetShare != 0.1 {
		t.Errorf("DefaultCeilings = %+v, %v", c, c.Check())
	}
	if err := hunt.DefaultCeilings(nil).Check(); err == nil {
		t.Error("a share of a fleet that nobody counts is accepted")
	}
}

// FuzzCeilings has machines and files meet at random: whatever is left to do stays within the ceilings, and no file is done in part.
func FuzzCeilings(f *testing.F) {
	f.Add([]byte{1, 1, 1, 2, 1, 3, 2, 4}, []byte{1, 5}, uint8(2), uint8(3), uint8(50))
	f.Add([]byte{1, 1, 2, 1, 3, 2}, []byte{}, uint8(0), uint8(1), uint8(0))
	f.Add([]byte{9, 1, 8, 1, 7, 1, 6, 2, 6, 3}, []byte{6, 1}, uint8(1), uint8(0), uint8(7))
	f.Fuzz(func(t *testing.T, open, done []byte, perHash, perRun, percent uint8) {
		const fleet = 16
		c := hunt.Ceilings{DevicesPerHash: int(perHash % 20), DevicesPerRun: int(perRun % 20), FleetShare: float64(percent%101) / 100, Fleet: fleetOf(fleet)}
		tasks, before := meetings(open), meetings(done)
		holds, err := c.Review(t.Context(), hunt.Review{Tasks: tasks, Done: before})
		if err != nil {
			t.Fatal(err)
		}
		held := make(map[hunt.SHA256]bool)
		for _, h := range holds {
			if h.Key != "" || held[h.SHA256] || h.Reason == "" {
				t.Errorf("a file is held in part, twice or for no reason: %+v", h)
			}
			held[h.SHA256] = true
		}
		handled, ever := make(map[int64]bool), make(map[hunt.SHA256]map[int64]bool)
		for i, task := range append(tasks, before...) {
			for _, s := range task.Sightings {
				if held[s.SHA256] {
					continue
				}
				if i < len(tasks) {
					handled[s.Device.ID] = true
				}
				if ever[s.SHA256] == nil {
					ever[s.SHA256] = make(map[int64]bool)
				}
				ever[s.SHA256][s.Device.ID] = true
			}
		}
		if c.DevicesPerRun > 0 && len(handled) > c.DevicesPerRun {
			t.Errorf("the run handles %d devices, more than %d", len(handled), c.DevicesPerRun)
		}
		if share := max(1, int(percent%101)*fleet/100); c.FleetShare > 0 && len(handled) > share {
			t.Errorf("the run handles %d of %d devices, more than %d", len(handled), fleet, share)
		}
		for _, task := range tasks {
			for _, s := range task.Sightings {
				n := len(ever[s.SHA256])
				if c.DevicesPerHash > 0 && n > c.DevicesPerHash {
					t.Errorf("file %d is handled on %d devices, more than %d", s.SHA256[0], n, c.DevicesPerHash)
				}
				if share := max(1, int(percent%101)*fleet/100); c.FleetShare > 0 && n > share {
					t.Errorf("file %d is handled on %d of %d devices, more than %d", s.SHA256[0], n, fleet, share)
				}
			}
		}
	})
}

// meetings reads pairs of a device and a file.
func meetings(data []byte) []hunt.Task {
	var tasks []hunt.Task
	for i := 0; i+1 < len(data); i += 2 {
		device, file := int64(data[i]%16)+1, data[i+1]%8+1
		switch data[i] / 16 % 3 {
		case 0:
			tasks = append(tasks, on(device, file, data[i+1]/8%8+1))
		case 1:
			tasks = append(tasks, ban(file, device, device+1))
		default:
			tasks = append(tasks, on(device, file))
		}
	}
	return tasks
}

// A thousand files on five thousand devices, three on each, and four actions.
func BenchmarkCeilings(b *testing.B) {
	var r hunt.Review
	seen := make([][]hunt.Sighting, 1000)
	for device := range int64(5000) {
		per := make([]hunt.Task, 2)
		for i := range per {
			per[i] = hunt.Task{Action: [...]string{"isolate", "policy"}[i], Scope: hunt.ScopeDevice, Target: strconv.FormatInt(device+1, 10)}
		}
		for k := range int64(3) {
			n := (device*7 + k*331) % 1000
			file := hunt.SHA256{byte(n), byte(n >> 8)}
			s := hunt.Sighting{SHA256: file, Evidence: hunt.Executed, Device: hunt.Device{ID: device + 1}}
			seen[n] = append(seen[n], s)
			for i := range per {
				per[i].Indicators = append(per[i].Indicators, hunt.Indicator{SHA256: file})
				per[i].Sightings = append(per[i].Sightings, s)
			}
			r.Tasks = append(r.Tasks, hunt.Task{
				Action: "live_response", Scope: hunt.ScopeProcess, Target: strconv.FormatInt(device*3+k, 10),
				Indicators: per[0].Indicators[k:], Sightings: []hunt.Sighting{s},
			})
		}
		r.Tasks = append(r.Tasks, per...)
	}
	for _, s := range seen {
		r.Tasks = append(r.Tasks, hunt.Task{Action: "denylist", Scope: hunt.ScopeHash, Indicators: []hunt.Indicator{{SHA256: s[0].SHA256}}, Sightings: s})
	}
	c := hunt.DefaultCeilings(fleetOf(5000))
	for b.Loop() {
		if holds, err := c.Review(b.Context(), r); err != nil || len(holds) == 0 {
			b.Fatal(len(holds), err)
		}
	}
}

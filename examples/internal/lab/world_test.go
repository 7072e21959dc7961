package lab_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/examples/internal/lab"
)

func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

// at is a world with its clock stopped.
func at(w lab.World, now time.Time) lab.World {
	clock := func() time.Time { return now }
	w.TAP.Now, w.CBC.Now, w.NSX.Now = clock, clock, clock
	return w
}

// states is what the three services say about themselves.
func states(t *testing.T, w lab.World) string {
	t.Helper()
	l := lab.New(w)
	text, err := json.MarshalIndent([]any{l.TAP.State(), l.CBC.State(), l.NSX.State()}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWorldRoundTrip(t *testing.T) {
	t.Parallel()
	company := lab.Company(noon())
	text, err := json.Marshal(company)
	if err != nil {
		t.Fatal(err)
	}
	again, err := lab.ReadWorld(strings.NewReader(string(text)), noon().Add(time.Hour))
	if err != nil {
		t.Fatalf("ReadWorld of a world that was written: %v", err)
	}
	if diff := cmp.Diff(states(t, at(company, noon())), states(t, at(again, noon()))); diff != "" {
		t.Errorf("the state of the world that was read differs (-written +read):\n%s", diff)
	}
	second, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(second)); diff != "" {
		t.Errorf("written, read and written (-first +second):\n%s", diff)
	}
}

// A file says when it is; everything in it moves along to the present.
func TestWorldMoves(t *testing.T) {
	t.Parallel()
	company := lab.Company(noon())
	company.Now = noon()
	text, err := json.Marshal(company)
	if err != nil {
		t.Fatal(err)
	}
	later := noon().Add(40*24*time.Hour + time.Minute)
	moved, err := lab.ReadWorld(strings.NewReader(string(text)), later)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(states(t, at(lab.Company(later), later)), states(t, at(moved, later))); diff != "" {
		t.Errorf("a world of 40 days ago is not the world of now (-now +moved):\n%s", diff)
	}
}

func TestReadWorldRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                              {``, "empty"},
		"something that is not JSON":           {"tap:\n  messages: []\n", "invalid character"},
		"half a file":                          {`{"tap": {"messages": [{`, "EOF"},
		"data after the world":                 {`{} {}`, "after"},
		"an unknown service":                   {`{"cbd": {}}`, `"cbd"`},
		"an unknown member of TAP":             {`{"tap": {"messages": [{"subjekt": "x"}]}}`, `subjekt"`},
		"an unknown member of CBC":             {`{"cbc": {"processes": [{"device_id": 1, "hash": "x"}]}}`, `hash"`},
		"an unknown member of a device":        {`{"cbc": {"devices": [{"id": 1, "name": "A", "quarantine": true}]}}`, `quarantine"`},
		"an unknown member of NSX":             {`{"nsx": {"vms": [{"titel": "x"}]}}`, `titel"`},
		"a member that is there twice":         {`{"cbc": {"org_key": "A", "org_key": "B"}}`, `twice`},
		"another case":                         {`{"CBC": {}}`, `"CBC"`},
		"a process on a device that is absent": {`{"cbc": {"processes": [{"device_id": 9}]}}`, "device 9"},
		"a person who is there twice":          {`{"tap": {"people": [{"guid": "a"}, {"guid": "a"}]}}`, "tap: "},
		"a machine that is there twice":        {`{"nsx": {"vms": [{"name": "a", "external_id": "5021"}, {"name": "b", "external_id": "5021"}]}}`, "nsx: "},
		"a length of time without its unit":    {`{"cbc": {"devices": [{"id": 1, "name": "A", "check_in": 45}]}}`, "check_in"},
		"a time that is none":                  {`{"now": "yesterday"}`, "yesterday"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := lab.ReadWorld(strings.NewReader(c.text), noon())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "lab: the world file: ") {
				t.Errorf("ReadWorld(%s) = %v, want an error about the world file with %s", c.text, err, c.want)
			}
		})
	}
}

func TestCompany(t *testing.T) {
	t.Parallel()
	w := lab.Company(noon())
	if err := w.Check(); err != nil {
		t.Errorf("the company contradicts itself: %v", err)
	}
	os := map[int64]string{}
	for _, d := range w.CBC.Devices {
		os[d.ID] = d.OS
	}
	for _, p := range w.CBC.Processes {
		if windows := strings.HasPrefix(p.Name, `c:\`); windows != (os[p.DeviceID] == "") {
			t.Errorf("%s runs on device %d, whose OS is %q", p.Name, p.DeviceID, os[p.DeviceID])
		}
	}
}

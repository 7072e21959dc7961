package hunt_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// team are actions of each scope and impact, in the order of the program.
type team struct {
	tell, script, kill, isolate, ban *recorder
}

func newTeam() team {
	return team{
		tell: does("webhook", hunt.ScopeProcess, hunt.Tells), script: does("script", hunt.ScopeProcess, hunt.Destroys),
		kill: does("live_response", hunt.ScopeProcess, hunt.Destroys), isolate: does("isolate", hunt.ScopeDevice, hunt.Contains),
		ban: does("denylist", hunt.ScopeHash, hunt.Destroys),
	}
}

func (a team) all() []hunt.Action { return []hunt.Action{a.tell, a.script, a.kill, a.isolate, a.ban} }

// hunted runs a hunt for files that were seen so.
func (a team) hunted(t *testing.T, l *ledger, seen []hunt.Sighting, guards ...hunt.Guard) (*hunt.Report, error) {
	t.Helper()
	var files []hunt.Indicator
	for _, s := range seen {
		files = append(files, indicator(s.SHA256[0]))
	}
	h := newHunter(t, hunt.Config{Source: source(nil, files...), Searcher: searcher(seen...), Ledger: l, Actions: a.all(), Guards: guards})
	return h.Run(t.Context(), hunt.Window{})
}

// processes are the targets of tasks on processes.
func processes(sightings ...hunt.Sighting) []string {
	var all []string
	for _, s := range sightings {
		all = append(all, s.Process.GUID+"/"+s.SHA256.String())
	}
	return all
}

// did fails the test where an action did something else.
func did(t *testing.T, a *recorder, want ...string) {
	t.Helper()
	got := slices.Sorted(slices.Values(a.did))
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), got); diff != "" {
		t.Errorf("%s mismatch (-want +got):\n%s", a.spec.Name, diff)
	}
}

func TestRule7FileAboveTheCeilingIsHeldWhole(t *testing.T) {
	t.Parallel()
	a, l := newTeam(), &ledger{}
	wide, small := crowd(1, 1, 3), crowd(2, 3, 4) // device 3 has both
	ceiling := hunt.Ceilings{DevicesPerHash: 2}
	r, err := a.hunted(t, l, slices.Concat(wide, small), ceiling)
	if err != nil {
		t.Fatal(err)
	}
	did(t, a.isolate, "3", "4")
	did(t, a.kill, processes(small...)...)
	did(t, a.script, processes(small...)...)
	did(t, a.ban, hash(2).String())
	did(t, a.tell, processes(slices.Concat(wide, small)...)...)
	held := 0
	for _, o := range r.Outcomes {
		if o.Task.Key() == "isolate/device/3" && (len(o.Task.Indicators) != 1 || len(o.Task.Sightings) != 1 || o.Task.Sightings[0].SHA256 != hash(2)) {
			t.Errorf("the device is isolated because of %+v", o.Task.Sightings)
		}
		if o.Status != hunt.Held {
			continue
		}
		held++
		if want := "seen on 3 devices, more than the ceiling of 2 devices per file: held whole"; o.Detail != want {
			t.Errorf("%s is held because %q, want %q", o.Task.Key(), o.Detail, want)
		}
	}
	if held != 3+3+2+1 {
		t.Errorf("%d tasks are held, want three kills, three scripts, two isolations and the ban", held)
	}
}

func TestRule7FileDoesNotPassTheCeilingInPieces(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	ceiling := hunt.Ceilings{DevicesPerHash: 2, DevicesPerRun: 2}
	first := newTeam()
	if _, err := first.hunted(t, l, crowd(1, 1, 2), ceiling); err != nil {
		t.Fatal(err)
	}
	did(t, first.isolate, "1", "2")
	second := newTeam()
	r, err := second.hunted(t, l, crowd(1, 1, 3), ceiling)
	if err != nil {
		t.Fatal(err)
	}
	did(t, second.isolate)
	did(t, second.kill)
	if got := statuses(r); got["isolate/device/1"] != hunt.Already || got["isolate/device/3"] != hunt.Held {
		t.Errorf("the second run ends with %v", got)
	}
}

func TestRule7RunHoldsTheWidespreadFile(t *testing.T) {
	t.Parallel()
	for name, ceiling := range map[string]hunt.Ceilings{
		"a number": {DevicesPerRun: 3},
		"a share":  {FleetShare: 0.1, Fleet: fleetOf(30)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTeam()
			small := slices.Concat(crowd(2, 5, 6), crowd(3, 7, 7))
			if _, err := a.hunted(t, &ledger{}, slices.Concat(crowd(1, 1, 4), small), ceiling); err != nil {
				t.Fatal(err)
			}
			did(t, a.isolate, "5", "6", "7")
			did(t, a.ban, hash(2).String(), hash(3).String())
			did(t, a.kill, processes(small...)...)
		})
	}
}

func TestRule7CeilingThatCannotBeToldHoldsAll(t *testing.T) {
	t.Parallel()
	for name, fleet := range map[string]func(context.Context) (int, error){
		"no answer": func(context.Context) (int, error) { return 0, errors.New("no answer") },
		"no fleet":  fleetOf(0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTeam()
			r, err := a.hunted(t, &ledger{}, crowd(1, 1, 1), hunt.DefaultCeilings(fleet))
			if err == nil || !strings.Contains(err.Error(), "the devices of the fleet could not be counted") {
				t.Errorf("Run = %v, want why", err)
			}
			for _, rec := range []*recorder{a.script, a.kill, a.isolate, a.ban} {
				did(t, rec)
			}
			did(t, a.tell, processes(crowd(1, 1, 1)...)...)
			if got := r.Count(hunt.Held); got != 4 {
				t.Errorf("%d tasks are held, want all that do more than tell", got)
			}
		})
	}
}

// A ceiling on machines that are cut off, while bans go on.
func ExampleForActions() {
	guard := hunt.ForActions(hunt.Ceilings{DevicesPerHash: 1}, "isolate")
	file := hunt.SHA256{1}
	seen := func(id int64) hunt.Sighting { return hunt.Sighting{SHA256: file, Device: hunt.Device{ID: id}} }
	files := []hunt.Indicator{{SHA256: file}}
	holds, err := guard.Review(context.Background(), hunt.Review{Tasks: []hunt.Task{
		{Action: "isolate", Scope: hunt.ScopeDevice, Target: "7", Indicators: files, Sightings: []hunt.Sighting{seen(7)}},
		{Action: "isolate", Scope: hunt.ScopeDevice, Target: "8", Indicators: files, Sightings: []hunt.Sighting{seen(8)}},
		{Action: "denylist", Scope: hunt.ScopeHash, Target: file.String(), Indicators: files, Sightings: []hunt.Sighting{seen(7), seen(8)}},
	}})
	if err != nil {
		fmt.Println(err)
	}
	for _, h := range holds {
		fmt.Println(h.Key+":", h.Reason)
	}
	// Output:
	// isolate/device/7: seen on 2 devices, more than the ceiling of 1 device per file: held whole
	// isolate/device/8: seen on 2 devices, more than the ceiling of 1 device per file: held whole
}

// Nine machines ran one file, one machine another.
func ExampleCeilings() {
	fleet := func(context.Context) (int, error) { return 50, nil } // one in ten is five
	ceilings := hunt.DefaultCeilings(fleet)
	var tasks []hunt.Task
	for id := range int64(10) {
		file := hunt.SHA256{1}
		if id == 9 {
			file = hunt.SHA256{2}
		}
		tasks = append(tasks, hunt.Task{
			Action: "isolate", Scope: hunt.ScopeDevice, Target: fmt.Sprint(id + 1), Indicators: []hunt.Indicator{{SHA256: file}},
			Sightings: []hunt.Sighting{{SHA256: file, Evidence: hunt.Executed, Device: hunt.Device{ID: id + 1}}},
		})
	}
	holds, err := ceilings.Review(context.Background(), hunt.Review{Tasks: tasks})
	if err != nil {
		fmt.Println(err)
	}
	for _, h := range holds {
		fmt.Println(h.SHA256.String()[:8]+":", h.Reason)
	}
	// Output:
	// 01000000: seen on 9 devices, more than the ceiling of 10% of the fleet: held whole
}

package hunt_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

// pinned is a policy that an analyst chooses.
const pinned = 3

// contents is what there is that a hunt changes and an undo puts back.
func (o *office) contents(t *testing.T) map[string]any {
	t.Helper()
	d := o.device(t, ranIt)
	all := map[string]any{"quarantined": d.Quarantined, "policy": d.PolicyID, "bans": len(o.cbc.Overrides()), "tags": len(o.nsx.State().VMs[0].Tags)}
	reports := 0
	for _, f := range o.cbc.Feeds() {
		reports += len(f.Reports)
	}
	all["reports"] = reports
	for _, f := range o.cbc.Files(ranIt) {
		if strings.EqualFold(f.Path, invoiceAt) {
			all["file"] = f.Content
		}
	}
	return all
}

// everyUndone is how each kind of task ends that is taken back.
func everyUndone() map[string]hunt.Status {
	return map[string]hunt.Status{
		"watchlist": hunt.Undone, "live_response": hunt.Undone, "isolate": hunt.Undone, "policy": hunt.Undone, "denylist": hunt.Undone, "nsx_tag": hunt.Undone,
	}
}

// byName maps the actions of a report's tasks to what became of them.
func byName(r *hunt.Report) map[string]hunt.Status {
	all := make(map[string]hunt.Status)
	for _, o := range r.Outcomes {
		all[o.Task.Action] = o.Status
	}
	return all
}

// What a run did is taken back, whatever it was, and what somebody else has done since stays.
func TestUndoPutsBackTheWorld(t *testing.T) {
	t.Parallel()
	const analyst = "ANALYST123"
	for _, c := range []struct {
		name  string
		since func(t *testing.T, o *office, console *cbc.Client)
		want  map[string]hunt.Status // other than undone
		stays []string
	}{
		{name: "and nobody else has done anything"},
		{
			name: "but an analyst isolates the device, and moves it, and allows the file",
			since: func(t *testing.T, o *office, console *cbc.Client) {
				t.Helper()
				if err := console.Devices.Quarantine(t.Context(), ranIt); err != nil {
					t.Fatal(err)
				}
				if err := console.Devices.SetPolicy(t.Context(), pinned, ranIt); err != nil {
					t.Fatal(err)
				}
				for _, ban := range o.cbc.Overrides() {
					if err := console.Reputation.Delete(t.Context(), cbc.OverrideID(ban.ID)); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := console.Reputation.Create(t.Context(), cbc.AllowOf(invoice.hash(), "", "ours")); err != nil {
					t.Fatal(err)
				}
			},
			want:  map[string]hunt.Status{"isolate": hunt.Held, "policy": hunt.Held, "denylist": hunt.Held},
			stays: []string{"quarantined", "policy", "bans"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			copies := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				w := plainWorld()
				w.cbc.Keys = []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret}, {ID: analyst, Secret: "s"}}
				w.cbc.Policies = append(w.cbc.Policies, cbctest.Policy{ID: pinned, Name: "Pinned"})
				o := newOffice(t, w)
				before := o.contents(t)
				crew := crew{archive: true, copies: copies}
				done := o.run(t, crew)
				for name, was := range before {
					if now := o.contents(t)[name]; now == was {
						t.Errorf("%s is %v after the run as before: this test shows nothing", name, now)
					}
				}
				time.Sleep(time.Hour)
				console, err := cbc.New(cbc.Config{BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: o.cbc.Client(), Credentials: cbc.APIKey(analyst, "s")})
				if err != nil {
					t.Fatal(err)
				}
				if c.since != nil {
					c.since(t, o, console)
					time.Sleep(time.Hour)
				}
				changed := o.contents(t)

				h := o.hunter(t, crew)
				seen, err := h.Undo(t.Context(), hunt.Undo{Run: done.Run, DryRun: true})
				if err != nil {
					t.Errorf("Undo, dry: %v", err)
				}
				if diff := cmp.Diff(changed, o.contents(t)); diff != "" {
					t.Errorf("the dry run changed something (-before +after):\n%s", diff)
				}
				r, err := h.Undo(t.Context(), hunt.Undo{Run: done.Run})
				if err != nil {
					t.Errorf("Undo: %v", err)
				}
				want := everyUndone()
				maps.Copy(want, c.want)
				if diff := cmp.Diff(want, byName(r)); diff != "" {
					t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
				}
				for name, status := range byName(seen) {
					if as := map[hunt.Status]hunt.Status{hunt.Undone: hunt.Planned}[want[name]]; status != as && status != want[name] {
						t.Errorf("the dry run said %s of %s, and it was %s", status, name, want[name])
					}
				}
				for name, was := range before {
					if slices.Contains(c.stays, name) {
						was = changed[name]
					}
					if now := o.contents(t)[name]; now != was {
						t.Errorf("%s is %v after the undo, want %v", name, now, was)
					}
				}
				again, err := h.Undo(t.Context(), hunt.Undo{Run: done.Run})
				if err != nil || again.Count(hunt.Undone) > 0 {
					t.Errorf("a second undo took back %d more (%v): %v", again.Count(hunt.Undone), err, byName(again))
				}
			})
		})
	}
}

package hunt_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

var update = flag.Bool("update", false, "write the golden files anew")

// planned is a hunt with a plan that has every status, saved.
type planned struct {
	cfg    hunt.Config
	ledger *memory
	iso    *lamps
	hook   *recorder
	bodies []string
	// troubled means that the dry run is to have an error.
	troubled bool
}

func newPlanned() *planned {
	p := &planned{ledger: new(memory), iso: &lamps{name: "isolate", on: map[string]bool{"9": true}}}
	p.hook = &recorder{spec: hunt.Spec{Name: "webhook", Scope: hunt.ScopeProcess, Evidence: hunt.Named, Impact: hunt.Tells}}
	p.cfg = response(p.ledger, nil, p.hook, p.iso)
	p.cfg.Realm = "7QRST4UV"
	mail := hunt.Mail{ID: "m1", Subject: "Your <invoice>", Recipients: []string{"ada@corp.example"}, Time: now(), Raw: []byte(`{"GUID":"m1", "n":1.0}`)}
	row := sighting(1, 7, hunt.Executed)
	row.Process.Raw = []byte(`{"process_guid":"x"}`)
	p.cfg.Source = source(nil, indicator(1, mail), indicator(2))
	p.cfg.Searcher = searcher(row, sighting(1, 8, hunt.Executed), sighting(2, 8, hunt.Executed), sighting(2, 9, hunt.Executed))
	p.cfg.Guards = []hunt.Guard{hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) {
		return []hunt.Hold{{Key: "isolate/device/8", Reason: "protected"}}, nil
	})}
	return p
}

func (p *planned) save(t *testing.T) []byte {
	t.Helper()
	h := newHunter(t, p.cfg)
	plan := h.Plan(t.Context(), hunt.Window{Start: now().Add(-time.Hour), End: now()})
	plan.Run = "20260302T100000Z-golden00"
	preview, err := h.Preview(t.Context(), plan)
	if (err != nil) != p.troubled {
		t.Fatal(err)
	}
	saved, err := h.Save(plan, preview)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := saved.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(file.String(), saved.Digest) {
		t.Errorf("the file does not have the digest %s", saved.Digest)
	}
	return file.Bytes()
}

func (p *planned) apply(t *testing.T, file []byte) (*hunt.Report, error) {
	t.Helper()
	saved, err := hunt.ReadPlan(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return newHunter(t, p.cfg).ApplySaved(t.Context(), saved, "ada")
}

func TestASavedPlanLooksLikeThis(t *testing.T) {
	t.Parallel()
	got := newPlanned().save(t)
	path := filepath.Join("testdata", "plan.json")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("plan mismatch (-want +got):\n%s", diff)
	}
	saved, err := hunt.ReadPlan(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if _, err := saved.WriteTo(&again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), again.String()); diff != "" {
		t.Errorf("read and written again it differs (-want +got):\n%s", diff)
	}
}

func TestAPlanIsAppliedExactly(t *testing.T) {
	t.Parallel()
	p := newPlanned()
	file := p.save(t)
	// What comes after the plan was made is not in it.
	p.cfg.Source = source(nil, indicator(1), indicator(2), indicator(3))
	p.cfg.Searcher = searcher(sighting(3, 6, hunt.Executed))
	p.hook.see = func(task hunt.Task) {
		if len(task.Indicators[0].Mails) == 0 {
			return
		}
		p.bodies = append(p.bodies, string(task.Sightings[0].Process.Raw)+string(task.Indicators[0].Mails[0].Raw))
	}
	r, err := p.apply(t, file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"7", "9"}, p.iso.lit()); diff != "" {
		t.Errorf("switched on (-want +got):\n%s", diff)
	}
	if len(p.hook.did) != 4 || r.Run != "20260302T100000Z-golden00" {
		t.Errorf("run %s posted %d of 4 findings", r.Run, len(p.hook.did))
	}
	if len(p.bodies) == 0 || p.bodies[0] != `{"process_guid":"x"}{"GUID":"m1","n":1.0}` {
		t.Errorf("the webhook got %q, not what the plan saw", p.bodies)
	}
	if r, err = p.apply(t, file); err != nil || r.Count(hunt.Done) > 0 {
		t.Errorf("applied again: %d done, error %v", r.Count(hunt.Done), err)
	}
}

func TestWhatHasChangedSinceThePlanIsNotDone(t *testing.T) {
	t.Parallel()
	p := newPlanned()
	p.cfg.Guards = nil
	file := p.save(t)
	p.iso.odd = "8" // its state reads otherwise now
	r, err := p.apply(t, file)
	if err != nil {
		t.Fatal(err)
	}
	if got := statuses(r); got["isolate/device/8"] != hunt.Held || got["isolate/device/7"] != hunt.Done {
		t.Errorf("outcomes %v, want device 8 held and device 7 done", got)
	}
}

func TestGuardsAreAskedAgainWhenAPlanIsApplied(t *testing.T) {
	t.Parallel()
	p := newPlanned()
	file := p.save(t)
	p.cfg.Guards = []hunt.Guard{holdFile(1)}
	r, err := p.apply(t, file)
	if err != nil || statuses(r)["isolate/device/7"] != hunt.Held || len(p.iso.lit()) != 1 {
		t.Errorf("outcomes %v, switched on %v, error %v", statuses(r), p.iso.lit(), err)
	}
}

func TestAPlanIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(p *planned, file []byte) []byte
		want   error
	}{
		{"too old", func(p *planned, file []byte) []byte {
			p.cfg.Now = func() time.Time { return now().Add(25 * time.Hour) }
			return file
		}, hunt.ErrPlanOld},
		{"from the future", func(p *planned, file []byte) []byte {
			p.cfg.Now = func() time.Time { return now().Add(-2 * time.Hour) }
			return file
		}, hunt.ErrPlanOld},
		{"of another realm", func(p *planned, file []byte) []byte {
			p.cfg.Realm = "other"
			return file
		}, hunt.ErrPlanRealm},
		{"altered", func(_ *planned, file []byte) []byte {
			return bytes.Replace(file, []byte(`"isolate/device/7"`), []byte(`"isolate/device/6"`), 1)
		}, hunt.ErrPlanAltered},
		{"followed by another", func(_ *planned, file []byte) []byte { return append(file, file...) }, hunt.ErrPlanAltered},
		{"with an action that is off", func(p *planned, file []byte) []byte {
			p.cfg.Actions = p.cfg.Actions[:1]
			return file
		}, nil},
		{"with an action that needs more now", func(p *planned, file []byte) []byte {
			p.cfg.Actions[1] = &recorder{spec: hunt.Spec{Name: "isolate", Scope: hunt.ScopeDevice, Evidence: hunt.Executed}}
			return file
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlanned()
			file := c.change(p, p.save(t))
			_, err := p.apply(t, file)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if len(p.hook.did) > 0 || len(p.iso.lit()) > 1 {
				t.Errorf("posted %v, switched on %v", p.hook.did, p.iso.lit())
			}
		})
	}
}

func FuzzReadPlan(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "plan.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"format":"pphunt-plan-1","digest":"","plan":{}}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		saved, err := hunt.ReadPlan(bytes.NewReader(file))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if _, err := saved.WriteTo(&again); err != nil {
			t.Fatalf("a plan that was read cannot be written: %v", err)
		}
		if _, err := hunt.ReadPlan(&again); err != nil {
			t.Fatalf("a plan that was written cannot be read: %v", err)
		}
	})
}

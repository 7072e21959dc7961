package hunt_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// A fresh verdict that the source has just told is enough for what can be taken back, and for nothing else.
func TestWhenTheVerdictIsAskedAgain(t *testing.T) {
	t.Parallel()
	isolates := &recorder{spec: hunt.Spec{Name: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Evidence: hunt.Executed}}
	bans := &recorder{spec: hunt.Spec{Name: "ban", Scope: hunt.ScopeHash, Impact: hunt.Destroys, Evidence: hunt.Executed}}
	for _, c := range []struct {
		name   string
		age    time.Duration // of the verdict, zero for none
		action *recorder
		change func(*patience)
		asked  int
	}{
		{"containing on a fresh verdict", time.Hour, isolates, nil, 0},
		{"containing on an older verdict", 3 * time.Hour, isolates, nil, 1},
		{"containing on a verdict without a time", 0, isolates, nil, 1},
		{"containing on a verdict of tomorrow", -24 * time.Hour, isolates, nil, 1},
		{"destroying on a fresh verdict", time.Hour, bans, nil, 1},
		{"containing where the user wants it asked", time.Minute, isolates, func(p *patience) { p.cfg.FreshVerdict = -1 }, 1},
		{"containing where the user takes an older word", 3 * time.Hour, isolates, func(p *patience) { p.cfg.FreshVerdict = 4 * time.Hour }, 0},
		{"containing after a long search", time.Hour, isolates, func(p *patience) {
			find := p.cfg.Searcher
			p.cfg.Searcher = hunt.SearcherFunc(func(ctx context.Context, batch []hunt.Indicator, since time.Time) iter.Seq2[hunt.Sighting, error] {
				p.pass(11 * time.Minute)
				return find.Search(ctx, batch, since)
			})
		}, 1},
		{"containing where the source says both", time.Hour, isolates, func(p *patience) {
			named := p.cfg.Source
			p.cfg.Source = hunt.SourceFunc(func(ctx context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
				ask.Cleared(hash(1))
				return named.Indicators(ctx, ask)
			})
		}, 1},
	} {
		verdicts := new(court)
		p := newPatience(verdicts, c.action)
		ind := indicator(1)
		if c.age != 0 {
			ind.Threat.Time = p.now.Add(-c.age)
		}
		p.cfg.Source = source(nil, ind)
		p.found = []hunt.Sighting{sighting(1, 7, hunt.Executed)}
		if c.change != nil {
			c.change(p)
		}
		c.action.did = nil
		run(t, p.cfg)
		if verdicts.asked != c.asked || len(c.action.did) != 1 {
			t.Errorf("%s: asked %d times, want %d; done %v", c.name, verdicts.asked, c.asked, c.action.did)
		}
	}
}

// A plan that was saved says nothing about now.
func TestSavedPlanIsNoFreshVerdict(t *testing.T) {
	t.Parallel()
	verdicts := new(court)
	p := newPatience(verdicts, &lamps{name: "isolate"})
	ind := indicator(1)
	ind.Threat.Time = p.now
	p.cfg.Source = source(nil, ind)
	p.found = []hunt.Sighting{sighting(1, 7, hunt.Executed)}
	h := newHunter(t, p.cfg)
	plan := h.Plan(t.Context(), hunt.Window{})
	preview, err := h.Preview(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := h.Save(plan, preview)
	if err != nil {
		t.Fatal(err)
	}
	asked := verdicts.asked
	if r, err := h.ApplySaved(t.Context(), saved, "kim"); err != nil || r.Count(hunt.Done) != 1 {
		t.Fatalf("ApplySaved: %v, %v", statuses(r), err)
	}
	if verdicts.asked != asked+1 {
		t.Errorf("asked %d times, want once", verdicts.asked-asked)
	}
}

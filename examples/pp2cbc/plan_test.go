package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// plan saves a plan and returns its file.
func (c *company) plan(t *testing.T) string {
	t.Helper()
	path := filepath.Join(c.dir, "plan.json")
	r := c.run(t, "--plan", path)
	r.is(t, exitDone, []string{"Would be done", "isolate  → Carbon Black Cloud: quarantine on", "because executed", "its digest is", "pp2cbc --apply"}, nil)
	if len(c.writes()) > 0 {
		t.Fatalf("planning wrote %q", c.writes())
	}
	return path
}

func TestPlanIsApplied(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	path := c.plan(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the plan has the mode %v (%v), want it for its owner alone", info.Mode(), err)
	}
	c.run(t, "--apply", path).is(t, exitDone, []string{"Plan 20", "Done: 3"}, nil)
	if got := c.isolated(); len(got) != 4 {
		t.Errorf("isolated %q, want three more than the one that was", got)
	}
	c.run(t, "--apply", path).is(t, exitDone, []string{"Nothing left to do: "}, nil)
	left, err := filepath.Glob(filepath.Join(c.dir, ".plan.json-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q was left behind (%v)", left, err)
	}
}

func TestPlanThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	path := c.plan(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	made := regexp.MustCompile(`"made": "([^"]+)"`).FindStringSubmatch(string(text))
	at, err := time.Parse(time.RFC3339, made[1])
	if err != nil {
		t.Fatal(err)
	}
	before := len(c.lab.Requests())
	for _, tt := range []struct {
		name, old, with, conf, confWith, want string
		after                                 time.Duration
	}{
		{"altered", `"target": "4571601"`, `"target": "4571603"`, "", "", "the plan was altered", 0},
		{"cut off", "\n}\n", "", "", "", "not a plan", 0},
		{"too old", "", "", "", "", "too old", 25 * time.Hour},
		{"old by the configuration", "", "", "[actions]", "[guard]\nplan_max_age = 1h\n[actions]", "too old", 2 * time.Hour},
		{"of another organization", "", "", "org_key = 7", "org_key = 8", "made for something else", 0},
		{"of another policy", "", "", "isolate = True", "isolate = True\nwatchlist = other", "made for something else", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			conf, err := os.ReadFile(c.config)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(strings.ReplaceAll(string(conf), "ca.pem", filepath.Join(c.dir, "ca.pem")), tt.conf, tt.confWith, 1)
			mine := strings.Replace(string(text), tt.old, tt.with, 1)
			if tt.old != "" && mine == string(text) || tt.conf != "" && !strings.Contains(string(conf), tt.conf) {
				t.Fatal("the test changes nothing")
			}
			files := map[string]string{"config.conf": changed, "plan.json": mine}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			later := func() time.Time { return at.Add(tt.after) }
			r := runAt(t.Context(), later, "--config", filepath.Join(dir, "config.conf"), "--apply", filepath.Join(dir, "plan.json"))
			r.is(t, exitUsage, nil, []string{tt.want})
		})
	}
	t.Cleanup(func() {
		if n := len(c.lab.Requests()); n != before {
			t.Errorf("%d calls were sent", n-before)
		}
	})
}

func TestPlanHoldsWhatHasChanged(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "policy = Contain")
	path := filepath.Join(c.dir, "plan.json")
	c.run(t, "--plan", path).is(t, exitDone, []string{`now: policy "Standard" (88231)`}, nil)
	if err := c.analyst(t).Devices.SetPolicy(t.Context(), 88230, 4571601); err != nil {
		t.Fatal(err)
	}
	c.run(t, "--apply", path).is(t, exitHeld, []string{"Done: 2", `not as the plan saw it: policy id was 88231 and is 88230, policy name was "Standard" and is "Monitored"`}, nil)
	if d, _ := c.lab.CBC.Device(4571601); d.PolicyID != 88230 {
		t.Errorf("the machine is in policy %d, want the analyst's", d.PolicyID)
	}
}

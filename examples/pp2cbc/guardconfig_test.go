package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var prefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestGuardsApplyWithoutASection(t *testing.T) {
	t.Parallel()
	c, err := parse(t, oldConfig)
	if err != nil {
		t.Fatal(err)
	}
	want := guardConfig{
		priorities: []string{"MISSION_CRITICAL"}, perHash: 25, perRun: 50, fleetShare: 0.1, reputation: true,
		recheck: 7 * 24 * time.Hour, fresh: 2 * time.Hour, planAge: 24 * time.Hour, giveUp: 7 * 24 * time.Hour,
	}
	if diff := cmp.Diff(want, c.guard, cmp.AllowUnexported(guardConfig{}), prefixes); diff != "" {
		t.Errorf("guard mismatch (-want +got):\n%s", diff)
	}
	if filepath.Base(c.audit) != "audit.jsonl" || filepath.Dir(c.audit) != filepath.Dir(c.ledger) {
		t.Errorf("audit log %s, want audit.jsonl beside the configuration", c.audit)
	}
}

func TestGuardKeys(t *testing.T) {
	t.Parallel()
	c, err := parse(t, oldConfig+`[guard]
protect_names = DC-*, *.corp.example
protect_ids = 4571601, 7
protect_networks = 10.1.0.0/16, 2001:db8::/32, 192.0.2.7
protect_policies = Servers, Domain Controllers
protect_groups = Board
protect_priorities = high
protect_deployments = workload
max_devices_per_hash = 3
max_devices_per_run = 0
max_fleet_share = 0.25
trusted_signers = Example Tools Ltd
trust_reputation = no
auto_undo = yes
recheck = none
fresh_verdict = 0
plan_max_age = 2h
give_up = 3d
[audit]
filename = none
`)
	if err != nil {
		t.Fatal(err)
	}
	want := guardConfig{
		names: []string{"DC-*", "*.corp.example"}, ids: []int64{4571601, 7},
		networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("192.0.2.7/32")},
		policies: []string{"Servers", "Domain Controllers"}, groups: []string{"Board"}, priorities: []string{"HIGH"}, deployments: []string{"WORKLOAD"},
		perHash: 3, fleetShare: 0.25, signers: []string{"Example Tools Ltd"}, autoUndo: true, recheck: -1, fresh: -1, planAge: 2 * time.Hour, giveUp: 3 * 24 * time.Hour,
	}
	if diff := cmp.Diff(want, c.guard, cmp.AllowUnexported(guardConfig{}), prefixes); diff != "" {
		t.Errorf("guard mismatch (-want +got):\n%s", diff)
	}
	if c.audit != "" {
		t.Errorf("audit log %s, want none", c.audit)
	}
}

func TestGuardsThatAreSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"none", ""} {
		c, err := parse(t, oldConfig+"[guard]\nprotect_priorities = "+value+"\ntrusted_signers = "+value+"\nmax_fleet_share = 0\n[audit]\nfilename = "+value+"\n")
		if err != nil {
			t.Fatalf("%q is refused: %v", value, err)
		}
		if g := c.guard; g.priorities != nil || g.signers == nil || len(g.signers) > 0 || g.fleetShare != 0 || c.audit != "" {
			t.Errorf("%q makes %+v and the audit log %q, want no priorities, no signers, no share and no log", value, g, c.audit)
		}
	}
}

func TestBadGuardsAreAllToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := parse(t, oldConfig+`evidence_limit = much
[guard]
protect_names = DC-[
protect_ids = x, 7
protect_networks = 10.1.2.3/16
protect_priorities = URGENT
protect_deployments = CLOUD
max_devices_per_hash = -1
max_devices_per_run = many
max_fleet_share = 110%
trust_reputation = perhaps
recheck = soon
fresh_verdict = always
give_up = 3
[audit]
filename = app.sql
`)
	for _, want := range []string{
		"actions.evidence_limit", `guard.protect_names: "DC-["`, `guard.protect_priorities: "URGENT"`, `guard.protect_deployments: "CLOUD"`,
		`guard.protect_ids: "x"`, "did you mean 10.1.0.0/16 or 10.1.2.3", "guard.max_devices_per_hash",
		"guard.max_devices_per_run", "guard.max_fleet_share", "guard.trust_reputation", "guard.recheck", "guard.fresh_verdict", "guard.give_up", "audit.filename",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want it to say %q", err, want)
		}
	}
}

func TestUnknownGuardIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, env, want string }{
		{"[guard]\nprotect_name = DC-*\n", "", "did you mean guard.protect_names?"},
		{"[Guard]\nprotect_names = DC-*\n", "", "did you mean guard.protect_names?"},
		{"", "PP2CBC_GUARD_PROTECT_NAME=DC-*", "PP2CBC_GUARD_PROTECT_NAME"},
	} {
		if _, err := parse(t, oldConfig+c.text, c.env); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q: error = %v, want it to say %q", c.text, c.env, err, c.want)
		}
	}
}

func TestConfigReadableByOthersIsAWarning(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("mode bits mean nothing here")
	}
	for _, c := range []struct {
		mode os.FileMode
		text string
		want bool
	}{
		{0o644, oldConfig, true},
		{0o640, oldConfig, true},
		{0o600, oldConfig, false},
		{0o644, "[CarbonBlack]\nurl = defense.example\n", false},
	} {
		path := filepath.Join(t.TempDir(), "config.conf")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		v, err := readValues(path, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(v.warnings, "\n"), "can be read by other users"); got != c.want {
			t.Errorf("mode %o: warned %t, want %t: %q", c.mode, got, c.want, v.warnings)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"100MB": 100 << 20, "1 GiB": 1 << 30, "5000": 5000, "64k": 64 << 10, "7b": 7} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MB", "0", "-1MB", "1TB", "1.5MB", "99999999999GB"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", text, got)
		}
	}
	for text, want := range map[string]float64{"10%": 0.1, "0.1": 0.1, "0": 0, "100%": 1} {
		if got, err := parseShare(text); err != nil || got != want {
			t.Errorf("parseShare(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "10", "-1%", "NaN", "ten"} {
		if got, err := parseShare(text); err == nil {
			t.Errorf("parseShare(%q) = %v, want an error", text, got)
		}
	}
}

func TestSecretsOfAContainerAreNoReasonToWarn(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/run/secrets/cbc": true, "/var/run/secrets/tap/secret": true, "/run/secrets/../etc/cbc": false, "/run/secrets": false, "secrets/cbc": false,
	} {
		if got := handedIn(path); got != want {
			t.Errorf("handedIn(%q) = %t, want %t", path, got, want)
		}
	}
}

package cbctest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Check finds contradictions in a world: what is there twice, what refers to something that is not there, and words that the
// service does not have. It returns all of them joined.
func (w World) Check() error {
	c := &checker{seen: map[string]bool{}}
	for i, k := range w.Keys {
		c.need(k.ID != "" && k.Secret != "", "keys[%d] lacks its id or its secret", i)
		c.once("the key", k.ID)
	}
	c.csp(w.CSP)
	for i, p := range w.Policies {
		c.need(p.ID != 0 && p.Name != "", "policies[%d] lacks its id or its name", i)
		c.once("the policy", p.ID)
		c.word("priority_level of a policy", p.PriorityLevel, "LOW", "MEDIUM", "HIGH", "MISSION_CRITICAL")
		_, twice := p.SensorSettings[liveResponseSetting]
		c.need(!twice, "sensor_settings of policies[%d] has %s, which no_live_response tells", i, liveResponseSetting)
	}
	filled := w.filled()
	policies := map[int64]bool{}
	for _, p := range filled.Policies {
		policies[p.ID] = true
		for _, r := range p.Rules {
			c.once(fmt.Sprintf("in policy %d the rule", p.ID), r.ID)
			if err := r.body().check("rules."); err != nil {
				c.fail("policy %d: %w", p.ID, err)
			}
		}
	}
	for i, g := range w.AssetGroups {
		c.need(g.Name != "", "asset_groups[%d] lacks its name", i)
		c.once("the asset group", g.Name)
		c.need(g.PolicyID == 0 || policies[g.PolicyID], "policy_id of the asset group %q is no policy: %d", g.Name, g.PolicyID)
		c.word("membership of an asset group", g.Membership, "DYNAMIC", "MANUAL")
	}
	devices := map[int64]bool{}
	for i, d := range filled.Devices {
		devices[d.ID] = true
		c.device(i, d, policies)
	}
	for i, p := range w.Processes {
		c.process(i, p, devices)
	}
	for i, o := range filled.Overrides {
		body := overrideBody{
			OverrideList: o.List, OverrideType: o.Type, SHA256Hash: o.SHA256, Filename: o.Filename, SignedBy: o.SignedBy,
			CertificateAuthority: o.CertificateAuthority, Path: o.Path,
		}
		if err := body.check(); err != nil {
			c.fail("overrides[%d]: %w", i, err)
		}
		c.once("the override", o.ID)
	}
	for i, b := range w.Binaries {
		c.need(isSHA256(b.SHA256), "binaries[%d] lacks its SHA-256", i)
		c.once("the binary", strings.ToLower(b.SHA256))
		c.need(b.Size >= 0, "binaries[%d] has a negative size", i)
		for _, sig := range b.Signatures {
			c.need(sig.Count >= 0, "a signature of binaries[%d] was seen a negative number of times", i)
		}
	}
	c.observations(w, devices)
	c.alerts(w, devices)
	c.audit(w)
	c.switches(w.Switches)
	c.edr(w)
	return errors.Join(c.problems...)
}

// checker collects problems.
type checker struct {
	seen     map[string]bool
	problems []error
}

func (c *checker) fail(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf("cbctest: world: "+format, args...))
}

func (c *checker) need(ok bool, format string, args ...any) {
	if !ok {
		c.fail(format, args...)
	}
}

// once finds what is there twice.
func (c *checker) once(what string, id any) {
	key := fmt.Sprintf("%s %v", what, id)
	c.need(!c.seen[key], "%s is there twice", key)
	c.seen[key] = true
}

// word finds words that are neither empty nor known.
func (c *checker) word(what, value string, known ...string) {
	c.need(value == "" || slices.Contains(known, value), "%s is %q and not one of %q", what, value, known)
}

func (c *checker) device(i int, d Device, policies map[int64]bool) {
	c.need(d.ID > 0 && d.Name != "", "devices[%d] lacks its id or its name", i)
	c.once("the device", d.ID)
	what := fmt.Sprintf("of device %d", d.ID)
	c.need(policies[d.PolicyID], "policy_id %s is no policy: %d", what, d.PolicyID)
	c.need(policies[d.SensorPolicyID], "sensor_policy_id %s is no policy: %d", what, d.SensorPolicyID)
	c.word("os "+what, d.OS, "WINDOWS", "MAC", "LINUX", "ANDROID", "IOS", "OTHER")
	c.word("status "+what, d.Status, "REGISTERED", "PENDING", "DEREGISTERED", "UNINSTALLED")
	c.word("deployment_type "+what, d.DeploymentType, "ENDPOINT", "WORKLOAD", "VDI", "AWS", "AZURE", "GCP")
	c.word("target_priority "+what, d.TargetPriority, "LOW", "MEDIUM", "HIGH", "MISSION_CRITICAL")
	c.word("nsx_tag "+what, d.NSXTag, nsxTags()...)
	c.need(d.CheckIn >= 0 && d.OnlineAfter >= 0, "check_in or online_after %s is negative", what)
	c.need(d.OnlineAfter == 0 || d.Offline, "online_after %s, which is not offline", what)
}

func (c *checker) process(i int, p Process, devices map[int64]bool) {
	c.need(devices[p.DeviceID], "processes[%d] ran on device %d, which is not there", i, p.DeviceID)
	if p.GUID != "" {
		c.once("the process", p.GUID)
	}
	hashes := slices.Concat(p.Hashes, p.EnrichedHashes)
	for _, field := range slices.Sorted(maps.Keys(p.Touched)) {
		ok := slices.Contains(hashFields(), field) && field != "hash" && field != "process_hash"
		c.need(ok, "touched of processes[%d] has %q, which is no other hash field of the process search", i, field)
		hashes = append(hashes, p.Touched[field]...)
	}
	for _, e := range p.Events {
		c.need(e.Type != "", "an event of processes[%d] lacks its type", i)
		c.need(e.SHA256 == "" || len(e.SHA256) == 64, "an event of processes[%d] has a malformed sha256", i)
		c.need(e.MD5 == "" || len(e.MD5) == 32, "an event of processes[%d] has a malformed md5", i)
	}
	for _, h := range hashes {
		_, err := hex.DecodeString(h)
		c.need(err == nil && (len(h) == 32 || len(h) == 64), "processes[%d] has %q, which is neither MD5 nor SHA-256", i, h)
	}
}

func (c *checker) switches(sw Switches) {
	c.word("retry_after", sw.RateLimit.RetryAfter, "seconds", "date", "none")
	c.word("progress", sw.Jobs.Progress, "early", "stuck")
	c.word("duplicates", sw.Overrides.Duplicates, "new", "same", "conflict", "refuse")
	s := sw.Search
	for _, d := range []int64{
		int64(s.StartDelay), int64(s.Duration), int64(s.Lifetime), int64(s.Searchers), int64(s.DefaultWindow),
		int64(s.Retention), int64(s.SegmentDelay), int64(sw.RateLimit.Per), int64(sw.RateLimit.Penalty),
		int64(sw.RateLimit.Calls), int64(sw.Jobs.StartDelay), int64(sw.Jobs.Duration),
		int64(sw.NSX.StartDelay), int64(sw.NSX.Duration),
		int64(sw.Binaries.DownloadErrors),
	} {
		c.need(d >= 0, "a delay or a limit is negative")
	}
	c.need(sw.RetiredStatus == 0 || sw.RetiredStatus >= 400 && sw.RetiredStatus < 600, "retired_status is no error")
}

// csp finds what nobody could sign in with.
func (c *checker) csp(in *CSP) {
	if in == nil {
		return
	}
	for i, a := range in.Apps {
		c.need(a.ID != "" && a.Secret != "", "csp.apps[%d] lacks its id or its secret", i)
		c.once("the app", a.ID)
	}
	for i, t := range in.Tokens {
		c.need(t.Token != "" && t.User != "", "csp.tokens[%d] lacks its token or its user", i)
		c.need(!c.seen["the API token "+t.Token], "csp.tokens[%d] is there twice", i)
		c.seen["the API token "+t.Token] = true
	}
	c.need(in.Lifetime >= 0, "csp.lifetime is negative")
	c.need(!in.Only || len(in.Apps)+len(in.Tokens) > 0, "csp.only leaves nobody who could sign in")
}

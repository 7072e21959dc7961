package main

import (
	"slices"
	"strings"
)

// key is one key of the configuration file.
type key struct {
	section, name string
	// secret keys may be given as <name>_file instead, and are never shown.
	secret bool
	// retired keys are accepted and do nothing; the text says why.
	retired string
	// fallback is the value when the key is missing. An empty value means the same as a missing key.
	fallback string
}

func (k key) String() string { return k.section + "." + k.name }

// env is the environment variable that overrides the key.
func (k key) env() string {
	return "PP2CBC_" + strings.ToUpper(strings.ReplaceAll(k.section, ".", "_")) + "_" + strings.ToUpper(k.name)
}

const routeGone = "the service it was for was switched off; custom_api_id and custom_api_key are used for everything"

// schema lists every key, in the order of the file.
func schema() []key {
	return []key{
		{section: "general", name: "name", fallback: "cbc-proofpoint"},
		{section: "general", name: "description"},
		{section: "general", name: "version"},
		{section: "general", name: "author"},
		{section: "general", name: "copyright"},
		{section: "logging", name: "filename", fallback: "app.log"},
		{section: "logging", name: "level", fallback: "INFO"},
		{section: "logging", name: "format", fallback: "text"},
		{section: "logging", name: "max_size", fallback: "100MB"},
		{section: "logging", name: "backups", fallback: "5"},
		{section: "CarbonBlack", name: "url"},
		{section: "CarbonBlack", name: "org_key"},
		{section: "CarbonBlack", name: "api_id", retired: routeGone},
		{section: "CarbonBlack", name: "api_key", secret: true, retired: routeGone},
		{section: "CarbonBlack", name: "custom_api_id"},
		{section: "CarbonBlack", name: "custom_api_key", secret: true},
		{section: "CarbonBlack", name: "lr_api_id", retired: routeGone},
		{section: "CarbonBlack", name: "lr_api_key", secret: true, retired: routeGone},
		{section: "CarbonBlack", name: "window", fallback: "2w"},
		{section: "CarbonBlack", name: "ca_file"},
		{section: "Proofpoint", name: "url", fallback: "https://tap-api-v2.proofpoint.com"},
		{section: "Proofpoint", name: "principal"},
		{section: "Proofpoint", name: "secret", secret: true},
		{section: "Proofpoint", name: "include_delivered", fallback: "True"},
		{section: "Proofpoint", name: "include_blocked", fallback: "False"},
		{section: "Proofpoint", name: "delta", fallback: "15"},
		{section: "Proofpoint", name: "classifications", fallback: "malware"},
		{section: "Proofpoint", name: "ca_file"},
		{section: "NSX", name: "url"},
		{section: "NSX", name: "username"},
		{section: "NSX", name: "password", secret: true},
		{section: "NSX", name: "session", fallback: "False"},
		{section: "NSX", name: "ca_file"},
		{section: "sqlite3", name: "filename", fallback: "app.sql"},
		{section: "sqlite3", name: "deprecation", fallback: "30"},
		{section: "sqlite3", name: "lease", fallback: "60s"},
		{section: "actions", name: "watchlist"},
		{section: "actions", name: "webhook", secret: true},
		{section: "actions", name: "webhook_secret", secret: true},
		{section: "actions", name: "webhook_events", fallback: "finding, held"},
		{section: "actions", name: "webhook_format", fallback: "json"},
		{section: "actions", name: "webhook_ca_file"},
		{section: "actions", name: "webhook_proxy", secret: true},
		{section: "actions", name: "script"},
		{section: "actions", name: "script_timeout", fallback: "5m"},
		{section: "actions", name: "live_response", fallback: "False"},
		{section: "actions", name: "evidence_dir"},
		{section: "actions", name: "isolate", fallback: "False"},
		{section: "actions", name: "policy"},
		{section: "actions", name: "denylist", fallback: "False"},
		{section: "actions", name: "nsx_tag"},
		{section: "actions", name: "evidence", fallback: "executed"},
		{section: "actions", name: "isolate_evidence"},
		{section: "actions", name: "policy_evidence"},
		{section: "actions", name: "nsx_tag_evidence"},
		{section: "actions", name: "webhook_evidence", fallback: "named"},
		{section: "actions", name: "evidence_limit", fallback: "100MB"},
		{section: "guard", name: "protect_names"},
		{section: "guard", name: "protect_ids"},
		{section: "guard", name: "protect_networks"},
		{section: "guard", name: "protect_policies"},
		{section: "guard", name: "protect_groups"},
		{section: "guard", name: "protect_priorities", fallback: "MISSION_CRITICAL"},
		{section: "guard", name: "protect_deployments"},
		{section: "guard", name: "max_devices_per_hash", fallback: "25"},
		{section: "guard", name: "max_devices_per_run", fallback: "50"},
		{section: "guard", name: "max_fleet_share", fallback: "10%"},
		{section: "guard", name: "trusted_signers"},
		{section: "guard", name: "trust_reputation", fallback: "True"},
		{section: "guard", name: "auto_undo", fallback: "False"},
		{section: "guard", name: "recheck", fallback: "7d"},
		{section: "guard", name: "fresh_verdict", fallback: "2h"},
		{section: "guard", name: "plan_max_age", fallback: "24h"},
		{section: "guard", name: "give_up", fallback: "7d"},
		{section: "hunt", name: "rehunt", fallback: "7d"},
		{section: "hunt", name: "first_run", fallback: "1h"},
		{section: "hunt", name: "look_back", fallback: "45m"},
		{section: "hunt", name: "evidence", fallback: "named"},
		{section: "hunt", name: "second_stage", fallback: "off"},
		{section: "hunt", name: "dead_letters", fallback: "dead-letters.jsonl"},
		{section: "report", name: "filename"},
		{section: "audit", name: "filename", fallback: "audit.jsonl"},
	}
}

// hookSection begins the name of a section with a webhook besides the first: [webhook.NAME].
const hookSection = "webhook."

// hookKeys are the keys of such a section.
func hookKeys(section string) []key {
	return []key{
		{section: section, name: "url", secret: true},
		{section: section, name: "secret", secret: true},
		{section: section, name: "events", fallback: "finding, held"},
		{section: section, name: "format", fallback: "json"},
		{section: section, name: "evidence", fallback: "named"},
		{section: section, name: "ca_file"},
		{section: section, name: "proxy", secret: true},
	}
}

// hookOf is a section with a webhook as it is called in here, whatever the case of the name. The name becomes a part of variables of the
// environment, and so has letters and digits only.
func hookOf(section string) (canonical string, ok bool) {
	name, ok := strings.CutPrefix(strings.ToLower(section), hookSection)
	plain := name != "" && !strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return hookSection + name, ok && plain
}

// hookOfEnv is the section with a webhook that a variable of the environment belongs to.
func hookOfEnv(variable string) (section string, ok bool) {
	rest, ok := strings.CutPrefix(variable, "PP2CBC_WEBHOOK_")
	name, _, cut := strings.Cut(rest, "_")
	section, plain := hookOf(hookSection + name)
	return section, ok && cut && plain
}

// nearest is the known key that an unknown one was probably meant to be, or nothing when none is close.
func nearest(section, name string) string {
	best, most := "", 4
	all := schema()
	if hook, ok := hookOf(section); ok {
		all = append(all, hookKeys(hook)...)
	}
	for _, k := range all {
		d := distance(strings.ToLower(name), strings.ToLower(k.name))
		if !strings.EqualFold(section, k.section) {
			d += 2
		}
		if d < most && d < max(len(name), 3) {
			best, most = k.String(), d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

func lookupKey(section, name string) (key, bool) {
	all := schema()
	if hook, ok := hookOf(section); ok {
		all = hookKeys(hook)
	}
	i := slices.IndexFunc(all, func(k key) bool { return k.section == section && k.name == name })
	if i < 0 {
		return key{}, false
	}
	return all[i], true
}

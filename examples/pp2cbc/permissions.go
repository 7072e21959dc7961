package main

import (
	"fmt"
	"slices"
	"strings"
)

// permission is what the key of Carbon Black Cloud, or the account of another service, must be allowed for something.
type permission struct {
	// use is what needs it: an action, a guard, or "every hunt".
	use string
	// service is "Carbon Black Cloud" or "NSX".
	service string
	// name and operations are as the service's console shows them.
	name       string
	operations []string
	// calls are those of the client packages that need it, such as "cbc.Devices.Quarantine".
	calls []string
	// without says what happens where it is missing, if that is less than that the use fails.
	without string
}

func (p permission) String() string {
	if len(p.operations) == 0 {
		return p.name
	}
	return fmt.Sprintf("%s (%s)", p.name, strings.Join(p.operations, ", "))
}

// everyHunt is the use that cannot be switched off.
const everyHunt = "every hunt"

// permissions lists all that the program can need, in the order of the console.
func permissions() []permission {
	const console, nsx = "Carbon Black Cloud", "NSX"
	needs := func(use, name, operations string, calls ...string) permission {
		return permission{use: use, service: console, name: name, operations: list(operations), calls: calls}
	}
	less := func(p permission, without string) permission {
		p.without = without
		return p
	}
	return []permission{
		needs(everyHunt, "org.search.events", "CREATE, READ", "cbc.Processes.Start", "cbc.Processes.Events"),
		less(needs(everyHunt, "org.search.events", "DELETE", "cbc.SearchJob.Cancel"), "searches that nobody waits for any more go on"),
		needs(everyHunt, "device", "READ", "cbc.Devices.ByIDs", "cbc.Devices.Facet"),
		needs("guard.trust_reputation", "org.reputations", "READ", "cbc.Reputation.BySHA256"),
		needs("guard.trusted_signers", "ubs.org.sha256", "READ", "cbc.Binaries.Signatures"),
		needs("guard.protect_policies", "org.policies", "READ", "cbc.Policies.List"),
		needs("watchlist", "org.feeds", "CREATE, READ, UPDATE", "cbc.Feeds.ByName", "cbc.Feeds.Create", "cbc.Feeds.Report", "cbc.Feeds.PutReport"),
		needs("watchlist", "org.watchlists", "CREATE, READ", "cbc.Watchlists.Subscribe"),
		needs("undo of watchlist", "org.feeds", "DELETE", "cbc.Feeds.DeleteReport"),
		needs("isolate", "device.quarantine", "EXECUTE", "cbc.Devices.Quarantine", "cbc.Devices.Release"),
		less(needs("undo of isolate", "org.audits", "READ", "cbc.AuditLog.Search"), "whether somebody else isolated the machine meanwhile is not known: it stays isolated"),
		needs("policy", "org.policies", "READ", "cbc.Policies.ByName"),
		needs("policy", "device.policy", "UPDATE", "cbc.Devices.SetPolicy"),
		needs("denylist", "org.reputations", "CREATE, READ", "cbc.Reputation.Ban"),
		needs("undo of denylist", "org.reputations", "DELETE", "cbc.Reputation.Delete"),
		needs("live_response", "org.liveresponse.session", "CREATE, READ, DELETE", "cbc.LiveResponse.Open", "cbc.Session.Close"),
		needs("live_response", "org.liveresponse.process", "READ, DELETE", "cbc.Session.Processes", "cbc.Session.Kill"),
		needs("live_response", "org.liveresponse.file", "READ, DELETE", "cbc.Session.ListDirectory", "cbc.Session.GetFile", "cbc.Session.DeleteFile"),
		needs("undo of live_response", "org.liveresponse.file", "CREATE", "cbc.Session.PutFile"),
		{use: "nsx_tag", service: nsx, name: "vm_vm_tags", calls: []string{"nsx.VirtualMachines.AddTags", "nsx.VirtualMachines.RemoveTags"}},
	}
}

// needed picks what a configuration needs.
func needed(cfg *config) []permission {
	a, g := cfg.actions, cfg.guard
	on := map[string]bool{
		everyHunt: true, "guard.trust_reputation": g.reputation, "guard.trusted_signers": g.signs(), "guard.protect_policies": len(g.policies) > 0,
		"watchlist": a.watchlist != "", "isolate": a.isolate, "policy": a.policy != "", "denylist": a.denylist, "live_response": a.liveResponse,
		"nsx_tag": a.nsxTag != "",
	}
	return slices.DeleteFunc(permissions(), func(p permission) bool { return !on[strings.TrimPrefix(p.use, "undo of ")] })
}

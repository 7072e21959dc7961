// Package cbctest is a Carbon Black Cloud console for tests and demonstrations: process search with facets, details and
// summaries, events, observations, alerts, the audit log, devices and device actions, policies, reputation overrides, binaries,
// the job service, the NSX tags of the Workload appliance, the sign-in by VMware Cloud Services, Live Response, feeds and
// watchlists. It is written from the vendor's documentation and shares nothing with the client, so that one misreading cannot
// hide in both.
//
//	srv := cbctest.New(cbctest.World{
//		Devices:   []cbctest.Device{{ID: 7, Name: "LAB-7"}},
//		Processes: []cbctest.Process{{DeviceID: 7, Name: `c:\temp\a.exe`, Hashes: []string{hash}}},
//	})
//	srv.FailNext(2, http.StatusServiceUnavailable)
//	client, err := cbc.New(cbc.Config{
//		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: srv.Client(),
//		Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret),
//	})
//
// A [Server] is an http.Handler and can be served on a socket as well; any client for the real service works against it.
//
// # State
//
// What is done is there afterwards: quarantine a device and the next read shows it, kill a process and the next list lacks it.
// Tests look through [Server.Device], [Server.Overrides], [Server.Sessions], [Server.Feeds], [Server.ServiceJobs],
// [Server.Alerts], [Server.Audit], [Server.State] and, for what was asked, [Server.Requests].
//
// Parents and children are those of the world ([Process.ParentGUID]): summaries and trees are made of them. Processes that
// appear later ([Server.AddProcesses]) meet the watchlists that are there by then; a watchlist with tags adds hits to them, one
// with alerts raises alerts. A change of alerts is a job of the job service, and the alerts change when it is done. Whatever
// changes devices, policies, overrides, feeds, watchlists or alerts leaves an entry in the audit log, with the key that did it.
//
// Devices are listed by search, of which the first 10,000 can be paged through, and by scroll, which goes through all: in the
// order of their last contacts, so that one that makes contact meanwhile may come twice but is never missed. Exports are jobs
// with CSV. A policy that is replaced is what the body says, no more: rules that are left out are gone. Its devices' sensors
// learn of it at their next contact, as they do of an assignment. Without an assignment by hand, a device's asset groups
// ([AssetGroup]) decide on its policy. The Unified Binary Store knows the files of [World.Binaries], and where the processes
// of the world ran or loaded them; a download is a zip behind an address that is good for a while. A machine under NSX
// ([Device.NSXEnabled]) has one tag at a time, and setting another is a job that fails.
//
// # Time
//
// The world has a clock, [World.Now], and nothing runs behind it: whoever looks moves the world on. Searches take 900 ms, and
// a search just started says 0 of 0 searchers, which is not the end. Jobs of the job service, which exports and large changes
// are, take as long ([JobSwitches]); only the key that started one sees it. Sensors take what is asked of them at their next contact
// ([Device.CheckIn]), and those that are offline when they come back. In a synctest bubble all of this takes no time; with a
// clock that stands still, nothing ever finishes.
//
// # Strictness
//
// A wrong token is 401, a missing permission 403, another organization 404, an unknown route 501, a wrong method 405, and
// an unknown member, parameter or word 400, each with the reason. Routes that the vendor switched off answer 410.
//
// Who has no key can have a bearer token ([CSP]): an app's credentials or an API token are exchanged for one at the fake's own
// address, as at VMware Cloud Services, and it expires by the world's clock. Permissions are written alike for both.
//
// Files of Live Response and of the Unified Binary Store come from an object store that takes a signature in place of
// credentials. In process it has an origin of its own and refuses whoever sends it the console's token; on a socket it is at
// the console's own address, where that cannot be told apart.
//
// Process search finds what the real one finds: process_hash is the process's own executable, hash adds files written and
// loaded and children run but neither scripts nor the parent, and a document that was merely opened is found by nothing.
//
// Facets count what the search would find, in the values of fields or in buckets ("+1DAY" or a number). All jobs of the search
// services live alike, those of observations too: 0 of 0 first, then more and more of the rows, and 404 in the end
// ([SearchSwitches]). Of alerts the first 10,000 can be paged through, counted from 1; beyond that the answer is 500.
//
// The vendor's Python SDK works against a Server as it is, and the tests send what it sends. What it asks for and the documentation does not tell (the export
// and the grouping of alerts, suggestions for alerts, a threat's history, validation of event searches by parameters) is
// served as it expects.
//
// # What nobody knows
//
// Where no public source says what the service does, the fake does what is most likely and [Switches] hold the alternatives. A
// client should get along with all of them.
//
// # Faults
//
// [Server.FailNext] and [Server.Inject] fail by count, always the same way. [Switches.RateLimit] refuses calls beyond a
// number in a window and starts the penalty anew with each call that ignores it.
package cbctest

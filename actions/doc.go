// Package actions has what is done about a finding, each as a [hunt.Action]:
//
//	NewWatchlist     one report per file in a feed, and a watchlist subscribed to it
//	NewWebhook       each finding posted to a URL
//	NewScript        a command for each finding, given an argument vector
//	NewLiveResponse  the process killed and its file deleted, after both were checked on the device
//	NewIsolate       the device quarantined
//	NewPolicyMove    the device moved to another policy
//	NewDenylist      the file banned in the organization
//	NewNSXTag        the virtual machine of the device tagged in NSX
//
// Each has the least evidence that it needs in its [hunt.Spec]: killing, deleting and banning need [hunt.Executed] and cannot be
// talked out of it; isolating, moving and tagging need it unless the caller widens them to [hunt.Touched]; the watchlist needs
// no sighting, because it is about the next one.
//
// Actions take batches: one call for many devices, one Live Response session for all tasks on a device, one look at the existing
// bans. Each task still gets an outcome of its own, and what one task could not have does not keep it from the others.
//
// Actions are safe for concurrent use. A task that is done a second time changes nothing, except for the webhook and the script,
// which carry an event id by which their receiver can tell.
package actions

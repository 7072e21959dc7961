// Package actions has what is done about a finding, each as a [hunt.Action]:
//
//	NewWatchlist     one report per file in a feed, and a watchlist subscribed to it
//	NewWebhook       each finding posted to a URL
//	NewHoldWebhook   what is held, and why, posted to a URL; a WebhookReporter posts what became of a run
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
// Before it changes anything, each looks at the state of its targets ([hunt.Looker]); for webhooks and scripts there is none. What set
// a state can take it back ([hunt.Undoer]): isolation, policy, NSX tag, ban, report, and a file that was deleted, if a copy was kept.
// Only what is still as the action left it is taken back. What somebody else has changed since stays, and the outcome says so.
//
// An answer that is likely to be the same the next time is a refusal ([hunt.Outcome]): a missing permission (403), a device, file or
// machine that is not there (404), a call that the service does not accept (400), a device whose sensor is gone or has Live Response
// disabled for good, a name that stands for several things, a receiver that answers 401 or 410, a script that cannot be run. A 401 of a
// vendor is none, since the next key makes all tasks good at once, nor are 429, 5xx, what timed out, a device that is offline and a
// policy that forbids Live Response.
//
// The empty file is never banned, killed by or deleted: every empty file has its hash.
//
// Actions take batches: one call for many devices, one Live Response session for all tasks on a device, one look at the existing
// bans. Each task still gets an outcome of its own, and what one task could not have does not keep it from the others.
//
// Actions are safe for concurrent use. A task that is done a second time changes nothing, except for the webhook and the script,
// which carry an event id by which their receiver can tell.
package actions

package main

// change is a key that means something else than it did in the old script.
type change struct {
	// Key is empty for what no key says.
	Key  string `json:"key,omitempty"`
	Then string `json:"then"`
	Now  string `json:"now"`
	// always means that it is of interest also where the configuration does not have the key.
	always bool
}

// advice is a key that is worth having.
type advice struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

// changes lists what has changed in meaning, in the order of the configuration.
func changes() []change {
	return []change{
		{always: true, Then: "every attachment of a mail with a condemned one was hunted, the clean ones too", Now: "a file is hunted only if TAP condemns it by its own hash"},
		{always: true, Then: "a search that failed was taken for nothing found, and the window was not searched again", Now: "it is told, ends with the exit code 1, and the next run searches again"},
		{always: true, Then: "local time was sent as UTC, so that windows were off by the time zone", Now: "all times are UTC; a run reads on from where the run before ended, and makes up for up to seven days"},
		{always: true, Then: "a file was searched for once", Now: "it is searched for again for a week, in fewer calls than one search each (hunt.rehunt)"},
		{Key: "logging.level", Then: "the log grew for ever", Now: "it is put aside at 100 MB (logging.max_size), and can be JSON (logging.format)"},
		{Key: "CarbonBlack.url", Then: "any scheme", Now: "https, with certificates that are checked; http only for loopback. A private authority goes into CarbonBlack.ca_file"},
		{Key: "CarbonBlack.custom_api_id", Then: "one of three keys", Now: "the only key: its access level needs what is listed below"},
		{Key: "Proofpoint.delta", Then: "the window ended that many minutes ago, by local time", Now: "the same by UTC; and the last 45 minutes are read once more by each run, because TAP shows some records late"},
		{Key: "NSX.url", Then: "tags could never be set: the call had the wrong method, headers and body", Now: "the machine is found by its name, and only if that name is unique"},
		{Key: "sqlite3.filename", Then: "which processes were acted on", Now: "the ledger of what was done on what and why; the records of the script are taken over and respected"},
		{Key: "sqlite3.deprecation", Then: "days after which a process was acted on again", Now: "days for which a finished task is remembered, and so not repeated"},
		{Key: "actions.watchlist", Then: "a feed of this name, which alerts nobody", Now: "the feed, and a watchlist that is subscribed to it"},
		{Key: "actions.webhook", Then: "one post for each process, lost if it failed", Now: "the same body with an event id and more; signed if actions.webhook_secret is there, and tried again until it is taken"},
		{Key: "actions.script", Then: "a line that a shell could take apart, started in the background, and forgotten", Now: "one argument for each placeholder and never a shell; waited for (actions.script_timeout), and only where the file itself ran; it gets no PP2CBC_ secrets in its environment"},
		{Key: "actions.isolate", Then: "every machine with any sighting, once for each process", Now: "once for each machine, where the file itself ran (actions.evidence widens that), within the ceilings of the guards; a machine that was isolated already is left so"},
		{Key: "actions.policy", Then: "looked up in a list that the vendor has switched off", Now: "by exact name or id in the list that there is; what the machine had before is remembered for undo"},
		{Key: "actions.denylist", Then: "a search hit of any kind was taken for a ban", Now: "only a ban of that very hash is one; files that the organization or Carbon Black trusts are not banned"},
		{Key: "actions.nsx_tag", Then: "the value of a tag", Now: "the same, or scope|value"},
	}
}

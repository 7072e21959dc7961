// Package cbchunt finds condemned files with the process search of Carbon Black Cloud: a *cbc.Client as a [hunt.Searcher]. And it asks
// there what must not be touched: [ProtectDevices] and [TrustedFiles] are [hunt.Guard]s.
//
//	searcher, err := cbchunt.New(cbchunt.Config{Processes: client.Processes})
//
// A batch of files is one search by process_hash. A row counts as executed only for the files whose hash stands in its own
// process_hash; nothing is concluded from the fact that the search returned it. A second search, for all other fields that carry
// hashes, leaves out the processes of the first. Its rows do not tell which file they matched, so a batch that has any is halved
// until each file stands alone: files that nobody touched cost no call of their own.
//
// A process that ran one file of a batch and wrote another is reported for the one that it ran.
package cbchunt

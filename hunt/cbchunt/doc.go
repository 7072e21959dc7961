// Package cbchunt finds condemned files with the process search of Carbon Black Cloud: a *cbc.Client as a [hunt.Searcher]. And it asks
// there what must not be touched: [ProtectDevices] and [TrustedFiles] are [hunt.Guard]s.
//
//	searcher, err := cbchunt.New(cbchunt.Config{Processes: client.Processes, Events: client.Processes})
//
// # Evidence
//
// A hundred files are one search, for every field that can show a hash: hash (which stands for childproc_hash, crossproc_hash,
// filemod_hash, modload_hash and process_hash), scriptload_hash, fileless_scriptload_hash and blocked_hash, with the MD5 beside the
// SHA-256 where it is known, and for the names of attachments.
//
//   - A file was executed where a row shows its SHA-256 in process_hash, or its MD5 and no SHA-256 at all. Nothing is concluded from the
//     fact that the search returned a row. A row with the MD5 and another SHA-256 is about another file.
//   - A file was touched where another process loaded, wrote, started or interpreted it. The events of that process say which file
//     it was, where and when. For processes without such events, and beyond the twenty newest of a search, a batch is halved until each
//     file stands alone.
//   - A file was named where its name is a whole component of a path or a whole argument: in a command line, or in an event that
//     shows no other hash. That says something only if the name is distinctive and the mail came before. Names such as invoice.pdf,
//     scan0001.pdf or Rechnung_8812.zip are not searched for: beside the words that attachments of all the world have, a name needs two
//     words with ten letters or digits, or a long one. A number counts from seven digits on, unless it is a date.
//
// A process that ran one file of a batch and wrote another is reported for the one that it ran, unless the events are asked for.
//
// # What it costs
//
// A search that finds nothing is a call to start it and some to look: four or less for a hundred files, so that a thousand open files
// take forty calls. Each process that touched one is a call more for its events, once: what they told is a sighting with
// [hunt.Sighting.Keep], and where a file comes with such sightings, those processes are left out of what is asked. They are found again as
// soon as they touch another of the files, or show that they are one. A process that has the name of a file for another reason comes as a sighting without
// evidence, and is left alone for six hours.
//
// # What cannot be completed
//
// A search that finds more than the vendor keeps, 10,000 rows, is parted by files, and that of a single file by time. So is one that the
// vendor refuses. What stays incomplete all the same is a [hunt.SearchError] with the files that it is about.
package cbchunt

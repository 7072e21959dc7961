// Package huntreport writes the report of a hunt for people and programs: as a page, as JSON, as CSV and as Markdown for a ticket.
//
//	f, ok := huntreport.FormatOf("report.html")
//	…
//	err := huntreport.Write(w, f, report, huntreport.Options{})
//
// [hunt.Merge] makes one report of several.
//
// # Strangers' words
//
// Subjects, names of files and machines, paths and comments are chosen by attackers. The page has no script and forbids any; nothing in it
// comes from elsewhere; every word is escaped for where it stands. In Markdown they are code, so that no link, mention or image comes of them.
// In CSV a cell that a spreadsheet would take for a formula begins with an apostrophe. In all three, characters that cannot be seen, such as
// those that turn the direction of writing, are shown as a dot. JSON has them as they are, escaped.
//
// # JSON
//
// JSON is that of [hunt.Report], and is read back by it; [Schema] describes it for programs. Times are RFC 3339 in UTC, hashes 64 lower-case hexadecimal digits.
//
//	run, window{start,end}, begun, ended   which run this is, and what it asked about
//	dry_run, undo, interrupted             true where it was one, or was stopped
//	indicators[]    sha256, md5, second_stage_of, threat{id,type,classification,status,time,url,campaign_id,comment,score},
//	                mails[]{id,guid,message_id,subject,sender,recipients[],time,delivered,file_name}
//	sightings[]     sha256, evidence (executed, touched or named), field, by_md5, file{path,what,time}, recipient,
//	                process{guid,pids[],path,command_line,user,reputation,start}, device{id,name,os,policy_id,policy}, time
//	outcomes[]      action, scope (hash, device, process or hold), impact, target, round, undo, key, event_id, hashes[], sightings[],
//	                status (done, already, held, failed, planned or undone), detail, error, cause, refused, acknowledged, before,
//	                requests[], earlier, undone
//	exposures[]     sha256, files[], recipients[]{address,delivered,first,seen,devices[]},
//	                devices[]{device,evidence,fields[],paths[],users[]}, complete, until: who was sent a file, where it was seen
//	problems[]      stage, hashes[], error: what could not be asked
//	open[]          tasks of earlier runs that wait for a person
//	turned[]        sha256, threat, records[]: files that are condemned no longer, and what was done about them
//	hunted_until{}, rehunted[], resting, holes[], bad_records, left_alone[], left_alone_total{}
//
// # CSV
//
// The first line names the columns. Each further line is of one kind: file (one for each recipient), sighting, outcome, open, turned or
// problem; columns that do not apply are empty.
package huntreport

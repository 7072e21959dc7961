// Package audit keeps a log of decisions in which a change shows: a file of JSON lines, one for each decision, to which is only
// ever appended and in which each line has the hash of the one before it.
//
//	log, err := audit.Open("audit.jsonl")
//	if err != nil {
//		return err
//	}
//	defer log.Close()
//	hunter, err := hunt.New(hunt.Config{Auditor: log, …})
//
// [Log] is the [hunt.Auditor] of a hunt, and takes any [Entry] besides.
//
// # The chain
//
// A line is a JSON object without spaces between its members. It begins with seq, which counts the entries from 1 on, and prev,
// the hash of the line before, 64 zeros in the first line; it ends with hash. The hash is the SHA-256 of the line's own bytes
// from the brace at its beginning up to, and without, the comma in front of "hash". These bytes include prev, so that a hash
// stands for everything before it. No other form of the JSON is ever needed; a few lines of another program check a log:
//
//	import hashlib, json
//	seq, prev = 0, "0" * 64
//	for line in open("audit.jsonl", "rb"):
//	    body, end = line[:-76], line[-76:]  # ,"hash":"…"} and the newline
//	    entry, digest = json.loads(line), hashlib.sha256(body).hexdigest()
//	    seq += 1
//	    assert end == b',"hash":"%s"}\n' % digest.encode(), "altered"
//	    assert (entry["seq"], entry["prev"]) == (seq, prev), "missing or moved"
//	    prev = digest
//
// [Verify] says at which line and byte a chain breaks, and how. It also allows for torn lines, which the program above does not.
//
// # What it does not show
//
// A chain has no secret: whoever can write the file can make a new one from any line on, or cut lines off its end. So keep its
// head ([Log.Head]) somewhere else, such as in the ledger or at a syslog server, and give it to Verify: a log that was rewritten
// or cut does not have it.
//
// # Several writers
//
// Any number of processes of one machine append to one file: each takes an exclusive lock for as long as it writes (flock, on
// Windows LockFileEx), reads what the others have appended, and writes behind it. A system without such locks does not share:
// there the file has a second one beside it, with .lock behind its name, for as long as it is open. Entries are on the disk when
// Append returns.
//
// Whoever may read a file may lock it and so keep the programs from deciding anything. A new log is readable for nobody else; one that
// was there keeps the rights that it had.
//
// # Torn lines
//
// When a process dies in the middle of a write, or the disk is full, the file ends with a part of a line. It stays, as evidence;
// the next Append ends it with a newline and writes an entry of [EventTorn] behind it, which says how many bytes there are and
// what their SHA-256 is. Verify takes a torn line with such an entry for what it is and counts it. Anything else that is no
// entry is a break, and nothing is appended behind a break: move the file away then, and begin a new one.
//
// # Rotation
//
// Note the head, move the file away while no program has it open, and begin a new one. A program whose file was moved says so
// ([ErrReplaced]) instead of writing where nobody looks.
//
// # Errors
//
// [ErrNotLog] and [*BreakError] mean that the file is not what this package has written; it is never repaired. Errors of the
// file system stay what they are.
//
// # Concurrency
//
// A [Log] is safe for concurrent use. The package starts no goroutines.
package audit

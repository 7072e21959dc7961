// Package sqlitededupe keeps a [dedupe.Store] in one SQLite file, without a server and without cgo. Any number of processes on
// one machine may share the file; it must not lie on a network file system.
//
//	store, err := sqlitededupe.Open(ctx, "app.sql")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//
// # The file
//
// A new file is readable and writable by its owner alone; one that exists keeps its mode. SQLite keeps two companions beside it
// while it is open, with -wal and -shm behind its name: they are part of the ledger, and who copies it copies all three, or uses
// sqlite3's own .backup. Every answer is on the disk before it is given (synchronous=FULL).
//
// [Open] reads the whole file once, to find out whether it is damaged. A file that is, or that is something else, is refused with one of the errors below and not changed: the wrong path in a configuration must
// not cost anybody their database.
//
// # The old script's file
//
// The database of the Python script that came before (table records, often app.sql) is taken as it is: the tables of the ledger
// are added beside the old ones, which stay as they are. [Store.ImportLegacy] makes records of what the script did.
//
// # Errors
//
// [ErrForeign], [ErrDamaged], [ErrLocked], [ErrReadOnly], [ErrFull] and [ErrDisk] say what is wrong with the file, and
// [sqldedupe.ErrNewerSchema] that a later version of this module made it. The text names the file and what to do.
package sqlitededupe

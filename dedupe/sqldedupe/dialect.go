package sqldedupe

import (
	"strconv"
	"strings"
)

// Dialect has what differs between databases. The zero Dialect is none; [SQLite] makes one.
type Dialect struct {
	name string
	// hasTable counts the tables of one name.
	hasTable string
	// schema makes the tables of version 1.
	schema []string
	// lock ends a SELECT that locks its rows, where a transaction does not lock the whole database anyway.
	lock string
	// dollars means that parameters are $1, $2 and so on instead of question marks.
	dollars bool
}

// ApplicationID marks an SQLite file as a ledger in its header: "PPHT". File type databases can know it by that.
const ApplicationID = 0x50504854

// SQLite is the dialect of SQLite 3.24 and later. Transactions of the writing handle must begin immediate.
func SQLite() Dialect {
	return Dialect{
		name:     "SQLite",
		hasTable: `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?`,
		schema: []string{
			`CREATE TABLE pphunt_schema (version INTEGER NOT NULL)`,
			`CREATE TABLE pphunt_tasks (
				key     TEXT    NOT NULL PRIMARY KEY,
				state   TEXT    NOT NULL CHECK (state IN ('claimed', 'done', 'failed', 'released')),
				owner   TEXT    NOT NULL,
				attempt INTEGER NOT NULL,
				until   INTEGER NOT NULL,
				updated INTEGER NOT NULL,
				created INTEGER NOT NULL,
				detail  TEXT    NOT NULL,
				before  BLOB
			) WITHOUT ROWID`,
			`CREATE INDEX pphunt_tasks_done ON pphunt_tasks (updated) WHERE state = 'done'`,
			`CREATE INDEX pphunt_tasks_unfinished ON pphunt_tasks (key) WHERE state <> 'done'`,
			`CREATE TABLE pphunt_imports (source TEXT NOT NULL PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID`,
			`PRAGMA application_id = ` + strconv.Itoa(ApplicationID),
		},
	}
}

// bind writes the parameters of a statement the way of the dialect. No statement of this package has a question mark elsewhere.
func (d Dialect) bind(statement string) string {
	if !d.dollars {
		return statement
	}
	var b strings.Builder
	for i, part := range strings.Split(statement, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	return b.String()
}

// Package sqldedupe keeps a [dedupe.Store] in an SQL database. The statements and transactions are written here once, on
// [*sql.DB]; a [Dialect] has what differs between databases. The package imports no driver. Package sqlitededupe opens a file
// with one, and is what most programs want.
//
// # Transactions
//
// Each call is one transaction. What it decides, it decides with the rules of package dedupe on rows that it has locked: in
// SQLite because only one transaction writes at a time (the handle must begin its transactions immediate), elsewhere with row
// locks, taken in the order of the keys.
//
// # Tables
//
// pphunt_tasks has one row for each key, its times in nanoseconds since 1970 and zero for never. pphunt_schema has the version
// of the tables, pphunt_imports how far other ledgers were taken over. Tables of anybody else in the same database are left
// alone.
//
// # Errors
//
// The errors of package dedupe, and [ErrNewerSchema] when a later version of this module has changed the tables. Everything else
// is the driver's.
package sqldedupe

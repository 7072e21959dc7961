// Package browsertest loads the pages of huntreport in a real browser, and holds its JSON against its schema. It is a module of its own, so
// that the browser's driver and the validator are no requirements of the others.
package browsertest

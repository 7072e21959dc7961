// Package browsertest loads the pages of huntreport in a real browser. It is a module of its own, so that the browser's driver is no
// requirement of the others.
package browsertest

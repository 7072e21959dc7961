//go:build !unix

package actions_test

// fullDisk has no counterpart here.
func fullDisk() {}

//go:build linux || darwin || freebsd || netbsd || openbsd

package sqlitededupe

import "syscall"

// writable asks without opening the file.
func writable(path string) error { return syscall.Access(path, 2) }

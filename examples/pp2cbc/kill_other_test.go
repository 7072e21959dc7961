//go:build !linux

package main

import (
	"testing"
	"time"
)

// watchWrites cannot watch here.
func watchWrites(*testing.T, string, func(int)) (stop func() int, ok bool) { return nil, false }

// stillRunning gives scripts that have lost their parent the time to end: nobody tells here whether they have.
func stillRunning(...string) bool {
	time.Sleep(300 * time.Millisecond)
	return false
}

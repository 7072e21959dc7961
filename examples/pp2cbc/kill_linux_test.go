package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// watchWrites calls write after each write of the ledger and of the audit log in a directory that is noticed, with its number, until stop is called,
// which returns how many there were. Writes that follow each other fast may be noticed as one.
func watchWrites(t *testing.T, dir string, write func(n int)) (stop func() int, ok bool) {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.InotifyAddWatch(fd, dir, syscall.IN_MODIFY|syscall.IN_CREATE|syscall.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	ended := make(chan int)
	go func() {
		n := 0
		defer func() { ended <- n }()
		buffer := make([]byte, 64<<10)
		for {
			size, err := events.Read(buffer)
			if err != nil {
				return
			}
			for _, name := range eventNames(buffer[:size]) {
				if strings.HasPrefix(strings.TrimPrefix(name, "."), "app.sql") || name == "audit.jsonl" {
					n++
					write(n)
				}
			}
		}
	}()
	return func() int {
		_ = events.Close()
		return <-ended
	}, true
}

// eventNames are the names of the files that events are about.
func eventNames(b []byte) []string {
	var names []string
	for len(b) >= syscall.SizeofInotifyEvent {
		length := int(binary.NativeEndian.Uint32(b[12:]))
		name := b[syscall.SizeofInotifyEvent : syscall.SizeofInotifyEvent+length]
		names = append(names, string(bytes.TrimRight(name, "\x00")))
		b = b[syscall.SizeofInotifyEvent+length:]
	}
	return names
}

// stillRunning tells whether any process has one of the texts among its arguments.
func stillRunning(texts ...string) bool {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		for _, text := range texts {
			if bytes.Contains(line, []byte(text)) {
				return true
			}
		}
	}
	return false
}

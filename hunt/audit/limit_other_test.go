//go:build !linux

package audit_test

func limit(string) {}

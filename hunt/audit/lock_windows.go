package audit

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

const (
	lockFailImmediately = 1
	lockExclusive       = 2
	errorLockViolation  = syscall.Errno(33)
)

// keep is for systems without locks.
func keep(string) (func() error, error) { return func() error { return nil }, nil }

// beyond is a byte that no log reaches: what is locked here cannot be read by others.
func beyond() *syscall.Overlapped { return &syscall.Overlapped{OffsetHigh: 0x7fffffff} }

// tryLock takes the lock of the open file, unless another one has it. It goes with the process.
func tryLock(f *os.File, shared bool) (bool, error) {
	flags := uintptr(lockFailImmediately | lockExclusive)
	if shared {
		flags = lockFailImmediately
	}
	// #nosec G103 -- the call takes a pointer
	ok, _, err := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx").Call(f.Fd(), flags, 0, 1, 0, uintptr(unsafe.Pointer(beyond())))
	switch {
	case ok != 0:
		return true, nil
	case errors.Is(err, errorLockViolation), errors.Is(err, syscall.ERROR_IO_PENDING):
		return false, nil
	}
	return false, err
}

func unlock(f *os.File) error {
	// #nosec G103 -- the call takes a pointer
	ok, _, err := syscall.NewLazyDLL("kernel32.dll").NewProc("UnlockFileEx").Call(f.Fd(), 0, 1, 0, uintptr(unsafe.Pointer(beyond())))
	if ok != 0 {
		return nil
	}
	return err
}

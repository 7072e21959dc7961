package dedupe

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits on what a store keeps.
const (
	// MaxKey is the longest [Key], in bytes.
	MaxKey = 512
	// MaxOwner is the longest name of an owner, in bytes.
	MaxOwner = 256
	// MaxDetail is the longest [Result.Detail], in bytes. A longer one is cut and ends in an ellipsis.
	MaxDetail = 4096
)

// Key names a task for ever: action, scope and target with slashes between them, such as isolate/device/4571602. It is not
// empty, has at most [MaxKey] bytes, and is UTF-8 without a zero byte. Keys are equal only when every byte is.
type Key string

// Check says what is wrong with the key, as an [ErrInvalid], or nothing.
func (k Key) Check() error {
	return checkText("key", string(k), MaxKey)
}

// checkText refuses what some back end could not keep as it is: PostgreSQL refuses zero bytes and broken UTF-8 in text.
func checkText(what, s string, most int) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: the %s is empty", ErrInvalid, what)
	case len(s) > most:
		return fmt.Errorf("%w: the %s has %d bytes, more than %d", ErrInvalid, what, len(s), most)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: the %s %q is not UTF-8", ErrInvalid, what, s)
	case strings.Contains(s, "\x00"):
		return fmt.Errorf("%w: the %s %q has a zero byte", ErrInvalid, what, s)
	}
	return nil
}

// State is how far a task has come.
type State string

// The states of a task.
const (
	// Claimed means that somebody is doing it, or has died over it: see [Record.Until].
	Claimed State = "claimed"
	// Done means that it is never done again, for as long as the store remembers it.
	Done State = "done"
	// Failed means that it was tried in vain. The next claimant wins it.
	Failed State = "failed"
	// Released means that it was claimed and given back without having been begun. The next claimant wins it.
	Released State = "released"
)

// Claim is the right to do one task until a time. Owner and Attempt are the fence: only they renew and finish it.
type Claim struct {
	Key     Key
	Owner   string
	Attempt int
	// Until is when the lease ends unless it is renewed, UTC.
	Until time.Time
}

// Record is what a store knows about one task.
type Record struct {
	Key   Key
	State State
	// Owner is who claimed the task last.
	Owner string
	// Attempt counts the claims that were won, from 1.
	Attempt int
	// Until is when the lease of a claimed task ends. It is zero in every other state.
	Until time.Time
	// Updated is when the record last changed, and Created when the task was first claimed. Both are UTC.
	Updated, Created time.Time
	// Detail is the last error or note.
	Detail string
	// Before is the state that the task changed, for the way back. What is in it is the caller's affair.
	Before []byte
}

// Claim is the claim that the record stands for.
func (r Record) Claim() Claim {
	return Claim{Key: r.Key, Owner: r.Owner, Attempt: r.Attempt, Until: r.Until}
}

// Grant is the answer to a claim on one key.
type Grant struct {
	// Claim is what was won. When Won is false only its Key is set.
	Claim Claim
	Won   bool
	// Record is what stood there before, zero if nothing did. When Won is false it says why: done, or claimed by whom until when.
	Record Record
}

// Note is what a task is about to change, for the record of its claim.
type Note struct {
	Claim Claim
	// Before is the state that the task will change. It replaces what an earlier attempt recorded, and must not be empty.
	Before []byte
}

// Result is the end of one claim.
type Result struct {
	Claim Claim
	// State is [Done], [Failed] or [Released].
	State State
	// Detail replaces the note of the record. What is not UTF-8 in it is replaced too.
	Detail string
	// Before is the state that the task changed. Empty leaves what an earlier attempt recorded.
	Before []byte
}

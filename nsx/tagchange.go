package nsx

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// TagChange is what is to become of the tags of a machine. Those that it does not name stay.
type TagChange struct {
	// Add are tags that the machine is to have.
	Add []Tag
	// Remove are tags that it is not to have.
	Remove []Tag
}

func (ch TagChange) check(id ExternalID) error {
	problems := []error{checkID(id)}
	if len(ch.Add)+len(ch.Remove) == 0 {
		problems = append(problems, errors.New("no tags"))
	}
	for _, t := range slices.Concat(ch.Add, ch.Remove) {
		problems = append(problems, t.check())
	}
	for _, t := range ch.Add {
		if slices.Contains(ch.Remove, t) {
			problems = append(problems, fmt.Errorf("tag %s is both to be added and removed", quoted(t.String())))
		}
	}
	return errors.Join(problems...)
}

// missing are the tags that vm is to have and has not, unwanted those that it is not to have and has.
func (ch TagChange) missing(vm VirtualMachine) []Tag {
	return slices.DeleteFunc(slices.Clone(ch.Add), vm.HasTag)
}

func (ch TagChange) unwanted(vm VirtualMachine) []Tag {
	return slices.DeleteFunc(slices.Clone(ch.Remove), func(t Tag) bool { return !vm.HasTag(t) })
}

func (ch TagChange) holds(vm VirtualMachine) bool {
	return len(ch.missing(vm)) == 0 && len(ch.unwanted(vm)) == 0
}

// apply returns what the tags are to be.
func (ch TagChange) apply(tags []Tag) []Tag {
	out := []Tag{} // never null on the wire
	for _, t := range slices.Concat(tags, ch.Add) {
		if !slices.Contains(out, t) && !slices.Contains(ch.Remove, t) {
			out = append(out, t)
		}
	}
	return out
}

// TagConflictError says that the tags of a machine are not what they were to become, though the manager accepted each change:
// somebody else changes them at the same time. It is an [ErrConflict].
type TagConflictError struct {
	// Op is the operation, such as "policy.virtual_machines.add_tags".
	Op string
	// ID is the machine.
	ID ExternalID
	// Missing are the tags that it should have and has not.
	Missing []Tag
	// Unwanted are the tags that it should not have and has.
	Unwanted []Tag
	// Attempts is how often the tags were written.
	Attempts int
}

// Error names the machine and the tags.
func (e *TagConflictError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nsx: %s: conflict: after %d attempts the virtual machine %s", e.Op, e.Attempts, quoted(string(e.ID)))
	for i, part := range []struct {
		text string
		tags []Tag
	}{{" does not have", e.Missing}, {" still has", e.Unwanted}} {
		if len(part.tags) == 0 {
			continue
		}
		if i == 1 && len(e.Missing) > 0 {
			b.WriteString(" and")
		}
		b.WriteString(part.text)
		for j, t := range part.tags {
			if j > 0 {
				b.WriteString(",")
			}
			b.WriteString(" " + quoted(t.String()))
		}
	}
	return b.String()
}

// Is makes the error an [ErrConflict].
func (e *TagConflictError) Is(target error) bool { return target == ErrConflict }

// How a change of tags is watched.
const (
	mergeAttempts = 5 // how often tags are written that others write too
	looks         = 3 // how often a machine is read after a write, which may take a moment to show
	firstLook     = 250 * time.Millisecond
)

// tagStore is where tags can only be replaced.
type tagStore struct {
	read    func(ctx context.Context, op string, id ExternalID) (VirtualMachine, error)
	replace func(ctx context.Context, op string, id ExternalID, tags []Tag) error
}

// merge changes tags where they can only be replaced: it reads them, writes what they are to become, and looks whether that is what
// the machine has. A write that may have been lost is not repeated blindly, since others may have written meanwhile: the tags are
// read anew first. Goroutines of one client that change the same machine take turns.
func (c *core) merge(ctx context.Context, op string, id ExternalID, change TagChange, store tagStore) (VirtualMachine, error) {
	if err := change.check(id); err != nil {
		return VirtualMachine{}, fmt.Errorf("nsx: %s: %w", op, err)
	}
	if err := c.locks.lock(ctx, id); err != nil {
		return VirtualMachine{}, fmt.Errorf("nsx: %s: %w", op, err)
	}
	defer c.locks.unlock(id)
	vm, err := store.read(ctx, op, id)
	if err != nil || change.holds(vm) {
		return vm, err
	}
	id = vm.ExternalID // as the manager spells it
	for attempt := 1; ; attempt++ {
		writeErr := store.replace(ctx, op, id, change.apply(vm.Tags))
		if writeErr != nil && !mayHaveActed(ctx, writeErr) {
			return VirtualMachine{}, writeErr
		}
		if vm, err = look(ctx, op, id, change, store.read); err != nil || change.holds(vm) {
			return vm, err
		}
		if attempt == mergeAttempts {
			if writeErr != nil {
				return VirtualMachine{}, writeErr
			}
			return vm, change.conflict(op, id, vm, attempt)
		}
		if err := sleep(ctx, spread(firstLook<<attempt)); err != nil {
			return vm, fmt.Errorf("nsx: %s: %w; last attempt: %w", op, err, inner{change.conflict(op, id, vm, attempt)})
		}
	}
}

func (ch TagChange) conflict(op string, id ExternalID, vm VirtualMachine, attempts int) error {
	return &TagConflictError{Op: op, ID: id, Missing: ch.missing(vm), Unwanted: ch.unwanted(vm), Attempts: attempts}
}

// mayHaveActed tells whether an error leaves open what became of a write.
func mayHaveActed(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, ErrRateLimited) {
		return false
	}
	if e, ok := errors.AsType[*APIError](err); ok {
		return e.Retryable() || e.Is(ErrConflict)
	}
	return true
}

// look reads a machine until the change shows, a few times, and returns what it saw last.
func look(ctx context.Context, op string, id ExternalID, change TagChange, read func(context.Context, string, ExternalID) (VirtualMachine, error)) (VirtualMachine, error) {
	pause := firstLook
	for n := 1; ; n++ {
		vm, err := read(ctx, op, id)
		if err != nil || change.holds(vm) || n == looks {
			return vm, err
		}
		if err := sleep(ctx, spread(pause)); err != nil {
			return VirtualMachine{}, fmt.Errorf("nsx: %s: %w", op, err)
		}
		pause *= 2
	}
}

// spread is about d, and a little different each time, so that those who collided do not collide again.
func spread(d time.Duration) time.Duration {
	return d/2 + rand.N(d) // #nosec G404 -- spreading, not secrecy
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tagLocks let one goroutine at a time change the tags of a machine.
type tagLocks struct {
	mu   sync.Mutex
	held map[ExternalID]chan struct{} // closed when it is free again
}

func (l *tagLocks) lock(ctx context.Context, id ExternalID) error {
	id = folded(id)
	for {
		l.mu.Lock()
		free, taken := l.held[id]
		if !taken {
			if l.held == nil {
				l.held = make(map[ExternalID]chan struct{})
			}
			l.held[id] = make(chan struct{})
			l.mu.Unlock()
			return nil
		}
		l.mu.Unlock()
		select {
		case <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *tagLocks) unlock(id ExternalID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.held[folded(id)])
	delete(l.held, folded(id))
}

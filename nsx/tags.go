package nsx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/pphunt/pphunt/internal/rest"
)

// AddTags adds tags to a machine and leaves its others alone. Tags that it has already are no error.
//
// Managers of the 2.x releases can only replace tags: there the tags are read, written with the new ones, and read again, until they
// are what they are to be or a [*TagConflictError] says that somebody else changes them too.
//
// The machine may be switched off. [ErrNotFound] means that the inventory has none of that id. A machine takes a limited number of
// tags, about 30; beyond it the manager answers with a 400 and changes nothing. It needs the right vm_vm_tags.
//
// Adding is a union with what is there, which the vendor's reference says of the action: it is repeatable.
//
//api:op POST /api/v1/fabric/virtual-machines?action=add_tags
func (v *VirtualMachines) AddTags(ctx context.Context, id ExternalID, tags ...Tag) error {
	const op = "virtual_machines.add_tags"
	return v.core.act(ctx, op, "add_tags", id, tags, TagChange{Add: tags})
}

// RemoveTags takes tags off a machine and leaves its others alone. Tags that it does not have are no error.
//
// [ErrNotFound] means that the inventory has no machine of that id. It needs the right vm_vm_tags. It is repeatable. Of managers of
// the 2.x releases the same is true as of [VirtualMachines.AddTags].
//
//api:op POST /api/v1/fabric/virtual-machines?action=remove_tags
func (v *VirtualMachines) RemoveTags(ctx context.Context, id ExternalID, tags ...Tag) error {
	const op = "virtual_machines.remove_tags"
	return v.core.act(ctx, op, "remove_tags", id, tags, TagChange{Remove: tags})
}

// ChangeTags adds and removes tags, leaves the others alone, and returns the machine as it is then: it reads it until the change
// shows, for about a second. A change that does not show is a [*TagConflictError]: somebody else changes the same tags.
//
// [ErrNotFound] means that the inventory has no machine of that id. It needs the right vm_vm_tags. It is repeatable.
//
//api:op POST /api/v1/fabric/virtual-machines?action=add_tags
func (v *VirtualMachines) ChangeTags(ctx context.Context, id ExternalID, change TagChange) (VirtualMachine, error) {
	const op = "virtual_machines.change_tags"
	if err := change.check(id); err != nil {
		return VirtualMachine{}, fmt.Errorf("nsx: %s: %w", op, err)
	}
	// What isolates comes first.
	if len(change.Add) > 0 {
		if err := v.core.act(ctx, op, "add_tags", id, change.Add, TagChange{Add: change.Add}); err != nil {
			return VirtualMachine{}, err
		}
	}
	if len(change.Remove) > 0 {
		if err := v.core.act(ctx, op, "remove_tags", id, change.Remove, TagChange{Remove: change.Remove}); err != nil {
			return VirtualMachine{}, err
		}
	}
	vm, err := look(ctx, op, id, change, v.core.get)
	if err == nil && !change.holds(vm) {
		err = change.conflict(op, id, vm, 1)
	}
	return vm, err
}

// ReplaceTags gives a machine these tags instead of all that it has, those of other people, rules and NSX itself included. Without
// tags it clears them. Two of these at the same time lose one of them; to add or remove a tag use [VirtualMachines.AddTags] and
// [VirtualMachines.RemoveTags].
//
// [ErrNotFound] means that the inventory has no machine of that id. It needs the right vm_vm_tags. It is repeatable.
//
//api:op POST /api/v1/fabric/virtual-machines?action=update_tags
func (v *VirtualMachines) ReplaceTags(ctx context.Context, id ExternalID, tags ...Tag) error {
	return v.core.change(ctx, "virtual_machines.replace_tags", "update_tags", id, tags)
}

// tagUpdate is the body of the three actions. Its list must not be null, or a client of another make would clear nothing.
type tagUpdate struct {
	ExternalID ExternalID `json:"external_id"`
	Tags       []Tag      `json:"tags"`
}

func (c *core) change(ctx context.Context, op, action string, id ExternalID, tags []Tag) error {
	problems := []error{checkID(id)}
	if len(tags) == 0 && action != "update_tags" {
		problems = append(problems, errors.New("no tags"))
	}
	body := tagUpdate{ExternalID: id}
	for _, t := range tags {
		problems = append(problems, t.check())
		if !slices.Contains(body.Tags, t) {
			body.Tags = append(body.Tags, t)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("nsx: %s: %w", op, err)
	}
	return c.do(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Route: routeVMs, Query: url.Values{"action": {action}}, Body: body,
		Repeatable: true, // "add_tags, remove_tags, update_tags are idempotent"; they set a state
	}, nil)
}

// act has the manager do one of its two merging actions, or does it itself for managers that cannot.
func (c *core) act(ctx context.Context, op, action string, id ExternalID, tags []Tag, change TagChange) error {
	if c.old.state.Load() == ageOld {
		_, err := c.merge(ctx, op, id, change, c.oldStore())
		return err
	}
	err := c.unlessHeld(ctx, op, id, c.change(ctx, op, action, id, tags), change)
	if err != nil && c.replacesOnly(ctx, err) {
		_, err = c.merge(ctx, op, id, change, c.oldStore())
	}
	return err
}

// oldStore is a manager of the 2.x releases.
func (c *core) oldStore() tagStore {
	return tagStore{read: c.get, replace: func(ctx context.Context, op string, id ExternalID, tags []Tag) error {
		return c.do(ctx, rest.Call{
			Op: op, Method: http.MethodPost, Route: routeVMs, Query: url.Values{"action": {"update_tags"}}, Body: tagUpdate{ExternalID: id, Tags: tags},
		}, nil)
	}}
}

// unlessHeld takes an error away if the machine is as it was to become. Whether the manager accepts a tag that is there, or the
// removal of one that is not, is not documented; and a call that acted can still have ended in an error.
func (c *core) unlessHeld(ctx context.Context, op string, id ExternalID, err error, change TagChange) error {
	if _, answered := errors.AsType[*APIError](err); !answered {
		return err
	}
	for _, certain := range []error{ErrNotFound, ErrUnauthorized, ErrForbidden, ErrRateLimited} {
		if errors.Is(err, certain) {
			return err
		}
	}
	vm, getErr := c.get(ctx, op, id)
	if getErr == nil && change.holds(vm) {
		return nil
	}
	return err
}

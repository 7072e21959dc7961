package nsx

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// GroupID is the id of a group, the last part of its path.
type GroupID string

// Groups reads the groups of one [Space], which choose machines by their tags, names and ids. Nothing here changes one. It is safe for
// concurrent use.
type Groups struct {
	at place
}

// Group is a group of the Policy API.
type Group struct {
	ID GroupID
	// Path is how rules name the group.
	Path        Path
	DisplayName string
	Description string
	// Expression is what its members are chosen by. It is kept as data: see [Group.Holds] for what it says of a machine.
	Expression []Expression
	// Tags are those of the group itself, not of its members.
	Tags []Tag
	// Revision counts the changes of the group.
	Revision int
}

// GroupQuery chooses groups. The zero value is all groups of the space.
type GroupQuery struct {
	// MemberType keeps the groups that can have members of a kind, such as "VirtualMachine".
	MemberType string
	// PageSize is how many groups the manager sends at a time, at most 1000. Defaults to the manager's own, 1000.
	PageSize int
}

// List returns the groups that fit. They come page by page; the sequence asks for no page before it is needed and ends with its first
// error.
//
// It needs the right policy_grouping (read).
//
//api:op GET /policy/api/v1/infra/domains/default/groups
func (g *Groups) List(ctx context.Context, q GroupQuery) iter.Seq2[Group, error] {
	call := g.at.call("groups.list", "/domains/default/groups")
	call.Query = setNonEmpty(url.Values{}, "member_types", q.MemberType)
	return rows(ctx, g.at.core, call, paging[Group]{what: "a group", valid: func(g Group) bool { return g.ID != "" }, size: q.PageSize})
}

// Get returns one group. It returns [ErrNotFound] if there is none of that id.
//
// It needs the right policy_grouping (read).
//
//api:op GET /policy/api/v1/infra/domains/default/groups/{id}
func (g *Groups) Get(ctx context.Context, id GroupID) (Group, error) {
	const op = "groups.get"
	call := g.at.call(op, "/domains/default/groups/{id}", string(id))
	call.Method, call.Repeatable = http.MethodGet, true
	var group Group
	if err := g.at.core.do(ctx, call, &group); err != nil {
		return Group{}, err
	}
	if group.ID == "" {
		return Group{}, odd(op, "not the documented answer: a group without an id")
	}
	return group, nil
}

// Member is a machine in a group, as it is on the enforcement point.
type Member struct {
	VM          ExternalID
	DisplayName string
	// State is "REALIZED" for a machine that the group has taken effect for. Others are kept as they come.
	State      string
	PowerState string
	HostID     string
	ComputeIDs []string
}

// Members returns the machines in a group. A change of a tag takes a moment to show, usually seconds: see [Groups.WaitFor]. They come
// page by page; the sequence asks for no page before it is needed and ends with its first error, [ErrNotFound] if there is no such
// group.
//
// It needs the right policy_grouping (read).
//
//api:op GET /policy/api/v1/infra/domains/default/groups/{id}/members/virtual-machines
func (g *Groups) Members(ctx context.Context, id GroupID) iter.Seq2[Member, error] {
	call := g.at.call("groups.members", "/domains/default/groups/{id}/members/virtual-machines", string(id))
	call.Query = g.at.realized()
	type row struct {
		ID          ExternalID `json:"id"`
		DisplayName string     `json:"display_name"`
		State       string     `json:"state"`
		PowerState  string     `json:"power_state"`
		HostID      string     `json:"host_id"`
		ComputeIDs  []string   `json:"compute_ids"`
	}
	how := paging[row]{what: "a member", valid: func(r row) bool { return r.ID != "" }}
	return func(yield func(Member, error) bool) {
		for r, err := range rows(ctx, g.at.core, call, how) {
			if !yield(Member{VM: r.ID, DisplayName: r.DisplayName, State: r.State, PowerState: r.PowerState, HostID: r.HostID, ComputeIDs: r.ComputeIDs}, err) {
				return
			}
		}
	}
}

// GroupTags are tags that the conditions of a group ask for.
type GroupTags struct {
	// MemberType is what is to have the tags, such as "VirtualMachine".
	MemberType string `json:"member_type"`
	// Tags are as conditions spell them, probably "scope|tag": the form is not documented.
	Tags []string `json:"tags"`
}

// Tags returns the tags that the conditions of a group ask for, those of the groups within it included. It returns [ErrNotFound] if
// there is no group of that id.
//
// It needs the right policy_grouping (read).
//
//api:op GET /policy/api/v1/infra/domains/default/groups/{id}/tags
func (g *Groups) Tags(ctx context.Context, id GroupID) ([]GroupTags, error) {
	call := g.at.call("groups.tags", "/domains/default/groups/{id}/tags", string(id))
	var out []GroupTags
	for tags, err := range rows(ctx, g.at.core, call, paging[GroupTags]{what: "a list of tags", valid: func(GroupTags) bool { return true }}) {
		if err != nil {
			return nil, err
		}
		out = append(out, tags)
	}
	return out, nil
}

// GroupRef names a group that a machine is in.
type GroupRef struct {
	Path        Path
	DisplayName string
}

// ID is the last part of the path.
func (r GroupRef) ID() GroupID { return GroupID(r.Path.ID()) }

// Of returns the groups that a machine is in now. A change of a tag takes a moment to show, usually seconds. It returns [ErrNotFound]
// for a machine that is not there, or no groups: managers differ.
//
// It needs the right policy_grouping (read).
//
//api:op GET /policy/api/v1/infra/virtual-machine-group-associations
func (g *Groups) Of(ctx context.Context, vm ExternalID) ([]GroupRef, error) {
	return g.of(ctx, "groups.of", vm)
}

func (g *Groups) of(ctx context.Context, op string, vm ExternalID) ([]GroupRef, error) {
	if err := checkID(vm); err != nil {
		return nil, fmt.Errorf("nsx: %s: %w", op, err)
	}
	call := g.at.call(op, "/virtual-machine-group-associations")
	call.Query = g.at.realized("vm_external_id", string(vm))
	type row struct {
		Path   Path   `json:"path"`
		Target Path   `json:"target_id"` // the same
		Name   string `json:"target_display_name"`
	}
	how := paging[row]{what: "a group", valid: func(r row) bool { return r.Path != "" || r.Target != "" }}
	var out []GroupRef
	for r, err := range rows(ctx, g.at.core, call, how) {
		if err != nil {
			return nil, err
		}
		if r.Path == "" {
			r.Path = r.Target
		}
		out = append(out, GroupRef{Path: r.Path, DisplayName: r.Name})
	}
	return out, nil
}

// How a group is watched.
const (
	firstGroupLook = 500 * time.Millisecond
	lastGroupLook  = 5 * time.Second
)

// WaitFor looks, at once and then with growing pauses, until a machine is in a group, and ends with an error when ctx does. Whoever
// has set a tag learns so that a group has picked it up. There is no bound in the documentation for how long that takes, usually it is
// seconds: give ctx one.
//
// It needs the right policy_grouping (read).
//
//api:op GET /policy/api/v1/infra/virtual-machine-group-associations
func (g *Groups) WaitFor(ctx context.Context, vm ExternalID, group Path) error {
	const op = "groups.wait_for"
	for pause := firstGroupLook; ; pause = min(pause*3/2, lastGroupLook) {
		groups, err := g.of(ctx, op, vm)
		if err != nil {
			return err
		}
		for _, ref := range groups {
			if ref.Path == group {
				return nil
			}
		}
		if err := sleep(ctx, spread(pause)); err != nil {
			return fmt.Errorf("nsx: %s: the virtual machine %s is not in the group %s, but in %d others: %w", op, quoted(string(vm)), quoted(string(group)), len(groups), err)
		}
	}
}

package nsx

import (
	"context"
	"fmt"
	"net/url"

	"github.com/pphunt/pphunt/internal/rest"
)

// OwnerKind is what kind of owner a machine has. Unknown kinds are kept as they come.
type OwnerKind string

// The kinds of owners.
const (
	OwnerProject OwnerKind = "Project"
	OwnerVPC     OwnerKind = "VPC"
)

// Owner is a project or a VPC that a machine belongs to.
type Owner struct {
	Kind OwnerKind
	// ID is what the manager calls the owner by: an id or a path.
	ID Path
}

// wireOwner is the vendor's form.
type wireOwner struct {
	Kind OwnerKind `json:"scope_type"`
	ID   Path      `json:"scope_id"`
}

// Project returns the id to open the owner with by [Client.Project], and whether it is a project.
func (o Owner) Project() (ProjectID, bool) {
	return ProjectID(o.ID.ID()), o.Kind == OwnerProject && o.ID.ID() != ""
}

// Owners returns the project, and within it the VPC, that a machine belongs to; none for one of the default space. Managers before
// 4.1 have no projects and answer [ErrNotFound].
//
// It needs the right to read the inventory.
//
//api:op GET /api/v1/fabric/scope-associations
func (v *VirtualMachines) Owners(ctx context.Context, id ExternalID) ([]Owner, error) {
	const op = "virtual_machines.owners"
	if err := checkID(id); err != nil {
		return nil, fmt.Errorf("nsx: %s: %w", op, err)
	}
	call := rest.Call{Op: op, Route: "/api/v1/fabric/scope-associations", Query: url.Values{
		"discovered_resource_type": {"VirtualMachine"}, "discovered_resource_external_id": {string(id)},
	}}
	how := paging[wireOwner]{what: "an owner", valid: func(o wireOwner) bool { return o.ID != "" }, last: endsWithZeros[wireOwner]}
	var out []Owner
	for o, err := range rows(ctx, v.core, call, how) {
		if err != nil {
			return nil, err
		}
		out = append(out, Owner(o))
	}
	return out, nil
}

package nsx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/pphunt/pphunt/internal/rest"
)

// AddTags adds tags to a machine of the space and leaves its others alone, as far as that can be had: the Policy API replaces all tags
// of a machine at once, so this reads them, writes them with the new ones, and reads them again. If others have overwritten the
// tags meanwhile it starts again, a few times, and then returns a [*TagConflictError]. A tag that somebody else adds between the
// reading and the writing, which is a moment, is lost unless he looks as well; [Tags.Start] has no such moment, but does its work
// later. Tags that are there already are no error and are not written.
//
// [ErrNotFound] means that the space has no machine of that id. It needs the right policy_vm_vm_tags.
//
// A write that failed or got no answer is repeated after the tags were read anew: it sets a state.
//
//api:op POST /policy/api/v1/infra/realized-state/virtual-machines/{external_id}/tags
func (v *PolicyVMs) AddTags(ctx context.Context, id ExternalID, tags ...Tag) error {
	_, err := v.at.core.merge(ctx, "policy.virtual_machines.add_tags", id, TagChange{Add: tags}, v.store())
	return err
}

// RemoveTags takes tags off a machine of the space. What [PolicyVMs.AddTags] says of others who change them applies.
//
//api:op POST /policy/api/v1/infra/realized-state/virtual-machines/{external_id}/tags
func (v *PolicyVMs) RemoveTags(ctx context.Context, id ExternalID, tags ...Tag) error {
	_, err := v.at.core.merge(ctx, "policy.virtual_machines.remove_tags", id, TagChange{Remove: tags}, v.store())
	return err
}

// ChangeTags adds and removes tags in one go and returns the machine as it is then. What [PolicyVMs.AddTags] says of others who change
// them applies.
//
//api:op POST /policy/api/v1/infra/realized-state/virtual-machines/{external_id}/tags
func (v *PolicyVMs) ChangeTags(ctx context.Context, id ExternalID, change TagChange) (VirtualMachine, error) {
	return v.at.core.merge(ctx, "policy.virtual_machines.change_tags", id, change, v.store())
}

// ReplaceTags gives a machine these tags instead of all that it has, those of other people, rules and NSX itself included. Without
// tags it clears them.
//
// [ErrNotFound] means that the space has no machine of that id. It needs the right policy_vm_vm_tags. It sets a state, so it is
// repeatable. Managers before 4.1 have another call for it, which the default space falls back to.
//
//api:op POST /policy/api/v1/infra/realized-state/virtual-machines/{external_id}/tags
func (v *PolicyVMs) ReplaceTags(ctx context.Context, id ExternalID, tags ...Tag) error {
	const op = "policy.virtual_machines.replace_tags"
	if err := checkTags(id, tags); err != nil {
		return fmt.Errorf("nsx: %s: %w", op, err)
	}
	return v.replace(ctx, op, id, TagChange{Add: tags}.apply(nil), true)
}

func checkTags(id ExternalID, tags []Tag) error {
	problems := []error{checkID(id)}
	for _, t := range tags {
		problems = append(problems, t.check())
	}
	return errors.Join(problems...)
}

func (v *PolicyVMs) store() tagStore {
	return tagStore{read: v.get, replace: func(ctx context.Context, op string, id ExternalID, tags []Tag) error {
		return v.replace(ctx, op, id, tags, false)
	}}
}

// policyTags is the body of the calls that replace tags. The id is for the older of them.
type policyTags struct {
	ID   ExternalID `json:"virtual_machine_id,omitempty"`
	Tags []Tag      `json:"tags"`
}

func (v *PolicyVMs) replace(ctx context.Context, op string, id ExternalID, tags []Tag, repeatable bool) error {
	call := v.at.call(op, "/realized-state/virtual-machines/{external_id}/tags", string(id))
	call.Method, call.Query, call.Body, call.Repeatable = http.MethodPost, v.at.realized(), policyTags{Tags: tags}, repeatable
	err := v.at.core.do(ctx, call, nil)
	// Either there is no such machine, or no such call: the older one tells which, and does the same.
	if _, answered := errors.AsType[*APIError](err); answered && errors.Is(err, ErrNotFound) && v.at.project == "" {
		return v.at.core.do(ctx, v.olderReplace(op, id, tags, repeatable), nil)
	}
	return err
}

// olderReplace is the call of managers before 4.1. It names the machine in its body and the enforcement point in its path.
//
//api:op POST /policy/api/v1/infra/realized-state/enforcement-points/{EP}/virtual-machines?action=update_tags
func (v *PolicyVMs) olderReplace(op string, id ExternalID, tags []Tag, repeatable bool) rest.Call {
	call := v.at.call(op, "/realized-state/enforcement-points/{EP}/virtual-machines", v.at.enforcementPointID())
	call.Method, call.Query, call.Repeatable = http.MethodPost, url.Values{"action": {"update_tags"}}, repeatable
	call.Body = policyTags{ID: id, Tags: tags}
	return call
}

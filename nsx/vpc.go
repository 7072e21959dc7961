package nsx

import (
	"context"
	"fmt"
	"net/http"

	"github.com/pphunt/pphunt/internal/rest"
)

// VPCID is the id of a VPC, the last part of its path.
type VPCID string

// VPC tags the machines of one VPC of a project, for accounts that have rights there alone. The machines are found through the
// project. VPCs are there from 4.1.1 on. It is safe for concurrent use.
type VPC struct {
	at place
}

// VPC returns the view of a VPC of the project. It calls nobody: one that does not exist shows with the first call, as
// [ErrNotFound]. The default space has none.
func (s *Space) VPC(id VPCID) *VPC {
	at := s.at
	at.vpc = id
	return &VPC{at}
}

// ReplaceTags gives a machine these tags instead of all that it has, as [PolicyVMs.ReplaceTags] does. To add or remove one use
// [VPC.Start].
//
// [ErrNotFound] means that the VPC has no machine of that id. It sets a state, so it is repeatable.
//
//api:op POST /policy/api/v1/orgs/{org}/projects/{project}/vpcs/{vpc}/virtual-machines/{external_id}/tags
func (v *VPC) ReplaceTags(ctx context.Context, id ExternalID, tags ...Tag) error {
	const op = "vpc.replace_tags"
	if err := checkTags(id, tags); err != nil {
		return fmt.Errorf("nsx: %s: %w", op, err)
	}
	call := v.at.inVPC(op, "/virtual-machines/{external_id}/tags", string(id))
	call.Method, call.Query, call.Repeatable = http.MethodPost, v.at.realized(), true
	call.Body = policyTags{Tags: TagChange{Add: tags}.apply(nil)}
	return v.at.core.do(ctx, call, nil)
}

// Start has the manager put a tag on machines of the VPC, or take it from them. It is to the VPC what [Tags.Start] is to a space.
//
//api:op PUT /policy/api/v1/orgs/{org}/projects/{project}/vpcs/{vpc}/tags/vpc-tag-operations/{operation-id}
func (v *VPC) Start(ctx context.Context, operation TagOperation) (*TagJob, error) {
	return (&Tags{v.at}).Start(ctx, operation)
}

// Job picks up operations of the VPC by their ids, as [Tags.Job] does.
//
//api:op GET /policy/api/v1/orgs/{org}/projects/{project}/vpcs/{vpc}/tags/vpc-tag-operations/{operation-id}/status
func (v *VPC) Job(ids ...TagOperationID) *TagJob {
	return (&Tags{v.at}).Job(ids...)
}

// inVPC makes a call of the part of a route that follows the VPC.
func (p place) inVPC(op, route string, args ...string) rest.Call {
	return rest.Call{
		Op: op, Route: "/policy/api/v1/orgs/{org}/projects/{project}/vpcs/{vpc}" + route,
		Args: append([]string{defaultOrg, string(p.project), string(p.vpc)}, args...),
	}
}

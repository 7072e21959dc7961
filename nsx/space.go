package nsx

import (
	"errors"
	"net/url"
	"strings"

	"github.com/pphunt/pphunt/internal/rest"
)

// Path is the path of an object of the Policy API, such as "/infra/domains/default/groups/quarantined".
type Path string

// ID is the last part of the path.
func (p Path) ID() string { return string(p[strings.LastIndexByte(string(p), '/')+1:]) }

// ProjectID is the id of a project, the last part of its path.
type ProjectID string

// defaultOrg is the only organization there is.
const defaultOrg = "default"

// Space is a part of a manager as the Policy API shows it: the default space, or one of the projects that share the manager. Groups
// of the default space see the machines of all projects, those of a project only machines on its own networks. It is safe for
// concurrent use.
type Space struct {
	VirtualMachines  *PolicyVMs
	Tags             *Tags
	Groups           *Groups
	SecurityPolicies *SecurityPolicies

	at place
}

// Project returns the view of one project. An account of a project sees nothing outside of it, and needs this one. It calls nobody:
// a project that does not exist shows with the first call, as [ErrNotFound].
func (c *Client) Project(id ProjectID) *Space {
	return newSpace(place{core: c.core, project: id, enforcementPoint: c.Policy.at.enforcementPoint})
}

func newSpace(at place) *Space {
	s := &Space{at: at}
	s.VirtualMachines = newPolicyVMs(at)
	s.Tags = &Tags{at}
	s.Groups = &Groups{at}
	s.SecurityPolicies = &SecurityPolicies{at}
	return s
}

// place is where the calls of a space go.
type place struct {
	core             *core
	project          ProjectID // empty in the default space
	vpc              VPCID     // empty but for the operations of a VPC
	enforcementPoint Path      // empty for the manager's own
}

// call makes a call of the part of a route that follows "infra".
func (p place) call(op, route string, args ...string) rest.Call {
	if p.project == "" {
		return rest.Call{Op: op, Route: "/policy/api/v1/infra" + route, Args: args}
	}
	return rest.Call{
		Op: op, Route: "/policy/api/v1/orgs/{org}/projects/{project}/infra" + route, Args: append([]string{defaultOrg, string(p.project)}, args...),
	}
}

// realized are the parameters of calls about what is on the enforcement point.
func (p place) realized(pairs ...string) url.Values {
	return setNonEmpty(url.Values{}, append(pairs, "enforcement_point_path", string(p.enforcementPoint))...)
}

// enforcementPointID is for calls that have the enforcement point in their path.
func (p place) enforcementPointID() string {
	if p.enforcementPoint == "" {
		return "default"
	}
	return p.enforcementPoint.ID()
}

func checkEnforcementPoint(path Path) error {
	if path != "" && (!strings.HasPrefix(string(path), "/infra/") || path.ID() == "") {
		return errors.New(`nsx: new: EnforcementPoint must be a path such as "/infra/sites/default/enforcement-points/default"`)
	}
	return nil
}

package nsxtest

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pphunt/pphunt/internal/fake"
)

// Check finds contradictions in a world: what is there twice, what refers to something that is not there, and words that the
// manager does not have. It returns all of them joined.
func (w World) Check() error {
	c := &worldCheck{Checker: fake.Checker{Name: "nsxtest"}, world: w, machines: map[string]bool{}, paths: map[string]bool{}}
	c.projects()
	c.users()
	for i, vm := range w.VMs {
		c.machine(i, vm)
	}
	for i := range w.Groups {
		g := &w.Groups[i]
		c.Need(g.ID != "", "groups[%d] lacks its id", i)
		c.Once("the group", g.path())
		c.paths[g.path()] = true
	}
	for i := range w.Groups {
		c.group(&w.Groups[i])
	}
	for i := range w.SecurityPolicies {
		c.policy(i, &w.SecurityPolicies[i])
	}
	for _, path := range slices.Concat(w.Excluded, w.ExcludedBySystem) {
		c.Once("the excluded path", path)
		c.refers("the exclude list", path)
	}
	c.numbers()
	return c.Err()
}

// worldCheck is the check of one world.
type worldCheck struct {
	fake.Checker
	world    World
	machines map[string]bool // by id
	paths    map[string]bool // of groups
}

// projects checks projects.
func (c *worldCheck) projects() {
	for i, p := range c.world.Projects {
		c.Need(p.ID != "" && !strings.Contains(p.ID, "/"), "projects[%d] has no id that a path can have", i)
		c.Once("the project", p.ID)
		for _, vpc := range p.VPCs {
			c.Once("the VPC of "+p.ID, vpc)
		}
	}
}

// inProject checks that a project, and a VPC of it, are there.
func (c *worldCheck) inProject(what, project, vpc string) {
	i := slices.IndexFunc(c.world.Projects, func(p Project) bool { return p.ID == project })
	switch {
	case project == "":
		c.Need(vpc == "", "%s is in the VPC %q of no project", what, vpc)
	case i < 0:
		c.Fail("%s is in the project %q, which is not there", what, project)
	default:
		known := vpc == "" || slices.Contains(c.world.Projects[i].VPCs, vpc)
		c.Need(known, "%s is in the VPC %q, which is not there", what, vpc)
	}
}

// users checks accounts, tokens and principals.
func (c *worldCheck) users() {
	known := map[string]bool{Username: len(c.world.Users) == 0}
	for i, u := range c.world.Users {
		c.Need(u.Name != "" && u.Password != "", "users[%d] lacks the name or the password", i)
		c.Once("the user", u.Name)
		c.inProject("the user "+u.Name, u.Project, "")
		known[u.Name] = true
	}
	for i, t := range c.world.Tokens {
		c.Need(t.Token != "", "tokens[%d] is empty", i)
		c.Need(known[t.User], "tokens[%d] is of the user %q, who is not there", i, t.User)
	}
	for i, p := range c.world.Principals {
		b, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(p.Fingerprint))
		c.Need(err == nil && len(b) == 32, "principals[%d] has a fingerprint that is no SHA-256", i)
		c.Need(p.Name != "", "principals[%d] lacks its name", i)
		c.Once("the principal", p.Name+" of node "+strconv.Quote(p.NodeID))
	}
}

// machine checks a virtual machine.
func (c *worldCheck) machine(i int, vm VM) {
	what := "vms[" + strconv.Itoa(i) + "]"
	c.Need(vm.Name != "", "%s lacks its name", what)
	c.Need(utf8.RuneCountInString(vm.Name) <= 255, "the name of %s is longer than 255 characters", what)
	if vm.ExternalID != "" {
		c.Once("the machine", vm.ExternalID)
		c.machines[vm.ExternalID] = true
	}
	c.Word("type of "+what, vm.Type, "REGULAR", "EDGE", "SERVICE", "MP", "INTELLIGENCE", "VC_SYSTEM", "UNKNOWN")
	c.Word("power_state of "+what, vm.PowerState, "VM_RUNNING", "VM_STOPPED", "VM_SUSPENDED", "UNKNOWN")
	c.Need(vm.TwinHost == "" || vm.TwinHost != vm.HostID, "%s is listed twice on one host", what)
	c.Need(vm.TwinHost != "" || vm.TwinUntil.IsZero(), "%s has twin_until without twin_host", what)
	c.Need(vm.OS == "" || vm.ComputerName != "", "%s has an os without a computer_name, which is not told", what)
	c.inProject(what, vm.Project, vm.VPC)
	for _, id := range vm.ComputeIDs {
		c.Need(strings.Contains(id, ":"), "the compute id %q of %s has no colon", id, what)
	}
	limit := c.world.TagLimit
	if limit == 0 {
		limit = defaultTagLimit
	}
	c.Need(len(vm.Tags) <= limit, "%s has %d tags, more than %d", what, len(vm.Tags), limit)
	for j, t := range vm.Tags {
		c.Need(t != Tag{}, "a tag of %s has neither scope nor tag", what)
		c.Need(!slices.Contains(vm.Tags[:j], t), "%s has the tag %q of %q twice", what, t.Tag, t.Scope)
		tooLong := utf8.RuneCountInString(t.Scope) > maxScope || utf8.RuneCountInString(t.Tag) > maxTag
		c.Need(!tooLong, "a tag of %s is too long", what)
	}
	for _, v := range vm.VIFs {
		if v.DeviceKey != "" {
			c.Once("the interface of "+what, v.DeviceKey)
		}
	}
	for _, g := range vm.Sessions {
		c.Need(g.User != "" && !g.Login.IsZero(), "a session on %s lacks its user or its login", what)
		c.Need(g.Logout.IsZero() || !g.Logout.Before(g.Login), "the session of %s on %s ends before it begins", g.User, what)
	}
}

// group checks a group.
func (c *worldCheck) group(g *Group) {
	what := "the group " + g.path()
	c.inProject(what, g.Project, "")
	conditions := slices.Clone(g.Conditions)
	for _, n := range g.Nested {
		c.Need(len(n.Conditions) > 0, "%s has nested conditions without any", what)
		conditions = append(conditions, n.Conditions...)
	}
	for _, cond := range conditions {
		c.Word("key in "+what, cond.Key, "Tag", "Name", "ComputerName", "OSName")
		c.Word("operator in "+what, cond.Operator, "EQUALS", "CONTAINS", "STARTSWITH", "ENDSWITH", "NOTEQUALS")
		c.Word("scope_operator in "+what, cond.ScopeOperator, "EQUALS", "NOTEQUALS")
		isTag := cond.Key == "" || cond.Key == "Tag"
		c.Need(isTag || cond.ScopeOperator == "", "%s has a scope_operator for something that is no tag", what)
		c.Need(!isTag || strings.Contains(cond.Value, "|"), "%s asks for the tag %q, which matches nothing without a bar", what, cond.Value)
	}
	for _, path := range g.Paths {
		c.refers(what, path)
	}
	for _, id := range g.ExternalIDs {
		c.Need(c.machines[id], "%s lists the machine %q, which is not there", what, id)
	}
}

// refers checks that a group is there; paths of other objects are taken as they are.
func (c *worldCheck) refers(what, path string) {
	c.Need(!strings.Contains(path, "/groups/") || c.paths[path], "%s refers to %s, which is not there", what, path)
}

// policy checks a policy with its rules.
func (c *worldCheck) policy(i int, p *SecurityPolicy) {
	what := "the policy " + p.path()
	c.Need(p.ID != "", "security_policies[%d] lacks its id", i)
	c.Once("the policy", p.path())
	c.inProject(what, p.Project, "")
	c.Word("category of "+what, p.Category, "Application", "Environment", "Infrastructure", "Emergency", "Ethernet")
	for _, r := range p.Rules {
		c.Need(r.ID != "", "a rule of %s lacks its id", what)
		c.Once("the rule of "+p.path(), r.ID)
		c.Word("action in "+what, r.Action, "ALLOW", "DROP", "REJECT", "JUMP_TO_APPLICATION")
		c.Word("direction in "+what, r.Direction, "IN", "OUT", "IN_OUT")
		for _, path := range slices.Concat(r.Sources, r.Destinations, r.Scope) {
			c.refers(what, path)
		}
	}
}

// numbers checks what is left.
func (c *worldCheck) numbers() {
	w := c.world
	c.Need(w.TagLimit >= 0 && w.SearchLimit >= 0 && w.GroupLag >= 0 && w.SearchLag >= 0, "a limit or a lag is negative")
	for part := range strings.SplitSeq(w.Version, ".") {
		_, err := strconv.Atoi(part)
		c.Need(err == nil || w.Version == "", "version %q is not made of numbers", w.Version)
	}
	c.Need(!strings.Contains(w.EnforcementPoint, "/"), "enforcement_point %q is no id but a path", w.EnforcementPoint)
}

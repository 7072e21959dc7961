package nsxtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestCheckFindsContradictions(t *testing.T) {
	t.Parallel()
	// whole is a world with something of everything.
	whole := func() nsxtest.World {
		w := isolation()
		w.Excluded, w.ExcludedBySystem = w.Excluded[:1], nil
		w.Users = []nsxtest.User{{Name: "a", Password: "b", Project: "blue"}}
		w.Tokens = []nsxtest.Token{{Token: "t", User: "a"}}
		w.Principals = []nsxtest.Principal{{Name: "p", Fingerprint: strings.Repeat("AB:", 31) + "AB"}}
		w.Projects = []nsxtest.Project{{ID: "blue", VPCs: []string{"web"}}}
		w.VMs = append(w.VMs, nsxtest.VM{Name: "vpc", Project: "blue", VPC: "web", Sessions: []nsxtest.GuestSession{{User: "u", Login: noon}}})
		w.Version = "4.2.1"
		return w
	}
	for name, w := range map[string]nsxtest.World{"whole": whole(), "empty": {}, "fixtures": {VMs: nsxtest.Fixtures()}} {
		if err := w.Check(); err != nil {
			t.Errorf("Check() = %v for a good world (%s)", err, name)
		}
	}
	for name, tc := range map[string]struct {
		spoil func(*nsxtest.World)
		want  string
	}{
		"user twice":               {func(w *nsxtest.World) { w.Users = append(w.Users, w.Users[0]) }, "the user a is there twice"},
		"token of nobody":          {func(w *nsxtest.World) { w.Tokens[0].User = "x" }, "who is not there"},
		"short fingerprint":        {func(w *nsxtest.World) { w.Principals[0].Fingerprint = "ab" }, "no SHA-256"},
		"project twice":            {func(w *nsxtest.World) { w.Projects = append(w.Projects, w.Projects[0]) }, "is there twice"},
		"unknown project":          {func(w *nsxtest.World) { w.VMs[1].Project = "red" }, `project "red", which is not there`},
		"unknown VPC":              {func(w *nsxtest.World) { w.VMs[1].VPC = "x" }, `VPC "x", which is not there`},
		"VPC of no project":        {func(w *nsxtest.World) { w.VMs[1].Project = "" }, "of no project"},
		"machine without name":     {func(w *nsxtest.World) { w.VMs[0].Name = "" }, "lacks its name"},
		"machine twice":            {func(w *nsxtest.World) { w.VMs = append(w.VMs, w.VMs[0]) }, "is there twice"},
		"unknown type":             {func(w *nsxtest.World) { w.VMs[0].Type = "regular" }, "is \"regular\""},
		"too many tags":            {func(w *nsxtest.World) { w.TagLimit = 1 }, "more than 1"},
		"empty tag":                {func(w *nsxtest.World) { w.VMs[0].Tags[0] = nsxtest.Tag{} }, "neither scope nor tag"},
		"tag twice":                {func(w *nsxtest.World) { w.VMs[0].Tags[1] = w.VMs[0].Tags[0] }, "twice"},
		"long tag":                 {func(w *nsxtest.World) { w.VMs[0].Tags[0].Scope = strings.Repeat("x", 129) }, "too long"},
		"session that ends early":  {func(w *nsxtest.World) { w.VMs[1].Sessions[0].Logout = noon.Add(-time.Hour) }, "ends before it begins"},
		"group twice":              {func(w *nsxtest.World) { w.Groups = append(w.Groups, w.Groups[0]) }, "is there twice"},
		"condition without a bar":  {func(w *nsxtest.World) { w.Groups[0].Conditions[0].Value = "x" }, "without a bar"},
		"unknown operator":         {func(w *nsxtest.World) { w.Groups[0].Conditions[0].Operator = "LIKE" }, `"LIKE"`},
		"unknown group in a group": {func(w *nsxtest.World) { w.Groups[1].Paths[0] = "/infra/domains/default/groups/none" }, "groups/none, which is not there"},
		"unknown machine listed":   {func(w *nsxtest.World) { w.Groups[2].ExternalIDs[0] = "nobody" }, `"nobody", which is not there`},
		"unknown group in a rule":  {func(w *nsxtest.World) { w.SecurityPolicies[0].Rules[1].Scope[0] += "x" }, "which is not there"},
		"unknown action":           {func(w *nsxtest.World) { w.SecurityPolicies[0].Rules[1].Action = "BLOCK" }, `"BLOCK"`},
		"unknown group excluded":   {func(w *nsxtest.World) { w.Excluded[0] += "x" }, "the exclude list refers to"},
		"version in words":         {func(w *nsxtest.World) { w.Version = "four" }, "not made of numbers"},
		"negative lag":             {func(w *nsxtest.World) { w.SearchLag = -1 }, "negative"},
		"path for an id":           {func(w *nsxtest.World) { w.EnforcementPoint = "/infra/x" }, "but a path"},
	} {
		w := whole()
		tc.spoil(&w)
		if err := w.Check(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Check() = %v, want %q in it", name, err, tc.want)
		}
	}
}

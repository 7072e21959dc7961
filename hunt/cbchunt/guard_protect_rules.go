package cbchunt

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/cbc"
)

// rule tells in what way a device is protected, or may be, and nothing if it is not.
type rule func(cbc.Device) string

// rules are those that need the present state of a device.
func rules(cfg ProtectDevicesConfig) ([]rule, error) {
	var all []rule
	var problems []error
	add := func(given int, r rule, err error) {
		problems = append(problems, err)
		if given > 0 && err == nil {
			all = append(all, r)
		}
	}
	networks, err := checkNetworks(cfg.Networks)
	add(len(networks), func(d cbc.Device) string { return inNetwork(d, networks) }, err)
	policies, err := exact("policy", cfg.Policies)
	add(len(policies), func(d cbc.Device) string { return underPolicy(d, policies) }, err)
	groups, err := exact("group", cfg.Groups)
	add(len(groups), func(d cbc.Device) string { return inGroup(d, groups) }, err)
	given := cfg.Priorities
	if given == nil {
		given = []string{"MISSION_CRITICAL"}
	}
	priorities, err := words("priority", given, "LOW", "MEDIUM", "HIGH", "MISSION_CRITICAL")
	add(len(priorities), func(d cbc.Device) string {
		switch p := word(d.TargetPriority); {
		case p == "":
			return "may be protected: its priority is not known"
		case slices.Contains(priorities, p):
			return "is protected: its priority is " + p
		}
		return ""
	}, err)
	deployments, err := words("deployment", cfg.Deployments, "ENDPOINT", "WORKLOAD", "VDI", "AWS", "AZURE", "GCP")
	add(len(deployments), func(d cbc.Device) string {
		switch t := word(d.DeploymentType); {
		case t == "":
			return "may be protected: its deployment type is not known"
		case slices.Contains(deployments, t):
			return "is protected: its deployment type is " + t
		}
		return ""
	}, err)
	return all, errors.Join(problems...)
}

// names are those under which a device is known, with and without domain.
func (m *machine) names() []string {
	var all []string
	for _, name := range append([]string{m.device.Name}, m.seen...) {
		name = strings.TrimSuffix(strings.TrimSpace(name), ".")
		bare := name[strings.LastIndexAny(name, `\/`)+1:]
		host, own, _ := strings.Cut(bare, ".")
		if host == "" {
			continue
		}
		all = append(all, name, bare, host)
		for _, domain := range []string{m.device.ADDomain, own} {
			if domain != "" {
				short, _, _ := strings.Cut(domain, ".")
				all = append(all, domain+`\`+host, short+`\`+host, host+"."+domain)
			}
		}
	}
	return all
}

// checkNetworks writes networks in one form.
func checkNetworks(given []netip.Prefix) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	var problems []error
	for _, n := range given {
		if n.Addr().Is4In6() && n.Bits() >= 96 {
			n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
		}
		if !n.IsValid() || n.Addr().Is4In6() {
			problems = append(problems, fmt.Errorf("%s is no network, such as 10.1.0.0/16", n))
			continue
		}
		networks = append(networks, n.Masked())
	}
	return networks, errors.Join(problems...)
}

func inNetwork(d cbc.Device, networks []netip.Prefix) string {
	known := false
	for i, text := range []string{d.InternalIP, d.ExternalIP} {
		address, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			continue
		}
		address = address.Unmap().WithZone("")
		known = known || i == 0 && address.IsGlobalUnicast() // what a machine has while it has no network tells nothing
		for _, n := range networks {
			if n.Contains(address) {
				return fmt.Sprintf("is protected: its address %s is in %s", address, n)
			}
		}
	}
	if !known {
		return "may be protected: its internal address is not known"
	}
	return ""
}

func underPolicy(d cbc.Device, policies []string) string {
	if d.PolicyID == 0 && d.PolicyName == "" {
		return "may be protected: its policy is not known"
	}
	id := strconv.FormatInt(int64(d.PolicyID), 10)
	for _, p := range policies {
		if p == id || strings.EqualFold(p, strings.TrimSpace(d.PolicyName)) {
			return "is protected: its policy is " + p
		}
	}
	return ""
}

func inGroup(d cbc.Device, groups []string) string {
	for _, g := range groups {
		for _, member := range d.AssetGroups {
			if strings.EqualFold(g, member.ID) || strings.EqualFold(g, strings.TrimSpace(member.Name)) {
				return "is protected: it is in the group " + g
			}
		}
		if d.ADGroupID != 0 && g == strconv.FormatInt(d.ADGroupID, 10) || strings.EqualFold(g, strings.TrimSpace(d.ADOrgUnit)) {
			return "is protected: it is in the group " + g
		}
	}
	return ""
}

// exact are ids or names without the space around them.
func exact(what string, given []string) ([]string, error) {
	all := make([]string, 0, len(given))
	for _, s := range given {
		if s = strings.TrimSpace(s); s == "" {
			return nil, fmt.Errorf("a %s has no name", what)
		}
		all = append(all, s)
	}
	return all, nil
}

// words are values of a set that the vendor has. Others are refused: with a typing error in it nothing would be protected.
func words(what string, given []string, known ...string) ([]string, error) {
	var all []string
	var problems []error
	for _, s := range given {
		if !slices.Contains(known, word(s)) {
			problems = append(problems, fmt.Errorf("%q is no %s: want %s", s, what, strings.Join(known, ", ")))
			continue
		}
		all = append(all, word(s))
	}
	return all, errors.Join(problems...)
}

// word is a value as the vendor writes it.
func word(s string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToUpper(strings.TrimSpace(s)))
}

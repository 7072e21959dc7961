package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// guardConfig says what the actions may not do. It applies whether or not the configuration has the section.
type guardConfig struct {
	names       []string
	ids         []int64
	networks    []netip.Prefix
	policies    []string
	groups      []string
	priorities  []string
	deployments []string

	perHash, perRun int
	fleetShare      float64

	// signers are those whose files are left alone, nil for the usual ones, and empty for none.
	signers    []string
	reputation bool

	autoUndo bool
	// recheck is below zero for never.
	recheck time.Duration
	// fresh is how old a verdict of TAP's list may be that is acted on, below zero for none.
	fresh   time.Duration
	planAge time.Duration
	giveUp  time.Duration
}

func (p *parser) guard() guardConfig {
	g := guardConfig{
		names:       p.guardList("protect_names"),
		policies:    p.guardList("protect_policies"),
		groups:      p.guardList("protect_groups"),
		priorities:  upper(p.guardList("protect_priorities")),
		deployments: upper(p.guardList("protect_deployments")),
		perHash:     p.number("guard", "max_devices_per_hash", 0, 1_000_000),
		perRun:      p.number("guard", "max_devices_per_run", 0, 1_000_000),
		reputation:  p.bool("guard", "trust_reputation"),
		autoUndo:    p.bool("guard", "auto_undo"),
		recheck:     p.durationOrNever("guard", "recheck"),
		fresh:       p.durationOrNever("guard", "fresh_verdict"),
		planAge:     p.duration("guard", "plan_max_age"),
		giveUp:      p.duration("guard", "give_up"),
	}
	for _, text := range p.guardList("protect_ids") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id <= 0 {
			p.fail("guard", "protect_ids", "%q is no device id", text)
			continue
		}
		g.ids = append(g.ids, id)
	}
	for _, text := range p.guardList("protect_networks") {
		network, err := parseNetwork(text)
		if err != nil {
			p.fail("guard", "protect_networks", "%w", err)
			continue
		}
		g.networks = append(g.networks, network)
	}
	var err error
	if g.fleetShare, err = parseShare(p.v.get("guard", "max_fleet_share")); err != nil {
		p.fail("guard", "max_fleet_share", "%w", err)
	}
	if p.v.get("guard", "trusted_signers") != "" || p.v.off("guard", "trusted_signers") {
		g.signers = append([]string{}, p.guardList("trusted_signers")...)
	}
	for name, part := range g.parts() {
		for _, err := range flatten(part.check()) {
			if err != nil {
				p.fail("guard", name, "%s", strings.TrimPrefix(strings.TrimPrefix(err.Error(), "cbchunt: "), "ProtectDevices: "))
			}
		}
	}
	return g
}

// signs tells whether signers are asked for.
func (g guardConfig) signs() bool { return len(g.signers) > 0 || g.signers == nil }

// guardList reads values with commas between them. No value, and the words for off, are none.
func (p *parser) guardList(name string) []string {
	if p.v.off("guard", name) {
		return nil
	}
	value := p.v.get("guard", name)
	if off(value) {
		return nil
	}
	return list(value)
}

// off tells whether a value is one of the words for off.
func off(value string) bool {
	on, err := parseBool(value)
	return err == nil && !on && value != "0"
}

func upper(all []string) []string {
	for i, s := range all {
		all[i] = strings.ToUpper(s)
	}
	return all
}

// durationOrNever is below zero for never.
func (p *parser) durationOrNever(section, name string) time.Duration {
	if value := p.v.get(section, name); p.v.off(section, name) || off(value) || value == "0" {
		return -1
	}
	return p.duration(section, name)
}

// parseNetwork reads a network such as 10.0.0.0/8, or one address.
func parseNetwork(s string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(s); err == nil && address.Zone() == "" {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(s)
	if err != nil {
		return network, fmt.Errorf("%q is neither a network such as 10.1.0.0/16 nor an address", s)
	}
	if network != network.Masked() {
		return network, fmt.Errorf("%q has bits behind its length: did you mean %s or %s?", s, network.Masked(), network.Addr())
	}
	return network, nil
}

// parseShare reads a part of the whole: "10%", or "0.1". Zero is none.
func parseShare(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	if err != nil || math.IsNaN(share) || share < 0 || share > 1 {
		return 0, fmt.Errorf("%q is no share, such as 10%% or 0.1", s)
	}
	return share, nil
}

// parseSize reads a number of bytes, such as 100MB.
func parseSize(s string) (int64, error) {
	text := strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	text = strings.TrimSuffix(strings.TrimSuffix(text, "B"), "I")
	factor := int64(1)
	for unit, size := range map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			text, factor = number, size
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (n <= 0 || n > math.MaxInt64/factor) {
		err = errors.New("out of range")
	}
	if err != nil {
		return 0, fmt.Errorf("%q is no size, such as 100MB", s)
	}
	return n * factor, nil
}

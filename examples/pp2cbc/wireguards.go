package main

import (
	"context"
	"errors"
	"iter"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

// newGuards makes the guards of the configuration, and the one that knows which files are trusted.
func newGuards(cfg *config, client *cbc.Client) (*cbchunt.TrustedFiles, []hunt.Guard, error) {
	g := cfg.guard
	devices, err := cbchunt.NewProtectDevices(g.devices(client.Devices))
	files, err2 := cbchunt.NewTrustedFiles(g.files(client.Reputation, client.Binaries))
	if err := errors.Join(err, err2); err != nil {
		return nil, nil, badConfig("%v", err)
	}
	ceilings := hunt.Ceilings{DevicesPerHash: g.perHash, DevicesPerRun: g.perRun, FleetShare: g.fleetShare, Fleet: cbchunt.FleetSize(client.Devices)}
	var guards []hunt.Guard
	for _, guard := range []hunt.Guard{devices, files, ceilings} {
		guards = append(guards, namedGuard(cfg.cbc, "CarbonBlack", guard))
	}
	return files, guards, nil
}

// devices says which machines are protected.
func (g guardConfig) devices(reader cbchunt.DeviceReader) cbchunt.ProtectDevicesConfig {
	c := cbchunt.ProtectDevicesConfig{
		Devices: reader, Names: g.names, Networks: g.networks, Policies: g.policies, Groups: g.groups, Deployments: g.deployments,
		Priorities: append([]string{}, g.priorities...), // empty is none, and nil would be the usual one
	}
	for _, id := range g.ids {
		c.IDs = append(c.IDs, cbc.DeviceID(id))
	}
	return c
}

// files says which files are trusted.
func (g guardConfig) files(overrides cbchunt.OverrideReader, binaries cbchunt.SignatureReader) cbchunt.TrustedFilesConfig {
	return cbchunt.TrustedFilesConfig{
		Overrides: overrides, Binaries: binaries, Signers: g.signers,
		SkipReputation: !g.reputation, SkipOverrides: !g.reputation, // the ban itself looks at the overrides in any case
	}
}

// parts are the keys whose values the guards themselves check, each alone, so that a complaint can name it.
func (g guardConfig) parts() iter.Seq2[string, guardConfig] {
	return func(yield func(string, guardConfig) bool) {
		_ = yield("protect_names", guardConfig{names: g.names}) && yield("protect_ids", guardConfig{ids: g.ids}) &&
			yield("protect_networks", guardConfig{networks: g.networks}) && yield("protect_policies", guardConfig{policies: g.policies}) &&
			yield("protect_groups", guardConfig{groups: g.groups}) && yield("protect_priorities", guardConfig{priorities: g.priorities}) &&
			yield("protect_deployments", guardConfig{deployments: g.deployments}) && yield("trusted_signers", guardConfig{signers: g.signers})
	}
}

// check finds what the guards themselves would refuse, before anything is asked.
func (g guardConfig) check() error {
	_, err := cbchunt.NewProtectDevices(g.devices(new(cbc.Devices)))
	_, err2 := cbchunt.NewTrustedFiles(g.files(new(cbc.Reputation), new(cbc.Binaries)))
	return errors.Join(err, err2)
}

// namedGuard marks the errors of a guard.
func namedGuard(s service, section string, guard hunt.Guard) hunt.Guard {
	return hunt.GuardFunc(func(ctx context.Context, r hunt.Review) ([]hunt.Hold, error) {
		holds, err := guard.Review(ctx, r)
		return holds, from(s, section, err)
	})
}

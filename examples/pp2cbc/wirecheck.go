package main

import (
	"context"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/cbc"
)

// program is where the program of the script is, empty if there is no script.
func (a actionConfig) program() (string, error) {
	if len(a.script) == 0 {
		return "", nil
	}
	name := a.script[0]
	if strings.ContainsAny(name, `/`) && !filepath.IsAbs(name) {
		name = filepath.Join(a.scriptDir, name)
	}
	return exec.LookPath(name)
}

// warnOfNames tells of names in the configuration that lead to nothing, where that shows before anything is done: a policy that is to be
// protected and does not exist protects nobody, and a program that is not there fails with every finding.
func warnOfNames(ctx context.Context, cfg *config, client *cbc.Client, why purpose, logger *slog.Logger) {
	if why.undo {
		return
	}
	if _, err := cfg.actions.program(); err != nil {
		why.warn("actions.script: there is no program %q; quotes keep a path with spaces together", cfg.actions.script[0])
	}
	if len(cfg.guard.policies) == 0 {
		return
	}
	policies, err := client.Policies.List(ctx)
	if err != nil {
		logger.Warn("whether the policies exist that are to be protected could not be asked", "error", err)
		return
	}
	for _, wanted := range cfg.guard.policies {
		if !slices.ContainsFunc(policies, func(p cbc.Policy) bool {
			return strings.EqualFold(strings.TrimSpace(p.Name), wanted) || strconv.FormatInt(int64(p.ID), 10) == wanted
		}) {
			why.warn("guard.protect_policies: Carbon Black Cloud has no policy %q: it protects nobody", wanted)
		}
	}
}

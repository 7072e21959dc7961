package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

// openAudit opens the audit log for appending. It is nil if there is to be none.
func openAudit(cfg *config) (*audit.Log, error) {
	if cfg.audit == "" {
		return nil, nil //nolint:nilnil // none is wanted
	}
	log, err := audit.Open(cfg.audit)
	if err != nil {
		return nil, badConfig("audit.filename: %v", err)
	}
	return log, nil
}

// openAuditor opens the audit log for a hunt. A dry run decides nothing.
func openAuditor(cfg *config, why purpose, logger *slog.Logger, ends *closers) (hunt.Auditor, error) {
	if why.dry {
		return nil, nil //nolint:nilnil // none is wanted
	}
	_, gone := os.Stat(cfg.audit)
	log, err := openAudit(cfg)
	if log == nil {
		return nil, err
	}
	if errors.Is(gone, fs.ErrNotExist) && !why.first {
		why.warn("there is a ledger, and no audit log %s: a new one is begun. If there was one, it was moved or deleted", cfg.audit)
	}
	ends.add(func() {
		// Lines that are cut off the end of the log are missed by whoever has noted where it ended.
		logger.Info("the audit log ends", "head", log.Head().String())
		if err := log.Close(); err != nil {
			logger.Error("the audit log could not be closed", "error", err)
		}
	})
	return log, nil
}

// auditState is what a check of the audit log found.
type auditState struct {
	File    string `json:"file"`
	Whole   bool   `json:"whole"`
	Entries uint64 `json:"entries"`
	// Decisions counts them by status.
	Decisions map[hunt.Status]int `json:"decisions,omitempty"`
	Torn      int                 `json:"torn,omitempty"`
	Head      string              `json:"head"`
	Error     string              `json:"error,omitempty"`
}

// verifyAudit checks the chain of the audit log from its beginning to its end.
func (j *job) verifyAudit(ctx context.Context, heads []audit.Head) int {
	if j.cfg.audit == "" {
		return j.refuse(errors.New("audit.filename is off: there is no audit log"))
	}
	sum, err := audit.VerifyFile(ctx, j.cfg.audit, heads...)
	_, broken := errors.AsType[*audit.BreakError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		j.complain("there is no audit log %s: either nothing was ever done with this configuration, or it was moved or deleted", j.cfg.audit)
		return exitFailed
	case err != nil && !broken && !errors.Is(err, audit.ErrNotLog):
		j.complain("the audit log could not be checked: %v", err)
		return exitFailed
	}
	state := auditState{
		File: j.cfg.audit, Whole: err == nil, Entries: sum.Entries, Decisions: sum.Decisions, Torn: sum.Torn, Head: sum.Head.String(),
	}
	if err != nil {
		state.Error = err.Error()
	}
	if printErr := j.printAudit(state); printErr != nil {
		j.complain("the answer could not be written: %v", printErr)
		return exitFailed
	}
	if err != nil {
		j.complain("THE AUDIT LOG IS NOT AS IT WAS WRITTEN: %v", err)
		return exitFailed
	}
	return exitDone
}

func (j *job) printAudit(s auditState) error {
	if j.json {
		return j.encode(s)
	}
	p := j.page(0)
	verdict := "is whole"
	if !s.Whole {
		verdict = "is whole up to where it breaks"
	}
	p.printf("%s %s: %s", harmless(s.File), verdict, plural(int(min(s.Entries, 1<<31-1)), "entry", "entries"))
	var counts []string
	for _, status := range slices.Sorted(maps.Keys(s.Decisions)) {
		counts = append(counts, fmt.Sprintf("%s %d", status, s.Decisions[status]))
	}
	if len(counts) > 0 {
		p.printf(" (%s)", strings.Join(counts, ", "))
	}
	if s.Torn > 0 {
		p.printf(", and %s", plural(s.Torn, "write that a crash or a full disk cut off", "writes that a crash or a full disk cut off"))
	}
	p.printf(".\nIts head is %s.\n", s.Head)
	return p.err
}

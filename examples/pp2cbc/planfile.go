package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pphunt/pphunt/hunt"
)

// mayReplace refuses to write a plan over anything but a plan: a wrong name must not cost anybody a file.
func mayReplace(path string) error {
	if path == "" {
		return nil
	}
	_, err := readPlan(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, hunt.ErrPlanAltered) {
		return nil
	}
	return fmt.Errorf("--plan %s: the file is there, and no plan: %w", path, err)
}

func readPlan(path string) (*hunt.SavedPlan, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return hunt.ReadPlan(f)
}

// savePlan keeps what a dry run found.
func (j *job) savePlan(w *wired, plan *hunt.Plan, report *hunt.Report, path string) bool {
	saved, err := w.hunter.Save(plan, report)
	if err == nil {
		err = writeWhole(path, func(w io.Writer) error {
			_, err := saved.WriteTo(w)
			return err
		})
	}
	if err != nil {
		j.complain("the plan could not be saved: %v", err)
		return false
	}
	j.logger.Info("plan saved", "digest", saved.Digest)
	if !j.json {
		fmt.Fprintf(j.out, "\nThe plan is in %s; its digest is %s.\nTo carry it out before %s: pp2cbc --apply %s\n",
			harmless(path), saved.Digest, stamp(saved.Made.Add(j.cfg.guard.planAge)), harmless(path))
	}
	return true
}

// applyPlan carries out a plan that was saved.
func (j *job) applyPlan(ctx context.Context, path string) int {
	saved, err := readPlan(path)
	if err != nil {
		return j.refuse(fmt.Errorf("--apply %s: %w", path, err))
	}
	w, code := j.wire(ctx, purpose{run: saved.Run})
	if w == nil {
		return code
	}
	defer w.close()
	report, err := w.hunter.ApplySaved(ctx, saved, operator())
	if report == nil {
		if ctx.Err() != nil {
			j.complain("stopped before anything was done")
			return exitFailed
		}
		return j.refuse(fmt.Errorf("--apply %s: %w", path, err))
	}
	return j.end(ctx, w, report, err, "Plan")
}

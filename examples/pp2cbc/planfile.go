package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
		err = writePlan(saved, path)
	}
	if err != nil {
		j.complain("the plan could not be saved: %v", err)
		return false
	}
	j.logger.Info("plan saved", "run", saved.Run, "digest", saved.Digest)
	if !j.json {
		fmt.Fprintf(j.out, "\nThe plan is in %s; its digest is %s.\nTo carry it out before %s: pp2cbc --apply %s\n",
			harmless(path), saved.Digest, stamp(saved.Made.Add(j.cfg.guard.planAge)), harmless(path))
	}
	return true
}

// writePlan writes the file as a whole or not at all, for its owner alone.
func writePlan(saved *hunt.SavedPlan, path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = saved.WriteTo(f)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// applyPlan carries out a plan that was saved.
func (j *job) applyPlan(ctx context.Context, path string) int {
	saved, err := readPlan(path)
	if err != nil {
		return j.refuse(fmt.Errorf("--apply %s: %w", path, err))
	}
	w, code := j.wire(ctx, purpose{})
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
	return j.end(w, report, err, "Plan")
}

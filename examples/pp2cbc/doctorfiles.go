package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// files looks at the ledger and at the other files, and opens none of them for writing.
func (d *examination) files(ctx context.Context) {
	d.ledger(ctx)
	for _, file := range []struct{ key, path string }{
		{"logging.filename", d.cfg.log.file}, {"audit.filename", d.cfg.audit}, {"hunt.dead_letters", d.cfg.hunt.deadLetters},
	} {
		if file.path != "" {
			d.file(file.key, file.path, false)
		}
	}
	if dir := d.cfg.actions.evidenceDir; dir != "" && d.cfg.actions.liveResponse {
		d.file("actions.evidence_dir", dir, true)
	}
}

func (d *examination) ledger(ctx context.Context) {
	f := finding{Subject: "sqlite3.filename", Status: statusOK}
	health, err := sqlitededupe.Look(ctx, d.cfg.ledger, dedupehunt.CursorPrefix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Detail = "there is none yet; the first run makes it at " + d.cfg.ledger
		if _, err := os.Stat(filepath.Dir(d.cfg.ledger)); err != nil {
			f.Status, f.Detail = statusFailed, err.Error()
		}
	case err != nil:
		f.Status, f.Detail = statusFailed, err.Error()
	case health.Legacy:
		f.Detail = "the database of the old script; the first run takes it over"
	default:
		f.Detail = fmt.Sprintf("%d records, %d of them unfinished, %.1f MB, sound", health.Records, health.Unfinished, float64(health.Size)/1e6)
	}
	d.add(f)
	d.budget(health)
}

// budget tells how many calls of TAP are left today, as far as the runs with this ledger have counted.
func (d *examination) budget(health sqlitededupe.Health) {
	for key, text := range health.Notes {
		name := strings.TrimPrefix(string(key), string(dedupehunt.CursorPrefix))
		quota, ok := proofpointhunt.ReadQuota(name, text)
		if !ok || !strings.HasPrefix(name, tenant(d.cfg)+"/") {
			continue
		}
		for _, u := range quota.Usage(d.now()) {
			if u.Bucket != proofpoint.BucketSIEM {
				continue
			}
			f := finding{
				Subject: "Proofpoint TAP: calls of today", Status: statusOK,
				Detail: fmt.Sprintf("%d of %d are left, as far as the runs with this ledger have counted", u.Left(), u.Limit),
			}
			if u.Left() < u.Limit/10 {
				f.Status = statusWarning
			}
			d.add(f)
		}
	}
}

// file tells whether a file is there, or could be made.
func (d *examination) file(key, path string, dir bool) {
	f := finding{Subject: key, Status: statusOK, Detail: path}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent, err := os.Stat(filepath.Dir(path))
		switch {
		case err != nil:
			f.Status, f.Detail = statusFailed, err.Error()
		case !parent.IsDir():
			f.Status, f.Detail = statusFailed, filepath.Dir(path)+" is not a directory"
		default:
			f.Detail = path + " is not there yet"
		}
	case err != nil:
		f.Status, f.Detail = statusFailed, err.Error()
	case info.IsDir() != dir:
		f.Status, f.Detail = statusFailed, path+" is not what is needed here"
	case info.Mode().Perm()&0o200 == 0:
		f.Status, f.Detail = statusFailed, path+" cannot be written"
	}
	d.add(f)
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/huntreport"
)

// checkReport refuses what no report can be written to, before anything is asked or done.
func checkReport(path string) error {
	if _, ok := huntreport.FormatOf(path); !ok {
		return fmt.Errorf("%q must end in .html, .json, .csv or .md", path)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%q is no file", path)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%q is no directory", filepath.Dir(path))
	}
	return nil
}

// reports reads where each run is to be written to.
func (p *parser) reports(taken ...string) []string {
	if text := p.v.get("report", "filename"); off(text) || p.v.off("report", "filename") {
		return nil
	}
	var paths []string
	for _, name := range list(p.v.get("report", "filename")) {
		path := p.v.path(name)
		if err := checkReport(path); err != nil {
			p.fail("report", "filename", "%w", err)
		}
		if slices.Contains(taken, path) {
			p.fail("report", "filename", "%s is the file of something else already", name)
		}
		paths = append(paths, path)
	}
	return paths
}

// writeReports writes a report to every file that is asked for. A dry run leaves those of the configuration alone, which tell of what was done.
func (j *job) writeReports(r *hunt.Report, kind string) error {
	paths := j.reports
	if !r.DryRun {
		paths = slices.Concat(j.cfg.reports, j.reports)
	}
	var problems []error
	for _, path := range paths {
		path = strings.ReplaceAll(path, "{run}", r.Run)
		format, _ := huntreport.FormatOf(path)
		err := writeWhole(path, func(w io.Writer) error {
			return huntreport.Write(w, format, r, huntreport.Options{Title: kind, Advice: reportAdvice, Explain: explain})
		})
		if err != nil {
			problems = append(problems, fmt.Errorf("the report %s could not be written: %w", path, err))
		}
	}
	return errors.Join(problems...)
}

const reportAdvice = "To do one after all: pp2cbc apply --held ID. To leave it at that: pp2cbc status --ack ID. The SHA-256 of a file stands for all that waits of it."

// writeWhole writes a file as a whole or not at all, for its owner alone.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	buffered := bufio.NewWriter(f)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
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

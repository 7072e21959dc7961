package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/listhunt"
)

// listOptions are the flags of the subcommand hunt.
type listOptions struct {
	common
	hashes []string
	file   string
	dryRun bool
}

func parseListFlags(args []string) (listOptions, error) {
	var o listOptions
	fs := newFlags(&o.common)
	o.reportFlag(fs)
	o.voiceFlags(fs)
	fs.BoolVar(&o.dryRun, "dry-run", false, "")
	fs.StringVar(&o.file, "file", "", "")
	rest, err := o.parse(fs, args)
	if err != nil || o.help {
		return o, err
	}
	o.hashes = rest
	switch {
	case o.file != "" && len(rest) > 0 || slices.Contains(rest, "-") && len(rest) > 1:
		return o, errors.New("one list at a time: hashes, or - for standard input, or --file")
	case o.file == "" && len(rest) == 0:
		return o, errors.New("hunt needs the SHA-256 of files, or - for standard input, or --file")
	case len(rest) == 1 && rest[0] == "-":
		o.file, o.hashes = "-", nil
	}
	var problems []error
	for _, text := range o.hashes {
		if _, err := hunt.ParseSHA256(text); err != nil {
			problems = append(problems, fmt.Errorf("%.80q: %w", text, err))
		}
	}
	return o, errors.Join(problems...)
}

// open is the list that is meant, and what to call it.
func (o listOptions) open(stdin io.Reader) (lines io.ReadCloser, name string, err error) {
	switch o.file {
	case "":
		return io.NopCloser(strings.NewReader(strings.Join(o.hashes, "\n"))), "the command line", nil
	case "-":
		if stdin == nil {
			stdin = strings.NewReader("")
		}
		return io.NopCloser(stdin), "standard input", nil
	}
	f, err := os.Open(o.file)
	if err != nil {
		return nil, "", fmt.Errorf("--file: %w", err)
	}
	return f, o.file, nil
}

// listSource remembers what is on the list, so that a hunt of it takes up nothing else.
type listSource struct {
	*listhunt.Source
	mu   sync.Mutex
	seen map[hunt.SHA256]bool
}

// Indicators implements [hunt.Source].
func (l *listSource) Indicators(ctx context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
	return func(yield func(hunt.Indicator, error) bool) {
		for ind, err := range l.Source.Indicators(ctx, ask) {
			l.mu.Lock()
			l.seen[ind.SHA256] = true
			l.mu.Unlock()
			if !yield(ind, err) {
				return
			}
		}
	}
}

// listBacklog knows the files of a list alone.
type listBacklog struct {
	*ledger
	list *listSource
}

// Open implements [hunt.Backlog].
func (l listBacklog) Open(ctx context.Context) ([]hunt.OpenIndicator, error) {
	open, err := l.List(ctx)
	l.list.mu.Lock()
	defer l.list.mu.Unlock()
	return slices.DeleteFunc(open, func(o hunt.OpenIndicator) bool { return !l.list.seen[o.SHA256] }), err
}

// badLines tells of the lines of a list that are no hashes. A list is not kept elsewhere: it is there.
type badLines struct{ *job }

func (b badLines) Put(_ context.Context, _ string, bad hunt.BadRecord) error {
	b.complain("%s: %s", bad.Source, bad.Reason)
	return nil
}

// huntList hunts the files of a list.
func (p program) huntList(ctx context.Context, args []string) int {
	o, err := parseListFlags(args)
	if code, over := p.flagged(err, o.help); over {
		return code
	}
	lines, name, err := o.open(p.in)
	if err != nil {
		return p.refuse(err)
	}
	defer func() { _ = lines.Close() }()
	j, end, err := p.begin(o.common)
	if err != nil {
		return p.refuse(err)
	}
	defer end()
	source, err := listhunt.New(listhunt.Config{Lines: lines, Name: name})
	if err != nil {
		return p.refuse(err)
	}
	w, code := j.wire(ctx, purpose{dry: o.dryRun, begins: "reading the list", list: &listSource{Source: source, seen: make(map[hunt.SHA256]bool)}, letters: badLines{j}})
	if w == nil {
		return code
	}
	defer w.close()
	if o.dryRun {
		report, err := w.hunter.Preview(ctx, w.hunter.Plan(ctx, hunt.Window{}))
		return j.end(ctx, w, report, err, "Dry run of a list")
	}
	report, err := w.hunter.Run(ctx, hunt.Window{})
	return j.end(ctx, w, report, err, "Hunt of a list")
}

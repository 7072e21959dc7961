package main

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/fatih/color"
	"github.com/mattn/go-isatty"

	"github.com/pphunt/pphunt/hunt"
)

// voiceFlags add the flags that say how much is told.
func (c *common) voiceFlags(fs *flag.FlagSet) {
	fs.BoolVar(&c.quiet, "quiet", false, "")
	fs.BoolVar(&c.verbose, "verbose", false, "")
}

func (c *common) checkVoice() error {
	if c.quiet && c.verbose {
		return errors.New("--quiet and --verbose do not go together")
	}
	return nil
}

// shared is a writer for several goroutines: complaints, the log and the progress are of different ones.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// isTerminal tells whether a person reads what is written there as it comes.
func isTerminal(w io.Writer) bool {
	f, ok := terminalOf(w).(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// terminalOf is what is shared.
func terminalOf(w io.Writer) io.Writer {
	if s, ok := w.(*shared); ok {
		return s.w
	}
	return w
}

// lookup finds a variable of the environment; the last of several counts, as for a process that is started.
func (p program) lookup(name string) string {
	value := ""
	for _, pair := range p.environ {
		if key, v, ok := strings.Cut(pair, "="); ok && key == name {
			value = v
		}
	}
	return value
}

// lively tells whether w is a terminal that can do more than append.
func (p program) lively(w io.Writer) bool { return isTerminal(w) && p.lookup("TERM") != "dumb" }

// colors tells whether what is printed may be colored: on a terminal that can, unless the environment has NO_COLOR (no-color.org).
func (p program) colors() bool {
	return p.lively(p.out) && p.lookup("NO_COLOR") == ""
}

// shade is how something is printed on a terminal that can, by what it means for whoever reads.
type shade int

const (
	heading shade = iota
	good
	waiting
	alarming
)

// paint colors a text that is no stranger's.
func (p *page) paint(how shade, text string) string {
	if !p.colors {
		return text
	}
	c := color.New(color.Bold)
	switch how {
	case good:
		c.Add(color.FgGreen)
	case waiting:
		c.Add(color.FgYellow)
	case alarming:
		c.Add(color.FgRed)
	case heading:
	}
	c.EnableColor() // whatever the library thinks of standard output
	return c.Sprint(text)
}

// page prints on standard output.
func (p program) page(most int) *page {
	return &page{w: p.out, most: most, colors: p.colors()}
}

// loud adds standard error to a log that goes elsewhere.
func (c *common) loud(logger *slog.Logger, cfg logConfig, stderr io.Writer) *slog.Logger {
	if !c.verbose || cfg.file == "" {
		return logger
	}
	return slog.New(slog.NewMultiHandler(logger.Handler(), slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: cfg.level})))
}

// watched is the progress of a run, nil where nobody wants to see it or the log is there already.
func (j *job) watched(first string) *progress {
	if j.quiet || j.verbose || j.cfg.log.file == "" || j.log == nil {
		return nil
	}
	return newProgress(j.log, j.lively(j.log), first, j.now)
}

// hush tells whether a report need not be printed: nothing is new, nothing was done, and nobody has to look.
func (j *job) hush(r *hunt.Report, code int) bool {
	if !j.quiet || code != exitDone || r.DryRun {
		return false
	}
	news := r.News()
	return len(news.Indicators) == 0 && len(news.Sightings) == 0 && len(news.Outcomes) == 0 && len(r.Turned) == 0
}

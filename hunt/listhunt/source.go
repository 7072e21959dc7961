// Package listhunt hunts the files of a list, that somebody has typed, or got from a colleague: a [hunt.Source] of hashes.
//
//	source, err := listhunt.New(listhunt.Config{Name: "incident.txt", Lines: file})
//
// A list has one SHA-256 in a line, or CSV with the hash first and a comment second:
//
//	# what the neighbors sent us
//	E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855
//	b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c,"loader, seen in March"
//
// Lines that are empty, or begin with #, are left out, and so is a first line that names columns. A line that has something else where a
// hash belongs is a [hunt.BadRecord] with its number. MD5 and SHA-1 are none: files with the same can be made.
//
// Nobody but the list condemns its files. [Verifier] takes the list's word for them, unless a service that knows the file says otherwise.
package listhunt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/pphunt/pphunt/hunt"
)

const (
	// MaxHashes is how many files a list has at most.
	MaxHashes = 100_000
	// MaxLine is the longest line, in bytes.
	MaxLine = 64 << 10
)

// Config says what is read. Lines is required.
type Config struct {
	// Lines are read once, by the first call of [Source.Indicators], to their end.
	Lines io.Reader
	// Name is what to call the list, such as its file.
	Name string
}

// Source is a [hunt.Source]. It has no cursor and takes no notice of windows. It is used once.
type Source struct {
	cfg  Config
	used bool
}

var _ hunt.Source = (*Source)(nil)

// New checks the configuration.
func New(cfg Config) (*Source, error) {
	if cfg.Lines == nil {
		return nil, errors.New("listhunt: Config.Lines is missing")
	}
	return &Source{cfg: cfg}, nil
}

// Indicators yields each file of the list once, with the comment of its first line as [hunt.Threat.Comment].
func (s *Source) Indicators(ctx context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
	return func(yield func(hunt.Indicator, error) bool) {
		if s.used {
			yield(hunt.Indicator{}, errors.New("listhunt: the list was read before"))
			return
		}
		s.used = true
		if err := s.read(ctx, ask, yield); err != nil && !errors.Is(err, errStopped) {
			yield(hunt.Indicator{}, fmt.Errorf("listhunt: %s: %w", s.cfg.Name, err))
			return
		}
		_ = ask.Read(ctx, hunt.Window{}) // there is no position to keep
	}
}

var errStopped = errors.New("stopped")

func (s *Source) read(ctx context.Context, ask hunt.Ask, yield func(hunt.Indicator, error) bool) error {
	seen := make(map[hunt.SHA256]bool)
	lines := bufio.NewScanner(s.cfg.Lines)
	lines.Buffer(make([]byte, 0, 4096), MaxLine)
	bad, entries := 0, 0
	for n := 1; lines.Scan(); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line := lines.Bytes()
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		e, err := parse(string(line))
		switch {
		case err != nil && entries == 0 && bad == 0 && header(string(line)):
			continue
		case err != nil:
			bad++
			ask.Bad(hunt.BadRecord{Source: s.cfg.Name, Raw: bytes.Clone(line), Reason: fmt.Sprintf("line %d: %v", n, err)})
			continue
		case e == (entry{}):
			continue
		}
		entries++
		if seen[e.hash] {
			continue
		}
		if len(seen) == MaxHashes {
			return fmt.Errorf("line %d: a list has at most %d files", n, MaxHashes)
		}
		seen[e.hash] = true
		if !yield(s.indicator(e), nil) {
			return errStopped
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if bad > 0 && ask.OnBad == nil {
		return &hunt.BadRecordsError{Count: bad}
	}
	return nil
}

// indicator has no time of a verdict: what a service says of the file stands against it.
func (s *Source) indicator(e entry) hunt.Indicator {
	return hunt.Indicator{
		SHA256: e.hash,
		Threat: hunt.Threat{
			ID: e.hash.String(), Type: hunt.ThreatListed, Classification: "malware", Status: "active", Comment: e.comment,
		},
	}
}

// entry is a line of a list. The zero entry is a line with nothing in it.
type entry struct {
	hash    hunt.SHA256
	comment string
}

// parse reads a line: a hash, or fields of CSV of which the first is one.
func parse(line string) (entry, error) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return entry{}, nil
	}
	text, comment := line, ""
	if strings.ContainsAny(line, `,;"`) {
		r := csv.NewReader(strings.NewReader(line))
		if strings.Contains(line, ";") && !strings.Contains(line, ",") {
			r.Comma = ';'
		}
		fields, err := r.Read()
		if err != nil {
			return entry{}, fmt.Errorf("no CSV: %w", err)
		}
		text = strings.TrimSpace(fields[0])
		comment = strings.TrimSpace(strings.Join(fields[1:], " "))
	} else if first, rest, ok := strings.Cut(line, " "); ok { // as sha256sum writes
		text, comment = first, strings.TrimSpace(strings.TrimLeft(rest, " *"))
	}
	hash, err := hunt.ParseSHA256(text)
	if err != nil {
		return entry{}, err
	}
	return entry{hash, comment}, nil
}

// header tells whether a line names the columns of a table.
func header(line string) bool {
	line = strings.TrimPrefix(line, "\ufeff")
	if i := strings.IndexAny(line, ",;"); i >= 0 {
		line = line[:i]
	}
	switch strings.ToLower(strings.Trim(line, "\" \t")) {
	case "sha256", "sha-256", "sha_256", "hash", "file_hash", "sha256_hash", "indicator", "ioc", "value":
		return true
	}
	return false
}

// Verifier takes the word of a list for its files, also days later when they are hunted still, and asks next about all others. Next is
// asked about a listed file too, if it is not nil: should it know the file and say that it is condemned no longer, that counts. An error
// of next says nothing about a file that it need not know.
func Verifier(next hunt.Verifier) hunt.Verifier {
	return hunt.VerifierFunc(func(ctx context.Context, ind hunt.Indicator) (bool, error) {
		listed := ind.Threat.Type == hunt.ThreatListed
		if next == nil {
			if listed {
				return true, nil
			}
			return false, fmt.Errorf("listhunt: nobody can be asked about %s", ind.SHA256)
		}
		condemned, err := next.Verify(ctx, ind)
		if listed && err != nil && ctx.Err() == nil {
			return true, nil
		}
		return condemned, err
	})
}

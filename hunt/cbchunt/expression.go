package cbchunt

import (
	"slices"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// What one search may be. The vendor publishes no limits: a hundred hashes are known to work, engines of its kind take 1,024 clauses, and
// the length is what these come to.
const (
	mostFiles   = 100
	mostClauses = 1000
	mostBytes   = 64 << 10
	// mostNames is how many names of one file are searched for, the latest ones: a campaign gives each recipient another.
	mostNames = 5
	// mostKnown is how many processes are left out of the search for one file, the latest ones.
	mostKnown = 300
)

// file is what is searched for of an indicator.
type file struct {
	sha256 hunt.SHA256
	md5    hunt.MD5
	// names are the distinctive names of the attachment, with the first time that a mail brought it.
	names []sentName
	// second means that no mail brought the file, but another one did.
	second bool
	// touchers and namers are the processes of which it is known that they touched the file, or have to do with its name: they are not
	// found again.
	touchers, namers []string
	// hidden are those of the touchers whose own file it is, as far as the vendor says, although their rows do not show it.
	hidden map[cbc.ProcessGUID]bool
}

// unaskedFor is how long a process is not asked about that had the name of a file for another reason: it can write the file yet.
const unaskedFor = 6 * time.Hour

// know takes over what earlier searches have told.
func (f *file) know(seen []hunt.Sighting, now time.Time) {
	for _, s := range seen[:min(len(seen), mostKnown)] {
		switch {
		case s.Evidence == hunt.None && now.Sub(s.Time) >= unaskedFor:
		case s.Evidence <= hunt.Named:
			f.namers = append(f.namers, s.Process.GUID)
		case s.Field == ownField:
			if f.hidden == nil {
				f.hidden = make(map[cbc.ProcessGUID]bool)
			}
			f.hidden[cbc.ProcessGUID(s.Process.GUID)] = true
			fallthrough
		default:
			f.touchers = append(f.touchers, s.Process.GUID)
		}
	}
}

type sentName struct {
	name  string
	since time.Time
}

// parts puts a batch into searches that the vendor takes.
func (q *query) parts(batch []hunt.Indicator) [][]file {
	byHash := make(map[hunt.SHA256]*file)
	var order []hunt.SHA256
	for _, ind := range batch {
		f := byHash[ind.SHA256]
		if f == nil {
			f = &file{sha256: ind.SHA256, second: !ind.Of.IsZero()}
			byHash[ind.SHA256] = f
			order = append(order, ind.SHA256)
		}
		if f.md5.IsZero() {
			f.md5 = ind.MD5
		}
		f.know(ind.Seen, q.now)
		if q.s.cfg.Evidence <= hunt.Named {
			f.names = namesOf(ind)
		}
	}
	slices.SortFunc(order, func(a, b hunt.SHA256) int { return slices.Compare(a[:], b[:]) })
	files := make([]file, len(order))
	for i, hash := range order {
		files[i] = *byHash[hash]
	}
	return q.pack(files)
}

// pack halves what is too much for one search. Nearly always it is not.
func (q *query) pack(files []file) [][]file {
	if len(files) > 1 {
		e := q.expression(files)
		if half := len(files) / 2; len(files) > mostFiles || e.Clauses() > mostClauses || e.Len() > mostBytes {
			return append(q.pack(files[:half]), q.pack(files[half:])...)
		}
	}
	return [][]file{files}
}

// expression finds the processes that had to do with any of the files in any way that is searched for, and of which that is not known.
func (q *query) expression(files []file) cbc.Expr {
	if q.s.cfg.Evidence == hunt.Executed {
		return own(files)
	}
	var some []cbc.Expr
	var news, seen []file
	for _, f := range files {
		if len(f.touchers)+len(f.namers) == 0 {
			news = append(news, f)
			continue
		}
		seen = append(seen, f)
		one := []file{f}
		switch {
		case len(f.names) == 0:
			some = append(some, except(touched(one), f.touchers))
		case len(f.namers) == 0:
			some = append(some, except(cbc.Or(touched(one), q.named(one)), f.touchers))
		default:
			some = append(some, except(touched(one), f.touchers), except(q.named(one), slices.Concat(f.touchers, f.namers)))
		}
	}
	if len(seen) > 0 {
		some = append(some, own(seen)) // also of the processes that are left out
	}
	if len(news) > 0 {
		some = append(some, touched(news))
	}
	if hasNames(news) {
		some = append(some, q.named(news))
	}
	return cbc.Or(some...)
}

// touchedBesides is touched without the processes of which it is known.
func touchedBesides(files []file) cbc.Expr {
	var some []cbc.Expr
	var news []file
	for _, f := range files {
		if len(f.touchers) == 0 {
			news = append(news, f)
		} else {
			some = append(some, except(touched([]file{f}), f.touchers))
		}
	}
	if len(news) > 0 {
		some = append(some, touched(news))
	}
	return cbc.Or(some...)
}

// except leaves processes out.
func except(e cbc.Expr, guids []string) cbc.Expr {
	if len(guids) == 0 {
		return e
	}
	return cbc.And(e, cbc.Not(cbc.Field("process_guid").AnyOf(guids...)))
}

// ownField is the field with the hashes of a process's own executable.
const ownField = "process_hash"

// own finds processes whose executable is one of the files.
func own(files []file) cbc.Expr {
	sha, md5 := hashesOf(files)
	return either(cbc.Field(ownField), sha, md5)
}

// touched finds processes that are, loaded, wrote, started or interpreted one of the files. The field hash stands for childproc_hash,
// crossproc_hash, filemod_hash, modload_hash and process_hash; the others it leaves out know no MD5, or are not known to.
func touched(files []file) cbc.Expr {
	sha, md5 := hashesOf(files)
	return cbc.Or(
		either(cbc.Field("hash"), sha, md5),
		cbc.Field("scriptload_hash").SHA256(sha...),
		cbc.Field("fileless_scriptload_hash").SHA256(sha...),
		cbc.Field("blocked_hash").SHA256(sha...),
	)
}

// named finds processes that have the name of a file in a field that knows names. Names come from attackers: they are phrases, in which
// nothing is a wildcard or an operator.
func (q *query) named(files []file) cbc.Expr {
	fields := []string{"process_cmdline", "filemod_name", "scriptload_name"}
	if q.s.cfg.Events == nil {
		fields = fields[:1] // nobody could say whether the others are right
	}
	var some []cbc.Expr
	for _, f := range files {
		for _, n := range f.names {
			for _, field := range fields {
				some = append(some, cbc.Field(field).Phrase(n.name))
			}
		}
	}
	return cbc.Or(some...)
}

func either(field cbc.FieldName, sha [][32]byte, md5 [][16]byte) cbc.Expr {
	if len(md5) == 0 {
		return field.SHA256(sha...)
	}
	return cbc.Or(field.SHA256(sha...), field.MD5(md5...))
}

func hashesOf(files []file) (sha [][32]byte, md5 [][16]byte) {
	for _, f := range files {
		sha = append(sha, f.sha256)
		if !f.md5.IsZero() {
			md5 = append(md5, f.md5)
		}
	}
	return sha, md5
}

// nameless are the files without their names.
func nameless(files []file) []file {
	all := slices.Clone(files)
	for i := range all {
		all[i].names = nil
	}
	return all
}

func hasNames(files []file) bool {
	return slices.ContainsFunc(files, func(f file) bool { return len(f.names) > 0 })
}

package cbchunt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// mostEvents is the most processes of one search whose events are asked for: a call or more each.
const mostEvents = 20

// tellApart finds out which files rows are about that do not show it: by their command lines, by the events of the processes, and by
// halving what is left.
func (q *query) tellApart(ctx context.Context, files []file, when span, open map[cbc.ProcessGUID]cbc.Process) {
	rows := slices.SortedFunc(maps.Values(open), func(a, b cbc.Process) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.GUID, b.GUID))
	})
	var unexplained []cbc.Process
	asked := 0
	for _, p := range rows {
		if q.stopped {
			return
		}
		var touches map[hunt.SHA256]touch
		if q.s.cfg.Events != nil && asked < mostEvents && ctx.Err() == nil {
			asked++
			touches, q.whole[p.GUID] = q.inEvents(ctx, files, p)
		}
		q.inCommandLine(files, p) // which does not say that the file was not touched as well
		if !q.tell(files, p, touches) || !q.whole[p.GUID] {
			unexplained = append(unexplained, p)
		}
		q.other(files, p, touches)
	}
	if left := len(rows) - asked; left > 0 && q.s.cfg.Events != nil {
		q.s.cfg.Warn(fmt.Sprintf("of %d processes nobody was asked where and when they touched a file: they are too many", left))
	}
	q.halve(ctx, files, when, unexplained)
}

// mostGUIDs is how many processes a search is bound to.
const mostGUIDs = 100

// halve tells by searches which files processes are about.
func (q *query) halve(ctx context.Context, files []file, when span, rows []cbc.Process) {
	if len(rows) == 0 || q.stopped {
		return
	}
	if q.s.cfg.Evidence < hunt.Executed {
		touching := func(some []file) cbc.Expr { return boundTo(rows, touchedBesides(some), cbc.Not(own(files))) }
		for _, part := range q.suspects(files) {
			q.narrow(ctx, nameless(part), when, "", touching) // what was found by a name alone does not count
		}
	}
	// The vendor matches rows that do not show the hash, for instance because they carry the MD5 alone. That is not enough to call the
	// file executed, and too much to keep silent about.
	hidden := slices.DeleteFunc(slices.Clone(rows), func(p cbc.Process) bool {
		_, shown := p.SHA256()
		return shown
	})
	if len(hidden) > 0 {
		q.narrow(ctx, nameless(files), when, ownField, func(some []file) cbc.Expr { return boundTo(hidden, own(some)) })
	}
}

// suspects puts files into groups that are to be searched for. Of many machines with one file the events of a few have told which it
// is, so that it stands alone, and the others together: the same machines can have several. Where nothing is known, and no row was found
// by a name, one of the files is meant for certain, and they are halved at once.
func (q *query) suspects(files []file) [][]file {
	known := make(map[hunt.SHA256]bool)
	for t := range q.told {
		known[t.file] = known[t.file] || t.evidence == hunt.Touched
	}
	var groups [][]file
	var others []file
	for _, f := range files {
		if known[f.sha256] {
			groups = append(groups, []file{f})
		} else {
			others = append(others, f)
		}
	}
	half := len(others) / 2
	switch {
	case len(others) == 0:
	case len(groups) == 0 && half > 0 && !hasNames(files):
		groups = append(groups, others[:half], others[half:])
	default:
		groups = append(groups, others)
	}
	return groups
}

// boundTo finds what all expressions say, among some processes alone if they are few.
func boundTo(rows []cbc.Process, all ...cbc.Expr) cbc.Expr {
	if len(rows) > mostGUIDs {
		return cbc.And(all...)
	}
	guids := make([]string, len(rows))
	for i, p := range rows {
		guids[i] = string(p.GUID)
	}
	return cbc.And(append(all, cbc.Field("process_guid").AnyOf(guids...))...)
}

// inCommandLine looks for the names of files on the command line of a process.
func (q *query) inCommandLine(files []file, p cbc.Process) {
	at := p.Start
	if at.IsZero() {
		at = p.Time
	}
	for _, f := range files {
		for _, n := range f.names {
			if at.Before(n.since) || !slices.ContainsFunc(p.CommandLines, func(line string) bool { return shows(line, n.name) }) {
				continue
			}
			q.found(f, hunt.Named, p, func(s *hunt.Sighting) { s.Field = "process_cmdline" })
		}
	}
}

// inEvents asks for the events of a process in which it touched one of the files, or one of that name. Events that cannot be had are no
// failure of the search: the row stands. It reports whether all of them came.
func (q *query) inEvents(ctx context.Context, files []file, p cbc.Process) (touches map[hunt.SHA256]touch, whole bool) {
	touches = make(map[hunt.SHA256]touch)
	for e, err := range q.s.cfg.Events.Events(ctx, p.GUID, cbc.EventQuery{Query: eventExpression(files)}) {
		if err != nil {
			q.s.cfg.Warn(fmt.Sprintf("the events of process %s: %v", p.GUID, err))
			return touches, false
		}
		for _, f := range files {
			t := touchOf(f, e)
			if have, ok := touches[f.sha256]; t.field != "" && (!ok || t.better(have)) {
				touches[f.sha256] = t
			}
		}
	}
	return touches, true
}

// tell yields what the events of a process say, and reports whether they say by their hashes what was touched.
func (q *query) tell(files []file, p cbc.Process, touches map[hunt.SHA256]touch) (told bool) {
	for _, f := range files {
		if t := touches[f.sha256]; t.evidence > hunt.None {
			told = told || t.evidence == hunt.Touched
			q.found(f, t.evidence, p, func(s *hunt.Sighting) { s.Field, s.ByMD5, s.File = t.field, t.byMD5, t.event })
		}
	}
	return told
}

// other notes that a process has the name of a file for another reason: the name is part of another one, is older than the mail, or is that
// of a file with another hash.
func (q *query) other(files []file, p cbc.Process, touches map[hunt.SHA256]touch) {
	if !q.allTold(p) {
		return
	}
	for _, f := range files {
		_, has := touches[f.sha256]
		for _, n := range f.names {
			has = has || slices.ContainsFunc(p.CommandLines, n.in)
		}
		if has && !q.told[told{p.GUID, f.sha256, hunt.Named}] && !q.told[told{p.GUID, f.sha256, hunt.Touched}] {
			q.found(f, hunt.None, p, func(s *hunt.Sighting) { s.Time = q.now })
		}
	}
}

// touch is what one event says about a file. One without evidence has its name for another reason.
type touch struct {
	evidence hunt.Evidence
	field    string
	byMD5    bool
	event    hunt.FileEvent
}

// better prefers the stronger evidence, and of equals what happened first.
func (t touch) better(other touch) bool {
	if t.evidence != other.evidence {
		return t.evidence > other.evidence
	}
	return t.event.Time.Before(other.event.Time)
}

func eventExpression(files []file) cbc.Expr {
	sha, md5 := hashesOf(files)
	var some []cbc.Expr
	for _, kind := range [...]string{"filemod", "modload", "scriptload", "fileless_scriptload", "childproc", "crossproc"} {
		some = append(some, cbc.Field(kind+"_sha256").SHA256(sha...))
		if len(md5) > 0 {
			some = append(some, cbc.Field(kind+"_md5").MD5(md5...))
		}
	}
	for _, f := range files {
		for _, n := range f.names {
			some = append(some, cbc.Field("filemod_name").Phrase(n.name), cbc.Field("scriptload_name").Phrase(n.name))
		}
	}
	return cbc.Or(some...)
}

// touchOf tells what an event says about a file. The zero touch is nothing.
func touchOf(f file, e cbc.Event) touch {
	var path string
	var sha hunt.SHA256
	var md5 hunt.MD5
	switch d := e.Detail.(type) {
	case cbc.FileMod:
		path, sha, md5 = d.Path, d.SHA256, d.MD5
	case cbc.ModLoad:
		path, sha, md5 = d.Path, d.SHA256, d.MD5
	case cbc.ScriptLoad:
		path, sha, md5 = d.Path, d.SHA256, d.MD5
	case cbc.ChildProc:
		path, sha, md5 = d.Path, d.SHA256, d.MD5
	case cbc.CrossProc:
		path, sha, md5 = d.Path, d.SHA256, d.MD5
	case cbc.FilelessScriptLoad:
		sha, md5 = d.SHA256, d.MD5 // there is no file
	default:
		return touch{}
	}
	t := touch{evidence: hunt.Touched, field: e.Type + "_hash", event: hunt.FileEvent{Path: path, What: e.Type, Time: e.Time}}
	switch {
	case sha == f.sha256:
		return t
	case sha.IsZero() && !f.md5.IsZero() && md5 == f.md5:
		t.byMD5 = true
		return t
	case e.Type != "filemod" && e.Type != "scriptload":
		return touch{}
	}
	t.field = e.Type + "_name"
	t.evidence = hunt.None
	has := false
	for _, n := range f.names {
		if sha.IsZero() && !e.Time.Before(n.since) && shows(path, n.name) { // a file with another hash is another one
			t.evidence = hunt.Named
		}
		has = has || n.in(path)
	}
	if !has {
		return touch{}
	}
	return t
}

// narrow searches for a group of files at once and halves it as long as it has hits, so that each hit is told to one file.
func (q *query) narrow(ctx context.Context, files []file, when span, field string, expr func([]file) cbc.Expr) {
	if q.stopped {
		return
	}
	rows := 1
	hits := false
	each := func(cbc.Process) { hits = true }
	if len(files) == 1 {
		rows = 0
		each = func(p cbc.Process) {
			if !q.told[told{p.GUID, files[0].sha256, hunt.Executed}] && !q.told[told{p.GUID, files[0].sha256, hunt.Touched}] {
				q.found(files[0], hunt.Touched, p, func(s *hunt.Sighting) { s.Field = field })
			}
		}
	}
	err := q.rows(ctx, expr(files), when, rows, each)
	if rows == 1 && errors.Is(err, cbc.ErrTruncated) {
		hits, err = true, nil // even if the one row that was kept could not be read
	}
	if err != nil {
		q.fail(files, err)
		return
	}
	if hits {
		half := len(files) / 2
		q.narrow(ctx, files[:half], when, field, expr)
		q.narrow(ctx, files[half:], when, field, expr)
	}
}

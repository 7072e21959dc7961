package cbctest

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// disk is the file system of one device. Directories are those that files lie in, the roots, and those made.
type disk struct {
	windows bool
	nodes   map[string]*node
}

// node is a file or a directory.
type node struct {
	path    string
	dir     bool
	data    []byte
	changed time.Time
	// attributes are those that the world gives it; nil if it says nothing.
	attributes []string
}

// newDisk is an empty disk with its root.
func newDisk(windows bool) *disk {
	root := "/"
	if windows {
		root = `C:\`
	}
	d := &disk{windows: windows, nodes: map[string]*node{}}
	d.nodes[d.key(root)] = &node{path: root, dir: true}
	return d
}

// clean brings a path into the one form in which the disk keeps it. Doubled separators, which integrations send often,
// count as one.
func (d *disk) clean(p string) string {
	if !d.windows {
		return path.Clean("/" + p)
	}
	p = strings.ReplaceAll(p, "/", `\`)
	for strings.Contains(p, `\\`) {
		p = strings.ReplaceAll(p, `\\`, `\`)
	}
	if len(p) > 3 {
		p = strings.TrimSuffix(p, `\`)
	}
	if len(p) == 2 && p[1] == ':' {
		p += `\`
	}
	return p
}

// key is what two spellings of one path have in common: Windows does not tell upper from lower case.
func (d *disk) key(p string) string {
	p = d.clean(p)
	if d.windows {
		return strings.ToLower(p)
	}
	return p
}

// parent is the directory that a cleaned path lies in; a root is its own.
func (d *disk) parent(p string) string {
	if !d.windows {
		return path.Dir(p)
	}
	i := strings.LastIndexByte(p, '\\')
	if i < 0 {
		return p
	}
	if i == 2 && p[1] == ':' {
		return p[:3]
	}
	return p[:i]
}

// base is the last part of a cleaned path.
func (d *disk) base(p string) string {
	if !d.windows {
		return path.Base(p)
	}
	return p[strings.LastIndexByte(p, '\\')+1:]
}

// valid says whether a path is one that the device could open.
func (d *disk) valid(p string) bool {
	if p == "" || strings.ContainsRune(p, 0) {
		return false
	}
	if !d.windows {
		return p[0] == '/'
	}
	c := d.clean(p)
	if len(c) < 3 || c[1] != ':' || c[2] != '\\' {
		return false
	}
	return !strings.ContainsAny(c[2:], `<>:"|?*`)
}

// put writes a file and makes the directories on the way. It is how the world is set up.
func (d *disk) put(p string, data []byte, at time.Time) *node {
	p = d.clean(p)
	put := &node{path: p, data: data, changed: at}
	d.nodes[d.key(p)] = put
	for {
		up := d.parent(p)
		if up == p {
			return put
		}
		if n, ok := d.nodes[d.key(up)]; ok && n.dir {
			return put
		}
		d.nodes[d.key(up)] = &node{path: up, dir: true, changed: at}
		p = up
	}
}

// find looks up an existing file or directory.
func (d *disk) find(p string) (*node, fault) {
	if !d.valid(p) {
		return nil, faultInvalidName
	}
	if n, ok := d.nodes[d.key(p)]; ok {
		return n, faultNone
	}
	return nil, d.missing(p)
}

// missing is the fault of a path that does not exist: it depends on whether its directory does.
func (d *disk) missing(p string) fault {
	if up, ok := d.nodes[d.key(d.parent(d.clean(p)))]; ok && up.dir {
		return faultFileNotFound
	}
	return faultPathNotFound
}

// temporary says whether a path is in the directory for temporary files, which every machine has even if the world does not
// list it.
func (d *disk) temporary(p string) bool {
	dir := "/tmp"
	if d.windows {
		dir = `C:\Windows\Temp`
	}
	return d.key(d.parent(d.clean(p))) == d.key(dir)
}

// write makes or replaces a file in an existing directory.
func (d *disk) write(p string, data []byte, at time.Time) fault {
	n, f := d.find(p)
	switch {
	case f == faultNone && n.dir:
		return faultAccessDenied
	case f == faultNone:
		n.data, n.changed = data, at
		return faultNone
	case f == faultFileNotFound:
		p = d.clean(p)
		d.nodes[d.key(p)] = &node{path: p, data: data, changed: at}
		return faultNone
	case d.temporary(p):
		d.put(p, data, at)
		return faultNone
	default:
		return f
	}
}

// mkdir makes a directory in an existing one.
func (d *disk) mkdir(p string, at time.Time) fault {
	_, f := d.find(p)
	switch f {
	case faultNone:
		return faultExists
	case faultFileNotFound:
		p = d.clean(p)
		d.nodes[d.key(p)] = &node{path: p, dir: true, changed: at}
		return faultNone
	default:
		return f
	}
}

// remove deletes a file or an empty directory.
func (d *disk) remove(p string) fault {
	n, f := d.find(p)
	if f != faultNone {
		return f
	}
	if n.dir {
		if d.parent(n.path) == n.path {
			return faultAccessDenied
		}
		if len(d.children(n.path)) > 0 {
			return faultNotEmpty
		}
	}
	delete(d.nodes, d.key(p))
	return faultNone
}

// children lists what lies directly in a directory, by name.
func (d *disk) children(dir string) []*node {
	dir = d.key(dir)
	var in []*node
	for key, n := range d.nodes {
		if key != dir && d.key(d.parent(n.path)) == dir {
			in = append(in, n)
		}
	}
	slices.SortFunc(in, func(a, b *node) int { return cmp.Compare(d.key(a.path), d.key(b.path)) })
	return in
}

// files lists every file, by path, and every directory of which the world says how it is.
func (d *disk) files() []*node {
	var all []*node
	for _, n := range d.nodes {
		if !n.dir || n.attributes != nil {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(a, b *node) int { return cmp.Compare(d.key(a.path), d.key(b.path)) })
	return all
}

// drives lists the roots.
func (d *disk) drives() []string {
	if !d.windows {
		return []string{"/"}
	}
	var drives []string
	for _, n := range d.nodes {
		if n.dir && len(n.path) == 3 && !slices.Contains(drives, strings.ToUpper(n.path)) {
			drives = append(drives, strings.ToUpper(n.path))
		}
	}
	slices.Sort(drives)
	return drives
}

// matches says whether a name fits a pattern of * and ?, as a directory listing understands them.
func (d *disk) matches(pattern, name string) bool {
	if d.windows {
		pattern, name = strings.ToLower(pattern), strings.ToLower(name)
		if pattern == "*.*" {
			return true
		}
	}
	// path.Match would read brackets and backslashes as syntax; a file name may hold brackets.
	star, next := -1, 0
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, next = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p, n = p+1, n+1
		case star >= 0:
			next++
			p, n = star+1, next
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

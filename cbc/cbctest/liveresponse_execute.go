package cbctest

import (
	"path"
	"slices"
	"strings"
)

// sensor is one device as Live Response sees it.
type sensor struct {
	windows  bool
	disk     *disk
	registry *registry
	running  []RunningProcess
	lastPID  int64
}

// execute does a command on its device at the time at which it is done.
func (s *Server) execute(ss *session, c *command) {
	m := s.edr.sensors[ss.device]
	c.result, c.fault = m.run(c, s.lr())
	c.status = statusComplete
	if c.fault != faultNone {
		c.status, c.code = statusFailed, c.fault.code(m.windows)
	}
}

// run does one command.
func (m *sensor) run(c *command, sw LiveResponseSwitches) (map[string]any, fault) {
	switch c.name {
	case "process list":
		return map[string]any{"processes": m.list()}, faultNone
	case "kill":
		return nil, m.kill(c.pid, sw)
	case "create process":
		return m.start(c, sw)
	case "directory list":
		return m.directory(c.object)
	case "delete file":
		return nil, m.remove(c.object, sw)
	case "get file":
		return m.fetch(c)
	case "put file":
		return nil, m.disk.write(c.object, slices.Clone(c.file.data), c.done)
	case "create directory":
		return nil, m.disk.mkdir(c.object, c.done)
	case "memdump":
		return m.dump(c)
	default:
		return m.registry.run(c, sw)
	}
}

// kill ends a process.
func (m *sensor) kill(pid int64, sw LiveResponseSwitches) fault {
	if m.windows && (pid == 0 || pid == 4) && !sw.KillAnything {
		return faultAccessDenied
	}
	i := slices.IndexFunc(m.running, func(p RunningProcess) bool { return p.PID == pid })
	if i < 0 {
		return faultInvalid
	}
	ended := m.running[i]
	m.running = slices.Delete(m.running, i, i+1)
	if _, f := m.disk.find(ended.Path); f == faultNone && ended.Restarts > 0 {
		m.lastPID += 4
		ended.PID, ended.Restarts = m.lastPID, ended.Restarts-1
		if ended.Started != 0 {
			ended.Started++
		}
		m.running = append(m.running, ended)
	}
	return faultNone
}

// remove deletes a file that no process runs from, or an empty directory.
func (m *sensor) remove(p string, sw LiveResponseSwitches) fault {
	if _, f := m.disk.find(p); f != faultNone {
		return f
	}
	if m.windows && !sw.ImagesDeletable {
		for _, r := range m.running {
			if m.disk.key(r.Path) == m.disk.key(p) {
				return faultSharing
			}
		}
	}
	return m.disk.remove(p)
}

// fetch copies a file, or a part of it, to where its content can be downloaded.
func (m *sensor) fetch(c *command) (map[string]any, fault) {
	n, f := m.disk.find(c.object)
	if f != faultNone {
		return nil, f
	}
	if n.dir {
		return nil, faultAccessDenied
	}
	from := min(c.request.number("offset"), int64(len(n.data)))
	to := int64(len(n.data))
	if count := c.request.number("get_count"); count > 0 && count < to-from {
		to = from + count
	}
	c.file.name = m.disk.base(n.path)
	c.file.data = slices.Clone(n.data[from:to])
	c.file.ready = true
	return nil, faultNone
}

// directory lists what a path with a trailing separator or a wildcard names; any other path names itself.
func (m *sensor) directory(p string) (map[string]any, fault) {
	separators := "/"
	if m.windows {
		separators = `\/`
	}
	i := strings.LastIndexAny(p, separators)
	dir, pattern := p[:i+1], p[i+1:]
	if pattern == "" {
		pattern = "*"
	}
	if !strings.ContainsAny(pattern, "*?") {
		n, f := m.disk.find(p)
		if f != faultNone {
			return nil, f
		}
		return map[string]any{"files": []map[string]any{m.entry(n, m.disk.base(n.path))}}, faultNone
	}
	at, f := m.disk.find(dir)
	switch {
	case f == faultFileNotFound, f == faultNone && !at.dir:
		return nil, faultPathNotFound
	case f != faultNone:
		return nil, f
	}
	files := []map[string]any{}
	for _, name := range []string{".", ".."} {
		if m.disk.matches(pattern, name) {
			files = append(files, m.entry(at, name))
		}
	}
	for _, n := range m.disk.children(dir) {
		if name := m.disk.base(n.path); m.disk.matches(pattern, name) {
			files = append(files, m.entry(n, name))
		}
	}
	if len(files) == 0 {
		return nil, faultFileNotFound
	}
	return map[string]any{"files": files}, faultNone
}

// directoryAttribute is what tells a directory from a file.
const directoryAttribute = "DIRECTORY"

// entry is one line of a directory listing.
func (m *sensor) entry(n *node, name string) map[string]any {
	attributes := n.attributes
	switch {
	case attributes != nil:
	case n.dir:
		attributes = []string{directoryAttribute}
	default:
		attributes = []string{"ARCHIVE"}
	}
	at := n.changed.Unix()
	return map[string]any{
		"filename": name, "alternate_name": "", "attributes": attributes, "size": len(n.data),
		"create_time": at, "last_access_time": at, "last_write_time": at,
	}
}

// start runs a command line. What the operating system brings along can always be run; anything else must be a file.
// The process that is waited for ends at once; the other one goes on running.
func (m *sensor) start(c *command, sw LiveResponseSwitches) (map[string]any, fault) {
	image := imageOf(c.object)
	n, f := m.disk.find(image)
	if f != faultNone && !m.builtin(image) {
		if f == faultInvalidName {
			f = faultFileNotFound
		}
		return nil, f
	}
	if f == faultNone && n.dir {
		return nil, faultAccessDenied
	}
	if out := c.request.maybe("output_file"); out != "" {
		if f := m.disk.write(out, []byte(sw.ProcessOutput), c.done); f != faultNone {
			return nil, f
		}
	}
	m.lastPID += 4
	details := map[string]any{"pid": m.lastPID, "return_code": sw.ReturnCode}
	if !c.request.flag("wait") {
		m.running = append(m.running, RunningProcess{PID: m.lastPID, Path: image, CmdLine: c.object})
		details["return_code"] = 0
	}
	if sw.DetailsOnTop {
		return details, faultNone
	}
	return map[string]any{"process_details": details}, faultNone
}

// imageOf takes the program out of a command line.
func imageOf(line string) string {
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, `"`); ok {
		image, _, _ := strings.Cut(rest, `"`)
		return image
	}
	image, _, _ := strings.Cut(line, " ")
	return image
}

// builtin says whether the operating system brings a program along.
func (m *sensor) builtin(image string) bool {
	if !strings.ContainsAny(image, `/\`) {
		return image != ""
	}
	p := m.disk.key(image)
	if m.windows {
		return strings.HasPrefix(p, `c:\windows\`)
	}
	return slices.Contains([]string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}, path.Dir(p))
}

// dump writes the memory of the device to one of its files.
func (m *sensor) dump(c *command) (map[string]any, fault) {
	to := c.object
	if c.request.flag("compress") {
		to += ".zip"
	}
	if f := m.disk.write(to, []byte("PAGEDU64"), c.done); f != faultNone {
		return nil, f
	}
	return map[string]any{"mem_dump": map[string]any{
		"return_code": 0, "compressing": false, "dumping": false, "complete": true, "percentdone": 100,
	}}, faultNone
}

// list is the answer to process list. Windows has its two pseudo processes besides.
func (m *sensor) list() []map[string]any {
	list := []map[string]any{}
	if m.windows {
		list = append(list, processLine(RunningProcess{Username: `NT AUTHORITY\SYSTEM`}),
			processLine(RunningProcess{PID: 4, Path: "SYSTEM", Username: `NT AUTHORITY\SYSTEM`}))
	}
	for _, p := range m.running {
		if m.windows {
			p.Path = strings.ToLower(p.Path)
		}
		list = append(list, processLine(p))
	}
	return list
}

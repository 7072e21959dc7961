package cbctest

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// liveResponse is the path of Live Response.
const liveResponse = "/appservices/v6/orgs/{org_key}/liveresponse"

// maxCommand is the largest body of a command that the service takes.
const maxCommand = 10 << 10

// registerLiveResponse adds the routes of Live Response.
func (s *Server) registerLiveResponse() {
	const one = liveResponse + "/sessions/{session_id}"
	s.serve("POST "+liveResponse+"/sessions", "org.liveresponse.session:CREATE", s.startSession)
	s.serve("GET "+liveResponse+"/sessions", "org.liveresponse.session:READ", s.listSessions)
	s.serve("GET "+one, "org.liveresponse.session:READ", s.getSession)
	s.serve("GET "+one+"/keepalive", "org.liveresponse.session:READ", s.keepAlive)
	s.serve("DELETE "+one, "org.liveresponse.session:DELETE", s.closeSession)
	s.serve("POST "+one+"/commands", "", s.postCommand)
	s.serve("GET "+one+"/commands", "org.liveresponse.session:READ", s.listCommands)
	s.serve("GET "+one+"/commands/{command_id}", "org.liveresponse.session:READ", s.getCommand)
	s.serve("DELETE "+one+"/commands/{command_id}", "", s.cancelCommand)
	s.serve("POST "+one+"/files", "org.liveresponse.file:CREATE", s.uploadFile)
	s.serve("GET "+one+"/files", "org.liveresponse.file:READ", s.listTransfers)
	s.serve("GET "+one+"/files/{file_id}", "org.liveresponse.file:READ", s.getTransfer)
	s.serve("GET "+one+"/files/{file_id}/content", "org.liveresponse.file:READ", s.getContent)
	s.serve("DELETE "+one+"/files/{file_id}", "org.liveresponse.file:DELETE", s.deleteTransfer)
	s.handleOpen("GET "+objectStorePrefix+"{file_id}", s.locked(s.storeObject))
}

// startSession opens a session, or finds the one that the device has already.
func (s *Server) startSession(w http.ResponseWriter, r *http.Request) {
	var in struct {
		DeviceID looseInt `json:"device_id"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	s.advance()
	device := int64(in.DeviceID)
	if _, ok := s.device(device); !ok {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "Device not found")
		return
	}
	if s.lr().RefuseDisabled && !s.liveResponseAllowed(device) {
		s.fail(w, http.StatusForbidden, "FORBIDDEN", "Live Response is not enabled on the device")
		return
	}
	ss, full := s.openSession(device)
	if full {
		s.fail(w, http.StatusForbidden, "FORBIDDEN", "session limit reached")
		return
	}
	s.reply(w, http.StatusCreated, s.sessionJSON(ss))
}

// session finds the live session of the path, or answers 404.
func (s *Server) session(w http.ResponseWriter, r *http.Request) (*session, bool) {
	s.advance()
	id := r.PathValue("session_id")
	for _, ss := range s.edr.sessions {
		if ss.id == id && ss.live() {
			return ss, true
		}
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "Session not found")
	return nil, false
}

func (s *Server) listSessions(w http.ResponseWriter, _ *http.Request) {
	s.advance()
	list := []map[string]any{}
	for _, ss := range s.edr.sessions {
		if ss.live() {
			list = append(list, s.sessionJSON(ss))
		}
	}
	s.replyList(w, list)
}

// replyList answers a list in the form that is switched on.
func (s *Server) replyList(w http.ResponseWriter, list []map[string]any) {
	if s.lr().WrappedLists {
		s.reply(w, http.StatusOK, map[string]any{"results": list})
		return
	}
	s.reply(w, http.StatusOK, list)
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request) {
	if s.lr().EndedStatus != "" {
		s.advance()
		id := r.PathValue("session_id")
		if i := slices.IndexFunc(s.edr.sessions, func(ss *session) bool { return ss.id == id }); i >= 0 {
			s.reply(w, http.StatusOK, s.sessionJSON(s.edr.sessions[i]))
			return
		}
	}
	if ss, ok := s.session(w, r); ok {
		s.reply(w, http.StatusOK, s.sessionJSON(ss))
	}
}

func (s *Server) keepAlive(w http.ResponseWriter, r *http.Request) {
	ss, ok := s.session(w, r)
	if !ok {
		return
	}
	ss.used = s.now()
	if s.lr().KeepAliveEmpty {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.reply(w, http.StatusOK, struct{}{})
}

func (s *Server) closeSession(w http.ResponseWriter, r *http.Request) {
	if ss, ok := s.session(w, r); ok {
		ss.end(s.now(), endedClosed)
		w.WriteHeader(http.StatusNoContent)
	}
}

// postCommand queues a command.
func (s *Server) postCommand(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCommand)) //nolint:forbidigo // the reader is bounded
	if err != nil {
		s.fail(w, http.StatusBadRequest, "INVALID_ARGUMENT", "a command has at most 10 KB")
		return
	}
	c, k, err := parseCommand(body, r.PathValue("session_id"))
	if err != nil {
		s.fail(w, http.StatusBadRequest, "INVALID_ARGUMENT", err.Error())
		return
	}
	if !s.allow(w, r, k.issue) {
		return
	}
	ss, ok := s.session(w, r)
	if !ok {
		return
	}
	sensor := s.edr.sensors[ss.device]
	switch {
	case ss.failed, ss.active.IsZero() && s.lr().RefuseWhilePending:
		s.fail(w, http.StatusBadRequest, "INVALID_ARGUMENT", "the session is not active")
		return
	case k.windows && !sensor.windows:
		s.fail(w, http.StatusBadRequest, "INVALID_ARGUMENT", "the sensor does not support "+c.name)
		return
	case len(ss.commands) >= s.lr().CommandLimit:
		ss.end(s.now(), endedLimit)
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "Session not found")
		return
	}
	c.id, c.created, c.windows = len(ss.commands), s.now(), sensor.windows
	if !s.attach(ss, c) {
		s.fail(w, http.StatusBadRequest, "INVALID_ARGUMENT", "file_id is not a file of the session")
		return
	}
	ss.used = c.created
	ss.commands = append(ss.commands, c)
	s.reply(w, http.StatusCreated, s.commandJSON(c))
}

// attach gives a command the file that it moves. What get file fetches has its id before it is there.
func (s *Server) attach(ss *session, c *command) bool {
	switch c.name {
	case "get file":
		c.file = s.newTransfer("")
		ss.files = append(ss.files, c.file)
	case "put file":
		id := c.request.maybe("file_id")
		i := slices.IndexFunc(ss.files, func(f *transfer) bool { return f.id == id && f.uploaded })
		if i < 0 {
			return false
		}
		c.file = ss.files[i]
	}
	return true
}

func (s *Server) listCommands(w http.ResponseWriter, r *http.Request) {
	ss, ok := s.session(w, r)
	if !ok {
		return
	}
	list := []map[string]any{}
	for _, c := range ss.commands {
		if k, _ := kindOf(c.name); !s.allow(w, r, k.poll) {
			return
		}
		list = append(list, s.commandJSON(c))
	}
	s.replyList(w, list)
}

// command finds the command of the path, or answers 404.
func (s *Server) command(w http.ResponseWriter, r *http.Request) (*command, kind, bool) {
	ss, ok := s.session(w, r)
	if !ok {
		return nil, kind{}, false
	}
	text := strings.TrimPrefix(r.PathValue("command_id"), "+")
	if id, err := strconv.Atoi(text); err == nil && id >= 0 && id < len(ss.commands) {
		c := ss.commands[id]
		k, _ := kindOf(c.name)
		return c, k, true
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "Command not found")
	return nil, kind{}, false
}

func (s *Server) getCommand(w http.ResponseWriter, r *http.Request) {
	if c, k, ok := s.command(w, r); ok && s.allow(w, r, k.poll) {
		s.reply(w, http.StatusOK, s.commandJSON(c))
	}
}

func (s *Server) cancelCommand(w http.ResponseWriter, r *http.Request) {
	c, k, ok := s.command(w, r)
	if !ok || !s.allow(w, r, k.issue) {
		return
	}
	if c.status != statusPending {
		s.fail(w, http.StatusConflict, "CONFLICT", "only a pending command can be canceled")
		return
	}
	c.status, c.done = statusCanceled, s.now()
	w.WriteHeader(http.StatusNoContent)
}

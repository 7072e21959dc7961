package cbctest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// edr is the state of Live Response, feeds and watchlists. The server's lock guards it.
type edr struct {
	sensors     map[int64]*sensor
	sessions    []*session
	lastSession int
	objects     map[string]*transfer

	feeds      []*Feed
	watchlists []*watchlist
	reports    map[string]Report // watchlist reports
	ignored    map[string]bool   // by report id, or "<report id>/<ioc id>"
	severities map[string]int    // by report id
	made       int               // how many ids were made up
}

// EDRState is what Live Response, feeds and watchlists look like now.
type EDRState struct {
	// Sessions are the Live Response sessions so far.
	Sessions []Session `json:"sessions"`
	// Feeds are the feeds with their reports.
	Feeds []Feed `json:"feeds"`
	// Reports are the watchlist reports, by id.
	Reports []Report `json:"reports"`
	// Watchlists are the watchlists.
	Watchlists []Watchlist `json:"watchlists"`
	// Ignored are the reports, and the indicators as "<report id>/<ioc id>", that are ignored.
	Ignored []string `json:"ignored"`
	// Severities are the severity overrides, by report id.
	Severities map[string]int `json:"severities"`
}

// registerEDR sets up Live Response, feeds and watchlists from the world, and adds their routes.
func (s *Server) registerEDR() {
	s.edr = &edr{
		sensors: map[int64]*sensor{}, lastSession: 4000, objects: map[string]*transfer{}, reports: map[string]Report{},
		ignored: map[string]bool{}, severities: map[string]int{},
	}
	for _, d := range s.world.Devices {
		s.edr.sensors[d.ID] = newSensor(d, s.created)
	}
	for _, f := range s.world.Feeds {
		f.ID = cmp.Or(f.ID, s.newID("feed"))
		f.Owner = cmp.Or(f.Owner, s.orgKey)
		f.Access = cmp.Or(f.Access, "private")
		f.Reports = slices.Clone(f.Reports)
		s.edr.feeds = append(s.edr.feeds, &f)
	}
	for _, r := range s.world.Reports {
		r.ID = cmp.Or(r.ID, s.newID("report"))
		s.edr.reports[r.ID] = r
	}
	for _, l := range s.world.Watchlists {
		l.ID = cmp.Or(l.ID, s.newID("watchlist"))
		if l.Created.IsZero() {
			l.Created = s.created.Truncate(time.Second)
		}
		if l.Updated.IsZero() {
			l.Updated = l.Created
		}
		s.edr.watchlists = append(s.edr.watchlists, &watchlist{Watchlist: l})
	}
	s.registerLiveResponse()
	s.registerFeeds()
	s.registerWatchlists()
}

// serve adds a route whose handler has the server's lock.
func (s *Server) serve(pattern, permission string, h http.HandlerFunc, params ...string) {
	s.handle(pattern, permission, s.locked(h), params...)
}

// locked runs a handler under the server's lock and sends its answer afterwards: in process, sending waits for the one who
// asked to read, and that one may be asking for something else first.
func (s *Server) locked(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		held := &heldAnswer{header: w.Header()}
		s.mu.Lock()
		func() {
			defer s.mu.Unlock()
			h(held, r)
			if status := cmp.Or(held.status, http.StatusOK); status < http.StatusMultipleChoices {
				s.auditCall(r)
			}
		}()
		w.WriteHeader(cmp.Or(held.status, http.StatusOK))
		// Whoever asked may have gone away meanwhile; there is nobody left to tell.
		_, _ = w.Write(held.body.Bytes())
	}
}

// heldAnswer is an answer that is not sent yet.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the answer's header.
func (a *heldAnswer) Header() http.Header { return a.header }

// WriteHeader sets the status, once.
func (a *heldAnswer) WriteHeader(status int) { a.status = cmp.Or(a.status, status) }

// Write adds to the body.
func (a *heldAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }

// newSensor sets up the files and processes of a device. The image of a running process is on the disk even if the world
// does not list it.
func newSensor(d Device, at time.Time) *sensor {
	m := &sensor{windows: d.OS == "WINDOWS", running: slices.Clone(d.Running), registry: newRegistry()}
	m.disk = newDisk(m.windows)
	for _, f := range d.Files {
		data := f.Data
		if data == nil {
			data = []byte(f.Content)
		}
		n := m.disk.put(f.Path, bytes.Clone(data), at)
		n.attributes, n.dir = slices.Clone(f.Attributes), slices.Contains(f.Attributes, directoryAttribute)
	}
	for _, v := range d.Registry {
		m.registry.put(v)
	}
	for _, p := range d.Running {
		m.lastPID = max(m.lastPID, p.PID)
		if _, f := m.disk.find(p.Path); f == faultFileNotFound || f == faultPathNotFound {
			image := "\x7fELF"
			if m.windows {
				image = "MZ"
			}
			m.disk.put(p.Path, []byte(image), at)
		}
	}
	return m
}

// endpoint is what runs and lies on a device now. The caller holds the lock.
func (s *Server) endpoint(id int64) ([]RunningProcess, []File) {
	s.advance()
	m, ok := s.edr.sensors[id]
	if !ok {
		return nil, nil
	}
	var files []File
	for _, n := range m.disk.files() {
		f := File{Path: n.path, Attributes: slices.Clone(n.attributes)}
		if utf8.Valid(n.data) && !bytes.ContainsRune(n.data, 0) {
			f.Content = string(n.data)
		} else {
			f.Data = bytes.Clone(n.data)
		}
		files = append(files, f)
	}
	return slices.Clone(m.running), files
}

// Running lists the processes that run on a device now; those that a Live Response command killed are gone.
func (s *Server) Running(id int64) []RunningProcess {
	s.mu.Lock()
	defer s.mu.Unlock()
	running, _ := s.endpoint(id)
	return running
}

// Files lists the files on a device now, by path. Content that is text is in Content, any other in Data. The images of
// running processes are among them, even if the world did not list them.
func (s *Server) Files(id int64) []File {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, files := s.endpoint(id)
	return files
}

// edrSnapshot is a copy of the state for the outside. The caller holds the lock.
func (s *Server) edrSnapshot() EDRState {
	reports := []Report{}
	for _, id := range slices.Sorted(maps.Keys(s.edr.reports)) {
		reports = append(reports, s.edr.reports[id])
	}
	return EDRState{
		Sessions: s.sessionList(), Feeds: s.feedList(), Reports: reports, Watchlists: s.watchlistList(),
		Ignored: slices.Sorted(maps.Keys(s.edr.ignored)), Severities: maps.Clone(s.edr.severities),
	}
}

// lr is the switches of Live Response with their defaults. The caller holds the lock.
func (s *Server) lr() LiveResponseSwitches {
	sw := s.switches.LiveResponse
	sw.SessionLimit = cmp.Or(sw.SessionLimit, 100)
	sw.CommandLimit = cmp.Or(sw.CommandLimit, 250)
	return sw
}

// liveResponseAllowed says whether the sensor takes sessions. The caller holds the lock.
func (s *Server) liveResponseAllowed(id int64) bool {
	d, ok := s.device(id)
	return ok && slices.Contains(d.SensorStates, stateEnabled) && !slices.Contains(d.SensorStates, "LIVE_RESPONSE_KILLED")
}

// sensorReady is when the sensor of a session's device picks the session up, as far as that is known now. The caller
// holds the lock.
func (s *Server) sensorReady(ss *session) (time.Time, bool) {
	if !s.liveResponseAllowed(ss.device) {
		return time.Time{}, false
	}
	at, ok := s.contactAfter(ss.device, ss.created)
	if d, _ := s.device(ss.device); ok && d.enforced.After(at) {
		at = d.enforced // the policy that allows it came later than the session
	}
	return at, ok
}

// unreachable says whether a device's sensor cannot be told anything now. The caller holds the lock.
func (s *Server) unreachable(id int64) bool {
	d, ok := s.device(id)
	return !ok || d.Offline || d.gone()
}

// digest is a made-up number that is the same in every run. The caller holds the lock.
func (s *Server) digest(kind string) [sha256.Size]byte {
	s.edr.made++
	return sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", s.orgKey, kind, s.edr.made))
}

// newID makes up an id as feeds and watchlists have them: 22 characters of base 62. The caller holds the lock.
func (s *Server) newID(kind string) string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := s.digest(kind)
	id := make([]byte, 22)
	for i := range id {
		id[i] = letters[int(sum[i])%len(letters)]
	}
	return string(id)
}

// newUUID makes up a UUID. The caller holds the lock.
func (s *Server) newUUID(kind string) string {
	sum := s.digest(kind)
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// looseInt is a number that may be sent as a string.
type looseInt int64

// UnmarshalJSON reads 7 and "7".
func (n *looseInt) UnmarshalJSON(raw []byte) error {
	text := strings.TrimSuffix(strings.TrimPrefix(string(raw), `"`), `"`)
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errors.New("a number is not one")
	}
	*n = looseInt(v)
	return nil
}

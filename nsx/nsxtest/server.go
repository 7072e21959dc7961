package nsxtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// The defaults of a World.
const (
	defaultTagLimit    = 30
	defaultVersion     = "4.2.1.0.0.24304119"
	defaultRate        = 100
	defaultConcurrency = 40
	defaultBulkStep    = time.Second
)

// Server is the fake manager. Make one with [New].
type Server struct {
	fake              *fake.Server
	now               func() time.Time
	version           string
	tagLimit          int
	rate, concurrency int
	groupLag          time.Duration
	bulkStep          time.Duration
	seed              uint64
	switches          Switches
	users             map[string]User
	groups            []Group

	mu           sync.Mutex
	machines     []*machine
	added        int
	accounts     map[string]*account
	sessions     map[string]*session
	clients      map[string]*client
	operations   map[string]*operation
	operationIDs []string
	logins       int
	requests     int
	inFlight     int
	shuffles     uint64
}

// New makes a server of a world. It keeps references to what the world refers to: do not change it afterwards.
func New(w World) *Server {
	number := func(n, otherwise int) int {
		if n == 0 {
			return otherwise
		}
		return n
	}
	s := &Server{
		version: or(w.Version, defaultVersion), tagLimit: number(w.TagLimit, defaultTagLimit),
		rate: number(w.RequestsPerSecond, defaultRate), concurrency: number(w.Concurrency, defaultConcurrency),
		groupLag: w.GroupLag, bulkStep: w.BulkStep, seed: w.Seed, switches: w.Switches, groups: slices.Clone(w.Groups),
		users: map[string]User{}, accounts: map[string]*account{}, sessions: map[string]*session{}, clients: map[string]*client{},
		operations: map[string]*operation{},
	}
	switch {
	case s.bulkStep == 0:
		s.bulkStep = defaultBulkStep
	case s.bulkStep < 0:
		s.bulkStep = 0
	}
	clock := w.Now
	if clock == nil {
		clock = time.Now
	}
	s.now = func() time.Time { return clock().UTC() }
	for _, u := range w.Users {
		s.users[u.Name] = u
	}
	if len(w.Users) == 0 {
		s.users[Username] = User{Name: Username, Password: Password}
	}
	s.Add(w.VMs...)
	s.fake = fake.New(fake.Config{
		Name: "nsxtest", URL: URL, Now: s.now, Authenticate: s.authenticate, Wrap: s.wrap,
		Unknown: http.HandlerFunc(s.unknown), MethodNotAllowed: http.HandlerFunc(methodNotAllowed),
	})
	s.routes()
	return s
}

// routes registers what is served.
func (s *Server) routes() {
	h := s.fake.Handle
	h("POST /api/session/create", s.createSession, fake.Open, fake.Secret)
	h("POST /api/session/destroy", s.destroySession)
	h("GET /api/v1/node/version", s.nodeVersion)
	h("GET /api/v1/reverse-proxy/node/health", s.nodeHealth)

	h("GET /api/v1/fabric/virtual-machines", s.listVMs)
	h("POST /api/v1/fabric/virtual-machines", s.unknownAction)
	h("POST /api/v1/fabric/virtual-machines?action=add_tags", s.tagAction(union, true))
	h("POST /api/v1/fabric/virtual-machines?action=remove_tags", s.tagAction(difference, true))
	h("POST /api/v1/fabric/virtual-machines?action=update_tags", s.tagAction(replacement, false))
	h("GET /api/v1/fabric/vifs", s.listVIFs)

	h("GET /policy/api/v1/infra/realized-state/virtual-machines", s.listPolicyVMs)
	h("POST /policy/api/v1/infra/realized-state/virtual-machines/{external_id}/tags", s.replacePolicyTags)
	h("POST /policy/api/v1/infra/realized-state/enforcement-points/{EP}/virtual-machines", s.unknownAction)
	h("POST /policy/api/v1/infra/realized-state/enforcement-points/{EP}/virtual-machines?action=update_tags", s.replaceEnforcementPointTags)
	h("PUT /policy/api/v1/infra/tags/tag-operations/{operation-id}", s.putOperation)
	h("GET /policy/api/v1/infra/tags/tag-operations/{operation-id}", s.getOperation)
	h("GET /policy/api/v1/infra/tags/tag-operations/{operation-id}/status", s.getOperationStatus)
	h("GET /policy/api/v1/infra/tags", s.listTags)
	h("GET /policy/api/v1/infra/tags/effective-resources", s.listTagged)
	h("GET /policy/api/v1/infra/domains/default/groups", s.listGroups)
	h("GET /policy/api/v1/infra/domains/default/groups/{id}", s.getGroup)
	h("GET /policy/api/v1/infra/domains/default/groups/{id}/members/virtual-machines", s.listMembers)
	h("GET /policy/api/v1/infra/virtual-machine-group-associations", s.listAssociations)
}

// Add puts machines into the inventory.
func (s *Server) Add(vms ...VM) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range vms {
		s.machines = append(s.machines, newMachine(vms[i], s.added, now))
		s.added++
	}
}

// Remove takes a machine out of the inventory, with its tags. It reports whether it was there.
func (s *Server) Remove(externalID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.machines)
	s.machines = slices.DeleteFunc(s.machines, func(m *machine) bool { return m.ExternalID == externalID })
	return len(s.machines) < before
}

// VM returns a machine with its present tags, and whether there is one.
func (s *Server) VM(externalID string) (VM, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(s.now())
	m := s.find(externalID)
	if m == nil {
		return VM{}, false
	}
	vm := m.VM
	vm.Tags = slices.Clone(m.tags())
	return vm, true
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.fake.ServeHTTP(w, r) }

// Client reaches the server in process, under [URL]. It works inside synctest bubbles.
func (s *Server) Client() *http.Client { return s.fake.Client() }

// Owns says whether a path is one of this service's, for servers that offer several on one port.
func (s *Server) Owns(path string) bool {
	for _, prefix := range []string{"/api/v1/", "/api/session/", "/policy/api/v1/", "/global-manager/api/v1/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// Operations lists the calls that are served, each a method and a path with its placeholders, sorted. Tag actions are listed
// with their action, and once without.
func (s *Server) Operations() []string { return s.fake.Operations() }

// FailNext answers the next n requests with a status in place of what they ask for; n below zero lasts for ever. A 429 asks
// to wait for a minute, which the real manager does not.
func (s *Server) FailNext(n, status int) { s.fake.Inject(nil, n, fake.Fail(status)) }

// Inject lets a fault stand in front of the next n requests that match; nil matches any, n below zero lasts for ever. Faults
// are used up in order, at most one a request. In a match and a fault r.Pattern names the operation.
func (s *Server) Inject(match func(*http.Request) bool, n int, fault func(http.Handler) http.Handler) {
	s.fake.Inject(match, n, fault)
}

// Request is a request that the server received. Credentials are not kept.
type Request struct {
	// Time is when it arrived, in UTC.
	Time time.Time `json:"time"`
	// Method is the HTTP method.
	Method string `json:"method"`
	// Path is the path as it was sent, escapes included.
	Path string `json:"path"`
	// Query holds the decoded query parameters.
	Query url.Values `json:"query,omitempty"`
	// Operation is the entry of Operations that it was taken for; empty if there is none.
	Operation string `json:"operation,omitempty"`
	// Header holds the headers of content negotiation and User-Agent.
	Header http.Header `json:"header,omitempty"`
	// Body is the body, at most its first MiB; nil for logins.
	Body []byte `json:"body,omitempty"`
	// Status is what was answered; 0 if nothing was.
	Status int `json:"status"`
}

// Requests lists what the server received, oldest first.
func (s *Server) Requests() []Request {
	all := s.fake.Requests()
	out := make([]Request, len(all))
	for i, r := range all {
		out[i] = Request(r)
	}
	return out
}

// before says whether the simulated version is older than major.minor.
func (s *Server) before(major, minor int) bool {
	parts := strings.Split(s.version+".0", ".")
	a, _ := strconv.Atoi(parts[0])
	b, _ := strconv.Atoi(parts[1])
	return a < major || a == major && b < minor
}

// nodeVersion serves the version.
func (s *Server) nodeVersion(w http.ResponseWriter, _ *http.Request) {
	fake.WriteJSON(w, http.StatusOK, map[string]string{"node_version": s.version, "product_version": s.version})
}

// nodeHealth serves the health of the node.
func (s *Server) nodeHealth(w http.ResponseWriter, _ *http.Request) {
	if s.switches.Unhealthy {
		fake.WriteJSON(w, http.StatusServiceUnavailable, map[string]any{"healthy": false, "components_health": "MANAGER:DOWN"})
		return
	}
	fake.WriteJSON(w, http.StatusOK, map[string]any{"healthy": true, "components_health": "MANAGER:UP"})
}

// unknown tells documented calls that are not simulated from paths that nobody documents.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	for _, prefix := range []string{
		"/policy/api/v1/search/", "/api/v1/search/", "/policy/api/v1/infra/domains/", "/policy/api/v1/infra/settings/", "/policy/api/v1/orgs/",
		"/global-manager/", "/api/v1/trust-management/", "/api/v1/cluster/", "/api/v1/spec/", "/api/v1/certificate-management/",
		"/api/v1/fabric/scope-associations", "/policy/api/v1/infra/realized-state/enforcement-points/",
	} {
		if strings.HasPrefix(path, prefix) {
			refuse(w, &problem{status: http.StatusNotImplemented, text: fmt.Sprintf("nsxtest: no route for %s %s", r.Method, path)})
			return
		}
	}
	refuse(w, &problem{status: http.StatusNotFound, code: codeNotFound, text: "The path " + path + " does not exist."})
}

// methodNotAllowed answers to a known path with another method.
func methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	refuse(w, &problem{status: http.StatusMethodNotAllowed, text: "The method " + r.Method + " is not supported here, only " + w.Header().Get("Allow") + "."})
}

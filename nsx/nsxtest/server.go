package nsxtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
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
	// forgetTags is how long a machine may be gone from vCenter without losing its tags.
	forgetTags = 30 * time.Minute
)

// Server is the fake manager. Make one with [New].
type Server struct {
	fake              *fake.Server
	now               func() time.Time
	version           string
	tagLimit          int
	rate, concurrency int
	groupLag          time.Duration
	searchLag         time.Duration
	searchLimit       int
	enforcementPoint  string
	bulkStep          time.Duration
	seed              uint64
	switches          Switches
	users             map[string]User
	tokens            []Token
	principals        []Principal
	groups            []Group
	policies          []SecurityPolicy
	projects          []Project
	excluded          []string
	excludedBySystem  []string
	excludeRevision   int
	bundle            string

	mu             sync.Mutex
	inventory      []*machine           // also those that are not listed
	away           map[string]time.Time // machines that vCenter lost, by id, and since when
	added          int
	accounts       map[string]*account
	sessions       map[string]*session
	clients        map[string]*client
	operations     map[string]*operation
	operationPaths []string
	logins         int
	requests       int
	inFlight       int
	shuffles       uint64
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
		groupLag: w.GroupLag, searchLag: w.SearchLag, searchLimit: w.SearchLimit, bulkStep: w.BulkStep, seed: w.Seed, switches: w.Switches,
		enforcementPoint: or(w.EnforcementPoint, "default"), tokens: slices.Clone(w.Tokens), principals: slices.Clone(w.Principals),
		groups: slices.Clone(w.Groups), policies: slices.Clone(w.SecurityPolicies), projects: slices.Clone(w.Projects),
		excluded: slices.Clone(w.Excluded), excludedBySystem: slices.Clone(w.ExcludedBySystem), excludeRevision: w.ExcludeRevision,
		bundle: w.CertificateBundle,
		users:  map[string]User{}, accounts: map[string]*account{}, sessions: map[string]*session{}, clients: map[string]*client{},
		operations: map[string]*operation{}, away: map[string]time.Time{},
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
	s.managerRoutes()
	s.policyRoutes()
}

// managerRoutes registers the manager API. VMware Cloud does not offer its inventory.
func (s *Server) managerRoutes() {
	h := func(pattern string, serve http.HandlerFunc) {
		s.fake.Handle(pattern, func(w http.ResponseWriter, r *http.Request) {
			if s.switches.PolicyOnly {
				s.absent(w, r)
				return
			}
			serve(w, r)
		})
	}
	s.fake.Handle("POST /api/session/create", s.createSession, fake.Open, fake.Secret)
	s.fake.Handle("POST /api/session/destroy", s.destroySession)
	s.fake.Handle("GET /api/v1/node/version", s.nodeVersion)
	s.fake.Handle("GET /api/v1/reverse-proxy/node/health", s.nodeHealth)
	s.fake.Handle("GET /api/v1/certificate-management/certificate-bundle", s.from("9.0", s.certificateBundle), fake.Open)

	h("GET /api/v1/fabric/virtual-machines", s.listVMs)
	h("POST /api/v1/fabric/virtual-machines", s.unknownAction)
	h("POST /api/v1/fabric/virtual-machines?action=add_tags", s.tagAction(union, true))
	h("POST /api/v1/fabric/virtual-machines?action=remove_tags", s.tagAction(difference, true))
	h("POST /api/v1/fabric/virtual-machines?action=update_tags", s.tagAction(replacement, false))
	h("GET /api/v1/fabric/vifs", s.listVIFs)
	h("GET /api/v1/fabric/scope-associations", s.from("4.1", s.listScopes))
	h("GET /api/v1/search/query", s.search(false))
	h("GET /api/v1/spec/vmware/types/Tag", s.until("4.0", s.tagSchema))
	h("GET /api/v1/spec/vmware/types/ManagedResource", s.until("4.0", s.resourceSchema))
}

// policyRoutes registers the Policy API, most of it once for the default space and once for projects.
func (s *Server) policyRoutes() {
	h := s.fake.Handle
	s.inSpaces("GET", "/realized-state/virtual-machines", s.listPolicyVMs)
	s.inSpaces("POST", "/realized-state/virtual-machines/{external_id}/tags", s.from("4.1", s.replacePolicyTags))
	h("GET "+infraRoot+"/realized-state/enforcement-points/{EP}/virtual-machines", s.searchEnforcementPoint)
	h("POST "+infraRoot+"/realized-state/enforcement-points/{EP}/virtual-machines", s.unknownAction)
	h("POST "+infraRoot+"/realized-state/enforcement-points/{EP}/virtual-machines?action=update_tags", s.replaceEnforcementPointTags)
	h("GET "+infraRoot+"/realized-state/enforcement-points/{EP}/virtual-machines/{external_id}/details", s.getDetails)

	s.inSpaces("PUT", "/tags/tag-operations/{operation-id}", s.putOperation)
	s.inSpaces("GET", "/tags/tag-operations/{operation-id}", s.getOperation)
	s.inSpaces("GET", "/tags/tag-operations/{operation-id}/status", s.getOperationStatus)
	s.inSpaces("GET", "/tags", s.listTags)
	s.inSpaces("GET", "/tags/effective-resources", s.listTagged)

	h("POST "+vpcRoot+"/virtual-machines/{external_id}/tags", s.from("4.1.1", s.replacePolicyTags))
	h("PUT "+vpcRoot+"/tags/vpc-tag-operations/{operation-id}", s.from("4.1.1", s.putOperation))
	h("GET "+vpcRoot+"/tags/vpc-tag-operations/{operation-id}", s.from("4.1.1", s.getOperation))
	h("GET "+vpcRoot+"/tags/vpc-tag-operations/{operation-id}/status", s.from("4.1.1", s.getOperationStatus))

	// The default domain has routes of its own, so that its calls have the names that the documentation gives them.
	for _, domain := range []string{"default", "{domain}"} {
		base := "/domains/" + domain
		in := func(h http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if domain == "default" {
					r.SetPathValue("domain", domain)
				}
				h(w, r)
			}
		}
		s.inSpaces("GET", base+"/groups", in(s.listGroups))
		s.inSpaces("GET", base+"/groups/{id}", in(s.getGroup))
		s.inSpaces("GET", base+"/groups/{id}/tags", in(s.listGroupTags))
		s.inSpaces("GET", base+"/groups/{id}/members/virtual-machines", in(s.listMembers))
		s.inSpaces("GET", base+"/groups/{id}/statistics/virtual-machines", in(s.listMembers))
		s.inSpaces("GET", base+"/security-policies", in(s.listPolicies))
		s.inSpaces("GET", base+"/security-policies/{id}", in(s.getPolicy))
		s.inSpaces("GET", base+"/security-policies/{id}/rules", in(s.listRules))
	}
	s.inSpaces("GET", "/virtual-machine-group-associations", s.listAssociations)
	h("GET "+infraRoot+excludePath, s.getExcludeList)
	h("POST "+infraRoot+excludePath, s.unknownAction)
	h("POST "+infraRoot+excludePath+"?action=filter", s.filterExcludeList)
	h("GET "+policyRoot+"/search/query", s.search(true))
}

// Add puts machines into the inventory.
func (s *Server) Add(vms ...VM) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range vms {
		s.inventory = append(s.inventory, newMachine(vms[i], s.added, now))
		s.added++
	}
}

// Remove takes a machine out of the inventory, with its tags. It reports whether it was there.
func (s *Server) Remove(externalID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.inventory)
	s.inventory = slices.DeleteFunc(s.inventory, func(m *machine) bool { return m.ExternalID == externalID })
	delete(s.away, externalID)
	return len(s.inventory) < before
}

// Vanish lets vCenter lose a machine, and Return lets it come back. After more than half an hour it has lost its tags: to the
// manager it is a new machine. Both report whether there was anything to do.
func (s *Server) Vanish(externalID string) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(now)
	if s.find(externalID) == nil {
		return false
	}
	s.away[externalID] = now
	return true
}

// Return undoes [Server.Vanish].
func (s *Server) Return(externalID string) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	since, gone := s.away[externalID]
	if !gone {
		return false
	}
	delete(s.away, externalID)
	if m := s.find(externalID); m != nil && now.Sub(since) > forgetTags {
		m.history, m.synced = []tagging{{}}, now
	}
	return true
}

// machines are those that the manager lists. The caller holds the lock.
func (s *Server) machines() []*machine {
	now := s.now()
	var out []*machine
	for _, m := range s.inventory {
		if _, gone := s.away[m.ExternalID]; !gone && !m.ListedFrom.After(now) {
			out = append(out, m)
		}
	}
	return out
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

// FailNextCode answers the next n requests with an error of the manager: a status, the error_code and the texts of its body.
func (s *Server) FailNextCode(n, status, code int, message, details string) {
	p := &problem{status: status, code: code, text: message, details: details}
	s.fake.Inject(nil, n, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w, p) })
	})
}

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

// unknown tells documented calls that are not simulated from paths that nobody documents.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	// Groups of the manager and its exclude list were removed in 9.0.
	removed := !s.before("9.0")
	for _, prefix := range []string{"/api/v1/ns-groups", "/api/v1/firewall/excludelist"} {
		if strings.HasPrefix(path, prefix) && !removed {
			refuse(w, &problem{status: http.StatusNotImplemented, text: fmt.Sprintf("nsxtest: no route for %s %s", r.Method, path)})
			return
		}
	}
	for _, prefix := range []string{
		"/policy/api/v1/search/", "/api/v1/search/", "/policy/api/v1/infra/domains/", "/policy/api/v1/infra/settings/", "/policy/api/v1/orgs/",
		"/global-manager/", "/api/v1/trust-management/", "/api/v1/cluster/", "/api/v1/spec/", "/policy/api/v1/infra/realized-state/",
	} {
		if strings.HasPrefix(path, prefix) {
			refuse(w, &problem{status: http.StatusNotImplemented, text: fmt.Sprintf("nsxtest: no route for %s %s", r.Method, path)})
			return
		}
	}
	s.absent(w, r)
}

// methodNotAllowed answers to a known path with another method.
func methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	refuse(w, &problem{status: http.StatusMethodNotAllowed, text: "The method " + r.Method + " is not supported here, only " + w.Header().Get("Allow") + "."})
}

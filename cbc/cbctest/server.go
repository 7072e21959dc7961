package cbctest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// Where the fake is reached in process, and what it is reached with unless the [World] says otherwise.
const (
	// URL is the console's address for [Server.Client].
	URL = "https://cbc.invalid"
	// OrgKey is the organization's key.
	OrgKey = "7QRST4UV"
	// KeyID is the API ID: the second half of the token.
	KeyID = "PPHUNTFAKE"
	// KeySecret is the API Secret Key: the first half of the token. It opens nothing but this fake.
	KeySecret = "FAKEFAKEFAKEFAKEFAKEFAKE"
)

// Server is a Carbon Black Cloud console with one organization. It is an [http.Handler] and safe for concurrent use.
type Server struct {
	fake     *fake.Server
	world    World // as it was at the beginning, defaults filled in; never changes
	orgKey   string
	keys     []Key
	now      func() time.Time
	created  time.Time
	limiter  limiter
	bearers  bearers
	answered atomic.Int64 // counts the answers of the console, for their ids
	// bareRefusals is a switch that is read without the lock: it never changes.
	bareRefusals bool

	mu             sync.Mutex // guards what follows, and what edr points to
	switches       Switches
	devices        []*device
	byID           map[int64]*device
	policies       []Policy
	assetGroups    []AssetGroup
	processes      []Process
	byGUID         map[string]int      // places in processes
	childHashes    map[string][]string // the hashes of each parent's children
	overrides      []Override
	binaries       []Binary
	jobs           []*searchJob
	serviceJobs    []*serviceJob
	remediations   []*remediation
	downloadsAsked map[string]int       // how often each file of the Unified Binary Store was listed under error
	segments       map[string]time.Time // when each search within a process was asked for first
	serial         int                  // counts what got an identifier
	edr            *edr
	observations   []Observation
	alerts         alertState
	auditLog       auditState
}

// New makes a server from a world. It copies what it needs; the world can be used again. Contradictions in the world are
// not reported here but by [World.Check].
func New(world World) *Server {
	w := world.filled()
	s := &Server{
		world: w, orgKey: w.OrgKey, keys: w.Keys, now: func() time.Time { return w.Now().UTC() }, created: w.Now().UTC(),
		switches: w.Switches, bareRefusals: w.Switches.BareRefusals, policies: slices.Clone(w.Policies), assetGroups: w.AssetGroups, overrides: w.Overrides, binaries: w.Binaries,
		segments: map[string]time.Time{}, byGUID: map[string]int{}, childHashes: map[string][]string{},
		byID: map[int64]*device{}, downloadsAsked: map[string]int{},
	}
	s.bearers.issued = map[string]bearer{}
	s.limiter = limiter{RateLimit: w.Switches.RateLimit, now: s.now, sources: map[string]*source{}}
	for _, d := range w.Devices {
		s.addDevice(d)
	}
	s.fake = fake.New(fake.Config{
		Name: "cbctest", Now: s.now, Authenticate: s.authenticate, Wrap: s.wrap,
		Unknown: http.HandlerFunc(s.noRoute), MethodNotAllowed: http.HandlerFunc(s.noMethod),
	})
	s.addProcesses(w.Processes)
	s.registerSearch()
	s.registerDevices()
	s.registerPolicies()
	s.registerOverrides()
	s.registerBinaries()
	s.registerJobs()
	s.registerWorkloads()
	s.registerAssets()
	s.registerCSP()
	s.registerRetired()
	s.registerEDR()
	s.registerObservations()
	s.registerAudit()
	s.registerAlerts()
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.fake.ServeHTTP(w, r) }

// Owns says whether a path is one of this service's, so that several fakes can share a port.
func (s *Server) Owns(path string) bool {
	for _, prefix := range []string{
		"/api/investigate/", "/appservices/", "/policyservice/", "/ubs/", "/integrationServices/", "/threathunter/",
		"/api/alerts/", "/audit_log/", "/jobs/", "/policy-assignment/", "/applianceservice/", cspPrefix,
		objectStorePrefix,
	} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// Inject lets fault stand in front of the next n requests that match; nil matches any, n below zero lasts for ever. Faults
// are consumed in the order in which they were injected, at most one a request.
func (s *Server) Inject(match func(*http.Request) bool, n int, fault func(http.Handler) http.Handler) {
	s.fake.Inject(match, n, fault)
}

// FailNext answers the next n requests with status, whatever they ask for; nothing is done. A 429 carries Retry-After: 60.
func (s *Server) FailNext(n, status int) { s.fake.Inject(nil, n, fake.Fail(status)) }

// Operations lists the patterns of all routes, sorted.
func (s *Server) Operations() []string { return s.fake.Operations() }

// handle serves an operation: the organization must be this one, the key must have the permission ("" asks for none: the
// handler looks itself), and the query may have the named parameters alone.
func (s *Server) handle(pattern, permission string, h http.HandlerFunc, params ...string) {
	s.fake.Handle(pattern, func(w http.ResponseWriter, r *http.Request) {
		if org := r.PathValue("org_key"); org != s.orgKey && strings.Contains(pattern, "{org_key}") {
			s.reply(w, http.StatusNotFound, map[string]any{
				"error_code": "NOT_FOUND", "message": "org not found", "resource_type": "org",
			})
			return
		}
		if !s.allow(w, r, permission) {
			return
		}
		if _, err := fake.Query(r, params...); err != nil {
			s.badRequest(w, err.Error())
			return
		}
		h(w, r)
	})
}

// handleOpen serves an address that asks for no credentials.
func (s *Server) handleOpen(pattern string, h http.HandlerFunc) { s.fake.Handle(pattern, h, fake.Open) }

// allow answers 403 unless the caller's key has one of the permissions; "" is one that every key has. It takes no lock.
func (s *Server) allow(w http.ResponseWriter, r *http.Request, permissions ...string) bool {
	key, _ := r.Context().Value(keyOfRequest{}).(Key)
	if key.Permissions == nil || slices.Contains(permissions, "") {
		return true
	}
	for _, p := range permissions {
		if slices.Contains(key.Permissions, p) {
			return true
		}
	}
	s.refuse(w, http.StatusForbidden, "FORBIDDEN", "the key lacks the permission "+strings.Join(permissions, " or "))
	return false
}

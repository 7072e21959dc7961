package nsxtest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// What a Server made from an otherwise empty World goes by.
const (
	// URL is the base address that Server.Client reaches.
	URL = "https://nsx.invalid"
	// Username is the account of a World that names none.
	Username = "svc-quarantine@corp.example"
	// Password is its password. It changes if it is put into a form without being encoded.
	Password = "Blue+Kite&67%20" //nolint:gosec // opens a fake
)

// World says what the manager knows. The zero value is a manager without virtual machines.
//
// In a world file durations are strings such as "10s", times are RFC 3339, and unknown members are refused by name.
type World struct {
	// Users are the accounts. Defaults to one with the constants Username and Password.
	Users []User `json:"users,omitempty"`
	// Tokens are bearer tokens of the accounts.
	Tokens []Token `json:"tokens,omitempty"`
	// Principals are those that prove themselves by a certificate, where the server is reached over TLS and the listener asks
	// for one. A certificate that is not registered is answered with 500 and the code 99.
	Principals []Principal `json:"principals,omitempty"`
	// VMs are the virtual machines.
	VMs []VM `json:"vms,omitempty"`
	// Groups are the groups.
	Groups []Group `json:"groups,omitempty"`
	// SecurityPolicies are the policies of the distributed firewall.
	SecurityPolicies []SecurityPolicy `json:"security_policies,omitempty"`
	// Excluded are the paths of what no rule of the firewall touches, ExcludedBySystem those that the system excludes.
	Excluded         []string `json:"excluded,omitempty"`
	ExcludedBySystem []string `json:"excluded_by_system,omitempty"`
	// ExcludeRevision is the _revision of the exclude list.
	ExcludeRevision int `json:"exclude_revision,omitempty"`
	// Projects are the projects of the org "default".
	Projects []Project `json:"projects,omitempty"`
	// EnforcementPoint is the id of the only enforcement point. Defaults to "default"; in VMware Cloud it is
	// "vmc-enforcementpoint".
	EnforcementPoint string `json:"enforcement_point,omitempty"`
	// CertificateBundle is the token that tells the present certificate, from version 9.0 on. Empty was never rotated.
	CertificateBundle string `json:"certificate_bundle,omitempty"`
	// TagLimit is how many tags a machine can have. Defaults to 30.
	TagLimit int `json:"tag_limit,omitempty"`
	// Version is the product's version. Defaults to "4.2.1.0.0.24304119". Calls that the version does not have answer 404: the
	// package's comment says which came when.
	Version string `json:"version,omitempty"`
	// RequestsPerSecond is how many requests an account may send in a second. Defaults to 100; below zero there is no limit.
	RequestsPerSecond int `json:"requests_per_second,omitempty"`
	// Concurrency is how many requests of an account may be under way. Defaults to 40; below zero there is no limit. For
	// all accounts together the limit is 199.
	Concurrency int `json:"concurrency,omitempty"`
	// GroupLag is how long a new tag takes to change groups. Defaults to none.
	GroupLag time.Duration `json:"group_lag,omitempty"`
	// SearchLag is how long a machine and its tags take to be found by a search. Defaults to none.
	SearchLag time.Duration `json:"search_lag,omitempty"`
	// SearchLimit answers 503 with the code 60576 to searches for larger pages. Zero has no limit.
	SearchLimit int `json:"search_limit,omitempty"`
	// BulkStep is how long an operation on many machines is pending, and how long it then runs. Defaults to one second;
	// below zero it is done at once.
	BulkStep time.Duration `json:"bulk_step,omitempty"`
	// Seed chooses among the orders of lists that have none.
	Seed uint64 `json:"seed,omitempty"`
	// Switches choose between behaviors that no public source pins down.
	Switches Switches `json:"switches,omitzero"`
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time `json:"-"`
}

// User is an account.
type User struct {
	// Name is the name, with its domain where it has one.
	Name string `json:"name"`
	// Password is the password.
	Password string `json:"password"`
	// ReadOnly refuses changes of tags with 403 and a code that is not one of authentication.
	ReadOnly bool `json:"read_only,omitempty"`
	// Project keeps the account to the paths of a project: all others answer 403.
	Project string `json:"project,omitempty"`
}

// Switches choose between behaviors that are undocumented, or documented in several ways. The zero value is the likely world.
type Switches struct {
	// FoldNames lets the filter display_name ignore case.
	FoldNames bool `json:"fold_names,omitempty"`
	// OmitEmptyTagMembers leaves the scope or the tag out of a tag where it is empty.
	OmitEmptyTagMembers bool `json:"omit_empty_tag_members,omitempty"`
	// EndCursor sends a cursor that begins with 0000 with the last page of the manager's lists.
	EndCursor bool `json:"end_cursor,omitempty"`
	// Unauthorized answers 401 to wrong credentials and expired sessions.
	Unauthorized bool `json:"unauthorized,omitempty"`
	// XSRFOnWritesOnly lets sessions read without the token.
	XSRFOnWritesOnly bool `json:"xsrf_on_writes_only,omitempty"`
	// BasicDisabled and SessionsDisabled turn off a way to authenticate.
	BasicDisabled    bool `json:"basic_disabled,omitempty"`
	SessionsDisabled bool `json:"sessions_disabled,omitempty"`
	// BusyUnavailable answers 503 to too many requests at once of one account. Defaults to 429.
	BusyUnavailable bool `json:"busy_unavailable,omitempty"`
	// RepeatedTagFails answers 400 to a tag that is added but there already, or removed but absent. Defaults to success.
	RepeatedTagFails bool `json:"repeated_tag_fails,omitempty"`
	// BulkOverwrites lets an operation be put again under its id without its revision.
	BulkOverwrites bool `json:"bulk_overwrites,omitempty"`
	// RemoteOnly refuses "Basic" for accounts of a domain, which then need the scheme "Remote", as early releases do.
	RemoteOnly bool `json:"remote_only,omitempty"`
	// TagActionsFrom32 has add_tags and remove_tags from version 3.2 on. By default they are there from 3.0 on.
	TagActionsFrom32 bool `json:"tag_actions_from_32,omitempty"`
	// PolicyOnly takes the inventory of the manager API away, as in VMware Cloud.
	PolicyOnly bool `json:"policy_only,omitempty"`
	// ListRules sends the rules of security policies in their list too.
	ListRules bool `json:"list_rules,omitempty"`
	// FilterFindsNothing answers 200 with an empty object if what is asked for is not in the exclude list. Defaults to 404.
	FilterFindsNothing bool `json:"filter_finds_nothing,omitempty"`
	// SearchCountOnce leaves result_count out of all pages of a search but the first.
	SearchCountOnce bool `json:"search_count_once,omitempty"`
	// Unhealthy makes the health call answer 503.
	Unhealthy bool `json:"unhealthy,omitempty"`
}

// plainWorld is a World without its methods.
type plainWorld World

// worldFile is the form of a World in a file.
type worldFile struct {
	*plainWorld
	GroupLag  string `json:"group_lag,omitempty"`
	SearchLag string `json:"search_lag,omitempty"`
	BulkStep  string `json:"bulk_step,omitempty"`
}

// MarshalJSON writes the form of a world file.
func (w World) MarshalJSON() ([]byte, error) {
	f := worldFile{plainWorld: (*plainWorld)(&w)}
	if w.GroupLag != 0 {
		f.GroupLag = w.GroupLag.String()
	}
	if w.SearchLag != 0 {
		f.SearchLag = w.SearchLag.String()
	}
	if w.BulkStep != 0 {
		f.BulkStep = w.BulkStep.String()
	}
	return json.Marshal(f)
}

// UnmarshalJSON reads the form of a world file and refuses unknown members by name.
func (w *World) UnmarshalJSON(data []byte) error {
	f := worldFile{plainWorld: (*plainWorld)(w)}
	if err := fake.UnmarshalStrict(data, &f); err != nil {
		return fmt.Errorf("nsxtest: world: %w", err)
	}
	for _, d := range []struct {
		name, text string
		into       *time.Duration
	}{{"group_lag", f.GroupLag, &w.GroupLag}, {"search_lag", f.SearchLag, &w.SearchLag}, {"bulk_step", f.BulkStep, &w.BulkStep}} {
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil {
			return fmt.Errorf("nsxtest: world: %s: %w", d.name, err)
		}
		*d.into = v
	}
	return nil
}

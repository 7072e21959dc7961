// Package nsxtest is a stand-in for a VMware NSX manager: its inventory of virtual machines, their tags, the groups that tags
// put them in, and the rules that are about groups. It needs neither a manager nor a network.
//
//	srv := nsxtest.New(nsxtest.World{
//		VMs:    []nsxtest.VM{{Name: "fin-ws-0142", ComputerName: "FIN-WS-0142.corp.example"}},
//		Groups: []nsxtest.Group{{ID: "quarantined", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}}},
//	})
//
// A [Server] is an [http.Handler] for a listener of yours, and [Server.Client] reaches it in process, also inside a synctest
// bubble. [World] says what there is; its JSON form is the "nsx" section of a world file.
//
// # What is served
//
// The manager API, none of whose inventory is there with [Switches].PolicyOnly:
//
//   - POST /api/session/create and /destroy; GET /api/v1/node/version and /api/v1/reverse-proxy/node/health (Unhealthy); GET
//     /api/v1/certificate-management/certificate-bundle for everybody, from 9.0 on.
//   - GET /api/v1/fabric/virtual-machines, with the filters display_name (FoldNames), external_id, host_id and
//     exclude_vm_type, and POST with action=add_tags, remove_tags and update_tags (TagActionsFrom32, RepeatedTagFails). Before
//     3.0 tags can only be replaced.
//   - GET /api/v1/fabric/vifs, with the filters owner_vm_id, lport_attachment_id, host_id and vm_id; GET
//     /api/v1/fabric/scope-associations, from 4.1 on; GET /api/v1/search/query.
//   - GET /api/v1/spec/vmware/types/Tag and /ManagedResource, the limits of tags, before 4.0.
//
// The Policy API below /policy/api/v1/infra and, from 4.0.1 on, below /policy/api/v1/orgs/default/projects/{project}/infra:
//
//   - GET realized-state/virtual-machines; POST realized-state/virtual-machines/{external_id}/tags, from 4.1 on.
//   - PUT and GET tags/tag-operations/{operation-id}, GET …/status (BulkOverwrites); GET tags and tags/effective-resources.
//   - GET domains/{domain}/groups, …/{id}, …/{id}/tags, …/{id}/members/virtual-machines and its older name
//     …/statistics/virtual-machines; GET virtual-machine-group-associations.
//   - GET domains/{domain}/security-policies (ListRules), …/{id} and …/{id}/rules.
//
// In the default space alone:
//
//   - GET realized-state/enforcement-points/{EP}/virtual-machines, which takes a query; POST with action=update_tags; GET
//     …/{external_id}/details.
//   - GET settings/firewall/security/exclude-list, POST with action=filter (FilterFindsNothing).
//
// In a VPC, below /policy/api/v1/orgs/default/projects/{project}/vpcs/{vpc} and from 4.1.1 on:
//
//   - POST virtual-machines/{external_id}/tags; PUT and GET tags/vpc-tag-operations/{operation-id}, GET …/status.
//
// And GET /policy/api/v1/search/query (SearchCountOnce), which finds machines from 4.1.2 on, groups, policies and rules.
//
// The groups and the exclude list of the manager API, which were removed in 9.0, registrations, settings, the search by DSL and
// the Global Manager answer 501, and paths that nobody documents 404.
//
// # Searching
//
// A query compares fields (display_name:x, tags.scope:x) and values alone, which may be in any field, also behind the colon of
// a compute id. It knows AND, OR, NOT, brackets, quotes, the wildcards * and ?, and backslashes; signs that need a backslash
// and lack it get 400. Case is ignored. Nothing is found by a query that names one scope of tags twice. The cursor is the
// number of the next row and is there on the last page too. [World].SearchLag lets the index lag behind.
//
// # What it is strict about
//
// Wrong credentials, expired sessions and missing XSRF tokens get 403 with the codes of the manager, and five wrong passwords
// in a quarter of an hour lock the account. Unknown parameters and members get 400, and so do requests that mix two ways of
// authentication. More than 100 requests in a second get 429. The quirks of the lists are kept: a count on the first page
// alone, no tags at all where there are none, a Policy list without a cursor and in another order with every call.
//
// # Who may call
//
// Accounts by session, by "Basic" and, those of a domain, by "Remote" (RemoteOnly, BasicDisabled, SessionsDisabled,
// XSRFOnWritesOnly, Unauthorized); [Token]s by "Bearer"; [Principal]s by their TLS certificate, where the listener asks for one
// and there are no credentials, which would win. A [User] of a project gets 403 outside of the project's paths.
//
// # Contradictions
//
// [World.Check] finds them: a group that refers to one that is not there would quietly be another world.
//
// # Faults
//
// [Server.FailNext], [Server.FailNextCode] and [Server.Inject] fail requests by count, [Server.EndSessions] does what a restart
// of the manager does.
//
// # Concurrency
//
// A Server is safe for concurrent use. It keeps no goroutines.
package nsxtest

// Package nsxtest is a stand-in for a VMware NSX manager: its inventory of virtual machines, their tags, and the groups that
// tags put them in. It needs neither a manager nor a network.
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
// Sessions; the manager's list of virtual machines and of their interfaces, and its three tag actions; the Policy list, the
// two Policy calls that replace all tags of a machine, operations that put one tag on many machines, lists of tags; groups,
// their members and the groups of a machine; version and health. Search, security policies, the exclude list, projects and
// the Global Manager answer 501, and paths that nobody documents 404.
//
// # What it is strict about
//
// Wrong credentials, expired sessions and missing XSRF tokens get 403 with the codes of the manager, and five wrong passwords
// in a quarter of an hour lock the account. Unknown parameters and members get 400, and so do requests that mix two ways of
// authentication. More than 100 requests in a second get 429. The quirks of the lists are kept: a count on the first page
// alone, no tags at all where there are none, a Policy list without a cursor and in another order with every call.
//
// # Faults
//
// [Server.FailNext] and [Server.Inject] fail requests by count, [Server.EndSessions] does what a restart of the manager does.
//
// # Concurrency
//
// A Server is safe for concurrent use. It keeps no goroutines.
package nsxtest

// Package cbctest is a Carbon Black Cloud console for tests and demonstrations: process search, devices and device actions,
// policies, reputation overrides, binaries, Live Response, feeds and watchlists. It is written from the vendor's
// documentation and shares nothing with the client, so that one misreading cannot hide in both.
//
//	srv := cbctest.New(cbctest.World{
//		Devices:   []cbctest.Device{{ID: 7, Name: "LAB-7"}},
//		Processes: []cbctest.Process{{DeviceID: 7, Name: `c:\temp\a.exe`, Hashes: []string{hash}}},
//	})
//	srv.FailNext(2, http.StatusServiceUnavailable)
//	client, err := cbc.New(cbc.Config{
//		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: srv.Client(),
//		Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret),
//	})
//
// A [Server] is an http.Handler and can be served on a socket as well; any client for the real service works against it.
//
// # State
//
// What is done is there afterwards: quarantine a device and the next read shows it, kill a process and the next list lacks it.
// Tests look through [Server.Device], [Server.Overrides], [Server.Sessions], [Server.Feeds], [Server.ServiceJobs],
// [Server.State] and, for what was asked, [Server.Requests].
//
// # Time
//
// The world has a clock, [World.Now], and nothing runs behind it: whoever looks moves the world on. Searches take 900 ms, and
// a search just started says 0 of 0 searchers, which is not the end. Jobs of the job service, which exports and large changes
// are, take as long ([JobSwitches]); only the key that started one sees it. Sensors take what is asked of them at their next contact
// ([Device.CheckIn]), and those that are offline when they come back. In a synctest bubble all of this takes no time; with a
// clock that stands still, nothing ever finishes.
//
// # Strictness
//
// A wrong token is 401, a missing permission 403, another organization 404, an unknown route 501, a wrong method 405, and
// an unknown member, parameter or word 400, each with the reason. Routes that the vendor switched off answer 410.
//
// Process search finds what the real one finds: process_hash is the process's own executable, hash adds files written and
// loaded and children run but neither scripts nor the parent, and a document that was merely opened is found by nothing.
//
// # What nobody knows
//
// Where no public source says what the service does, the fake does what is most likely and [Switches] hold the alternatives. A
// client should get along with all of them.
//
// # Faults
//
// [Server.FailNext] and [Server.Inject] fail by count, always the same way. [Switches.RateLimit] refuses calls beyond a
// number in a window and starts the penalty anew with each call that ignores it.
package cbctest

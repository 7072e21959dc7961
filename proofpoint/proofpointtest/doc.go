// Package proofpointtest is a stand-in for the Proofpoint TAP service: the SIEM feeds and the threat summary of API v2, with
// their quotas, limits of time and oddities. It needs neither an account nor a network.
//
//	srv := proofpointtest.New(proofpointtest.World{Messages: []proofpointtest.Message{{
//		Time:       time.Now().Add(-time.Hour),
//		Recipients: []string{"ada@corp.example"},
//		Parts:      []proofpointtest.Part{{Filename: "invoice.zip", SHA256: hash, SandboxStatus: "THREAT"}},
//		Threats:    []proofpointtest.Threat{{Artifact: hash, Time: time.Now().Add(-20 * time.Minute)}},
//	}}})
//
// A [Server] is an [http.Handler] for a listener of yours, and [Server.Client] reaches it in process, also inside a synctest
// bubble. [World] says what there is; its JSON form is the "tap" section of a world file.
//
// # What it is strict about
//
// Wrong credentials get 401; no time parameter or several, unknown parameters and values, and windows outside the limits get
// 400 in plain text, as the service words it. A call without a format is answered in syslog lines. The rolling quotas of 24
// hours are kept by the clock of the world and end in 429 without Retry-After. Documented calls that are not simulated get
// 501; paths that exist in no documentation get 404.
//
// # Which window an event is in
//
// The one that holds its creation time: the later of its occurrence and the times of its threats. A message of Monday that is
// condemned on Thursday is served in Thursday's window. It can be seen once [World].Lag has passed after that. Windows are
// half-open unless a switch says otherwise.
//
// # Faults
//
// [Server.FailNext] and [Server.Inject] fail requests by count. Arrays and the parts of messages come in another order with
// every call, always the same for the same [World].Seed and number of the call.
//
// # Concurrency
//
// A Server is safe for concurrent use. It keeps no goroutines.
package proofpointtest

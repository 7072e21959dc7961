// Package proofpointtest is a stand-in for the Proofpoint TAP service: the whole of API v2, with its quotas, limits of time and
// oddities. It needs neither an account nor a network.
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
// # What is served
//
//   - GET /v2/siem/all, /issues, /clicks/permitted, /clicks/blocked, /messages/delivered, /messages/blocked: the events of a
//     window, as JSON or as syslog lines. [Switches].TextPlain, Stable, InclusiveEnd, JoinRecipients, FilterEntries,
//     Reissue, NewIDs.
//   - GET /v2/threat/summary/{threatId}: one threat. OldSummary.
//   - GET /v2/campaign/ids: the ids of the campaigns of an interval of at most a day, and GET /v2/campaign/{campaignId}: one
//     campaign with its members. CampaignsByUpdate, CampaignsUpToNow, PastEndNotFound, OmitEmptyLists.
//   - GET /v2/forensics: the evidence on a threat or a campaign. EmptyReports, OldForensics.
//   - GET /v2/people/vap and /v2/people/top-clickers: who is attacked most and who clicks most, counted from the mails and
//     clicks of the world or given with it. PeopleShareQuota.
//   - POST /v2/url/decode: links as they were before URL Defense rewrote them; the three ways to rewrite are really undone. It
//     takes callers without a credential too. ShuffleDecoded.
//
// # What it is strict about
//
// Wrong credentials get 401, and credentials that are not entitled 403 from the feeds; no time parameter or several, unknown
// parameters, members and values, and windows outside the limits get 400 in plain text, as the service words it. A call
// without a format is answered in syslog lines. Paths that the service is known not to have get 404, all others 501.
//
// # Quotas
//
// Each credential has its own [Pool]s, and a pool has so many calls in 24 hours, by the clock of the world: 1800 for the five
// feeds that share one, for permitted clicks and for the URL decoder, and 50 for campaign ids, each kind of forensics and each
// call about people. Beyond them the answer is 429 without Retry-After, and capacity comes back one call at a time.
// [World].Quotas changes the numbers, [Server.QuotaUsed] tells what was used. Campaigns by id and threat summaries are not
// throttled. CountRefused, TenantQuota.
//
// # Which window an event is in
//
// The one that holds its creation time: the later of its occurrence and the times of its threats. A message of Monday that is
// condemned on Thursday is served in Thursday's window. It can be seen once [World].Lag has passed after that. Windows are
// half-open unless a switch says otherwise.
//
// [Scenarios] has the scripts in which the answer to one question changes: late verdicts, campaigns that are filled in later,
// withdrawn verdicts, and mail that is published late ([Message].Visible).
//
// # Contradictions
//
// [World.Check] finds them: a change of a threat that is not there would quietly be another world.
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

package proofpointtest

import "time"

// Scenario is a world in which something happens that clients stumble over.
type Scenario struct {
	// Name says what happens: "late verdict".
	Name string
	// World has no clock: set World.Now.
	World World
	// Threat is the threat that it is about.
	Threat string
	// Delivered is when the mail was delivered, and Happens when the rest happens.
	Delivered, Happens time.Time
}

// Scenarios are the scripts in which the answer to the same question changes: one mail with one attachment, delivered at the
// given time.
//
//   - "late verdict": condemned three days after it was delivered, so that it is in the window of that day.
//   - "campaign filled in later": the threat is attributed two hours after the mail was served without a campaign.
//   - "cleared in place" and "false positive in place": the status changes a day later, and what was served in the old window
//     changes with it. Nothing is in the window of the change.
//   - "cleared and issued again" and "false positive and issued again": the mail is in the window of the change too.
//   - "published late": the mail belongs to the window in which it was delivered, but half an hour passes until it is there.
func Scenarios(delivered time.Time) []Scenario {
	const attachment = "80e83a5fdf45abbeb5053a8c161911b27e3fda5fd1d9503e673137cca33e36fd"
	delivered = delivered.UTC()
	scenario := func(name string, after time.Duration, script func(*World, time.Time)) Scenario {
		w := World{
			Messages: []Message{{
				Time: delivered, Subject: "Freight invoice", Sender: "billing@freight.example", Recipients: []string{"ada@corp.example"},
				Parts:   []Part{{Filename: "invoice.zip", SHA256: attachment, SandboxStatus: "inprogress"}},
				Threats: []Threat{{Artifact: attachment}},
			}},
		}
		script(&w, delivered.Add(after))
		return Scenario{Name: name, World: w, Threat: attachment, Delivered: delivered, Happens: delivered.Add(after)}
	}
	change := func(status string, again bool) func(*World, time.Time) {
		return func(w *World, at time.Time) {
			w.Changes = []Change{{At: at, Threat: attachment, Status: status, Reissue: again}}
		}
	}
	return []Scenario{
		scenario("late verdict", 76*time.Hour, func(w *World, at time.Time) { w.Messages[0].Threats[0].Time = at }),
		scenario("campaign filled in later", 2*time.Hour, func(w *World, at time.Time) {
			w.Campaigns = []Campaign{{ID: "7d1c52a9-0b3f-4f0a-9f6d-21c4e8a7b630", Name: "Stealer | Archives", Start: delivered.Add(-time.Hour)}}
			w.Changes = []Change{{At: at, Threat: attachment, CampaignID: "7d1c52a9-0b3f-4f0a-9f6d-21c4e8a7b630"}}
		}),
		scenario("cleared in place", 24*time.Hour, change("cleared", false)),
		scenario("cleared and issued again", 24*time.Hour, change("cleared", true)),
		scenario("false positive in place", 24*time.Hour, change("falsePositive", false)),
		scenario("false positive and issued again", 24*time.Hour, change("falsePositive", true)),
		scenario("published late", 30*time.Minute, func(w *World, at time.Time) { w.Messages[0].Visible = at }),
	}
}

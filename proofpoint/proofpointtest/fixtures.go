package proofpointtest

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed testdata
var samples embed.FS

// Fixture is a sample record with one of the oddities of the real service.
type Fixture struct {
	// Name says what is odd: "skeleton".
	Name string
	// Category is the array that it arrives in: "messagesDelivered", "messagesBlocked", "clicksPermitted" or
	// "clicksBlocked". It is empty for values that are no records.
	Category string
	// Raw is the record as it is sent.
	Raw Raw
}

// Fixtures returns all sample records, by category and name. They were created within [FixtureWindow].
func Fixtures() []Fixture {
	return readFixtures(func(category string) bool { return category != "undecodable" && category != "answers" })
}

// Undecodable returns values that are valid JSON but no records. They belong into [Message.Raw] beside good ones.
func Undecodable() []Fixture {
	all := readFixtures(func(category string) bool { return category == "undecodable" })
	for i := range all {
		all[i].Category = ""
	}
	return all
}

// readFixtures reads the directories that keep admits.
func readFixtures(keep func(category string) bool) []Fixture {
	var out []Fixture
	names, err := fs.Glob(samples, "testdata/*/*.json")
	if err != nil {
		return nil
	}
	for _, name := range names {
		category := path.Base(path.Dir(name))
		data, err := samples.ReadFile(name)
		if err != nil || !keep(category) {
			continue
		}
		out = append(out, Fixture{Name: strings.TrimSuffix(path.Base(name), ".json"), Category: category, Raw: data})
	}
	return out
}

// FixtureWindow is the hour in which the fixtures were created.
func FixtureWindow() (start, end time.Time) {
	start = time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC)
	return start, start.Add(time.Hour)
}

// FixtureWorld is a world of all fixtures, five minutes after the end of [FixtureWindow]. Its clock stands still.
func FixtureWorld() World {
	_, end := FixtureWindow()
	w := World{Now: func() time.Time { return end.Add(5 * time.Minute) }}
	for _, f := range Fixtures() {
		switch category(f.Category) {
		case clicksPermitted, clicksBlocked:
			w.Clicks = append(w.Clicks, Click{Raw: f.Raw, Blocked: category(f.Category) == clicksBlocked})
		default:
			w.Messages = append(w.Messages, Message{Raw: f.Raw, Blocked: category(f.Category) == messagesBlocked})
		}
	}
	return w
}

// Bulk makes n delivered messages of about 2.6 KB with events spread over [start, end). Each has three parts; every tenth has
// a condemned attachment, the others a condemned link. It is meant for [World.More], where the answer may be larger than
// memory.
func Bulk(n int, start, end time.Time) iter.Seq[Message] {
	step := end.Sub(start) / time.Duration(max(n, 1))
	return func(yield func(Message) bool) {
		for i := range n {
			if !yield(bulkMessage(i, start.Add(time.Duration(i)*step))) {
				return
			}
		}
	}
}

// bulkMessage is one of many messages.
func bulkMessage(i int, at time.Time) Message {
	number := strconv.Itoa(i)
	hash := func(what string) string {
		sum := sha256.Sum256([]byte(what + number))
		return hex.EncodeToString(sum[:])
	}
	m := Message{
		GUID: "bulk-" + hash("guid")[:27], QID: "40mc" + number + "-1", MessageID: "<bulk." + number + "@mx7.freight.example>",
		Time: at, Size: 81244, Subject: "Delivery note " + number, Sender: "billing@freight.example",
		Recipients: []string{fmt.Sprintf("user%d@corp.example", i%1000)}, HeaderFrom: `"Freight Billing" <billing@freight.example>`,
		Parts: []Part{
			{Filename: "logo.png", ContentType: "image/png", DeclaredType: "image/png", MD5: hash("logo")[:32], SHA256: hash("logo")},
			{Disposition: "inline", Filename: "text.html", ContentType: "text/html", DeclaredType: "text/html", MD5: hash("text")[:32], SHA256: hash("text")},
			{Filename: "note" + number + ".zip", ContentType: "application/zip", DeclaredType: "application/octet-stream", MD5: hash("zip")[:32], SHA256: hash("zip")},
		},
		Threats: []Threat{{Artifact: "files.parcel-track.example/" + number, Type: "url", Classification: "phish"}},
	}
	if i%10 == 0 {
		m.Parts[2].SandboxStatus = "THREAT"
		m.Threats = []Threat{{Artifact: hash("zip")}}
	}
	return m
}

package actions

import (
	"context"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/pphunt/pphunt/cbc"
)

// AuditReader reads what people and keys have done in the organization. *cbc.AuditLog is one.
type AuditReader interface {
	Search(ctx context.Context, q cbc.AuditQuery) iter.Seq2[cbc.AuditEntry, error]
}

// lookBack is how long before our own quarantine that of somebody else is looked for: it may have waited for the machine to come back.
const lookBack = 30 * 24 * time.Hour

// quarantinedByOthers finds the devices that somebody other than we wants to be isolated, each with the entry that says so: the last
// one about it that is not clearly about a release. A zero since is as far back as the log goes.
func quarantinedByOthers(ctx context.Context, log AuditReader, we string, since time.Time, devices []cbc.Device) (map[cbc.DeviceID]cbc.AuditEntry, error) {
	q := cbc.AuditQuery{Exclusions: map[string][]string{"actor": {we}}}
	if !since.IsZero() {
		const day = 24 * time.Hour
		q.Window = (time.Since(since) + lookBack + skew).Truncate(day) + day // the vendor's own clock counts
	}
	wanted := make(map[cbc.DeviceID]cbc.AuditEntry)
	for e, err := range log.Search(ctx, q) {
		if err != nil {
			return nil, err
		}
		text := strings.ToLower(e.Description)
		if strings.EqualFold(e.Actor, we) || !strings.Contains(text, "quarantin") && !strings.Contains(text, "isolat") {
			continue
		}
		for _, d := range devices {
			switch {
			case !concerns(text, d):
			case releases(nameless(text, d)):
				delete(wanted, d.ID)
			default:
				wanted[d.ID] = e
			}
		}
	}
	return wanted, nil
}

// concerns tells whether an entry may be about a device: it has its id or its name, or no number that could be another's. How many
// devices it is about is no such number.
func concerns(text string, d cbc.Device) bool {
	numbers := strings.FieldsFunc(count.ReplaceAllString(text, ""), func(r rune) bool { return r < '0' || r > '9' })
	name, host := strings.ToLower(d.Name), d.Host()
	return len(numbers) == 0 || slices.Contains(numbers, strconv.FormatInt(int64(d.ID), 10)) ||
		name != "" && strings.Contains(text, name) || host != "" && strings.Contains(text, host)
}

// count finds how many devices an entry is about.
var count = regexp.MustCompile(`\b[0-9]+ +([a-z]+ +)?(devices|endpoints|assets|machines|hosts|sensors|computers|workloads)\b`)

// nameless is an entry without the name of a device, whose words mean nothing.
func nameless(text string, d cbc.Device) string {
	for _, name := range []string{strings.ToLower(d.Name), d.Host()} {
		if name != "" {
			text = strings.ReplaceAll(text, name, " ")
		}
	}
	return text
}

// releases tells whether an entry is about the end of a quarantine. In doubt it is not. What is joined to something else, as in the name
// of another device, is no word.
func releases(text string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(`-._\`, r)
	})
	begun, ended := false, false
	for _, w := range words {
		switch w = strings.Trim(w, `-._\`); w {
		case "on", "quarantined", "quarantining", "isolated", "isolate", "isolating":
			begun = true
		case "off", "unquarantine", "unquarantined", "unquarantining", "unisolate", "unisolated", "release", "released", "releases", "releasing":
			ended = true
		}
	}
	return ended && !begun
}

// shortened keeps a foreign text short.
func shortened(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "..."
	}
	return text
}

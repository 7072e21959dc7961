package huntreport

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// columns are those of the CSV.
func columns() []string {
	return []string{
		"kind", "run", "time", "status", "action", "target", "device_id", "device", "sha256", "file", "evidence", "process", "user", "recipient",
		"delivered", "subject", "sender", "detail", "event_id",
	}
}

// line is one line of the CSV, by its columns.
type line map[string]string

func writeCSV(w io.Writer, r *hunt.Report, o Options) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true // as RFC 4180 wants it
	err := out.Write(columns())
	for _, l := range lines(r, o) {
		if err != nil {
			break
		}
		l["run"] = r.Run
		cells := make([]string, 0, len(l))
		for _, column := range columns() {
			cells = append(cells, cell(l[column]))
		}
		err = out.Write(cells)
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

func lines(r *hunt.Report, o Options) []line {
	var all []line
	for _, ind := range r.Indicators {
		for _, m := range ind.Mails {
			for _, to := range m.Recipients {
				all = append(all, line{
					"kind": "file", "time": iso(m.Time), "status": ind.Threat.Status, "sha256": ind.SHA256.String(), "file": m.FileName, "recipient": to,
					"delivered": strconv.FormatBool(m.Delivered), "subject": m.Subject, "sender": m.Sender, "detail": ind.Threat.Classification,
				})
			}
		}
		if len(ind.Recipients()) == 0 {
			all = append(all, line{
				"kind": "file", "status": ind.Threat.Status, "sha256": ind.SHA256.String(), "file": strings.Join(ind.Files(), ", "),
				"detail": ind.Threat.Classification,
			})
		}
	}
	for _, s := range r.Sightings {
		all = append(all, line{
			"kind": "sighting", "time": iso(s.Time), "device_id": strconv.FormatInt(s.Device.ID, 10), "device": s.Device.Name,
			"sha256": s.SHA256.String(), "file": s.File.Path, "evidence": s.Evidence.String(), "process": s.Process.Path, "user": s.Process.User,
			"recipient": s.Recipient,
		})
	}
	for _, out := range r.Outcomes {
		l := lineOf("outcome", out.Task, out.Detail)
		l["time"], l["status"] = iso(r.Ended), string(out.Status)
		if out.Acknowledged {
			l["status"] += " (acknowledged)"
		}
		all = append(all, l)
	}
	for _, rec := range r.Open {
		all = append(all, lineOfRecord("open", rec))
	}
	for _, t := range r.Turned {
		for _, rec := range t.Records {
			all = append(all, lineOfRecord("turned", rec))
		}
	}
	for _, p := range r.Problems {
		all = append(all, line{"kind": "problem", "time": iso(r.Ended), "target": p.Stage, "sha256": hashes(p.Hashes), "detail": o.Explain(p.Err)})
	}
	return all
}

func lineOfRecord(kind string, rec hunt.Record) line {
	l := lineOf(kind, rec.Task, rec.Detail)
	l["time"], l["status"] = iso(rec.Last), string(rec.Status)
	return l
}

func lineOf(kind string, t hunt.Task, detail string) line {
	r := rowOf(t, detail)
	files := make([]hunt.SHA256, len(t.Indicators))
	for i, ind := range t.Indicators {
		files[i] = ind.SHA256
	}
	l := line{
		"kind": kind, "action": r.Action, "target": t.Target, "sha256": hashes(files), "file": r.Files, "detail": detail, "event_id": t.EventID(),
	}
	if d, ok := t.Device(); ok {
		l["device_id"], l["device"] = strconv.FormatInt(d.ID, 10), d.Name
		l["evidence"], l["process"] = t.Evidence().String(), t.Sightings[0].Process.Path
	}
	return l
}

func hashes(all []hunt.SHA256) string {
	texts := make([]string, len(all))
	for i, h := range all {
		texts[i] = h.String()
	}
	return strings.Join(texts, " ")
}

// cell keeps a spreadsheet from taking a stranger's words for a formula.
func cell(s string) string {
	s = plain(s)
	if s != "" && strings.ContainsRune("=+-@|%", rune(s[0])) || strings.HasPrefix(s, "＝") || strings.HasPrefix(s, "＋") || strings.HasPrefix(s, "－") || strings.HasPrefix(s, "＠") {
		return "'" + s
	}
	return s
}

func iso(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

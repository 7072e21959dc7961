package cbchunt

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pphunt/pphunt/hunt"
)

// early is how much before its mail a file may have been seen, by clocks that differ.
const early = 10 * time.Minute

// namesOf are the names of an attachment that are distinctive, each with the first mail that brought it, at most mostNames: the latest.
// The files of a second stage came by no mail.
func namesOf(ind hunt.Indicator) []sentName {
	if !ind.Of.IsZero() {
		return nil
	}
	first := make(map[string]time.Time)
	for _, m := range ind.Mails {
		if m.Time.IsZero() || !distinctive(m.FileName) {
			continue // nothing could be said to be later than it
		}
		name := strings.ToLower(m.FileName)
		if at, ok := first[name]; !ok || m.Time.Before(at) {
			first[name] = m.Time
		}
	}
	names := make([]sentName, 0, len(first))
	for name, at := range first {
		names = append(names, sentName{name, at.Add(-early)})
	}
	slices.SortFunc(names, func(a, b sentName) int {
		if c := b.since.Compare(a.since); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return names[:min(len(names), mostNames)]
}

// distinctive tells whether a name says enough to be searched for: a name of at most 200 characters with a suffix, whose words other than
// the usual ones of attachments have ten letters or digits and are two or more, or are a single long one. A number counts from seven
// digits on if it is no date.
func distinctive(name string) bool {
	if utf8.RuneCountInString(name) > 200 || strings.ContainsAny(name, `\/`) || strings.ContainsFunc(name, unprintable) {
		return false
	}
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || dot == len(name)-1 {
		return false
	}
	words, sum, longest := 0, 0, 0
	for _, word := range strings.FieldsFunc(strings.ToLower(name[:dot]), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if n := weight(word); n > 0 {
			words++
			sum += n
			longest = max(longest, n)
		}
	}
	return sum >= 10 && words >= 2 || longest >= 16
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) && r != ' ' }

// weight is how many characters of a word tell something, double where letters and digits are mixed as nobody writes them.
func weight(word string) int {
	stem := strings.TrimRightFunc(word, unicode.IsDigit)
	digits := strings.ContainsFunc(stem, unicode.IsDigit)
	switch n := utf8.RuneCountInString(word); {
	case stem == "": // a number
		if n < 7 || date(word) {
			return 0
		}
		return n
	case usual(stem):
		if tail := word[len(stem):]; len(tail) >= 7 && !date(tail) {
			return len(tail)
		}
		return 0
	case digits:
		return 2 * n
	default:
		return n
	}
}

// date tells whether eight digits are a day, written either way around.
func date(digits string) bool {
	if len(digits) != 8 {
		return false
	}
	century := func(s string) bool { return strings.HasPrefix(s, "19") || strings.HasPrefix(s, "20") }
	return century(digits) || century(digits[4:])
}

// usual tells whether a word is one that attachments of all the world have in their names.
func usual(word string) bool {
	switch word {
	case "a", "account", "agreement", "and", "angebot", "anlage", "application", "archive", "att", "attached", "attachment", "auftrag", "bank",
		"bericht", "bestellung", "bewerbung", "bill", "brief", "case", "certificate", "client", "com", "company", "confirmation", "contract",
		"copy", "customer", "cv", "data", "date", "delivery", "details", "dhl", "doc", "document", "documents", "dokument", "draft", "email",
		"employee", "entwurf", "excel", "factura", "facture", "fax", "fedex", "file", "files", "final", "for", "foto", "from", "image",
		"images", "img", "important", "info", "information", "inquiry", "install", "installer", "invoice", "invoices", "kopie", "lebenslauf",
		"letter", "lieferschein", "list", "liste", "logo", "mahnung", "mail", "message", "my", "new", "neu", "noname", "note", "notice", "of",
		"offer", "order", "orders", "original", "outlook", "page", "payment", "pdf", "photo", "picture", "pictures", "po", "price",
		"product", "project", "proposal", "purchase", "quotation", "quote", "re", "readme", "receipt", "rechnung", "remittance", "report",
		"request", "resume", "rfq", "salary", "sample", "scan", "scanned", "scans", "secure", "setup", "sheet", "shipment", "shipping",
		"signed", "specification", "statement", "swift", "tax", "template", "test", "text", "the", "to", "transaction", "transfer",
		"unbenannt", "unterlagen", "untitled", "update", "ups", "urgent", "v", "version", "vertrag", "voice", "voicemail", "winmail", "word",
		"your", "zahlung", "zip":
		return true
	}
	return false
}

// in tells whether a text has the name in it at all.
func (n sentName) in(text string) bool { return strings.Contains(strings.ToLower(text), n.name) }

// shows tells whether a text has a name in it as a whole component of a path or as a whole argument. Both are compared in lower case.
func shows(text, name string) bool {
	text = strings.ToLower(text)
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		begin, end := at+i, at+i+len(name)
		before, _ := utf8.DecodeLastRuneInString(text[:begin])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if (begin == 0 || strings.ContainsRune("\\/\"'=,:( \t", before)) && (end == len(text) || strings.ContainsRune("\"',:;) \t", after)) {
			return true
		}
		at = begin + 1
	}
}

package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pphunt/pphunt/hunt"
)

// Head is the last entry of a log, or one that was the last once. Whoever keeps it elsewhere can tell later that nothing was cut off
// behind it, see [Verify]. The zero value is that of an empty log.
type Head struct {
	Seq  uint64      `json:"seq"`
	Hash hunt.SHA256 `json:"hash"`
}

// String is the number and the hash with a colon between them.
func (h Head) String() string { return strconv.FormatUint(h.Seq, 10) + ":" + h.Hash.String() }

// ParseHead reads what [Head.String] writes.
func ParseHead(s string) (Head, error) {
	number, hash, ok := strings.Cut(s, ":")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return Head{}, errors.New("audit: no head of a log: want a number, a colon and a SHA-256")
	}
	sum, err := hunt.ParseSHA256(hash)
	if err != nil {
		return Head{}, fmt.Errorf("audit: no head of a log: %w", err)
	}
	return Head{seq, sum}, nil
}

// The parts of a line that stand where they do, so that the hash needs no canonical form of JSON: it is made of the bytes of the line
// up to where it begins itself.
const (
	hashBegins = `,"hash":"`
	hashEnds   = `"}`
	hashLength = len(hashBegins) + 2*sha256.Size + len(hashEnds)
)

// opening is how the line after head begins.
func (h Head) opening() string {
	return `{"seq":` + strconv.FormatUint(h.Seq+1, 10) + `,"prev":"` + h.Hash.String() + `","time":"`
}

// line is the entry after head, newline included, and the head that it makes.
func (h Head) line(e Entry) ([]byte, Head, error) {
	for _, b := range bounds() {
		body, err := plainJSON(struct {
			Seq  uint64      `json:"seq"`
			Prev hunt.SHA256 `json:"prev"`
			Entry
		}{h.Seq + 1, h.Hash, b.apply(e)})
		if err != nil {
			return nil, Head{}, fmt.Errorf("encoding the entry: %w", err)
		}
		body = body[:len(body)-1] // the brace
		if len(body)+hashLength+1 > MaxLine {
			continue
		}
		sum := sha256.Sum256(body)
		body = append(body, hashBegins...)
		body = hex.AppendEncode(body, sum[:])
		return append(body, hashEnds+"\n"...), Head{h.Seq + 1, sum}, nil
	}
	return nil, Head{}, errors.New("the entry is too long") // never: the last bound is far below
}

// plainJSON escapes what a terminal would act on or show in another order, besides what JSON must escape.
func plainJSON(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(raw)+hashLength+1)
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		switch {
		case unicode.IsPrint(r) && (r != utf8.RuneError || n > 1):
			out = append(out, raw[:n]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		raw = raw[n:]
	}
	return out, nil
}

// looksWhole tells whether a line, without its newline, ends as an entry does.
func looksWhole(text []byte) bool {
	if len(text) < hashLength {
		return false
	}
	end := text[len(text)-hashLength:]
	if !bytes.HasPrefix(end, []byte(hashBegins)) || !bytes.HasSuffix(end, []byte(hashEnds)) {
		return false
	}
	_, err := hunt.ParseSHA256(string(end[len(hashBegins) : len(end)-len(hashEnds)]))
	return err == nil
}

// parse reads a line without its newline. The kind is empty for one that is whole by itself.
func parse(text []byte) (Record, Kind) {
	if !json.Valid(text) {
		return Record{}, KindNotJSON
	}
	if !looksWhole(text) {
		return Record{}, KindForeign
	}
	body := text[:len(text)-hashLength]
	sum := sha256.Sum256(body)
	if want := hashBegins + hex.EncodeToString(sum[:]) + hashEnds; string(text[len(body):]) != want {
		return Record{}, KindAltered
	}
	var r Record
	if err := json.Unmarshal(text, &r); err != nil || r.Seq == 0 || r.Hash != sum {
		return Record{}, KindForeign
	}
	before := Head{r.Seq - 1, r.Prev}
	if !bytes.HasPrefix(body, []byte(before.opening())) {
		return Record{}, KindForeign
	}
	return r, ""
}

package proofpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// URLs undoes what URL Defense does to links.
type URLs struct {
	core *core
}

// URLBatch is how many URLs go into one call. The service says nowhere how many it takes, so this is a careful guess, and not a
// limit for the caller.
const URLBatch = 50

// opDecode is the one call that needs no credentials.
const opDecode = "urls.decode"

// DecodedURL is what became of one URL.
type DecodedURL struct {
	// Encoded is the URL as it was given.
	Encoded string
	// URL is what it was before it was rewritten, empty if that is not known.
	URL string
	// MessageGUID, Cluster and Recipient tell of the message with the link, where the tenant knows it: see [Message.GUID].
	MessageGUID string
	Cluster     string
	Recipient   string
	// Err says why there is no URL, and is nil if there is one. It is an [ErrNotDecoded] with the service's reason, or the error of
	// the call that the URL was part of.
	Err error
}

// Decode undoes rewritten links of all versions of URL Defense. The result has one entry for each given URL, in that order, whatever
// becomes of the others: a URL that the service cannot decode has its reason in its entry and is no error of Decode. If a call
// fails, the URLs that were not answered have its error in their entries, no further call is made, and the error is returned as
// well. An answer that cannot be read in part costs only that part.
//
// A URL out of a message's source needs [CleanURL] first. The calls need no credentials, see [Anonymous], and tell of messages only
// with them. It only reads, so it is repeatable in spite of its method.
//
//api:op POST /v2/url/decode
func (u *URLs) Decode(ctx context.Context, urls ...string) ([]DecodedURL, error) {
	known := make(map[string]DecodedURL, len(urls))
	var ask []string
	for _, given := range urls {
		if _, ok := known[given]; ok {
			continue
		}
		known[given] = DecodedURL{Encoded: given, Err: fmt.Errorf("%w: it is empty", ErrNotDecoded)}
		if given != "" {
			ask = append(ask, given)
		}
	}
	var failed error // the call that ended it
	var problems []error
	for batch := range slices.Chunk(ask, URLBatch) {
		var answer []DecodedURL
		err := failed
		if failed == nil {
			if answer, err = u.decode(ctx, batch); err != nil {
				problems = append(problems, err)
			}
			if answer == nil {
				failed = err
			}
		}
		for _, given := range batch {
			known[given] = DecodedURL{Encoded: given, Err: err}
		}
		for _, d := range answer {
			known[d.Encoded] = d
		}
	}
	decoded := make([]DecodedURL, len(urls))
	for i, given := range urls {
		decoded[i] = known[given]
	}
	return decoded, errors.Join(problems...)
}

// decode makes one call. Its order need not be that of the question, so entries are told by the URL that they repeat. An answer that
// leaves a URL out is incomplete.
func (u *URLs) decode(ctx context.Context, batch []string) ([]DecodedURL, error) {
	const op = opDecode
	body := struct {
		URLs []string `json:"urls"`
	}{batch}
	var a decodedList
	result, err := u.core.do(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Route: "/v2/url/decode", Body: body, Repeatable: true, Pool: string(BucketURLDecode),
	}, &a)
	if err != nil {
		return nil, err
	}
	if result.Status == http.StatusNoContent { // a success that says nothing decodes nothing
		return nil, &IncompleteError{Op: op, Err: io.ErrUnexpectedEOF}
	}
	for _, given := range batch {
		if err == nil && !slices.ContainsFunc(a.rows.good, func(d DecodedURL) bool { return d.Encoded == given }) {
			err = &IncompleteError{Op: op, Records: len(a.rows.good), Err: errors.New("it does not name every URL that was asked for")}
		}
	}
	answered := a.rows.good
	if answered == nil {
		answered = []DecodedURL{} // the call itself did not fail
	}
	return answered, errors.Join(malformed(op, a.rows.bad), err)
}

type decodedList struct{ rows rows[DecodedURL] }

func (l *decodedList) UnmarshalJSON(data []byte) error {
	return l.rows.answer(data, "urls", readDecoded, func(*jsontext.Decoder, []byte) error { return errSkip })
}

func readDecoded(dec *jsontext.Decoder, d *DecodedURL) error {
	var success bool
	var reason string
	err := members(dec, func(name []byte) error {
		switch string(name) {
		case "encodedUrl":
			return mustText(dec, &d.Encoded)
		case "decodedUrl":
			return mustText(dec, &d.URL)
		case "success":
			return boolean(dec, &success)
		case "error":
			return text(dec, &reason)
		case "messageGuid":
			return text(dec, &d.MessageGUID)
		case "clusterName":
			return text(dec, &d.Cluster)
		case "recipientEmail":
			return text(dec, &d.Recipient)
		default:
			return errSkip
		}
	})
	if err != nil || success && d.URL != "" {
		return err
	}
	d.URL = ""
	d.Err = ErrNotDecoded
	if reason = plainText([]byte(reason)); reason != "" {
		d.Err = fmt.Errorf("%w: %s", ErrNotDecoded, reason)
	}
	return nil
}

// CleanURL makes a link that was copied from the source of a message fit for [URLs.Decode]. It takes away white space and angle
// brackets around it, the line breaks of quoted-printable text within it, and turns &amp; into &. In a link with such line breaks, =3D
// becomes = if every = is written like that. It changes nothing else: what it does not know may be part of the link.
func CleanURL(s string) string {
	s = strings.TrimSpace(s)
	if inner, ok := strings.CutPrefix(s, "<"); ok {
		s = strings.TrimSpace(strings.TrimSuffix(inner, ">"))
	}
	whole := strings.NewReplacer("=\r\n", "", "=\n", "").Replace(s)
	if whole != s && strings.Count(whole, "=") == strings.Count(whole, "=3D") {
		whole = strings.ReplaceAll(whole, "=3D", "=")
	}
	return strings.ReplaceAll(whole, "&amp;", "&")
}

package proofpoint

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

type sum = [sha256.Size]byte

// digestIdentity is the identity of a record that has none of its own: a digest of all it says.
func digestIdentity(category Category, raw []byte) string {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), decoderOptions(), jsontext.AllowDuplicateNames(true))
	digest, err := digestValue(dec)
	if err != nil || atEnd(dec) != nil {
		digest = sha256.Sum256(raw) // a line of syslog
	}
	return fmt.Sprintf("%s sha256 %x", category, digest)
}

// digestValue reads a value. The order of a list means nothing, nor does that of members: the service changes it from call to call.
func digestValue(dec *jsontext.Decoder) (sum, error) {
	kind := dec.PeekKind()
	if kind != jsontext.KindBeginObject && kind != jsontext.KindBeginArray {
		raw, err := dec.ReadValue()
		return sha256.Sum256(raw), err
	}
	if _, err := dec.ReadToken(); err != nil {
		return sum{}, err
	}
	var inner []sum
	for dec.PeekKind() != jsontext.KindEndObject && dec.PeekKind() != jsontext.KindEndArray {
		digest, err := digestValue(dec)
		if err == nil && kind == jsontext.KindBeginObject {
			var value sum
			value, err = digestValue(dec)
			digest = sha256.Sum256(slices.Concat(digest[:], value[:]))
		}
		if err != nil {
			return sum{}, err
		}
		inner = append(inner, digest)
	}
	if _, err := dec.ReadToken(); err != nil {
		return sum{}, err
	}
	slices.SortFunc(inner, func(a, b sum) int { return bytes.Compare(a[:], b[:]) })
	whole := []byte{byte(kind)}
	for _, digest := range inner {
		whole = append(whole, digest[:]...)
	}
	return sha256.Sum256(whole), nil
}

package hunt

import (
	"encoding/hex"
	"fmt"
)

// SHA256 is the SHA-256 of a file. Its text form is 64 lower-case hexadecimal digits.
type SHA256 [32]byte

// ParseSHA256 reads 64 hexadecimal digits of either case. Nothing else is accepted, no surrounding space either: a hash that
// reaches a search or a ban must be the one that was meant.
func ParseSHA256(s string) (SHA256, error) {
	var h SHA256
	if len(s) != hex.EncodedLen(len(h)) {
		return SHA256{}, fmt.Errorf("hunt: a SHA-256 has %d hexadecimal digits, not %d", hex.EncodedLen(len(h)), len(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return SHA256{}, fmt.Errorf("hunt: not a SHA-256: %w", err)
	}
	return h, nil
}

// String is the hash as 64 lower-case hexadecimal digits.
func (h SHA256) String() string { return hex.EncodeToString(h[:]) }

// IsZero tells whether h is no hash at all.
func (h SHA256) IsZero() bool { return h == SHA256{} }

// MarshalText implements [encoding.TextMarshaler].
func (h SHA256) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with the rules of [ParseSHA256].
func (h *SHA256) UnmarshalText(text []byte) error {
	parsed, err := ParseSHA256(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

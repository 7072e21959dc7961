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
	if err := parseHash("a SHA-256", h[:], s); err != nil {
		return SHA256{}, err
	}
	return h, nil
}

func parseHash(kind string, into []byte, s string) error {
	if len(s) != hex.EncodedLen(len(into)) {
		return fmt.Errorf("hunt: %s has %d hexadecimal digits, not %d", kind, hex.EncodedLen(len(into)), len(s))
	}
	if _, err := hex.Decode(into, []byte(s)); err != nil {
		return fmt.Errorf("hunt: not %s: %w", kind, err)
	}
	return nil
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

// MD5 is the MD5 of a file, for what shows no SHA-256. Its text form is 32 lower-case hexadecimal digits. Files with the same MD5 can be
// made, so that it never stands against a SHA-256 that is known.
type MD5 [16]byte

// ParseMD5 reads 32 hexadecimal digits of either case, and nothing else.
func ParseMD5(s string) (MD5, error) {
	var h MD5
	if err := parseHash("an MD5", h[:], s); err != nil {
		return MD5{}, err
	}
	return h, nil
}

// String is the hash as 32 lower-case hexadecimal digits.
func (h MD5) String() string { return hex.EncodeToString(h[:]) }

// IsZero tells whether h is no hash at all.
func (h MD5) IsZero() bool { return h == MD5{} }

// MarshalText implements [encoding.TextMarshaler].
func (h MD5) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with the rules of [ParseMD5].
func (h *MD5) UnmarshalText(text []byte) error {
	parsed, err := ParseMD5(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

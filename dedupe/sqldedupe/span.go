package sqldedupe

import (
	"strings"
	"unicode/utf8"

	"github.com/pphunt/pphunt/dedupe"
)

// span is the half-open range of the keys that begin with prefix, or a wider one where the prefix ends in what no database takes
// for text: half a character, say. Both ends are text themselves. The order of UTF-8 is that of its code points, so the first
// key behind the range is the prefix with its last character replaced by the next.
func span(prefix string) (from, below string) {
	from = prefix[:text(prefix)]
	for head := from; head != ""; {
		last, size := utf8.DecodeLastRuneInString(head)
		head = head[:len(head)-size]
		if last < utf8.MaxRune {
			return from, head + string(next(last))
		}
	}
	return from, strings.Repeat(string(utf8.MaxRune), dedupe.MaxKey/utf8.UTFMax+1) // longer than the greatest key of all
}

// text is how many bytes at the beginning of s are UTF-8 without a zero byte.
func text(s string) int {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == 0 || r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return len(s)
}

// next is the character behind r. The halves of surrogate pairs are none.
func next(r rune) rune {
	if r == 0xD7FF {
		return 0xE000
	}
	return r + 1
}

package proofpoint

import (
	"bytes"
	"html"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"

	"github.com/pphunt/pphunt/internal/rest"
)

// newAPIError makes an error of an answer without success.
func newAPIError(a rest.Answer) error {
	return &APIError{
		Op: a.Op, StatusCode: a.Status, Message: plainText(a.Body), Body: a.Body,
		RetryAfter: a.RetryAfter, Attempts: a.Attempts,
	}
}

// longestMessage bounds [APIError.Message], in bytes. The sentences of the service have about 100.
const longestMessage = 400

// plainText makes one line of whatever an answer says. The service has no form for errors: what was seen are sentences, and a
// proxy in between speaks HTML.
func plainText(body []byte) string {
	body = bytes.TrimSpace(body)
	text := string(body)
	switch {
	case len(body) == 0:
		return ""
	case body[0] == '{':
		if said, ok := errorMember(body); ok {
			text = said
		}
	case looksLikeHTML(text):
		text = html.UnescapeString(withoutTags(text))
	}
	return oneLine(text)
}

// errorMember finds the sentence in a JSON object.
func errorMember(body []byte) (string, bool) {
	var object map[string]any
	if err := json.Unmarshal(body, &object, decoderOptions()); err != nil {
		return "", false
	}
	for _, name := range [...]string{"message", "error", "error_description", "errorMessage", "detail"} {
		if said, ok := object[name].(string); ok && said != "" {
			return said, true
		}
		if inner, ok := object[name].(map[string]any); ok {
			if said, ok := inner["message"].(string); ok && said != "" {
				return said, true
			}
		}
	}
	return "", false
}

func looksLikeHTML(s string) bool {
	s = strings.ToLower(s)
	for _, tag := range [...]string{"<!doctype", "<html", "<head", "<body", "<title", "<h1", "<p>"} {
		if strings.Contains(s, tag) {
			return true
		}
	}
	return false
}

// withoutTags drops tags, and with style and script what stands between them.
func withoutTags(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "<")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte(' ')
		tag, behind, _ := strings.Cut(after, ">")
		for _, silent := range [...]string{"style", "script"} {
			if len(tag) >= len(silent) && strings.EqualFold(tag[:len(silent)], silent) {
				_, behind, _ = strings.Cut(behind, "</")
				_, behind, _ = strings.Cut(behind, ">")
			}
		}
		s = behind
	}
}

// oneLine makes a text fit for a log line and a terminal: no control characters, no runs of space, not too long.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > longestMessage {
		s = strings.ToValidUTF8(s[:longestMessage], "") + "…"
	}
	return s
}

package cbc

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// forgiving decodes what the vendor sends as far as it can be understood: a scalar for a list of one and the other way round, a
// number for a text and the other way round, null for anything. A member of a shape that makes no sense counts as absent, so
// that one odd member does not cost the object; what an object cannot do without is checked afterwards. Broken JSON and
// duplicate names stay errors.
func forgiving() json.Options {
	return json.JoinOptions(
		jsontext.AllowInvalidUTF8(true),
		json.WithUnmarshalers(json.JoinUnmarshalers(
			lenient(asText[string]), lenient(asText[ProcessGUID]), lenient(asText[OverrideID]), lenient(asText[JobID]), lenient(asText[ObservationID]),
			lenient(asText[AlertID]), lenient(asText[ThreatID]), lenient(asText[NoteID]), lenient(asText[AlertType]), lenient(asText[WatchlistID]),
			lenient(asText[WorkflowStatus]), lenient(asText[ClosureReason]), lenient(asText[Determination]),
			lenient(asText[OverrideList]), lenient(asText[OverrideType]),
			lenient(asInteger[int64]), lenient(asInteger[int]), lenient(asInteger[DeviceID]), lenient(asInteger[PolicyID]),
			lenient(asText[ServiceJobStatus]), lenient(asInteger[ServiceJobID]), lenient(asText[SensorKit]), lenient(asText[NSXTag]),
			lenient(asInteger[PolicyRuleID]),
			lenient(asBool), lenient(asTime), lenient(asNumber),
			lenient(listOf(asText[string])), lenient(listOf(asInteger[int64])),
			objectsOf[AssetGroup](), objectsOf[DeviceMetadata](), objectsOf[PolicyRule](), objectsOf[SensorSetting](),
		)),
	)
}

// lenient reads one value and lets convert make of it what it can.
func lenient[T any](convert func(jsontext.Value) (T, bool)) *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, out *T) error {
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if v, ok := convert(raw); ok {
			*out = v
		}
		return nil
	})
}

// scalar is the text of a text, number or bool, or of the first of them in a list.
func scalar(raw jsontext.Value) (string, bool) {
	switch raw.Kind() {
	case '"':
		s, _ := jsontext.AppendUnquote(nil, raw) // an error is about bytes that are not UTF-8, which are replaced
		return string(s), true
	case '0', 't', 'f':
		return strings.TrimSpace(string(raw)), true
	case '[':
		for _, item := range items(raw) {
			if item.Kind() == '[' {
				continue
			}
			if s, ok := scalar(item); ok {
				return s, true
			}
		}
	default: // null, an object
	}
	return "", false
}

// items are the elements of a list; any other value is a list of one.
func items(raw jsontext.Value) []jsontext.Value {
	if raw.Kind() != '[' {
		return []jsontext.Value{raw}
	}
	var list []jsontext.Value
	if json.Unmarshal(raw, &list, jsontext.AllowInvalidUTF8(true)) != nil {
		return nil
	}
	return list
}

func asText[T ~string](raw jsontext.Value) (T, bool) {
	s, ok := scalar(raw)
	return T(s), ok
}

func asInteger[T ~int | ~int64](raw jsontext.Value) (T, bool) {
	s, ok := scalar(raw)
	if !ok {
		return 0, false
	}
	n, err := parseInteger(strings.TrimSpace(s))
	return T(n), err == nil
}

// parseInteger also reads 4571602.0 and 4.571602e6, which some encoders make of an integer.
func parseInteger(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil {
		return n, nil
	}
	const exact = 1 << 53 // beyond it a float is not the integer that was meant
	if f, ferr := strconv.ParseFloat(s, 64); ferr == nil && f > -exact && f < exact && f == float64(int64(f)) {
		return int64(f), nil
	}
	return 0, err
}

// asNumber reads a number that need not be an integer.
func asNumber(raw jsontext.Value) (float64, bool) {
	s, ok := scalar(raw)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

func asBool(raw jsontext.Value) (v, ok bool) {
	s, ok := scalar(raw)
	if !ok {
		return false, false
	}
	switch strings.ToLower(s) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

func asTime(raw jsontext.Value) (time.Time, bool) {
	s, ok := scalar(raw)
	if !ok {
		return time.Time{}, false
	}
	return parseTime(s)
}

// parseTime reads the vendor's times: ISO 8601 with up to nine fractional digits, in UTC where no zone is said, or milliseconds
// since 1970.
func parseTime(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return inRange(t)
		}
	}
	ms, err := parseInteger(s)
	if err != nil || ms <= 0 {
		return time.Time{}, false
	}
	return inRange(time.UnixMilli(ms))
}

// inRange refuses years that cannot be written again.
func inRange(t time.Time) (time.Time, bool) {
	t = t.UTC()
	return t, t.Year() >= 1 && t.Year() <= 9999
}

func listOf[T comparable](convert func(jsontext.Value) (T, bool)) func(jsontext.Value) ([]T, bool) {
	return func(raw jsontext.Value) ([]T, bool) {
		var list []T
		for _, item := range items(raw) {
			if v, ok := convert(item); ok {
				list = append(list, v)
			}
		}
		return list, list != nil
	}
}

// objectsOf reads a list of objects, or one object. What else stands in the list is left out.
func objectsOf[T any]() *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, out *[]T) error {
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		var list []T
		for _, item := range items(raw) {
			var v T
			if item.Kind() == '{' && json.Unmarshal(item, &v, dec.Options()) == nil {
				list = append(list, v)
			}
		}
		if list != nil {
			*out = list
		}
		return nil
	})
}

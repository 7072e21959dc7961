package proofpoint

import "github.com/go-json-experiment/json/jsontext"

func readAttacked(raw []byte, a *AttackedPerson) error {
	a.Raw = raw
	return readPerson(raw, "threatStatistics", &a.Person, func(dec *jsontext.Decoder, name []byte) error {
		switch string(name) {
		case "attackIndex":
			return integer(dec, &a.AttackIndex)
		case "families":
			return objects(dec, &a.Families, func(dec *jsontext.Decoder, f *FamilyScore) error {
				return readCount(dec, &f.Name, "score", &f.Score)
			})
		default:
			return errSkip
		}
	})
}

func readClicker(raw []byte, c *Clicker) error {
	c.Raw = raw
	return readPerson(raw, "clickStatistics", &c.Person, func(dec *jsontext.Decoder, name []byte) error {
		switch string(name) {
		case "clickCount":
			return integer(dec, &c.Clicks)
		case "families":
			return objects(dec, &c.Families, func(dec *jsontext.Decoder, f *FamilyClicks) error {
				return readCount(dec, &f.Name, "clicks", &f.Clicks)
			})
		default:
			return errSkip
		}
	})
}

// readPerson reads an entry: who it is, and the object of numbers, whose members each reads.
func readPerson(raw []byte, numbers string, p *Person, each func(*jsontext.Decoder, []byte) error) error {
	return readWhole(raw, func(dec *jsontext.Decoder) error {
		return members(dec, func(name []byte) error {
			switch {
			case dec.PeekKind() == jsontext.KindNull:
				return errSkip
			case string(name) == "identity":
				return members(dec, func(name []byte) error { return p.readMember(dec, name) })
			case string(name) == numbers:
				return members(dec, func(name []byte) error { return each(dec, name) })
			default:
				return errSkip
			}
		})
	})
}

func (p *Person) readMember(dec *jsontext.Decoder, name []byte) error {
	switch string(name) {
	case "guid":
		return mustText(dec, &p.GUID)
	case "customerUserId":
		return text(dec, &p.CustomerUserID)
	case "emails":
		return mustTexts(dec, &p.Emails)
	case "name":
		return text(dec, &p.Name)
	case "department":
		return text(dec, &p.Department)
	case "location":
		return text(dec, &p.Location)
	case "title":
		return text(dec, &p.Title)
	case "vip":
		return boolean(dec, &p.VIP)
	default:
		return errSkip
	}
}

func readCount(dec *jsontext.Decoder, name *string, member string, count *int) error {
	return members(dec, func(key []byte) error {
		switch string(key) {
		case "name":
			return text(dec, name)
		case member:
			return integer(dec, count)
		default:
			return errSkip
		}
	})
}

package proofpoint

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// UnmarshalJSON reads one record and keeps a copy of it in Raw. Nothing is required but that it is an object, and unknown
// members are passed over. Category is left as it is.
func (m *Message) UnmarshalJSON(data []byte) error {
	read := Message{Category: m.Category, Raw: bytes.Clone(data)}
	if err := readWhole(read.Raw, read.readFrom); err != nil {
		return err
	}
	*m = read
	return nil
}

func (m *Message) readFrom(dec *jsontext.Decoder) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "id":
			return mustText(dec, &m.ID)
		case "GUID":
			return mustText(dec, &m.GUID)
		case "guid":
			return alias(mustText, dec, &m.GUID)
		case "QID":
			return text(dec, &m.QID)
		case "cluster":
			return text(dec, &m.Cluster)
		case "clusterId":
			return alias(text, dec, &m.Cluster)
		case "messageID":
			return text(dec, &m.MessageID)
		case "messageId":
			return alias(text, dec, &m.MessageID)
		case "messageTime":
			return mustTime(dec, &m.Time)
		case "messageSize":
			return integer(dec, &m.Size)
		case "subject":
			return text(dec, &m.Subject)
		case "recipient":
			return mustTexts(dec, &m.Recipients)
		case "messageParts":
			return mustObjects(dec, &m.Parts, readPart)
		case "threatsInfoMap":
			return mustObjects(dec, &m.Threats, readThreat)
		default:
			return m.readDetail(dec, name)
		}
	})
}

// readDetail reads what only informs.
func (m *Message) readDetail(dec *jsontext.Decoder, name []byte) error {
	switch string(name) {
	case "sender":
		return text(dec, &m.Sender)
	case "senderIP":
		return text(dec, &m.SenderIP)
	case "fromAddress":
		return texts(dec, &m.FromAddresses)
	case "headerFrom":
		return text(dec, &m.HeaderFrom)
	case "replyToAddress":
		return texts(dec, &m.ReplyToAddresses)
	case "headerReplyTo":
		return text(dec, &m.HeaderReplyTo)
	case "toAddresses":
		return texts(dec, &m.ToAddresses)
	case "headerTo":
		return text(dec, &m.HeaderTo)
	case "ccAddresses":
		return texts(dec, &m.CCAddresses)
	case "headerCC":
		return text(dec, &m.HeaderCC)
	case "xmailer":
		return text(dec, &m.XMailer)
	case "modulesRun":
		return texts(dec, &m.ModulesRun)
	case "policyRoutes":
		return texts(dec, &m.PolicyRoutes)
	case "quarantineFolder":
		return text(dec, &m.QuarantineFolder)
	case "quarantineRule":
		return text(dec, &m.QuarantineRule)
	case "spamScore":
		return integer(dec, &m.SpamScore)
	case "phishScore":
		return integer(dec, &m.PhishScore)
	case "malwareScore":
		return integer(dec, &m.MalwareScore)
	case "impostorScore":
		return float(dec, &m.ImpostorScore)
	case "completelyRewritten":
		return text(dec, &m.CompletelyRewritten) // a boolean reads as the text true or false
	default:
		return errSkip
	}
}

func readPart(dec *jsontext.Decoder, p *Part) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "disposition":
			return mustText(dec, &p.Disposition)
		case "filename":
			return text(dec, &p.FileName)
		case "sha256":
			return mustText(dec, &p.SHA256)
		case "sandboxStatus":
			return mustText(dec, &p.SandboxStatus)
		case "md5":
			return text(dec, &p.MD5)
		case "contentType":
			return text(dec, &p.ContentType)
		case "oContentType":
			return text(dec, &p.DeclaredType)
		default:
			return errSkip
		}
	})
}

func readThreat(dec *jsontext.Decoder, t *Threat) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "threatID":
			return mustText(dec, &t.ID)
		case "threatId":
			return alias(mustText, dec, &t.ID)
		case "threat":
			return mustText(dec, &t.Artifact)
		case "threatType":
			return mustText(dec, &t.Type)
		case "classification":
			return mustText(dec, &t.Classification)
		case "threatStatus":
			return mustText(dec, &t.Status)
		case "threatTime":
			return mustTime(dec, &t.Time)
		case "threatUrl":
			return text(dec, &t.URL)
		case "threatURL":
			return alias(text, dec, &t.URL)
		case "campaignID":
			return text(dec, &t.CampaignID)
		case "campaignId":
			return alias(text, dec, &t.CampaignID)
		case "actors":
			return objects(dec, &t.Actors, readActor)
		case "detectionType":
			return text(dec, &t.DetectionType)
		default:
			return errSkip
		}
	})
}

func readActor(dec *jsontext.Decoder, a *Actor) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "id":
			return text(dec, &a.ID)
		case "name":
			return text(dec, &a.Name)
		case "type":
			return text(dec, &a.Type)
		default:
			return errSkip
		}
	})
}

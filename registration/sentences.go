package registration

import (
	"fmt"
	"time"

	"countersign/models"
	"countersign/registration/match"
)

// What answers say beyond their outcome's standard sentence. Each is safe for the
// submitting partner: none names another tenant, another partner or a device the
// caller has not submitted.
const (
	sentenceRemoved          = "The device was removed from this customer."
	sentenceTenantNeedsHash  = "A customer registers its own devices by hardware hash only."
	sentencePlaceholder      = "Manufacturer, model or serial number is a placeholder that firmware ships with and names no single device. Send the hardware hash."
	sentenceKeyForm          = "A product key id has 13 digits. No device with a known hardware hash fits this one."
	sentenceHashIncomplete   = "The hardware hash states no usable manufacturer or serial number, and no known device fits its other values."
	sentenceLetterCase       = "No device fits exactly; one that you reported differs in letter case only. Send manufacturer, model and serial number exactly as the hardware hash has them."
	sentenceWithinUpload     = "Rows %s of this upload share an identifier that only one device can have (%s). Find out which row is right and send that one."
	sentenceAttention        = "%s %s must decide. (%s)"
	sentenceDuplicate        = "Row %d of this upload names the same device; that row is processed."
	sentenceSoldToAnother    = "The manufacturer says that it sold this device to another partner. The manufacturer or an operator of the registration service must settle it. (%s)"
	sentenceKeysInSequence   = "You named many product key ids near this one that no known device has. Until the manufacturer has reported those, or it or an operator of the registration service has settled the case, send the hardware hash. (keys-in-sequence)"
	sentenceReplaced         = "This hardware replaces device %s."
	sentenceStillTheSame     = "The hash is still the same device; nothing was replaced."
	sentenceReplaceNeedsHash = "A replacement needs the hardware hash of the repaired device."
	sentenceMaker            = "The customer's consent is limited to certain manufacturers and %q is not one of them. Ask the customer to widen the consent."
	sentenceMakerUnnamed     = "The customer's consent is limited to certain manufacturers and the device's is not one of them. Ask the customer to widen the consent."
	sentenceCase             = "%s It is case %s."
	sentenceSeenBefore       = "The device was already registered to this customer, by row %d of upload %s. Nothing changed."
)

// What answers to a factory's reports say.
const (
	sentenceReported         = "The device is on record."
	sentenceRenewed          = "The device was on record; this report is its newest."
	sentenceNothingNew       = "The device is already on record. Nothing changed."
	sentenceAttached         = "The device is already known; the record was attached."
	sentenceOutOfDate        = "A newer report about this hardware, serial number or product key id is there. Nothing changed."
	sentenceOvertaken        = "Superseded by row %d of this report, which states the same serial number, product key id or hardware."
	sentenceWithdrawnByRow   = "Withdrawn by row %d of this report, which returns the product key."
	sentenceWithdrawn        = "The record of this product key id was withdrawn."
	sentenceWithdrawnBefore  = "The record of this product key id was withdrawn before. Nothing changed."
	sentenceNothingToReturn  = "No factory record of yours states this product key id; nothing to withdraw."
	sentenceReturnNeedsKey   = "A returned product key is named by its product key id, which this row does not state."
	sentenceReportNeedsHash  = "A build report needs the hardware hash."
	sentenceReportKeyForm    = "A product key id has 13 digits."
	sentenceKeysDiffer       = "The row states the product key id %s, its hardware hash %s. Find out which is right and report again."
	sentenceReturnRegistered = "The device with this product key id is registered. Its customer or an operator of the registration service must first remove it. (%s)"
)

// Reasons for attention that the matcher does not know, because they are not
// about hardware.
const (
	keyInUse           match.Reason = "key-in-use"
	reportedByAnother  match.Reason = "reported-by-another"
	soldToAnother      match.Reason = "sold-to-another"
	keysInSequence     match.Reason = "keys-in-sequence"
	returnedRegistered match.Reason = "returned-while-registered"

	replacedByRegistered match.Reason = "replaced-by-registered"
)

// reasonSentence says a reason in plain words without naming any device.
func reasonSentence(r match.Reason) string {
	switch r {
	case keyInUse:
		return "Another known device states the same product key id."
	case reportedByAnother:
		return "The device is on record from another manufacturer."
	case replacedByRegistered:
		return "The hash belongs to another device that is registered to this customer. Remove one of them first, or settle which they are."
	}
	return r.Sentence()
}

// answer makes an answer. An empty detail takes the outcome's standard sentence.
func answer(row int, code models.OutcomeCode, detail string) models.Answer {
	if detail == "" {
		detail = models.OutcomeOf(code).Sentence
	}
	return models.Answer{Row: row, Code: code, Detail: detail}
}

func duplicate(row, first int) models.Answer {
	return answer(row, models.OutcomeDuplicated, fmt.Sprintf(sentenceDuplicate, first))
}

// kept is an answer as it is stored: the standard sentence is left out.
func kept(upload models.TrackingID, a models.Answer, at time.Time) models.StoredAnswer {
	if a.Detail == models.OutcomeOf(a.Code).Sentence {
		a.Detail = ""
	}
	return models.StoredAnswer{
		TrackingID: upload, Ordinal: a.Row, Code: a.Code, Detail: a.Detail, DeviceID: a.DeviceID, AnsweredAt: at,
	}
}

// given is a stored answer as it is given again.
func given(a models.StoredAnswer) models.Answer {
	if a.Absent {
		return models.Answer{Row: a.Ordinal, Absent: true}
	}
	out := answer(a.Ordinal, a.Code, a.Detail)
	out.DeviceID, out.Record = a.DeviceID, a.Record
	return out
}

// tombstones are stored answers for rows that will never be executed, in the
// order of their numbers.
func tombstones(upload models.TrackingID, rows []int, at time.Time) []models.StoredAnswer {
	out := make([]models.StoredAnswer, 0, len(rows))
	for _, row := range ascending(rows) {
		out = append(out, models.StoredAnswer{TrackingID: upload, Ordinal: row, Absent: true, AnsweredAt: at})
	}
	return out
}

// event is an entry of a device's history about a row of a submission.
func event(sub models.Submission, row int, kind models.DeviceEventKind, identity int64, device models.DeviceID, at time.Time) models.DeviceEvent {
	a := sub.Authority
	return models.DeviceEvent{
		IdentityID: identity, DeviceID: device, Kind: kind, TenantID: a.TenantID, PartnerID: a.PartnerID,
		ClientID: a.ClientID, GrantID: a.GrantID, TrackingID: sub.Upload, Ordinal: row, At: at,
	}
}

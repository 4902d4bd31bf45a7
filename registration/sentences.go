package registration

import (
	"fmt"
	"time"

	"countersign/models"
)

// What answers say beyond their outcome's standard sentence. Each is safe for the
// submitting partner: none names another tenant, another partner or a device the
// caller has not submitted.
const (
	sentenceRemoved         = "The device was removed from this customer."
	sentenceTenantNeedsHash = "A customer registers its own devices by hardware hash only."
	sentencePlaceholder     = "Manufacturer, model or serial number is a placeholder that firmware ships with and names no single device. Send the hardware hash."
	sentenceKeyForm         = "A product key id has 13 digits. No device with a known hardware hash fits this one."
	sentenceHashIncomplete  = "The hardware hash states no usable manufacturer or serial number, and no known device fits its other values."
	sentenceLetterCase      = "No device fits exactly; one that you reported differs in letter case only. Send manufacturer, model and serial number exactly as the hardware hash has them."
	sentenceWithinUpload    = "Rows %s of this upload share an identifier that only one device can have (%s). Find out which row is right and send that one."
	sentenceAttention       = "%s %s must decide. (%s)"
	sentenceDuplicate       = "Row %d of this upload names the same device; that row is processed."
	sentenceSeenBefore      = "The device was already registered to this customer, by row %d of upload %s. Nothing changed."
)

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
	out.DeviceID = a.DeviceID
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

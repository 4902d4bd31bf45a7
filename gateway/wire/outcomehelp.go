package wire

import "countersign/models"

// Help is what a caller can do about the outcome of a row.
type Help struct {
	Cause string // what led to it
	Cure  string // what to do
}

// OutcomeHelp returns the help for an outcome; ok is false for one nobody has described,
// which a test prevents.
func OutcomeHelp(code models.OutcomeCode) (help Help, ok bool) {
	help, ok = outcomeHelp[code]
	return help, ok
}

var outcomeHelp = map[models.OutcomeCode]Help{
	models.OutcomeRegistered:        {"The row was accepted and the device was free.", "Nothing to do."},
	models.OutcomeUnreadableRow:     {"The row has too few or too many cells, a cell that is too long, or characters no identifier has.", "Correct the row as its sentence says and send it again; the result file can be corrected and sent as it is."},
	models.OutcomeInvalidHash:       {"The hash is cut short, has been changed (by a spreadsheet, a line break, a wrong column), or its own digest does not fit.", "Capture the hardware hash on the device again, or copy it again as text, and send the row again."},
	models.OutcomeMissingIdentifier: {"The row has neither a hardware hash nor a combination of identifiers that this kind of partner may register by.", "Add the hardware hash, or manufacturer, model and serial number, or, as the manufacturer, the product key id."},
	models.OutcomeAlreadyAssigned:   {"The same customer has this device already, from an earlier row or another partner.", "Nothing to do; count it as done."},
	models.OutcomeNotRegistered:     {"The row changes or removes a device that this customer does not have.", "Check the device id against the list of devices; if it was removed before, nothing is to do."},
	models.OutcomeOtherTenant:       {"The device is registered to another organization, for example because it was sold second-hand or swapped in delivery.", "Ask the seller or the present owner to remove it, then send the row again. If the owner cannot be found, the operator can look into it."},
	models.OutcomeUnknownProfile:    {"The row names a deployment profile that this customer does not have.", "Correct the profile, or leave it empty."},
	models.OutcomeOtherProfile:      {"The row names a deployment profile that this customer does not have.", "Correct the profile, or leave it empty."},
	models.OutcomeNotFound:          {"The row has identifiers only, and no factory has reported a device with them.", "Ask the manufacturer to report the machine, or send the hardware hash in place of the identifiers."},
	models.OutcomeNotUnique:         {"Several known devices have these identifiers, for example after a repair with a new main board.", "Send the hardware hash, which tells them apart, or ask the manufacturer to withdraw the old record."},
	models.OutcomeStorageError:      {"The core could not be reached for a day, although the row was kept and tried again.", "Send the row again. If it ends so twice, tell the operator."},
	models.OutcomeConsentEnded:      {"The customer revoked its consent, or it expired, after the upload was accepted and before this row was registered; or partner or client stayed suspended for a day.", "Ask the customer for a new consent, then send the row again."},
	models.OutcomeConsentLimit:      {"The customer limited its consent: to a number of devices that the rows before this one used up, or to manufacturers, group tags or purchase orders of which this row states none.", "Ask the customer to widen the limit, or fill in what is missing, then send the row again."},
	models.OutcomeNeedsAttention:    {"Parts of the hardware are those of a device that is registered already, such as the main board of one and the disk of another.", "The row names the rule and who decides: the customer, or the operator when another organization is touched. Sending it again changes nothing until then."},
	models.OutcomeIdentityMismatch:  {"Serial number, manufacturer, model or product key in the row differ from what the hash itself says, most often because rows were shifted in a spreadsheet.", "Put the hash beside the identifiers of the same machine, or leave the identifiers empty, and send the row again."},
	models.OutcomeDuplicated:        {"The same device stands earlier in this upload.", "Nothing to do; look at the outcome of the earlier row."},
}

package intake

import (
	"fmt"
	"net/url"
	"time"

	"countersign/consent"

	"countersign/internal/errs"
	"countersign/models"
)

// The refusals of this package, matched by errors.Is.
var (
	// ErrLimitRaced is what Consent.ReserveTx returns when the devices it was asked for
	// are gone; the closing transaction then runs again. It never reaches a caller. Its
	// code is the one that package consent uses, so that errors.Is knows either.
	ErrLimitRaced = consent.ErrLimitRaced

	ErrKeyReused      = errs.New(errs.Conflict, "idempotency_key_reused", "This request id was already used for another body. Use a new request id.")
	ErrStillRunning   = errs.New(errs.Unavailable, "first_call_running", "The first call with this request id is still running. Repeat it later with the same request id and body.")
	ErrSuperseded     = errs.New(errs.Unavailable, "call_superseded", "A repeat of this call took over while it was running. Repeat it with the same request id to get its answer.")
	ErrAbandoned      = errs.New(errs.Unavailable, "upload_abandoned", "The upload was silent for too long and was given up. Send it again.")
	ErrOutcomeUnknown = errs.New(errs.Unavailable, "outcome_unknown", "It is not known whether the upload was stored. Repeat it with the same request id, or look for it among your uploads before sending it again.")
	ErrStorage        = errs.New(errs.Unavailable, "storage_unavailable", "The upload could not be stored at this moment. Nothing was kept; send it again.")
	ErrContended      = errs.New(errs.Unavailable, "limit_contended", "Other uploads use the same grant's limit at this moment. Send the upload again.")

	ErrNotForeseen    = errs.New(errs.Unavailable, "not_foreseen", "The consent changed while the upload was validated. Validate it again.")
	ErrNotForeseeable = errs.New(errs.Invalid, "validate_only", "This call cannot be validated without being carried out. Nothing was done.")

	ErrNoDevices     = errs.New(errs.Invalid, "no_devices", "The body holds no device.")
	ErrTooManyRows   = errs.New(errs.Invalid, "too_many_devices", "The body holds more devices than one call may.")
	ErrBatchName     = errs.New(errs.Invalid, "invalid_batch_name", "A batch name has 1 to 128 characters.")
	ErrDefaults      = errs.New(errs.Invalid, "invalid_order_data", "The order data given with the call cannot be used.")
	ErrLargerBudget  = errs.New(errs.Invalid, "upload_larger_than_budget", "The upload is larger than the whole device budget.")
	ErrLimitExceeded = errs.New(errs.Forbidden, "consent_limit_reached", "The upload does not fit into the device limit of the customer's consent.")
	ErrOutcomeClass  = errs.New(errs.Invalid, "invalid_outcome_class", "There is no such outcome class.")
	ErrOtherDomain   = errs.New(errs.Conflict, "expected_domain_mismatch", "The customer has no verified domain like the expected one.")
	ErrCursor        = errs.New(errs.Invalid, "invalid_cursor", "The continuation token was not given out for this list.")

	ErrBatchExists    = errs.New(errs.Conflict, "batch_exists", "A batch with this name exists already. Add devices to it, or choose another name.")
	ErrBatchNotFound  = errs.New(errs.NotFound, "batch_not_found", "There is no batch with this name for this customer.")
	ErrUploadOpen     = errs.New(errs.Conflict, "upload_unfinished", "The upload is not finished. Void it when all of its rows have an outcome.")
	ErrNotVoidable    = errs.New(errs.Conflict, "upload_not_voidable", "Only uploads that register devices can be voided.")
	ErrVoidCount      = errs.New(errs.Conflict, "void_count_changed", "The upload has another number of registered devices.")
	ErrUploadNotFound = errs.New(errs.NotFound, "upload_not_found", "There is no upload with this tracking id.")
	ErrDeviceNotFound = errs.New(errs.NotFound, "device_not_found", "There is no device with this id in the batch.")
)

// soon is when a caller that lost a race may come again.
const soon = time.Second

func keyReused(first models.TrackingID) error {
	return ErrKeyReused.WithDetail("This request id was already used for another body, which became upload %s. Use a new request id for a new call.", first)
}

func batchExists(tenant models.TenantID, name string) error {
	return ErrBatchExists.WithLocation(batchLocation(tenant, name))
}

func batchLocation(tenant models.TenantID, name string) string {
	return fmt.Sprintf("/customers/%s/deviceBatches/%s", tenant, url.PathEscape(name))
}

// statusLocation is where the outcome of an upload is read: in Partner Center's form,
// without a version, or for a report in our own.
func statusLocation(up models.Upload) string {
	switch {
	case up.Kind == models.UploadReport:
		return fmt.Sprintf("/v1/oem/buildReports/%s", up.TrackingID)
	case up.PartnerID == "":
		return fmt.Sprintf("/v1/uploads/%s", up.TrackingID)
	}
	return fmt.Sprintf("/customers/%s/batchJobStatus/%s", up.TenantID, up.TrackingID)
}

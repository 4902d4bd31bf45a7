package wire

import "time"

// Attributes names the type of a Partner Center resource.
type Attributes struct {
	ObjectType string `json:"objectType"`
}

// AttributesOf returns the attributes of a resource type.
func AttributesOf(objectType string) Attributes { return Attributes{ObjectType: objectType} }

// Time is a time as Partner Center prints it: UTC, whole seconds, without zone.
// Its clients read it into a value that cannot be null, so an unset time is the
// first instant of the calendar, as .NET prints it.
type Time string

// NoTime is an unset Time.
const NoTime Time = "0001-01-01T00:00:00"

// TimeOf formats t; nil is NoTime.
func TimeOf(t *time.Time) Time {
	if t == nil || t.IsZero() {
		return NoTime
	}
	return Time(t.UTC().Format("2006-01-02T15:04:05"))
}

// BatchUploadDetails is the status of an upload. It is written as a stream, with
// DevicesStatus before Attributes; the struct serves clients.
type BatchUploadDetails struct {
	BatchTrackingID string                `json:"batchTrackingId"`
	Status          string                `json:"status"` // queued, processing, finished or finished_with_errors
	StartedTime     Time                  `json:"startedTime"`
	CompletedTime   Time                  `json:"completedTime"`
	DevicesStatus   []DeviceUploadDetails `json:"devicesStatus"`
	// RowsLink is set instead of DevicesStatus when the upload has too many rows
	// for one answer; see /v1/uploads/{id}/rows.
	RowsLink string `json:"rowsLink,omitzero"`
	// ContinuationToken is set when the caller asked for pages and there is another.
	ContinuationToken string     `json:"continuationToken,omitzero"`
	Attributes        Attributes `json:"attributes"`
}

// DeviceUploadDetails is the status of one device, in input order. The members
// after ErrorDescription are our own.
type DeviceUploadDetails struct {
	DeviceID         *string    `json:"deviceId"`
	SerialNumber     *string    `json:"serialNumber"`
	ProductKey       *string    `json:"productKey"`
	Status           string     `json:"status"`
	ErrorCode        *string    `json:"errorCode"`
	ErrorDescription *string    `json:"errorDescription"`
	Row              int        `json:"row"` // 1-based, as sent
	OutcomeClass     string     `json:"outcomeClass,omitzero"`
	Detail           string     `json:"detail,omitzero"`
	NextActor        string     `json:"nextActor,omitzero"`
	SafeToRepeat     *bool      `json:"safeToRepeat,omitzero"`
	Warnings         []string   `json:"warnings,omitempty"`
	Attributes       Attributes `json:"attributes"`
}

// Link is a call that can be made.
type Link struct {
	URI     string       `json:"uri"`
	Method  string       `json:"method"`
	Headers []LinkHeader `json:"headers"`
}

// LinkHeader is a header to send with a Link.
type LinkHeader struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Links are the neighbours of a page.
type Links struct {
	Self *Link `json:"self,omitzero"`
	Next *Link `json:"next,omitzero"`
}

// Collection is a page of resources. TotalCount counts the items of this page, as
// Partner Center's own pages do.
type Collection[T any] struct {
	TotalCount        int        `json:"totalCount"`
	Items             []T        `json:"items"`
	Links             *Links     `json:"links,omitzero"`
	ContinuationToken string     `json:"continuationToken,omitzero"`
	Attributes        Attributes `json:"attributes"`
}

// NewCollection makes a page; next is the continuation token, empty on the last one.
func NewCollection[T any](items []T, self string, next string) Collection[T] {
	if items == nil {
		items = []T{}
	}
	page := Collection[T]{TotalCount: len(items), Items: items, ContinuationToken: next, Attributes: AttributesOf("Collection")}
	page.Links = &Links{Self: &Link{URI: self, Method: "GET", Headers: []LinkHeader{}}}
	if next != "" {
		page.Links.Next = &Link{URI: self, Method: "GET", Headers: []LinkHeader{{Key: "MS-ContinuationToken", Value: next}}}
	}
	return page
}

// RelationshipRequest leads a customer to the requests of the partner that mails it.
type RelationshipRequest struct {
	URL        string     `json:"url"`
	Attributes Attributes `json:"attributes"`
}

// DeviceBatch is a batch in a list.
type DeviceBatch struct {
	ID           string     `json:"id"` // the name the partner gave
	CreatedBy    string     `json:"createdBy"`
	CreationDate Time       `json:"creationDate"`
	DevicesCount int64      `json:"devicesCount"`
	DevicesLink  Link       `json:"devicesLink"`
	Attributes   Attributes `json:"attributes"`
}

// Device is a registered device of a batch.
type Device struct {
	ID                  string     `json:"id"`
	SerialNumber        *string    `json:"serialNumber"`
	ProductKey          *string    `json:"productKey"`
	HardwareHash        *string    `json:"hardwareHash"` // always null: a hash is never given back
	ModelName           *string    `json:"modelName"`
	OEMManufacturerName *string    `json:"oemManufacturerName"`
	Policies            []Policy   `json:"policies"`
	UploadedDate        Time       `json:"uploadedDate"`
	AllowedOperations   []string   `json:"allowedOperations"`
	Attributes          Attributes `json:"attributes"`
}

// Policy assigns a profile to a device.
type Policy struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
}

// DeviceBatchCreationRequest is the body that creates a batch. The server reads
// it as a stream; the struct serves clients.
type DeviceBatchCreationRequest struct {
	BatchID string      `json:"batchId"`
	Devices []NewDevice `json:"devices"`
}

// NewDevice is a device to register. Adding to a batch takes the bare list.
type NewDevice struct {
	SerialNumber        string `json:"serialNumber,omitzero"`
	ProductKey          string `json:"productKey,omitzero"` // product key id (PKID), never a 5x5 key
	HardwareHash        string `json:"hardwareHash,omitzero"`
	OEMManufacturerName string `json:"oemManufacturerName,omitzero"`
	ModelName           string `json:"modelName,omitzero"`
	OrderData
}

// OrderData is the optional commercial context of a device.
type OrderData struct {
	PurchaseOrder     string `json:"purchaseOrder,omitzero"`
	OrderNumber       string `json:"orderNumber,omitzero"`
	OrderLine         string `json:"orderLine,omitzero"`
	DeliveryNote      string `json:"deliveryNote,omitzero"`
	ShipDate          string `json:"shipDate,omitzero"`
	GroupTag          string `json:"groupTag,omitzero"`
	CustomerReference string `json:"customerReference,omitzero"`
}

// Customer is a tenant that has agreed to the partner's registrations.
type Customer struct {
	ID                    string         `json:"id"`
	CompanyProfile        CompanyProfile `json:"companyProfile"`
	RelationshipToPartner string         `json:"relationshipToPartner"`
	AllowDelegatedAccess  *bool          `json:"allowDelegatedAccess,omitzero"` // only when read by id; always false: consent never includes it
	AssociatedPartnerID   *string        `json:"associatedPartnerId"`
	Attributes            Attributes     `json:"attributes"`
}

// CompanyProfile names a customer.
type CompanyProfile struct {
	TenantID    string     `json:"tenantId"`
	Domain      string     `json:"domain"`
	CompanyName string     `json:"companyName"`
	Attributes  Attributes `json:"attributes"`
}

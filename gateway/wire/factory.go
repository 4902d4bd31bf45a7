package wire

import "time"

// BuildReport is what a factory knows of the machines it built, before they are sold
// (a computer build report). The server reads it as a stream; the struct serves
// clients. The same keys may be sent as OA3 XML or as one JSON object a line.
type BuildReport struct {
	CustomerReportUniqueID string           `json:"customerReportUniqueId,omitzero"` // makes the report repeatable
	Keys                   []BuildReportKey `json:"keys"`
}

// BuildReportKey is one machine of a report.
type BuildReportKey struct {
	ProductKey      string `json:"productKey,omitzero"`      // product key id (PKID), never a 5x5 key
	ProductKeyState int    `json:"productKeyState,omitzero"` // as OA3 counts: 3 bound, which is the default; 5 returned withdraws the record; 6 has no key
	HardwareHash    string `json:"hardwareHash,omitzero"`
	SerialNumber    string `json:"serialNumber,omitzero"` // if given it must be the hash's own
	SoldTo          string `json:"soldTo,omitzero"`       // partner id of the only partner that may claim it
	OrderData
}

// BuildReportAcknowledgement says what became of each key of a report.
type BuildReportAcknowledgement struct {
	TrackingID             string      `json:"trackingId"`
	CustomerReportUniqueID string      `json:"customerReportUniqueId,omitzero"`
	State                  string      `json:"state"` // as of any upload
	ReceivedAt             *time.Time  `json:"receivedAt,omitzero"`
	CompletedAt            *time.Time  `json:"completedAt,omitzero"`
	Rows                   RowCounts   `json:"rows"`
	Keys                   []UploadRow `json:"keys"`              // in input order
	RowsLink               string      `json:"rowsLink,omitzero"` // in place of the keys of a very large report
}

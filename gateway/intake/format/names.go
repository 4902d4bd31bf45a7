package format

import (
	"strings"

	"countersign/gateway/intake"
)

// member returns where a named value of a device belongs, or nil for a name that
// means nothing to us. Names compare without case; ASCII only, so that no look-alike
// of another alphabet is taken for one of them.
func member(row *intake.Row, folded string) *string {
	switch folded {
	case "serialnumber":
		return &row.SerialNumber
	case "productkey":
		return &row.ProductKey
	case "hardwarehash":
		return &row.HardwareHash
	case "oemmanufacturername":
		return &row.Manufacturer
	case "modelname":
		return &row.Model
	case "purchaseorder":
		return &row.Order.PurchaseOrder
	case "ordernumber":
		return &row.Order.OrderNumber
	case "orderline":
		return &row.Order.OrderLine
	case "deliverynote":
		return &row.Order.DeliveryNote
	case "shipdate":
		return &row.Order.ShipDate
	case "grouptag":
		return &row.Order.GroupTag
	case "customerreference":
		return &row.Order.CustomerReference
	}
	return nil
}

// memberNames are the names of member in the form they are documented.
var memberNames = []string{
	"serialNumber", "productKey", "hardwareHash", "oemManufacturerName", "modelName", "purchaseOrder",
	"orderNumber", "orderLine", "deliveryNote", "shipDate", "groupTag", "customerReference",
}

// columnNames are the headers of the partner CSV (Partner Center, "Windows Autopilot
// CSV"), folded; the member names are headers, too.
var columnNames = map[string]string{
	"deviceserialnumber": "serialnumber",
	"windowsproductid":   "productkey",
	"manufacturername":   "oemmanufacturername",
	"manufacturer":       "oemmanufacturername",
	"devicemodel":        "modelname",
}

// fold lowers ASCII letters.
func fold(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.Map(lower, s)
		}
	}
	return s
}

func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + ('a' - 'A')
	}
	return r
}

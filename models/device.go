package models

// DeviceIdentity is how a row names a device. Empty means not stated.
type DeviceIdentity struct {
	SerialNumber string
	ProductKey   string // product key id (PKID), 13 digits
	Manufacturer string
	Model        string
	Hash         []byte // decoded hardware hash, zero tail cut
}

// Combination names which identifiers a row carries, as Partner Center's six
// published combinations do.
type Combination string

// The combinations; NoCombination stands for everything else.
const (
	HashAndSerialAndKey Combination = "hash+serial+product_key"
	HashAndKey          Combination = "hash+product_key"
	HashAndSerial       Combination = "hash+serial"
	HashOnly            Combination = "hash"
	KeyOnly             Combination = "product_key"
	Tuple               Combination = "serial+manufacturer+model"
	NoCombination       Combination = ""
)

// Combination classifies the identity by its strongest identifier: a hash, else
// the full tuple, else a product key id. Manufacturer and model beside a hash or
// key are extra columns that spreadsheets carry, not another combination.
func (d DeviceIdentity) Combination() Combination {
	hash, serial, key := len(d.Hash) > 0, d.SerialNumber != "", d.ProductKey != ""
	switch {
	case hash && serial && key:
		return HashAndSerialAndKey
	case hash && key:
		return HashAndKey
	case hash && serial:
		return HashAndSerial
	case hash:
		return HashOnly
	case key:
		return KeyOnly
	case serial && d.Manufacturer != "" && d.Model != "":
		return Tuple
	}
	return NoCombination
}

// OrderData is the optional commercial context of a row.
type OrderData struct {
	PurchaseOrder     string
	OrderNumber       string
	OrderLine         string
	DeliveryNote      string
	ShipDate          string
	GroupTag          string
	CustomerReference string
}

// Merge fills what o leaves empty from the defaults of the call.
func (o OrderData) Merge(defaults OrderData) OrderData {
	fill := func(dst *string, def string) {
		if *dst == "" {
			*dst = def
		}
	}
	fill(&o.PurchaseOrder, defaults.PurchaseOrder)
	fill(&o.OrderNumber, defaults.OrderNumber)
	fill(&o.OrderLine, defaults.OrderLine)
	fill(&o.DeliveryNote, defaults.DeliveryNote)
	fill(&o.ShipDate, defaults.ShipDate)
	fill(&o.GroupTag, defaults.GroupTag)
	fill(&o.CustomerReference, defaults.CustomerReference)
	return o
}

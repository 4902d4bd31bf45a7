package hardwarehash

// typeNames say what a record is about, in words for people who assemble machines.
var typeNames = [...]string{
	typeCapture: "capture", typeProcessor: "processor", typeProcessorVendor: "processor vendor",
	typeProcessorModel: "processor model", typeMemory: "memory", typeDrive: "disk properties", typeDisk: "disk serial",
	typeNIC: "network adapter", typeDisplay: "display", typeChassis: "chassis", typeOfflineID: "offline device id",
	typeUUID: "SMBIOS UUID", typeTPMVersion: "TPM version", typeSerial: "system serial number",
	typeFirmwareVendor: "firmware vendor", typeSystemManufacturer: "system manufacturer", typeSystemProduct: "product name",
	typeSKU: "SKU", typeFamily: "system family", typeBoardManufacturer: "board manufacturer", typeBoardProduct: "board product",
	typeBoardVersion: "board version", typeSystemVersion: "system version", typeProductKeyID: "product key id",
	typeEKPub: "endorsement key of the TPM", typeKeyPartNumber: "part number of the key", typeDisplayCM: "display size",
	typeSystemDisk: "system disk", typeGPUMemory: "graphics memory", typeGPUName: "graphics adapter",
	typeHybridCores: "core classes", typeLanguage: "language", typeSPPHWID: "software platform id",
}

// TypeName says what a record of this type is about: "network adapter", or
// "unknown" where that is not known.
func TypeName(kind uint16) string {
	if int(kind) < len(typeNames) && typeNames[kind] != "" {
		return typeNames[kind]
	}
	return "unknown"
}

package hardwarehash

// model is one invented product.
type model struct {
	maker, product, family, sku string
	cpuVendor, cpu              string
	cores                       uint16
	chassis, role               uint8
	panel                       *Display
}

const internalPanel = 0x80000000

// catalogue holds invented makers and products. None exists.
var catalogue = []model{
	{"Fjordtek AS", "Fjordtek Skarv 14 G3", "Skarv", "SKV14-G3#UUW", "GenuineIntel", "Intel(R) Core(TM) i5-0000U CPU @ 2.40GHz", 4, 0x0A, 2, &Display{309, 174, 1920, 1080, internalPanel}},
	{"Fjordtek AS", "Fjordtek Havn Mini", "Havn", "HVN-M1#ABN", "GenuineIntel", "Intel(R) Core(TM) i7-0000T CPU @ 2.10GHz", 8, 0x23, 1, nil},
	{"Tarnfell Systems Ltd", "Tarnfell Ridge 15", "Ridge", "RDG15-2026", "AuthenticAMD", "AMD Ryzen 5 PRO 0000U with Radeon Graphics", 6, 0x0A, 2, &Display{344, 194, 1920, 1200, internalPanel}},
	{"Tarnfell Systems Ltd", "Tarnfell Crag Tower", "Crag", "CRG-T9", "AuthenticAMD", "AMD Ryzen 9 PRO 0000X 12-Core Processor", 12, 0x03, 1, nil},
	{"Orrendale Computers", "Orrendale Fold 2", "Fold", "OF2/16/512", "GenuineIntel", "Intel(R) Core(TM) Ultra 7 000U", 6, 0x1F, 8, &Display{286, 179, 2880, 1800, internalPanel}},
	{"Kaskelot Devices Inc.", "Kaskelot Point 500", "Point", "KP500-EU", "GenuineIntel", "Intel(R) Processor N000", 2, 0x0D, 1, &Display{527, 296, 1920, 1080, internalPanel}},
}

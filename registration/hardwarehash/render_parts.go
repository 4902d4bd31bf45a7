package hardwarehash

import (
	"encoding/base64"
	"fmt"
	"strconv"
)

const busNVMe = 17

// Type derives the kind of a disk. OA3Tool prints it, the hash does not hold it.
func (d Drive) Type() string {
	switch {
	case d.Bus == busNVMe:
		return "NVMe"
	case d.SeekPenalty == 1:
		return "HDD"
	case d.SeekPenalty == 0:
		return "SSD"
	}
	return "Unknown"
}

// String gives major.minor.build.revision.
func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d.%d", v.Major, v.Minor, v.Build, v.Revision)
}

func (f *fields) software(inv *Inventory) {
	f.num("GpuCount", max(len(inv.GPUs), len(inv.GPUMemory)))
	for i := range max(len(inv.GPUs), len(inv.GPUMemory)) {
		gpu := gpuPrefix(i)
		if i < len(inv.GPUs) {
			f.add(gpu+"Manufacturer", inv.GPUs[i].Manufacturer)
			f.add(gpu+"Model", inv.GPUs[i].Model)
		}
		if i < len(inv.GPUMemory) {
			m := inv.GPUMemory[i]
			f.num(gpu+"DedicatedVideoMemory", m.DedicatedVideo)
			f.num(gpu+"DedicatedSystemMemory", m.DedicatedSystem)
			f.add(gpu+"RemovalPolicy", named(int(m.Removal), removalWords))
			f.num(gpu+"InLocalMachineContainer", m.InLocalContainer)
		}
	}
	if l := inv.Language; l != nil {
		f.add("OSDefaultLanguage", l.OSLanguage)
		f.add("DefaultSystemLocale", l.Locale)
		f.add("OSDefaultTimeZone", l.TimeZone)
		f.add("OSInstalledLanguagePacks", l.LanguagePacks)
		f.add("KeyboardCode", l.Keyboard)
	}
	if s := inv.SoftwarePlatform; s != nil {
		f.add("SppHwid", base64.StdEncoding.EncodeToString(s.bytes()))
	}
}

func (s *SPPHWID) bytes() []byte { return pack(s.Lengths[:], s.Reserved, s.Counts[:], s.Components) }

func architecture(code int) string {
	return named(code, archWords)
}

// named gives the word for a number, or the number where no word is known.
func named(code int, words map[int]string) string {
	if word, ok := words[code]; ok {
		return word
	}
	return strconv.Itoa(code)
}

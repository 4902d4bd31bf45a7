package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"countersign/cmd/countersign/internal/atomicfile"
	"countersign/gateway/wire"
	"countersign/registration/hardwarehash"
)

// fakes is what hash fake was asked for.
type fakes struct {
	count   int
	seed    uint64
	as, out string
	repair  hardwarehash.Repair
	donor   string
}

func (a *app) hashFakeCommand() *cobra.Command {
	f := &fakes{}
	cmd := &cobra.Command{
		Use:   "fake",
		Short: "Make files of invented devices, or of a device after a repair",
		Long: `Make a file of invented devices with valid hardware hashes, so that anybody can try without
hardware. The same seed gives the same devices. Makers, serial numbers and keys belong to no real machine.
With --as oa3 it makes a folder of OA3 files, as a factory's line does: one a device, named by its serial.

With --repair it makes what became of the device of a hash: a later capture (recapture), or one after a new disk,
adapter (nic), memory, TPM or motherboard (board; --keep-serial and --keep-uuid when the repairer wrote the old ones into
it, --keep-nics when the adapters are not on it), or after a part of another device moved in (donor).`,
		Example: `  countersign hash fake --count 100 --seed 7 --as csv --out devices.csv
  countersign hash fake --count 3 --as json
  countersign hash fake --count 2000 --as oa3 --out line7
  countersign hash fake --repair recapture hash.txt > later.txt
  countersign hash fake --repair board --keep-serial hash.txt --as csv
  countersign hash fake --repair donor --donor other.txt --part disk hash.txt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.repair.Kind == "" {
				return a.fakeDevices(f, args)
			}
			if cmd.Flags().Changed("count") {
				return errors.New("a repair has one result: leave --count out")
			}
			if !cmd.Flags().Changed("as") {
				f.as = "text"
			}
			return a.fakeRepair(f, args)
		},
	}
	cmd.Flags().IntVar(&f.count, "count", 10, "how many devices")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "the same seed gives the same devices")
	cmd.Flags().StringVar(&f.as, "as", "csv", "csv, ndjson, json, oa3 or text (the bare hash; the default of --repair)")
	cmd.Flags().StringVar(&f.out, "out", "", "file to write (default standard output), or folder for oa3")
	f.repairFlags(cmd)
	return cmd
}

func (f *fakes) repairFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar((*string)(&f.repair.Kind), "repair", "", fmt.Sprintf("what was done to the device of a hash: one of %v", hardwarehash.RepairKinds()))
	flags.StringVar(&f.donor, "donor", "", "hash of the device whose part moves in")
	flags.StringVar((*string)(&f.repair.Part), "part", "board", "which part of the donor: board, disk or nic")
	flags.BoolVar(&f.repair.KeepSerial, "keep-serial", false, "the new board has the old serial number, makers' texts and product key id")
	flags.BoolVar(&f.repair.KeepUUID, "keep-uuid", false, "the new board has the old SMBIOS UUID")
	flags.BoolVar(&f.repair.KeepNICs, "keep-nics", false, "the network adapters are not on the board and stay")
}

func (a *app) fakeDevices(f *fakes, args []string) error {
	switch {
	case len(args) > 0:
		return errors.New("a file is read with --repair only")
	case f.donor != "" || f.repair.KeepSerial || f.repair.KeepUUID || f.repair.KeepNICs:
		return errors.New("--donor and the --keep flags go with --repair")
	case f.count < 1:
		return errors.New("--count must be at least 1")
	}
	generator := hardwarehash.NewGenerator(f.seed)
	return a.writeFakes(f, func() *hardwarehash.Report { return generator.Next().Report }, f.count)
}

// fakeRepair makes the hash of a device after a repair and says so: it is no capture.
func (a *app) fakeRepair(f *fakes, args []string) error {
	if (f.repair.Kind == hardwarehash.RepairDonor) != (f.donor != "") {
		return errors.New("--repair donor and --donor FILE go together")
	}
	input, err := a.hashInput(args)
	if err != nil {
		return err
	}
	before, err := oneHash(input)
	if err != nil {
		return err
	}
	if f.donor != "" {
		if input, err = a.hashInput([]string{f.donor}); err != nil {
			return err
		}
		if f.repair.Donor, err = oneHash(input); err != nil {
			return fmt.Errorf("the donor: %w", err)
		}
	}
	after, err := hardwarehash.RepairDevice(before, f.repair, f.seed)
	if err != nil {
		return err
	}
	a.say("This hash is made up, not captured: the device %s%s.", plain(before.Identity().Serial), f.repairWords())
	return a.writeFakes(f, func() *hardwarehash.Report { return after }, 1)
}

func (f *fakes) repairWords() string {
	switch f.repair.Kind {
	case hardwarehash.RepairNone:
		return " captured once more, with nothing changed in it"
	case hardwarehash.RepairDonor:
		return fmt.Sprintf(" after the %s of %s moved in", f.repair.Part, plain(f.repair.Donor.Identity().Serial))
	}
	return fmt.Sprintf(" after a repair with a new part: %s", f.repair.Kind)
}

func (a *app) writeFakes(f *fakes, next func() *hardwarehash.Report, count int) error {
	if f.as == "oa3" {
		return a.fakeOA3(f.out, next, count)
	}
	write, known := fakeWriters[f.as]
	if !known {
		return fmt.Errorf("--as is csv, ndjson, json, oa3 or text, not %q", f.as)
	}
	fill := func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 64<<10)
		err := write(buffered, next, count)
		return errors.Join(err, buffered.Flush())
	}
	if f.out == "" {
		return fill(a.out)
	}
	if err := atomicfile.Write(f.out, 0o644, fill); err != nil {
		return err
	}
	a.say("Devices written to %s: %d", f.out, count)
	return nil
}

var fakeWriters = map[string]func(w io.Writer, next func() *hardwarehash.Report, count int) error{
	"csv": fakeCSV, "ndjson": fakeNDJSON, "json": fakeJSON, "text": fakeText,
}

func fakeText(w io.Writer, next func() *hardwarehash.Report, count int) error {
	for range count {
		if _, err := fmt.Fprintln(w, next().Text()); err != nil {
			return err
		}
	}
	return nil
}

func fakeCSV(w io.Writer, next func() *hardwarehash.Report, count int) error {
	table := csv.NewWriter(w)
	row := []string{"Device Serial Number", "Windows Product ID", "Hardware Hash", "Manufacturer name", "Device model"}
	if err := table.Write(row); err != nil {
		return err
	}
	for range count {
		d := fakeDevice(next())
		row = []string{d.SerialNumber, d.ProductKey, d.HardwareHash, d.OEMManufacturerName, d.ModelName}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

func fakeNDJSON(w io.Writer, next func() *hardwarehash.Report, count int) error {
	enc := json.NewEncoder(w)
	for range count {
		if err := enc.Encode(fakeDevice(next())); err != nil {
			return err
		}
	}
	return nil
}

// fakeJSON writes the list, one device a line.
func fakeJSON(w io.Writer, next func() *hardwarehash.Report, count int) error {
	separator := "[\n"
	for range count {
		text, err := json.Marshal(fakeDevice(next()))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", separator, text); err != nil {
			return err
		}
		separator = ",\n"
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}

func fakeDevice(report *hardwarehash.Report) wire.NewDevice {
	id := report.Identity()
	return wire.NewDevice{
		SerialNumber: id.Serial, ProductKey: id.ProductKeyID, HardwareHash: report.Text(),
		OEMManufacturerName: id.Manufacturer, ModelName: id.Product,
	}
}

// fakeOA3 writes what OA3Tool writes after /Report, a file a device.
func (a *app) fakeOA3(folder string, next func() *hardwarehash.Report, count int) error {
	if folder == "" {
		return errors.New("--as oa3 needs --out, the folder for the files")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // made-up devices are for everybody
		return err
	}
	for range count {
		d := fakeDevice(next())
		text := fmt.Sprintf("<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<Key><ProductKeyID>%s</ProductKeyID><ProductKeyState>3</ProductKeyState><HardwareHash>%s</HardwareHash></Key>\r\n",
			d.ProductKey, d.HardwareHash)
		if err := os.WriteFile(filepath.Join(folder, fileName(d.SerialNumber)+".xml"), []byte(text), 0o644); err != nil { //nolint:gosec // made-up devices are for everybody
			return err
		}
	}
	a.say("OA3 files written to %s: %d", folder, count)
	return nil
}

// fileName keeps what a serial number of a real device may hold from being a path.
func fileName(serial string) string {
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, serial)
	if name == "" {
		return "device"
	}
	return name
}

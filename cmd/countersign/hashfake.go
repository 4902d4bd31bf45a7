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

	"github.com/spf13/cobra"

	"countersign/cmd/countersign/internal/atomicfile"
	"countersign/gateway/wire"
	"countersign/registration/hardwarehash"
)

func (a *app) hashFakeCommand() *cobra.Command {
	var count int
	var seed uint64
	var as, out string
	cmd := &cobra.Command{
		Use:   "fake",
		Short: "Make files of invented devices with valid hashes",
		Long: `Make a file of invented devices with valid hardware hashes, so that anybody can try without
hardware. The same seed gives the same devices. Makers, serial numbers and keys belong to no real machine.
With --as oa3 it makes a folder of OA3 files, as a factory's line does: one a device, named by its serial.`,
		Example: `  countersign hash fake --count 100 --seed 7 --as csv --out devices.csv
  countersign hash fake --count 3 --as json
  countersign hash fake --count 2000 --as oa3 --out line7`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if count < 1 {
				return errors.New("--count must be at least 1")
			}
			devices := hardwarehash.NewGenerator(seed)
			if as == "oa3" {
				return a.fakeOA3(out, devices, count)
			}
			write, known := fakeWriters[as]
			if !known {
				return fmt.Errorf("--as is csv, ndjson, json or oa3, not %q", as)
			}
			fill := func(w io.Writer) error {
				buffered := bufio.NewWriterSize(w, 64<<10)
				err := write(buffered, devices, count)
				return errors.Join(err, buffered.Flush())
			}
			if out == "" {
				return fill(a.out)
			}
			if err := atomicfile.Write(out, 0o644, fill); err != nil {
				return err
			}
			a.say("Devices written to %s: %d", out, count)
			return nil
		},
	}
	cmd.Flags().IntVar(&count, "count", 10, "how many devices")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "the same seed gives the same devices")
	cmd.Flags().StringVar(&as, "as", "csv", "csv, ndjson, json or oa3")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default standard output), or folder for oa3")
	return cmd
}

var fakeWriters = map[string]func(w io.Writer, devices *hardwarehash.Generator, count int) error{
	"csv": fakeCSV, "ndjson": fakeNDJSON, "json": fakeJSON,
}

func fakeCSV(w io.Writer, devices *hardwarehash.Generator, count int) error {
	table := csv.NewWriter(w)
	row := []string{"Device Serial Number", "Windows Product ID", "Hardware Hash", "Manufacturer name", "Device model"}
	if err := table.Write(row); err != nil {
		return err
	}
	for range count {
		d := fakeDevice(devices)
		row = []string{d.SerialNumber, d.ProductKey, d.HardwareHash, d.OEMManufacturerName, d.ModelName}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

func fakeNDJSON(w io.Writer, devices *hardwarehash.Generator, count int) error {
	enc := json.NewEncoder(w)
	for range count {
		if err := enc.Encode(fakeDevice(devices)); err != nil {
			return err
		}
	}
	return nil
}

// fakeJSON writes the list, one device a line.
func fakeJSON(w io.Writer, devices *hardwarehash.Generator, count int) error {
	separator := "[\n"
	for range count {
		text, err := json.Marshal(fakeDevice(devices))
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

func fakeDevice(devices *hardwarehash.Generator) wire.NewDevice {
	d := devices.Next()
	id := d.Report.Identity()
	return wire.NewDevice{
		SerialNumber: id.Serial, ProductKey: id.ProductKeyID, HardwareHash: d.Hash(),
		OEMManufacturerName: id.Manufacturer, ModelName: id.Product,
	}
}

// fakeOA3 writes what OA3Tool writes after /Report, a file a device.
func (a *app) fakeOA3(folder string, devices *hardwarehash.Generator, count int) error {
	if folder == "" {
		return errors.New("--as oa3 needs --out, the folder for the files")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for range count {
		d := fakeDevice(devices)
		text := fmt.Sprintf("<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<Key><ProductKeyID>%s</ProductKeyID><ProductKeyState>3</ProductKeyState><HardwareHash>%s</HardwareHash></Key>\r\n",
			d.ProductKey, d.HardwareHash)
		if err := os.WriteFile(filepath.Join(folder, d.SerialNumber+".xml"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	a.say("OA3 files written to %s: %d", folder, count)
	return nil
}

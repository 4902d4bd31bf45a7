package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"

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
hardware. The same seed gives the same devices. Makers, serial numbers and keys belong to no real machine.`,
		Example: `  countersign hash fake --count 100 --seed 7 --as csv --out devices.csv
  countersign hash fake --count 3 --as json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			write, known := fakeWriters[as]
			if !known {
				return fmt.Errorf("--as is csv, ndjson or json, not %q", as)
			}
			if count < 1 {
				return errors.New("--count must be at least 1")
			}
			fill := func(w io.Writer) error {
				buffered := bufio.NewWriterSize(w, 64<<10)
				err := write(buffered, hardwarehash.NewGenerator(seed), count)
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
	cmd.Flags().StringVar(&as, "as", "csv", "csv, ndjson or json")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default standard output)")
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

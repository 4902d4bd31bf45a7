package main

import (
	"encoding/csv"
	"errors"
	"iter"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"countersign/cmd/countersign/internal/devicefile"
	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) rowsCommand() *cobra.Command {
	var filter client.RowFilter
	var of client.Owner
	var failedOnly bool
	var limit int
	cmd := &cobra.Command{
		Use:   "rows TRACKING",
		Short: "List the rows of an upload with what became of each",
		Long: `List the rows of an upload or build report with what became of each. With -o csv all of them are
printed, for a spreadsheet.`,
		Example: `  countersign rows 5f0e2a44-1f0c-4a7e-8f53-6f4b0f9f2c01 --failed-only
  countersign rows 5f0e2a44-1f0c-4a7e-8f53-6f4b0f9f2c01 --serial J7MC60000001
  countersign rows 5f0e2a44-1f0c-4a7e-8f53-6f4b0f9f2c01 --outcome ask_customer -o csv > ask.csv`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{givesCSV: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			if failedOnly && filter.Outcome != "" {
				return errors.New("--failed-only and --outcome exclude each other")
			}
			if failedOnly {
				filter.Outcome = client.OutcomeFailed
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			rows := c.UploadRows(cmd.Context(), of, args[0], filter)
			if a.output == outputCSV {
				return a.rowsCSV(rows)
			}
			items, more, err := client.Collect(rows, limit)
			if err != nil {
				return err
			}
			a.noteMore(more)
			return a.print(newListing(items, more), func(g *grid) {
				g.row("ROW", "SERIAL NUMBER", "PRODUCT KEY ID", "STATUS", "CODE", "OUTCOME", "NEXT", "EXPLANATION")
				for _, r := range items {
					g.row(r.Row, r.SerialNumber, r.ProductKey, r.Status, r.ErrorCode, r.OutcomeClass, r.NextActor, explanation(r))
				}
			})
		},
	}
	bindOwner(cmd, &of)
	flags := cmd.Flags()
	flags.StringVar(&filter.Outcome, "outcome", "", "done, fix_row, wait, ask_customer, ask_manufacturer, ask_operator, dispute, open or failed")
	flags.BoolVar(&failedOnly, "failed-only", false, "only rows that are decided and not done")
	flags.StringVar(&filter.SerialNumber, "serial", "", "of this serial number")
	flags.StringVar(&filter.ProductKey, "product-key", "", "of this product key id")
	flags.StringVar(&filter.ErrorCode, "error-code", "", "of this error code, such as 803")
	bindLimit(cmd, &limit)
	return cmd
}

// explanation is the sentence of a row and what the gateway corrected.
func explanation(row wire.UploadRow) string {
	return strings.TrimSpace(strings.Join(append([]string{row.Detail}, row.Warnings...), " "))
}

// rowTitles are the columns of rows as CSV.
var rowTitles = []string{
	"row", "serialNumber", "productKey", "oemManufacturerName", "modelName", "purchaseOrder", "orderNumber", "deliveryNote",
	"customerReference", "groupTag", "status", "errorCode", "errorDescription", "outcomeClass", "deviceId", "detail", "nextActor", "safeToRepeat",
}

// rowsCSV prints rows as they come, however many.
func (a *app) rowsCSV(rows iter.Seq2[wire.UploadRow, error]) error {
	out := csv.NewWriter(a.out)
	writeSafe(out, rowTitles)
	for r, err := range rows {
		if err != nil {
			return err
		}
		writeSafe(out, []string{
			strconv.Itoa(r.Row), r.SerialNumber, r.ProductKey, r.OEMManufacturerName, r.ModelName, r.PurchaseOrder, r.OrderNumber, r.DeliveryNote,
			r.CustomerReference, r.GroupTag, r.Status, r.ErrorCode, r.ErrorDescription, r.OutcomeClass, r.DeviceID, explanation(r), r.NextActor, yesNo(r.SafeToRepeat),
		})
	}
	out.Flush()
	return out.Error()
}

// writeSafe writes a record no cell of which a spreadsheet takes for a formula.
func writeSafe(out *csv.Writer, cells []string) {
	safe := make([]string, len(cells))
	for i, cell := range cells {
		safe[i] = devicefile.Guard(cell)
	}
	_ = out.Write(safe) // comes back at Flush
}

func yesNo(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

package portal

import (
	"encoding/csv"
	"net/http"
	"strings"
	"time"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
)

// deviceList is the devices that were added under one permission.
type deviceList struct {
	grantLine
	Serial  string
	Current bool // only those that are still registered
	Devices []registration.Device
	More    string
	CSV     string
}

func (v *visit) listDevices() error {
	data, err := v.readGrant()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	list := deviceList{grantLine: data.grantLine, Serial: strings.TrimSpace(q.Get("serial")), Current: q.Get("all") == ""}
	devices, next, err := v.Devices.Devices(v.r.Context(), v.deviceScope(data), list.filter(), registration.Page{Cursor: q.Get("after"), Limit: listPage})
	if err != nil {
		return err
	}
	list.Devices, list.More = devices, v.more(next)
	q.Del("after")
	list.CSV = v.r.URL.EscapedPath() + ".csv?" + q.Encode()
	v.show(http.StatusOK, "devices", v.T("devices.heading", "partner", data.Partner), list)
	return nil
}

func (v *visit) deviceScope(data grantPageData) registration.Scope {
	return registration.Scope{Tenant: v.session.Person.TenantID, Partner: data.PartnerID}
}

func (l deviceList) filter() registration.Filter {
	f := registration.Filter{Serial: l.Serial, Grant: l.ID}
	if l.Current {
		f.State = models.RegistrationActive
	}
	return f
}

// exportDevices writes the list as a file for a spreadsheet, page by page.
func (v *visit) exportDevices() error {
	data, err := v.readGrant()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	list := deviceList{grantLine: data.grantLine, Serial: strings.TrimSpace(q.Get("serial")), Current: q.Get("all") == ""}
	page := registration.Page{Limit: 1000}
	devices, next, err := v.Devices.Devices(v.r.Context(), v.deviceScope(data), list.filter(), page)
	if err != nil {
		return err
	}
	v.startFile("text/csv; charset=utf-8", "devices-"+string(data.ID)+".csv")
	if v.r.Method == http.MethodHead {
		return nil
	}
	out := csv.NewWriter(v.w)
	out.UseCRLF = true // RFC 4180 section 2
	_ = out.Write([]string{"device_id", "serial_number", "manufacturer", "model", "product_key_id", "group_tag", "purchase_order", "order_number", "state", "registered_at", "ended_at"})
	for {
		for _, d := range devices {
			_ = out.Write(deviceRow(d))
		}
		if next == "" {
			break
		}
		page.Cursor = next
		if devices, next, err = v.Devices.Devices(v.r.Context(), v.deviceScope(data), list.filter(), page); err != nil {
			// Half a list must not look whole: the connection ends without its end.
			v.refusal = errs.From(err)
			panic(http.ErrAbortHandler)
		}
	}
	out.Flush()
	return nil
}

// startFile begins an answer that a browser saves and never shows.
func (v *visit) startFile(contentType, name string) {
	h := v.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", "attachment; filename=\""+name+"\"")
	v.writeStatus(http.StatusOK)
}

func deviceRow(d registration.Device) []string {
	row := []string{
		string(d.ID), d.Identity.SerialNumber, d.Identity.Manufacturer, d.Identity.Model, d.Identity.ProductKey, d.GroupTag,
		d.Order.PurchaseOrder, d.Order.OrderNumber, string(d.State), d.RegisteredAt.UTC().Format(time.RFC3339), "",
	}
	if d.EndedAt != nil {
		row[len(row)-1] = d.EndedAt.UTC().Format(time.RFC3339)
	}
	for i, cell := range row {
		row[i] = safeCell(cell)
	}
	return row
}

// safeCell keeps a spreadsheet from taking what a partner sent for a formula: such a cell
// gets a mark before it (OWASP, CSV injection).
func safeCell(cell string) string {
	if cell == "" {
		return ""
	}
	if first := []rune(cell)[0]; strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", first) {
		return "'" + cell
	}
	return cell
}

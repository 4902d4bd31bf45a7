package format_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/internal/resultfile"
	"countersign/models"
)

func TestCSV_layout(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]format.Layout{
		"Device Serial Number,Windows Product ID,Hardware Hash":                                format.LayoutCustomer,
		"Device serial number,Windows product ID,Hardware hash,Group Tag":                      format.LayoutCustomer,
		"Device Serial Number,Windows Product ID,Hardware Hash,Group Tag,Assigned User":        format.LayoutCustomer,
		"HARDWARE HASH;assignedUser":                                                           format.LayoutCustomer,
		"Device Serial Number,Windows Product ID,Hardware Hash,Remark":                         format.LayoutCustomer,
		"Device Serial Number,Windows Product ID,Hardware Hash,Manufacturer name,Device model": format.LayoutPartner,
		"device serial number,windows product id,hardware hash,MANUFACTURER,MODEL":             format.LayoutPartner,
		"Device Serial Number,Windows Product ID,Hardware Hash,Purchase Order":                 format.LayoutPartner,
		"serialNumber,hardwareHash":                                                            format.LayoutPartner,
		"Windows Product ID":                                                                   format.LayoutPartner,
	} {
		src := format.NewCSV(strings.NewReader(header+"\n"), "", 0)
		if _, err := read(src); err != nil {
			t.Errorf("%s: %v", header, err)
		}
		if got := src.Layout(); got != want {
			t.Errorf("%s: layout %q, want %q", header, got, want)
		}
	}
}

func TestCSV_assignedUserIsIgnoredAndTold(t *testing.T) {
	t.Parallel()
	rows, err := readCSV(t, "Device Serial Number,Windows Product ID,Hardware Hash,Group Tag,Assigned User\nA,,T0EA,north,mara@fjordtek.example\nB,,T0EA,, \n", "")
	want := []intake.Row{
		{SerialNumber: "A", HardwareHash: "T0EA", Order: models.OrderData{GroupTag: "north"}, Warnings: []string{"Assigned user is the customer's to set and was ignored."}},
		{SerialNumber: "B", HardwareHash: "T0EA"},
	}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestCSV_modelCountsWhenNothingBetterIsThere(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{"serialNumber,MODEL,x\n": "1", "serialNumber,Model,Device model\n": "2", "serialNumber,modelName,model\n": "1", "serialNumber,Model,model\n": "1"} {
		rows, err := readCSV(t, header+"A,1,2\n", "")
		if err != nil || len(rows) != 1 || rows[0].Model != want {
			t.Errorf("%s: rows %+v, error %v, want model %s", header, rows, err, want)
		}
	}
}

// What the command line guarded comes back as the sender wrote it; in any other file an
// apostrophe is the sender's own.
func TestCSV_correctedResultFile(t *testing.T) {
	t.Parallel()
	values := []string{"-5CD1", "=A1", "+49", "@north", "＝x", "'=x", "O'Neill", "'plain"}
	result, own := "serialNumber,groupTag,"+strings.Join(resultfile.Columns, ",")+"\n", "serialNumber,groupTag,status\n"
	for _, v := range values {
		cell, _ := resultfile.Guard(v)
		result += "S," + cell + ",1,finished,,,done,d-1,Registered.,nobody,true\n"
		own += "S," + cell + ",new\n"
	}
	rows, err := readCSV(t, result, "")
	plain, errOwn := readCSV(t, own, "")
	if err != nil || errOwn != nil || len(rows) != len(values) || len(plain) != len(values) {
		t.Fatal(err, errOwn, len(rows), len(plain))
	}
	for i, v := range values {
		if rows[i].Order.GroupTag != v || rows[i].Warnings != nil {
			t.Errorf("%q came back as %q, warnings %q", v, rows[i].Order.GroupTag, rows[i].Warnings)
		}
		if cell, _ := resultfile.Guard(v); plain[i].Order.GroupTag != cell {
			t.Errorf("%q became %q in somebody's own file", cell, plain[i].Order.GroupTag)
		}
	}
}

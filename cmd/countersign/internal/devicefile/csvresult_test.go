package devicefile_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"countersign/cmd/countersign/internal/devicefile"
	"countersign/gateway/wire"
)

func TestWriteResult_csv(t *testing.T) {
	t.Parallel()
	no := false
	refused := wire.UploadRow{
		Row: 2, Status: "finished_with_errors", SerialNumber: "S2", ErrorCode: "803", ErrorDescription: "MissingZtdSerialNumberAndProductKey",
		OutcomeClass: "fix_row", Detail: "No combination, sadly.", NextActor: "partner", SafeToRepeat: &no, Warnings: []string{"Blanks were cut off."},
	}
	tests := []struct {
		name, in string
		rows     []wire.UploadRow
		want     string
	}{
		{
			"own columns in order, others kept", "Note,Device Serial Number\nred,S1\n,S2\n",
			[]wire.UploadRow{done(1), refused},
			"Note,Device Serial Number," + added + "\n" +
				"red,S1,1,finished,,,done,d-1,Registered.,nobody,true\n" +
				",S2,2,finished_with_errors,803,MissingZtdSerialNumberAndProductKey,fix_row,,\"No combination, sadly. Blanks were cut off.\",partner,false\n",
		},
		{
			"quotation marks, separators and lines inside values", "\"Device Serial Number\",Note\n\"S1\",\"5\"\" disk, \nslow\"\n",
			[]wire.UploadRow{done(1)},
			"Device Serial Number,Note," + added + "\nS1,\"5\"\" disk, \nslow\",1,finished,,,done,d-1,Registered.,nobody,true\n",
		},
		{
			"a mark inside an unquoted value", "Device Serial Number,Note\nS1,a 5\" disk\n",
			[]wire.UploadRow{done(1)},
			"Device Serial Number,Note," + added + "\nS1,\"a 5\"\" disk\",1,finished,,,done,d-1,Registered.,nobody,true\n",
		},
		{
			"byte order mark, semicolons, CRLF", "\uFEFFDevice Serial Number;Note\r\nS1;a,b\r\nS2;\"c;d\"\r\n",
			[]wire.UploadRow{done(1), done(2)},
			"\uFEFFDevice Serial Number;Note;" + strings.ReplaceAll(added, ",", ";") + "\r\n" +
				"S1;a,b;1;finished;;;done;d-1;Registered.;nobody;true\r\n" +
				"S2;\"c;d\";2;finished;;;done;d-2;Registered.;nobody;true\r\n",
		},
		{
			"a separator line, tabs, no line end at the end", "sep=\t\nserialNumber\tNote\nS1\tx",
			[]wire.UploadRow{done(1)},
			"sep=\t\nserialNumber\tNote\t" + strings.ReplaceAll(added, ",", "\t") + "\nS1\tx\t1\tfinished\t\t\tdone\td-1\tRegistered.\tnobody\ttrue\n",
		},
		{
			"blank rows do not count", "Device Serial Number,Note\n\nS1,x\n,,\n \t,\nS2,y\n\n",
			[]wire.UploadRow{done(1), done(2)},
			"Device Serial Number,Note," + added + "\nS1,x,1,finished,,,done,d-1,Registered.,nobody,true\nS2,y,2,finished,,,done,d-2,Registered.,nobody,true\n",
		},
		{
			"short rows are filled up, values past the header stay", "Device Serial Number,Note\nS1\nS2,y,z\n",
			[]wire.UploadRow{done(1), done(2)},
			"Device Serial Number,Note," + added + "\nS1,,1,finished,,,done,d-1,Registered.,nobody,true\nS2,y,2,finished,,,done,d-2,Registered.,nobody,true,z\n",
		},
		{
			"the columns of a former result are replaced", "Device Serial Number," + added + "\nS1,1,finished_with_errors,803,x,fix_row,,y,partner,false\n",
			[]wire.UploadRow{done(1)},
			"Device Serial Number," + added + "\nS1,1,finished,,,done,d-1,Registered.,nobody,true\n",
		},
		{
			"a column of the sender's own called status stays", "Device Serial Number,status\nS1,shipped\n",
			[]wire.UploadRow{done(1)},
			"Device Serial Number,status," + added + "\nS1,shipped,1,finished,,,done,d-1,Registered.,nobody,true\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, guarded := result(t, tt.in, tt.rows...); got != tt.want || guarded != 0 {
				t.Errorf("guarded %d, got\n%q\nwant\n%q", guarded, got, tt.want)
			}
		})
	}
}

func TestWriteResult_formulas(t *testing.T) {
	t.Parallel()
	row := done(1)
	row.Detail, row.DeviceID = "=cmd|' /C calc'!A0", "@d"
	got, guarded := result(t, "Device Serial Number,Note,More\n=HYPERLINK(\"x\"),+1,＝x\n", row)
	want := "Device Serial Number,Note,More," + added + "\n\"'=HYPERLINK(\"\"x\"\")\",'+1,'＝x,1,finished,,,done,'@d,'=cmd|' /C calc'!A0,nobody,true\n"
	if got != want || guarded != 3 {
		t.Errorf("guarded %d, got\n%q\nwant\n%q", guarded, got, want)
	}
}

func TestWriteResult_formulasOfAFormerResult(t *testing.T) {
	t.Parallel()
	row := done(1)
	row.SerialNumber = "-S1"
	in := "Device Serial Number,Note," + added + "\n'-S1,''=x,1,,,,,,,,\n"
	got, guarded := result(t, in, row)
	if want := "Device Serial Number,Note," + added + "\n'-S1,''=x,1,finished,,,done,d-1,Registered.,nobody,true\n"; got != want || guarded != 2 {
		t.Errorf("guarded %d, got\n%q\nwant\n%q", guarded, got, want)
	}
}

func TestWriteResult_encodings(t *testing.T) {
	t.Parallel()
	want := "\uFEFFDevice Serial Number;Note;" + strings.ReplaceAll(added, ",", ";") + "\nS1;grün;1;finished;;;done;d-1;Registered.;nobody;true\n"
	text := "Device Serial Number;Note\nS1;grün\n"
	little := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(text)) {
		little = append(little, byte(unit), byte(unit>>8))
	}
	for name, c := range map[string]struct{ in, contentType string }{
		"Windows-1252": {strings.ReplaceAll(text, "ü", "\xfc"), "text/csv; charset=windows-1252"},
		"UTF-16":       {string(little), "text/csv; charset=utf-16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := result(t, c.in, done(1)); got != want {
				t.Errorf("got\n%q\nwant\n%q", got, want)
			}
			if _, f := inspect(t, c.in); f.ContentType() != c.contentType || f.Kind != devicefile.CSV {
				t.Errorf("content type %q", f.ContentType())
			}
		})
	}
}

func TestWriteResult_refusesOutcomesOfOtherRows(t *testing.T) {
	t.Parallel()
	other := done(2)
	other.SerialNumber = "S1"
	for name, c := range map[string]struct {
		rows []wire.UploadRow
		want string
	}{
		"another serial number": {[]wire.UploadRow{done(1), other}, `row 2 holds "S2", but the outcome of row 2 is about "S1"`},
		"a missing row":         {[]wire.UploadRow{done(1)}, "ends before it"},
		"a gap":                 {[]wire.UploadRow{done(2)}, "row 1 is missing"},
		"a row too many":        {[]wire.UploadRow{done(1), done(2), done(3)}, "has 2 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f := inspect(t, "Device Serial Number\nS1\n  S2\u00a0\n")
			var out strings.Builder
			if _, err := devicefile.WriteResult(&out, r, f, of(c.rows...), false); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestWriteResult_trimmedIdentitiesAgree(t *testing.T) {
	t.Parallel()
	row := done(1)
	row.SerialNumber, row.ProductKey = "S1", "3300000000001"
	result(t, "Windows Product ID,Device Serial Number\n 3300000000001,\u200bS1 \n", row)
}

package devicefile

import (
	"strconv"
	"strings"

	"countersign/gateway/wire"
	"countersign/internal/resultfile"
)

// Outcome is what is written beside a row, as CSV columns or as the member
// "countersign" of a JSON device, in this order.
type Outcome struct {
	RowNumber        int    `json:"rowNumber"`
	Status           string `json:"status"`
	ErrorCode        string `json:"errorCode"`
	ErrorDescription string `json:"errorDescription"`
	OutcomeClass     string `json:"outcomeClass"`
	DeviceID         string `json:"deviceId"`
	Explanation      string `json:"explanation"` // and what the gateway corrected
	NextActor        string `json:"nextActor"`
	SafeToRepeat     *bool  `json:"safeToRepeat"`
}

// OutcomeOf takes the outcome out of a row of the API.
func OutcomeOf(row wire.UploadRow) Outcome {
	words := append([]string{row.Detail}, row.Warnings...)
	return Outcome{
		RowNumber: row.Row, Status: row.Status, ErrorCode: row.ErrorCode, ErrorDescription: row.ErrorDescription,
		OutcomeClass: row.OutcomeClass, DeviceID: row.DeviceID, Explanation: strings.TrimSpace(strings.Join(words, " ")),
		NextActor: row.NextActor, SafeToRepeat: row.SafeToRepeat,
	}
}

// outcomeTitles are the columns of Outcome.
var outcomeTitles = resultfile.Columns

func (o Outcome) cells() []string {
	safe := ""
	if o.SafeToRepeat != nil {
		safe = strconv.FormatBool(*o.SafeToRepeat)
	}
	return []string{
		strconv.Itoa(o.RowNumber), o.Status, o.ErrorCode, o.ErrorDescription, o.OutcomeClass,
		o.DeviceID, o.Explanation, o.NextActor, safe,
	}
}

package portal

import (
	"io"
	"net/http"
	"strconv"

	"countersign/consent"
	"countersign/internal/ledger/proof"
)

// receiptPage is a receipt in words.
type receiptPage struct {
	proof.Receipt
	Notice proof.Notice // in the reader's language
	File   string       // address of the signed form
	Back   string
}

// number is which change the receipt is about; 0 means the last.
func (v *visit) number() int64 {
	n, err := strconv.ParseInt(v.r.URL.Query().Get("n"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (v *visit) receipt() (consent.Receipt, error) {
	return v.Receipts.Receipt(v.r.Context(), v.actor(), v.params["id"], v.number())
}

func (v *visit) showReceipt() error {
	found, err := v.receipt()
	if err != nil {
		return err
	}
	own := v.r.URL.EscapedPath()
	data := receiptPage{
		Receipt: found.Content, File: own + ".jws?n=" + strconv.FormatInt(found.Content.Ledger.Seq, 10), Back: v.route.back(v.params),
	}
	for _, notice := range found.Content.Notices {
		if data.Notice.Language == "" || notice.Language == v.Lang() {
			data.Notice = notice
		}
	}
	v.show(http.StatusOK, "receipt", v.T("receipt.title"), data)
	return nil
}

// saveReceipt gives the signed form, which anybody can check without this server.
func (v *visit) saveReceipt() error {
	found, err := v.receipt()
	if err != nil {
		return err
	}
	v.startFile("application/jose", "receipt-"+found.Content.ReceiptID+".jws")
	if v.r.Method != http.MethodHead {
		_, _ = io.WriteString(v.w, found.JWS)
	}
	return nil
}

// Party is one side of the receipt.
func (p receiptPage) Party(role string) proof.Party {
	for _, party := range p.Parties {
		if party.Role == role {
			return party
		}
	}
	return proof.Party{Role: role}
}

package gateway

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"countersign/gateway/intake"
	"countersign/models"
)

// maxParameter bounds a query parameter; batch names are the longest there are.
const maxParameter = 1024

// params are the query parameters of a call by their folded names.
type params struct {
	values url.Values
	err    error // the first refusal
	broken bool  // the query holds more than can be read
}

// query reads the parameters; names compare without case, and one given twice is
// refused, and so is a product key: parameters come back in links.
func query(c *gin.Context) *params {
	p := &params{values: url.Values{}}
	given, err := url.ParseQuery(c.Request.URL.RawQuery)
	p.broken = err != nil
	for name, values := range given {
		folded := strings.ToLower(name)
		if intake.HoldsProductKey(name) {
			p.refuse("query", causeProductKey)
			continue
		}
		if slices.ContainsFunc(values, intake.HoldsProductKey) {
			p.refuse(folded, causeProductKey)
		}
		if len(values) > 1 || p.values.Has(folded) {
			p.refuse(folded, "it is given twice")
		}
		if p.values.Set(folded, values[0]); len(values[0]) > maxParameter {
			p.refuse(folded, fmt.Sprintf("it is longer than %d bytes", maxParameter))
		}
	}
	return p
}

func (p *params) refuse(name, cause string) {
	if p.err == nil {
		p.err = badParameter(name, cause)
	}
}

// causeProductKey never repeats what it is about.
const causeProductKey = "it holds a 5x5 product key, which is a secret and was not kept. Give the 13 digits of the product key id (PKID)"

// only refuses what the call does not know: a filter that is misspelt would show
// everything, as if nothing else were there.
func (p *params) only(names ...string) {
	p.whole()
	for given := range p.values {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, given) }) {
			p.refuse(given, "this call has no such parameter. It has "+cmp.Or(strings.Join(names, ", "), "none"))
		}
	}
}

// whole refuses a query of which a part cannot be read: what was lost may have been the
// guard of the call.
func (p *params) whole() {
	if p.broken {
		p.refuse("query", "a part of it cannot be read; escape % and ; as %25 and %3B")
	}
}

// guard takes text that the call is judged by. Given without a value it would guard
// nothing, which is not what somebody meant who wrote it.
func (p *params) guard(name string) string {
	text := strings.TrimSpace(p.text(name))
	if text == "" && p.values.Has(strings.ToLower(name)) {
		p.refuse(strings.ToLower(name), "it has no value; leave it out, or say what is expected")
	}
	return text
}

// printable takes text without control characters; outer blanks do not count.
func (p *params) printable(name string) string {
	text := p.text(name)
	trimmed := strings.TrimSpace(text)
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(trimmed, unicode.IsControl):
		p.refuse(name, "it holds a control character or is not UTF-8")
	case text != "" && trimmed == "":
		p.refuse(name, "it holds blanks alone")
	}
	return trimmed
}

var keyID = regexp.MustCompile(`^[0-9]{13}$`)

// productKeyID takes a product key id (PKID).
func (p *params) productKeyID(name string) string {
	text := strings.TrimSpace(p.text(name))
	if text != "" && !keyID.MatchString(text) {
		p.refuse(name, "it must be the 13 digits of a product key id (PKID)")
	}
	return text
}

func (p *params) text(name string) string { return p.values.Get(strings.ToLower(name)) }

// size is a page size: 100 when absent, at most 1000.
func (p *params) size(name string) int {
	text := p.text(name)
	if text == "" {
		return defaultPage
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		p.refuse(name, "it must be a number of items, 1 or more")
		return defaultPage
	}
	return min(n, maxPage)
}

// The sizes of a page (domain rule: the same for every list).
const (
	defaultPage = 100
	maxPage     = 1000
)

// oneOf takes one of a few words.
func (p *params) oneOf(name string, allowed ...string) string {
	text := p.text(name)
	if text != "" && !slices.Contains(allowed, text) {
		p.refuse(name, "it must be one of "+strings.Join(allowed, ", "))
	}
	return text
}

// guid takes a GUID in lower case.
func (p *params) guid(name string) string {
	text := strings.ToLower(p.text(name))
	if text != "" && !models.ValidGUID(text) {
		p.refuse(name, "it must be a GUID")
	}
	return text
}

// instant takes a time with zone (RFC 3339).
func (p *params) instant(name string) time.Time {
	text := p.text(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		p.refuse(name, "it must be a time with zone such as 2031-02-03T10:00:00Z")
	}
	return at.UTC()
}

// orderParameters are those of orderData.
var orderParameters = []string{"purchaseOrder", "orderNumber", "orderLine", "deliveryNote", "shipDate", "groupTag", "customerReference"}

// orderData are the defaults for rows that leave a member empty.
func (p *params) orderData() models.OrderData {
	return models.OrderData{
		PurchaseOrder: p.text("purchaseOrder"), OrderNumber: p.text("orderNumber"), OrderLine: p.text("orderLine"),
		DeliveryNote: p.text("deliveryNote"), ShipDate: p.text("shipDate"), GroupTag: p.text("groupTag"),
		CustomerReference: p.text("customerReference"),
	}
}

// ownPage is a page of one of our own lists.
func (p *params) ownPage() intake.Page {
	return intake.Page{Cursor: p.text("cursor"), Limit: p.size("limit")}
}

// partnerPage is a page of a Partner Center list: its token comes in a header there, and
// for people who try things out in the query, too.
func (p *params) partnerPage(c *gin.Context) intake.Page {
	page := intake.Page{Cursor: c.Request.Header.Get(headerContinuation), Limit: p.size("size")}
	if token := p.text("continuationToken"); page.Cursor == "" {
		page.Cursor = token
	}
	return page
}

// tenantOf is the customer in the path.
func tenantOf(c *gin.Context) (models.TenantID, error) {
	id := strings.ToLower(c.Param("tenant"))
	if !models.ValidGUID(id) {
		return "", errCustomerID
	}
	return models.TenantID(id), nil
}

// trackingOf is the upload in the path; what is no id belongs to no upload.
func trackingOf(c *gin.Context) (models.TrackingID, error) {
	id := strings.ToLower(c.Param("tracking"))
	if !models.ValidGUID(id) {
		return "", intake.ErrUploadNotFound
	}
	return models.TrackingID(id), nil
}

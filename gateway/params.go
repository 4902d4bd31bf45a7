package gateway

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
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
}

// query reads the parameters; names compare without case, and one given twice is
// refused.
func query(c *gin.Context) *params {
	p := &params{values: url.Values{}}
	for name, values := range c.Request.URL.Query() {
		folded := strings.ToLower(name)
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

func (p *params) text(name string) string { return p.values.Get(strings.ToLower(name)) }

// words is a text that can stand in a database: what cannot was never stored.
func (p *params) words(name string) string {
	text := p.text(name)
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		p.refuse(name, "it must be UTF-8 without NUL characters")
		return ""
	}
	return text
}

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

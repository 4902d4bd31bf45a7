package intake

import (
	"bytes"
	"slices"
	"strings"

	"countersign/models"
)

// referenceDigest is what an order, delivery note or reference is found by: whole, and
// without regard to case.
func referenceDigest(value string) []byte {
	return digestOf(fold(strings.TrimFunc(value, blank)))[:16]
}

// referencesOf lists what the rows of an upload are about, each once, in the order of
// the primary key, which keeps two uploads from waiting for each other.
func referencesOf(up models.Upload, rows []checked) []models.UploadReference {
	seen := map[string]bool{}
	var refs []models.UploadReference
	for _, row := range rows {
		o := row.order
		for _, value := range []string{o.PurchaseOrder, o.OrderNumber, o.DeliveryNote, o.CustomerReference} {
			if value == "" || seen[value] {
				continue
			}
			seen[value] = true
			refs = append(refs, models.UploadReference{
				UploadID: up.ID, Digest: referenceDigest(value), PartnerID: up.PartnerID, TenantID: up.TenantID,
			})
		}
	}
	slices.SortFunc(refs, func(a, b models.UploadReference) int { return bytes.Compare(a.Digest, b.Digest) })
	return slices.CompactFunc(refs, func(a, b models.UploadReference) bool { return bytes.Equal(a.Digest, b.Digest) })
}

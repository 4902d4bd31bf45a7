package gateway

import (
	"context"
	"iter"
	"net/http"

	"github.com/gin-gonic/gin"

	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/models"
	"countersign/registration"
)

// previewVoid counts what taking an upload back would end.
//
//	@Summary	What voiding an upload would end
//	@Tags		uploads
//	@Param		tracking	path	string	true	"tracking id"
//	@Success	200	{object}	wire.VoidPreview
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/uploads/{tracking}/void [get]
func (s *server) previewVoid(c *gin.Context) error {
	p := query(c)
	p.only()
	up, err := s.uploadAsked(c, p)
	if err != nil {
		return err
	}
	out := wire.VoidPreview{TrackingID: string(up.TrackingID), Rows: wireUpload(up).Rows}
	for _, err := range s.leaving(c.Request.Context(), c, up) {
		if err != nil {
			return err
		}
		out.Devices++
	}
	return answer(c, http.StatusOK, out)
}

// voidUpload takes back what an upload registered, as an upload of its own. Whoever asks
// repeats the number of devices that the preview showed.
//
//	@Summary	Void an upload
//	@Tags		uploads
//	@Accept		json
//	@Param		tracking	path	string	true	"tracking id"
//	@Param		request	body	wire.Void	true	"the number of devices, as the preview shows it"
//	@Success	202	"Location leads to the outcome"
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[devices.write]
//	@Router		/v1/uploads/{tracking}/void [post]
func (s *server) voidUpload(c *gin.Context) error {
	p := query(c)
	p.only()
	up, err := s.uploadAsked(c, p)
	if err != nil {
		return err
	}
	call, err := s.callOf(c, p, "/v1/uploads/"+string(up.TrackingID)+"/void")
	if err != nil {
		return err
	}
	call.Tenant = up.TenantID
	var body wire.Void
	if err := decode(c, &body); err != nil {
		return err
	}
	accepted, err := s.Intake.Void(c.Request.Context(), call, up, s.leaving(c.Request.Context(), c, up), body.Devices)
	if err != nil {
		return err
	}
	return done(c, http.StatusAccepted, accepted)
}

// uploadAsked is the upload in the path, if the caller may see it.
func (s *server) uploadAsked(c *gin.Context, p *params) (intake.UploadStatus, error) {
	tracking, err := trackingOf(c)
	if err != nil {
		return intake.UploadStatus{}, err
	}
	scope, err := uploadScope(c, p)
	if err != nil {
		return intake.UploadStatus{}, err
	}
	up, _, err := s.Uploads.BatchJobStatus(c.Request.Context(), scope, tracking)
	return up, err
}

// leaving are the devices that an upload registered and that still are. None of them was
// registered before it was accepted, which spares a look at all that the owner has.
func (s *server) leaving(ctx context.Context, c *gin.Context, up intake.UploadStatus) iter.Seq2[intake.Leaving, error] {
	who := caller(c)
	scope := registration.Scope{Partner: who.PartnerID, Tenant: up.TenantID}
	filter := registration.Filter{Upload: up.TrackingID, State: models.RegistrationActive}
	if up.AcceptedAt != nil {
		filter.Since = *up.AcceptedAt
	}
	return func(yield func(intake.Leaving, error) bool) {
		page := registration.Page{Limit: 1000}
		for {
			found, next, err := s.Devices.Devices(ctx, scope, filter, page)
			if err != nil {
				yield(intake.Leaving{}, err)
				return
			}
			for _, d := range found {
				if !yield(intake.Leaving{ID: d.ID, Identity: d.Identity}, nil) {
					return
				}
			}
			if page.Cursor = next; next == "" {
				return
			}
		}
	}
}

package gateway

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"countersign/authz"
	"countersign/gateway/wire"
)

// The token paths of the authority that Partner Center's clients know, so that they need
// only another address. Whatever stands for the directory in the path is not looked at:
// who calls is said by the credential.
const (
	legacyAuthority   = "/{authority}"
	legacyTokenPath   = legacyAuthority + "/oauth2/token"
	legacyTokenPathV2 = legacyAuthority + "/oauth2/v2.0/token"

	openIDPath = "/.well-known/openid-configuration"
)

// legacyToken is the token endpoint as version 1 of that authority has it: a resource is
// named, which here is this service, and numbers are text.
//
//	@Summary	Get an access token, as Azure AD's first endpoint gives it
//	@Tags		oauth
//	@Accept		x-www-form-urlencoded
//	@Param		authority		path		string	true	"the directory; not looked at"
//	@Param		grant_type		formData	string	true	"client_credentials"
//	@Param		resource		formData	string	false	"not looked at"
//	@Param		client_id		formData	string	false	"for clients that may send their secret in the body"
//	@Param		client_secret	formData	string	false	"for clients that may send their secret in the body"
//	@Success	200	{object}	wire.LegacyToken
//	@Failure	400	{object}	wire.OAuthError
//	@Failure	401	{object}	wire.OAuthError
//	@Failure	429	{object}	wire.OAuthError
//	@Router		/{authority}/oauth2/token [post]
func (s *server) legacyToken(c *gin.Context) error {
	form, token, err := s.tokenFor(c, func(form url.Values) { form.Del("scope") })
	if err != nil {
		return err
	}
	now := s.Now().Truncate(time.Second)
	seconds := strconv.FormatInt(int64(token.ExpiresIn/time.Second), 10)
	return answer(c, http.StatusOK, wire.LegacyToken{
		TokenType: token.Type, ExpiresIn: seconds, ExtExpiresIn: seconds, ExpiresOn: strconv.FormatInt(now.Add(token.ExpiresIn).Unix(), 10),
		NotBefore: strconv.FormatInt(now.Unix(), 10), Resource: form.Get("resource"), AccessToken: token.AccessToken,
	})
}

// legacyTokenV2 is the token endpoint as version 2 of that authority has it: all scopes of
// an application are asked for by /.default.
//
//	@Summary	Get an access token, as Azure AD's second endpoint gives it
//	@Tags		oauth
//	@Accept		x-www-form-urlencoded
//	@Param		authority		path		string	true	"the directory; not looked at"
//	@Param		grant_type		formData	string	true	"client_credentials"
//	@Param		scope			formData	string	false	"anything with /.default at its end stands for all that the client has"
//	@Param		client_id		formData	string	false	"for clients that may send their secret in the body"
//	@Param		client_secret	formData	string	false	"for clients that may send their secret in the body"
//	@Success	200	{object}	wire.LegacyTokenV2
//	@Failure	400	{object}	wire.OAuthError
//	@Failure	401	{object}	wire.OAuthError
//	@Failure	429	{object}	wire.OAuthError
//	@Router		/{authority}/oauth2/v2.0/token [post]
func (s *server) legacyTokenV2(c *gin.Context) error {
	_, token, err := s.tokenFor(c, func(form url.Values) {
		if strings.HasSuffix(form.Get("scope"), "/.default") && !strings.Contains(form.Get("scope"), " ") {
			form.Del("scope")
		}
	})
	if err != nil {
		return err
	}
	seconds := int64(token.ExpiresIn / time.Second)
	return answer(c, http.StatusOK, wire.LegacyTokenV2{TokenType: token.Type, ExpiresIn: seconds, ExtExpiresIn: seconds, AccessToken: token.AccessToken})
}

// tokenFor charges, reads and answers a token request, after change has brought the form
// into ours.
func (s *server) tokenFor(c *gin.Context, change func(url.Values)) (url.Values, authz.TokenResponse, error) {
	req, err := s.tokenRequest(c)
	if err != nil {
		return nil, authz.TokenResponse{}, err
	}
	change(req.Form)
	var token authz.TokenResponse
	err = s.authenticating(c, req, func(ctx context.Context) (err error) {
		token, err = s.Tokens.Exchange(ctx, req)
		return err
	})
	return req.Form, token, err
}

// openIDConfiguration publishes the metadata for clients that know only this form of it.
//
//	@Summary	Authorization server metadata in OpenID Connect's form
//	@Tags		oauth
//	@Success	200	{object}	object
//	@Router		/.well-known/openid-configuration [get]
func (s *server) openIDConfiguration(c *gin.Context) error {
	return document(c, "application/json", s.OpenID)
}

// legacyConfiguration is the same at the address that is made of a directory.
//
//	@Summary	Authorization server metadata, under a directory
//	@Tags		oauth
//	@Param		authority	path	string	true	"the directory; not looked at"
//	@Success	200	{object}	object
//	@Failure	404	{object}	wire.Problem
//	@Router		/{authority}/.well-known/openid-configuration [get]
func (s *server) legacyConfiguration(c *gin.Context) error { return s.openIDConfiguration(c) }

// legacyConfigurationV2 is the same at the address of version 2.
//
//	@Summary	Authorization server metadata, under a directory, version 2
//	@Tags		oauth
//	@Param		authority	path	string	true	"the directory; not looked at"
//	@Success	200	{object}	object
//	@Failure	404	{object}	wire.Problem
//	@Router		/{authority}/v2.0/.well-known/openid-configuration [get]
func (s *server) legacyConfigurationV2(c *gin.Context) error { return s.openIDConfiguration(c) }

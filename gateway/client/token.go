package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/gateway/wire"
)

// Token is an access token with what the token endpoint said about it.
type Token struct {
	Value     string
	Scopes    []string
	ExpiresAt time.Time
}

// String hides the token from %v.
func (t Token) String() string { return "access token until " + t.ExpiresAt.UTC().Format(time.RFC3339) }

// GoString hides the token from %#v.
func (t Token) GoString() string { return t.String() }

// Token returns a usable access token, a new one when the last is about to expire.
// Refusals are *OAuthError.
func (c *Client) Token(ctx context.Context) (Token, error) { return c.tokens.get(ctx) }

// tokenSource keeps one token. Callers that need a new one at the same time wait
// for the same request.
type tokenSource struct {
	client      *Client
	credentials Credentials
	turn        chan struct{} // holds one value while somebody reads or renews

	token   Token
	renewAt time.Time
}

func (s *tokenSource) get(ctx context.Context) (Token, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
	defer func() { <-s.turn }()
	if s.token.Value != "" && s.client.now().Before(s.renewAt) {
		return s.token, nil
	}
	asked := s.client.now()
	token, life, err := s.fetch(ctx)
	if err != nil {
		return Token{}, err
	}
	token.ExpiresAt = asked.Add(life)
	s.token, s.renewAt = token, asked.Add(life-life/5)
	return token, nil
}

// drop forgets a token that was refused, unless it was replaced meanwhile.
func (s *tokenSource) drop(value string) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.token.Value == value {
		s.token = Token{}
	}
}

// fetch asks the token endpoint, repeating by the same rules as any other call.
func (s *tokenSource) fetch(ctx context.Context) (token Token, life time.Duration, err error) {
	retries, nonced := s.client.retries(), false
	for {
		token, life, err = s.ask(ctx)
		if !nonced && wantsNonce(err) {
			nonced = true
			continue
		}
		if again, wait := retries.after(err, true); again {
			if err := s.client.pause(ctx, wait, err); err != nil {
				return Token{}, 0, err
			}
			continue
		}
		return token, life, err
	}
}

func (s *tokenSource) ask(ctx context.Context) (Token, time.Duration, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	if err := s.credentials.prove(ctx, s.client.base.String(), header, form); err != nil {
		return Token{}, 0, fmt.Errorf("client: prove the client: %w", err)
	}
	address := s.client.base.JoinPath("/oauth2/token").String()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return Token{}, 0, err
	}
	req.Header = header
	req.Header.Set("User-Agent", s.client.agent)
	if err := s.client.holding.add(req, ""); err != nil {
		return Token{}, 0, fmt.Errorf("client: prove possession: %w", err)
	}
	resp, err := s.client.http.Do(req)
	if err != nil {
		return Token{}, 0, unreachable(ctx, err)
	}
	s.client.holding.learn(resp)
	defer finish(resp)
	if resp.StatusCode != http.StatusOK {
		return Token{}, 0, oauthError(resp, s.client.now())
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxErrorBody)).Decode(&answer); err != nil {
		return Token{}, 0, unreachable(ctx, fmt.Errorf("read the token: %w", err))
	}
	if want := s.client.holding.scheme(); answer.AccessToken == "" || !strings.EqualFold(answer.TokenType, want) {
		return Token{}, 0, fmt.Errorf("client: %s did not answer with a %s token", address, want)
	}
	return Token{Value: answer.AccessToken, Scopes: strings.Fields(answer.Scope)}, time.Duration(answer.ExpiresIn) * time.Second, nil
}

// oauthError reads the error body of RFC 6749 section 5.2; what is not one (a
// refusal by the request budget, a proxy) is an *APIError.
func oauthError(resp *http.Response, now time.Time) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	var answer wire.OAuthError
	if json.Unmarshal(body, &answer) != nil || answer.Error == "" {
		return apiError(resp, body, now)
	}
	return &OAuthError{
		Status: resp.StatusCode, Code: answer.Error, Description: answer.Description,
		RetryAfter: retryAfter(resp.Header, now), RequestID: resp.Header.Get(headerRequestID),
	}
}

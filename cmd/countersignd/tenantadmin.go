package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/authz/signin"
	"countersign/internal/admin"
	"countersign/internal/devidp"
	"countersign/models"
)

// signInInput is how a tenant signs in, as an operator sets it.
type signInInput struct {
	Tenant         models.TenantID
	Issuer         string
	ClientID       string
	ClientSecret   string
	AuthMethod     models.ProviderAuth
	RoleClaim      string
	AdminValues    []string
	ApproverValues []string
	RequireMFA     bool
	ACRValues      []string
	AMRValues      []string
	Dev            bool // the built-in provider for development
}

type (
	invitationView struct {
		TenantID  models.TenantID `json:"tenantId"`
		Link      string          `json:"link"` // shown this once
		ExpiresAt time.Time       `json:"expiresAt"`
	}
	signInView struct {
		TenantID       models.TenantID     `json:"tenantId"`
		Issuer         string              `json:"issuer"`
		ClientID       string              `json:"clientId"`
		AuthMethod     models.ProviderAuth `json:"authMethod"`
		RoleClaim      string              `json:"roleClaim,omitempty"`
		AdminValues    []string            `json:"adminValues,omitempty"`
		ApproverValues []string            `json:"approverValues,omitempty"`
		RequireMFA     bool                `json:"requireMfa"`
		ACRValues      []string            `json:"acrValues,omitempty"`
		AMRValues      []string            `json:"amrValues,omitempty"`
		SetBy          models.ActorKind    `json:"setBy"`
		SetAt          time.Time           `json:"setAt"`
		Version        int64               `json:"version"`
	}
)

// tenantOperations are the operators' commands about who speaks for a tenant.
func tenantOperations(c Config, s *services) admin.Table {
	return admin.Table{
		"tenant.invite": admin.Typed(func(ctx context.Context, in idInput) (invitationView, error) {
			made, err := s.signin.Invite(ctx, operatorBy(), models.TenantID(in.ID))
			return invitationView{made.TenantID, c.portalOrPublic() + signin.SetUpPath + made.Secret, made.ExpiresAt}, err
		}),
		"tenant.signIn": admin.Typed(func(ctx context.Context, in idInput) (signInView, error) {
			found, err := s.signin.SignIn(ctx, models.TenantID(strings.ToLower(in.ID)))
			return viewSignIn(models.TenantID(in.ID), found), err
		}),
		"tenant.setSignIn": admin.Typed(func(ctx context.Context, in signInInput) (signInView, error) {
			saved, err := s.signin.SetSignIn(ctx, operatorBy(), in.Tenant, in.settings(c))
			return viewSignIn(in.Tenant, saved), err
		}),
	}
}

// operatorBy is who the record names for a command on this machine.
func operatorBy() signin.By {
	return signin.By{Kind: models.ActorOperator, ID: operator().ID}
}

func (in signInInput) settings(c Config) signin.Settings {
	if in.Dev {
		return devSettings(c, in.Tenant)
	}
	return signin.Settings{
		Issuer: in.Issuer, ClientID: in.ClientID, AuthMethod: in.AuthMethod, ClientSecret: in.ClientSecret,
		RoleClaim: in.RoleClaim, AdminValues: in.AdminValues, ApproverValues: in.ApproverValues,
		RequireMFA: in.RequireMFA, ACRValues: in.ACRValues, AMRValues: in.AMRValues,
	}
}

// devSettings lead to the development provider. Without it there is nothing at that
// address, and the settings are refused for it.
func devSettings(c Config, tenant models.TenantID) signin.Settings {
	return signin.Settings{
		Issuer: devidp.Issuer(c.PublicURL, strings.ToLower(string(tenant))), ClientID: devidp.ClientID,
		AuthMethod: models.ProviderBasic, ClientSecret: "development", RoleClaim: "roles",
		AdminValues: []string{devidp.AdminRole}, ApproverValues: []string{devidp.ApproverRole},
		RequireMFA: true, AMRValues: []string{"mfa"},
	}
}

func viewSignIn(tenant models.TenantID, s signin.Settings) signInView {
	return signInView{
		TenantID: tenant, Issuer: s.Issuer, ClientID: s.ClientID, AuthMethod: s.AuthMethod, RoleClaim: s.RoleClaim,
		AdminValues: s.AdminValues, ApproverValues: s.ApproverValues, RequireMFA: s.RequireMFA, ACRValues: s.ACRValues,
		AMRValues: s.AMRValues, SetBy: s.SetBy, SetAt: s.SetAt, Version: s.Version,
	}
}

func signInCommands(env environment) *cobra.Command {
	cmd := &cobra.Command{
		Use: "sign-in", Short: "How a tenant's people sign in; yours to set until its first administrator has",
	}
	var in signInInput
	var method, secretFile string
	set := &cobra.Command{
		Use: "set TENANT", Short: "Name the tenant's OpenID provider and what its claims mean", Args: cobra.ExactArgs(1),
		Long: `Name the tenant's OpenID provider and what its claims mean. From the moment on at which the
tenant's first administrator signs in only the tenant can change it; docs/sign-in.md has
examples for Entra ID and Keycloak.`,
		Example: `  countersignd admin tenant sign-in set 0198… --issuer https://login.fabrikam.example/realms/main \
      --client-id countersign --client-secret-file secret.txt \
      --role-claim realm_access.roles --admin-value device-admin --approver-value device-approver --amr-value mfa`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Tenant, in.AuthMethod = models.TenantID(args[0]), models.ProviderAuth(method)
			if secretFile != "" {
				text, err := os.ReadFile(secretFile)
				if err != nil {
					return err
				}
				in.ClientSecret = strings.TrimSpace(string(text))
			}
			if !in.Dev && (in.Issuer == "" || in.ClientID == "") {
				return fmt.Errorf("--issuer and --client-id are needed")
			}
			return operate(cmd, env, "tenant.setSignIn", in)
		},
	}
	flags := set.Flags()
	flags.StringVar(&in.Issuer, "issuer", "", "the provider's issuer, exactly as its description names it")
	flags.StringVar(&in.ClientID, "client-id", "", "the id that the provider gave to this service")
	flags.StringVar(&secretFile, "client-secret-file", "", "file with the secret of that id")
	flags.StringVar(&method, "auth-method", string(models.ProviderBasic), "client_secret_basic, client_secret_post or private_key_jwt (with this server's key)")
	flags.StringVar(&in.RoleClaim, "role-claim", "", "path of the claim with the roles, e.g. roles or realm_access.roles")
	flags.StringSliceVar(&in.AdminValues, "admin-value", nil, "value that makes an administrator (repeatable)")
	flags.StringSliceVar(&in.ApproverValues, "approver-value", nil, "value that makes an approver (repeatable)")
	flags.BoolVar(&in.RequireMFA, "require-mfa", true, "want more than one factor for decisions")
	flags.StringSliceVar(&in.ACRValues, "acr-value", nil, "value of acr that means more than one factor; with acrs: in front, of acrs (repeatable)")
	flags.StringSliceVar(&in.AMRValues, "amr-value", nil, "value of amr that means more than one factor (repeatable)")
	flags.BoolVar(&in.Dev, "dev", false, "the built-in provider of development mode")
	cmd.AddCommand(set, onID(env, "show", "tenant.signIn", "Show it; the secret is never shown"))
	return cmd
}

package partners_test

import (
	"slices"
	"testing"
	"time"

	"countersign/models"
	"countersign/partners"
)

// live lists the secrets that work now, newest first.
func (w *world) live(t *testing.T, id models.ClientID, made ...string) []string {
	t.Helper()
	_, digests, err := w.ClientForAuth(t.Context(), id)
	must(t, err)
	found := []string{}
	for _, digest := range digests {
		for _, secret := range made {
			if string(digestOf(secret)) == string(digest) {
				found = append(found, secret)
			}
		}
	}
	return found
}

func TestRotateSecret_overlapsAndKeepsTwoAtMost(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, first := w.client(t, w.partner(t, "Contoso").ID)
		w.clock.add(time.Minute)
		second, err := w.RotateSecret(t.Context(), c.ID, time.Hour)
		must(t, err)
		if got := w.live(t, c.ID, first, second); !slices.Equal(got, []string{second, first}) {
			t.Errorf("during the overlap %v work", got)
		}
		w.clock.add(time.Minute)
		third, err := w.RotateSecret(t.Context(), c.ID, 2*time.Hour)
		must(t, err)
		if got := w.live(t, c.ID, first, second, third); !slices.Equal(got, []string{third, second}) {
			t.Errorf("after the second rotation %v work, want the newest two", got)
		}
		w.clock.add(2*time.Hour - time.Second)
		if got := w.live(t, c.ID, second, third); len(got) != 2 {
			t.Errorf("just before the overlap ends %v work", got)
		}
		w.clock.add(time.Second)
		if got := w.live(t, c.ID, first, second, third); !slices.Equal(got, []string{third}) {
			t.Errorf("after the overlap %v work", got)
		}
		fourth, err := w.RotateSecret(t.Context(), c.ID, 0)
		must(t, err)
		if got := w.live(t, c.ID, first, second, third, fourth); !slices.Equal(got, []string{fourth}) {
			t.Errorf("after a rotation without overlap %v work", got)
		}
	})
}

// A second rotation must not lengthen the life of a secret that is ending.
func TestRotateSecret_neverLengthensALife(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, first := w.client(t, w.partner(t, "Contoso").ID)
		must(t, w.d.Write().WithContext(t.Context()).Exec("UPDATE client_secrets SET expires_at = ?", start.Add(time.Minute)).Error)
		second, err := w.RotateSecret(t.Context(), c.ID, time.Hour)
		must(t, err)
		w.clock.add(2 * time.Minute)
		if got := w.live(t, c.ID, first, second); !slices.Equal(got, []string{second}) {
			t.Errorf("%v work", got)
		}
	})
}

func TestRotateSecret_atOnceLeavesTwo(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, _ := w.client(t, w.partner(t, "Contoso").ID)
		wins := race(t, 6, partners.ErrWrongState, func() error {
			_, err := w.RotateSecret(t.Context(), c.ID, time.Hour)
			return err
		})
		_, digests, err := w.ClientForAuth(t.Context(), c.ID)
		if must(t, err); wins != 6 || len(digests) != 2 {
			t.Errorf("%d rotations left %d live secrets, want 6 and 2", wins, len(digests))
		}
	})
}

func TestCredentials_refusals(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		p := w.partner(t, "Contoso")
		basic, secret := w.client(t, p.ID)
		in := partnerClient(p.ID)
		in.Method, in.JWKS = models.PrivateKeyJWT, "keys 1"
		keyed, _, err := w.CreateClient(t.Context(), in)
		must(t, err)
		_, err = w.RotateSecret(t.Context(), keyed.ID, 0)
		wantErr(t, err, partners.ErrWrongMethod)
		_, err = w.SetJWKS(t.Context(), basic.ID, "keys")
		wantErr(t, err, partners.ErrWrongMethod)
		for _, overlap := range []time.Duration{-time.Second, partners.MaxOverlap + time.Second} {
			_, err = w.RotateSecret(t.Context(), basic.ID, overlap)
			wantErr(t, err, partners.ErrInvalid)
		}
		_, err = w.RotateSecret(t.Context(), "p-0190a0b0-0000-7000-8000-000000000001", 0)
		wantErr(t, err, partners.ErrClientNotFound)
		_, err = w.SetJWKS(t.Context(), keyed.ID, "private")
		wantErr(t, err, errBadKeys)
		if got := w.live(t, basic.ID, secret); len(got) != 1 {
			t.Error("a refused rotation ended the secret")
		}
		changed, err := w.SetJWKS(t.Context(), keyed.ID, "keys 2")
		if must(t, err); *changed.JWKS != "checked keys 2" {
			t.Errorf("got %q", *changed.JWKS)
		}
	})
}

package authz_test

import (
	"context"
	"testing"

	"countersign/authz"
)

func BenchmarkVerify(b *testing.B) {
	f := newFixture(b)
	raw := f.tokenFor(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify_refusedBeforeTheSignature(b *testing.B) {
	f := newFixture(b)
	raw := f.accessToken(b, map[string]any{"kid": "unknown"}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw}); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkExchange_basic(b *testing.B) {
	f := newFixture(b)
	req := authz.TokenRequest{Form: form(), Authorization: basic(string(basicID), f.secret)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.endpoint.Exchange(context.Background(), req); err != nil {
			b.Fatal(err)
		}
		f.log.Reset()
	}
}

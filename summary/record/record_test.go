package record

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/summary/trust"
)

var (
	testCard = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	testNow  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

func TestRoundTrip(t *testing.T) {
	for _, kind := range []trust.KeyType{trust.Ed25519, trust.P256, trust.P384, trust.RSA2048} {
		t.Run(string(kind), func(t *testing.T) {
			f := newFixture(t, kind)
			d := f.draft()
			d.Seq, d.Prev, d.OnBehalfOf = 7, &Head{9}, "Dr Jeanne PETIT"
			raw, err := Write(d)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Read(raw, testCard, f.reader())
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != (Verdict{Valid, ReasonOK}) || r.Seq != 7 || !r.Time.Equal(testNow) || r.OnBehalfOf != d.OnBehalfOf || !bytes.Equal(r.Prev, d.Prev[:]) {
				t.Errorf("record %+v", r)
			}
			if r.Signer.Name != "Dr Paul LEROY" || r.Signer.Role != trust.RolePhysician {
				t.Errorf("signer %+v", r.Signer)
			}
			for level, l := range r.Levels {
				if l.State != LevelRead {
					t.Errorf("level %d: %+v", level, l)
				}
			}
			want := *f.summary
			want.AssignIDs()
			if got, want := jsonOf(t, r.Summary), jsonOf(t, &want); got != want {
				t.Errorf("the summary changed:\n%s\n%s", got, want)
			}
			t.Logf("%d bytes", len(raw))
		})
	}
}

func TestVerdicts(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	other := newFixture(t, trust.Ed25519)
	ceiling := func(a trust.Anchor) *trust.Store {
		s := &trust.Store{}
		if err := s.Add(a); err != nil {
			t.Fatal(err)
		}
		return s
	}
	stale := *f.store
	stale.NextUpdate = testNow.Add(-time.Hour)
	fresh := *f.store
	fresh.NextUpdate = testNow.Add(time.Hour)
	expired := *f.signer
	var err error
	expired.Certificate, err = f.authority.Issue(trust.Subject{Name: "Dr E", Role: trust.RolePhysician}, f.signer.Key.Public(), testNow.AddDate(0, -6, 0), testNow.AddDate(0, 0, -1))
	if err != nil {
		t.Fatal(err)
	}
	as := func(role trust.Role) *trust.Identity {
		id := *f.signer
		if id.Certificate, err = f.authority.Issue(trust.Subject{Name: "X", Role: role}, f.signer.Key.Public(), testNow.AddDate(0, -1, 0), testNow.AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
		return &id
	}
	tests := []struct {
		name  string
		draft func(*Draft)
		store *trust.Store
		now   time.Time
		want  Verdict
	}{
		{"good", nil, f.store, testNow, Verdict{Valid, ReasonOK}},
		{"trust in date", nil, &fresh, testNow, Verdict{Valid, ReasonOK}},
		{"trust out of date", nil, &stale, testNow, Verdict{ValidStale, ReasonTrustOutdated}},
		{"no trust", nil, nil, testNow, Verdict{Unverifiable, ReasonNoTrust}},
		{"unknown issuer", nil, other.store, testNow, Verdict{Unverifiable, ReasonUnknownIssuer}},
		{"signed tomorrow evening", nil, f.store, testNow.Add(-25 * time.Hour), Verdict{Unverifiable, ReasonClock}},
		{"clock a little ahead", nil, f.store, testNow.Add(-23 * time.Hour), Verdict{Valid, ReasonOK}},
		{"read years later", nil, f.store, testNow.AddDate(30, 0, 0), Verdict{Valid, ReasonOK}},
		{"certificate expired since", func(d *Draft) { d.Signer = &expired; d.Time = testNow.AddDate(0, -1, 0) }, f.store, testNow, Verdict{Valid, ReasonOK}},
		{"certificate expired at signing", func(d *Draft) { d.Signer = &expired }, f.store, testNow, Verdict{Invalid, ReasonNotValidThen}},
		{"no role", func(d *Draft) { d.Signer = as("") }, f.store, testNow, Verdict{Invalid, ReasonRole}},
		{"a pharmacist", func(d *Draft) { d.Signer = as(trust.RolePharmacist) }, f.store, testNow, Verdict{Invalid, ReasonRole}},
		{"beyond the ceiling", nil, ceiling(trust.Anchor{Certificate: f.authority.Certificate, Ceiling: []trust.Role{trust.RoleNurse}}), testNow, Verdict{Invalid, ReasonRole}},
		{"authority distrusted", nil, ceiling(trust.Anchor{Certificate: f.authority.Certificate, DistrustAfter: testNow}), testNow, Verdict{Invalid, ReasonDistrusted}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := f.draft()
			if test.draft != nil {
				test.draft(&d)
			}
			raw, err := writeUnchecked(d)
			if err != nil {
				t.Fatal(err)
			}
			reader := f.reader()
			reader.Trust, reader.Now = test.store, test.now
			r, err := Read(raw, testCard, reader)
			if test.want.Status != Valid && test.want.Status != ValidStale {
				r, err = unverified(t, r, err), nil
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != test.want {
				t.Errorf("verdict %v, want %v", r.Verdict, test.want)
			}
			if r.Summary == nil || r.Summary.Patient.Family != "DURAND" {
				t.Error("the content is hidden, though it can be decoded")
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	pharmacist := *f.signer
	var err error
	if pharmacist.Certificate, err = f.authority.Issue(trust.Subject{Name: "X", Role: trust.RolePharmacist}, f.signer.Key.Public(), testNow, testNow.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Draft){
		"a pharmacist":        func(d *Draft) { d.Signer = &pharmacist },
		"no number":           func(d *Draft) { d.Seq = 0 },
		"number out of range": func(d *Draft) { d.Seq = 1 << 53 },
		"expired certificate": func(d *Draft) { d.Time = testNow.AddDate(10, 0, 0) },
		"before 1970":         func(d *Draft) { d.Time = time.Unix(-1, 0) },
		"long onBehalfOf":     func(d *Draft) { d.OnBehalfOf = strings.Repeat("é", 121) },
		"onBehalfOf: escape":  func(d *Draft) { d.OnBehalfOf = "Dr \x1b[2J" },
		"onBehalfOf: Latin-1": func(d *Draft) { d.OnBehalfOf = "Dr B\xe9n\xe9dicte" },
		"invalid summary":     func(d *Draft) { s := *f.summary; s.Patient.Family = ""; d.Summary = &s },
	} {
		d := f.draft()
		change(&d)
		if raw, err := Write(d); err == nil {
			t.Errorf("%s: wrote %d bytes", name, len(raw))
		}
	}
}

func TestAnotherCard(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	other := testCard
	other[0]++
	if _, err := Read(f.write(t), other, f.reader()); !errors.Is(err, ErrCommitment) {
		t.Errorf("got %v", err)
	}
}

// The promise: whatever single byte is changed, the record is never valid with other content.
func TestEveryByteChanged(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	raw := f.write(t)
	good, err := Read(raw, testCard, f.reader())
	if err != nil {
		t.Fatal(err)
	}
	want := jsonOf(t, good.Summary)
	p, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	fr := p.base
	open := bytes.Index(raw, fr.Open)
	for i := range raw {
		for _, mask := range []byte{0x01, 0x80, 0xFF} {
			bad := bytes.Clone(raw)
			bad[i] ^= mask
			r, err := Read(bad, testCard, f.reader())
			if err != nil {
				continue
			}
			if jsonOf(t, r.Summary) != want {
				t.Fatalf("byte %d ^ %02x: valid with other content", i, mask)
			}
			// Every byte is under a seal or decides how one is opened, but for the open unit: some bits of a deflate
			// stream say nothing.
			if i < open || i >= open+len(fr.Open) {
				t.Errorf("byte %d ^ %02x changed unseen", i, mask)
			}
		}
	}
}

func TestTruncatedAndExtended(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	raw := f.write(t)
	for i := range raw {
		if _, err := Read(raw[:i], testCard, f.reader()); err == nil {
			t.Fatalf("the first %d bytes of %d are a valid record", i, len(raw))
		}
	}
	if _, err := Read(append(bytes.Clone(raw), 0), testCard, f.reader()); err == nil {
		t.Error("a byte after the record was ignored")
	}
	if _, err := Read(make([]byte, MaxSize+1), testCard, f.reader()); !errors.Is(err, ErrMalformed) {
		t.Errorf("too long: %v", err)
	}
}

func TestNewerFormats(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	for _, suite := range []Suite{SuiteNone, SuiteChaCha} {
		f.suite = suite
		p, err := parse(f.write(t))
		if err != nil {
			t.Fatal(err)
		}
		id, k3 := p.header.id, p.header.k3
		tests := []struct {
			header []any
			want   error
		}{
			{[]any{2, uint8(suite), id, k3, "more"}, ErrNewerFormat},
			{[]any{1, 3, id}, ErrSuite},
			{[]any{1, 9, id}, ErrSuite},
			{[]any{0, uint8(suite), id}, ErrMalformed},
			{[]any{1, uint8(suite), id[1:]}, ErrMalformed},
			{[]any{1, uint8(suite), id, k3, 1}, ErrMalformed},
			{[]any{-1, uint8(suite), id}, ErrMalformed},
			{[]any{"1", uint8(suite), id}, ErrMalformed},
		}
		if suite == SuiteNone {
			tests = append(tests, struct {
				header []any
				want   error
			}{[]any{1, 0, id}, ErrMalformed})
		}
		for _, test := range tests {
			changed := *p.base
			changed.Header = encode(test.header)
			if _, err := Read(encode(changed), testCard, f.reader()); !errors.Is(err, test.want) {
				t.Errorf("header %v: %v, want %v", test.header, err, test.want)
			}
		}
	}
}

// A token whose key is not the certificate's signs what nobody can verify: Write finds out.
func TestWriteWithTheWrongKey(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	d := f.draft()
	wrong := *f.signer
	wrong.Key = newFixture(t, trust.Ed25519).signer.Key
	d.Signer = &wrong
	if raw, err := Write(d); err == nil {
		t.Errorf("wrote %d bytes", len(raw))
	}
}

// What Write makes is read before it is given out.
func TestWriteChecksItself(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	d := f.draft()
	s, err := prepare(d)
	if err != nil {
		t.Fatal(err)
	}
	raw := f.mustRaw(t, s)
	if err := s.check(raw, d); err != nil {
		t.Fatal(err)
	}
	other := newFixture(t, trust.Ed25519)
	other.summary.Patient.Family = "MARTIN"
	d.Summary = other.summary
	wrong, err := prepare(d)
	if err != nil {
		t.Fatal(err)
	}
	s.levels = wrong.levels
	if s.check(raw, d) == nil {
		t.Error("a record of something else passes")
	}
	raw[len(raw)-1] ^= 1
	if s.check(raw, f.draft()) == nil {
		t.Error("a damaged record passes")
	}
}

func TestBoxSizes(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	with, err := parse(f.write(t))
	if err != nil {
		t.Fatal(err)
	}
	fr := with.base
	// Without the masked item, box 3 looks the same.
	f.summary.Sections.History.Items = f.summary.Sections.History.Items[:1]
	empty, err := parse(f.write(t))
	if err != nil {
		t.Fatal(err)
	}
	without := empty.base
	for _, box := range [][]byte{fr.Box1, fr.Box2, fr.Box3, without.Box1, without.Box2, without.Box3} {
		if len(box)%boxUnit != 0 {
			t.Errorf("a box has %d bytes", len(box))
		}
	}
	if len(without.Box3) != box3Min {
		t.Errorf("an empty box 3 has %d bytes", len(without.Box3))
	}
}

// Noise is refused, whatever its length, without a panic.
func TestNoise(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	raw := f.write(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		noise := make([]byte, rng.IntN(len(raw)))
		for i := range noise {
			noise[i] = byte(rng.Uint32())
		}
		if _, err := Read(noise, testCard, f.reader()); err == nil {
			t.Fatal("noise is a valid record")
		}
	}
}

// Whatever bytes a card holds: nothing is valid, or applied, that was not signed.
func FuzzRead(f *testing.F) {
	fx := newFixture(f, trust.Ed25519)
	raw := fx.amend(f, fx.write(f), fx.signerAs(f, trust.RolePharmacist), ibuprofen)
	raw = fx.amend(f, raw, fx.signerAs(f, trust.RolePhysician), visit)
	good := fx.read(f, raw)
	signed := map[string]bool{string(good.Signature.Message): true}
	for _, a := range good.Amendments {
		signed[string(a.Signature.Message)] = true
	}
	f.Add(raw)
	f.Add(raw[:100])
	f.Add(fx.rearranged(f, raw, 1, 0))
	fx.suite = SuiteNone
	f.Add(fx.write(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, key := range []trust.PrivateKey{fx.practice, fx.pharmacist} {
			r, err := Read(data, testCard, fx.as(key))
			if err != nil || r.Suite == SuiteNone {
				continue // suite 0 is signed by nobody in particular here
			}
			if !signed[string(r.Signature.Message)] {
				t.Error("valid, and nobody signed it")
			}
			for _, a := range r.Amendments {
				if a.State == AmendmentApplied && !signed[string(a.Signature.Message)] {
					t.Error("applied, and nobody signed it")
				}
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	f := newFixture(b, trust.Ed25519)
	raw := f.write(b)
	for b.Loop() {
		if _, err := Read(raw, testCard, f.reader()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	f := newFixture(b, trust.Ed25519)
	for b.Loop() {
		if _, err := Write(f.draft()); err != nil {
			b.Fatal(err)
		}
	}
}

package record

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/secours-card/secours/summary/trust"
)

// manifestOf encodes a manifest from its members as they are given, deterministic or not; the keys are in order.
func manifestOf(members map[uint64]cbor.RawMessage) []byte {
	b := []byte{0xA0 | byte(len(members))}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		b = append(append(b, encode(key)...), members[key]...)
	}
	return b
}

// A signer's own program may be wrong too: the signature of each of these manifests is good.
func TestSignedManifests(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	set := func(key uint64, raw ...byte) func(map[uint64]cbor.RawMessage) {
		return func(m map[uint64]cbor.RawMessage) { m[key] = raw }
	}
	text := func(n int) []byte { return encode(string(bytes.Repeat([]byte{'x'}, n))) }
	for name, test := range map[string]struct {
		change func(map[uint64]cbor.RawMessage)
		want   error // nil: valid
	}{
		"unchanged":                 {func(map[uint64]cbor.RawMessage) {}, nil},
		"version 0":                 {set(1, 0), ErrMalformed},
		"version 2":                 {set(1, 2), ErrNewerFormat},
		"version in two bytes":      {set(1, 0x18, 1), ErrMalformed},
		"seq in two bytes":          {set(2, 0x18, 1), ErrMalformed},
		"seq 0":                     {set(2, 0), ErrMalformed},
		"seq 2^53 - 1":              {set(2, encode(uint64(1<<53-1))...), nil},
		"seq 2^53":                  {set(2, encode(uint64(1<<53))...), ErrMalformed},
		"seq is a float":            {set(2, 0xF9, 0x3C, 0x00), ErrMalformed},
		"no seq":                    {func(m map[uint64]cbor.RawMessage) { delete(m, 2) }, ErrMalformed},
		"time before 1970":          {set(3, 0x20), ErrMalformed},
		"time in nine bytes":        {func(m map[uint64]cbor.RawMessage) { m[3] = append([]byte{0x1B, 0, 0, 0, 0}, m[3][1:]...) }, ErrMalformed},
		"time in the year 10000":    {set(3, encode(uint64(maxTime+1))...), ErrMalformed},
		"kind 1":                    {set(4, 1), ErrMalformed},
		"kind 256":                  {set(4, 0x19, 1, 0), ErrMalformed},
		"no kind":                   {func(m map[uint64]cbor.RawMessage) { delete(m, 4) }, ErrMalformed},
		"no suite":                  {func(m map[uint64]cbor.RawMessage) { delete(m, 5) }, ErrMalformed},
		"D2 too short":              {set(6, encode(make([]byte, 31))...), ErrMalformed},
		"D2 empty":                  {set(6, 0x40), ErrMalformed},
		"D2 is null":                {set(6, 0xF6), ErrMalformed},
		"D0 empty":                  {set(7, 0x40), ErrMalformed},
		"D0 too short":              {set(7, encode(make([]byte, 31))...), ErrMalformed},
		"D0 is an array":            {set(7, encode(make([]int, 32))...), ErrMalformed},
		"prev":                      {set(8, encode(make([]byte, 16))...), nil},
		"prev empty":                {set(8, 0x40), ErrMalformed},
		"prev is null":              {set(8, 0xF6), ErrMalformed},
		"prev too long":             {set(8, encode(make([]byte, 17))...), ErrMalformed},
		"onBehalfOf":                {set(9, text(120)...), nil},
		"onBehalfOf empty":          {set(9, 0x60), ErrMalformed},
		"onBehalfOf too long":       {set(9, text(121)...), ErrMalformed},
		"onBehalfOf of two lines":   {set(9, 0x63, 'a', '\n', 'b'), ErrMalformed},
		"onBehalfOf with long head": {set(9, 0x78, 1, 'a'), ErrMalformed},
		"member 0":                  {set(0, 0), ErrNewerFormat},
		"member 10":                 {set(10, encode(map[string]any{"a": []int{1, 2}, "b": []byte{3}})...), nil},
		"member 15":                 {set(15, 0x61, 'x'), nil},
		"member 15, long head":      {set(15, 0x78, 1, 'x'), ErrMalformed},
		"member 15, long element":   {set(15, 0x81, 0x18, 1), ErrMalformed},
		"member 15, unsorted map":   {set(15, 0xA2, 2, 0, 1, 0), ErrMalformed},
		"replaces, in a base":       {set(16, encode([]any{[]any{make([]byte, 16), make([]byte, 16)}})...), ErrMalformed},
		"dropped":                   {set(17, encode([]any{3, "key lost"})...), nil},
		"dropped everything":        {set(17, encode([]any{0, "damaged"})...), nil},
		"dropped level 4":           {set(17, encode([]any{4, "key lost"})...), ErrMalformed},
		"dropped without a reason":  {set(17, encode([]any{3, ""})...), ErrMalformed},
		"dropped, long reason":      {set(17, encode([]any{3, strings.Repeat("x", 201)})...), ErrMalformed},
		"dropped, three parts":      {set(17, encode([]any{3, "key lost", 1})...), ErrMalformed},
		"member 18":                 {set(18, 0x61, 'x'), ErrNewerFormat},
		"member 400":                {set(400, 0x61, 'x'), ErrNewerFormat},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := prepare(f.draft())
			if err != nil {
				t.Fatal(err)
			}
			var members map[uint64]cbor.RawMessage
			if err := decodeOnly(s.signed.Manifest, &members); err != nil {
				t.Fatal(err)
			}
			test.change(members)
			s.resign(t, f, manifestOf(members))
			if _, err = Read(f.mustRaw(t, s), testCard, f.reader()); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// resign signs another manifest for the same content.
func (s *sealing) resign(t *testing.T, f *fixture, manifest []byte) {
	t.Helper()
	s.signed.Manifest = manifest
	if err := s.signed.sign(f.signer.Key, s.externalAAD(contextBase, s.base, s.digest(s.base, 1, s.levels[1]))); err != nil {
		t.Fatal(err)
	}
}

// What was signed for one suite must not pass under the header of another.
func TestSignedSuite(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	s, err := prepare(f.draft())
	if err != nil {
		t.Fatal(err)
	}
	m, err := parseManifest(s.signed.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	m.Suite = SuiteNone
	s.resign(t, f, encode(m))
	r, err := Read(f.mustRaw(t, s), testCard, f.reader())
	if u := unverified(t, r, err); u.Verdict != (Verdict{Invalid, ReasonSignature}) {
		t.Errorf("verdict %v", u.Verdict)
	}
}

// The padding of a box carries nothing, in whichever box it stands.
func TestPadding(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	s, err := prepare(f.draft())
	if err != nil {
		t.Fatal(err)
	}
	raw := f.mustRaw(t, s)
	var c coder
	plain := [4][]byte{
		1: encodeSigned(&s.signed, c.unit(s.signed.Certificate, nil), c.unit(s.levels[1], nil)),
		2: encodeSequence(s.d3, c.unit(s.levels[2], nil)),
		3: encodeSequence(c.unit(s.levels[3], nil)),
	}
	zeros := make([]byte, maxPadding+1)
	for name, test := range map[string]struct {
		padding []byte
		good    bool
	}{
		"none":          {nil, true},
		"the most":      {zeros[:maxPadding], true},
		"one too many":  {zeros, false},
		"ends in a one": {append(bytes.Clone(zeros[:8]), 1), false},
		"begins so":     {append([]byte{1}, zeros[:8]...), false},
		"another item":  {[]byte{0x40}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for level := 1; level <= 3; level++ {
				p, err := parse(raw)
				if err != nil {
					t.Fatal(err)
				}
				fr := p.base
				aead, err := chacha20poly1305.New(s.boxKey(s.base, level))
				if err != nil {
					t.Fatal(err)
				}
				// Not with seal, which adds zeros of its own.
				box := aead.Seal(nil, make([]byte, aead.NonceSize()), append(bytes.Clone(plain[level]), test.padding...), fr.Header)
				*[]*[]byte{1: &fr.Box1, 2: &fr.Box2, 3: &fr.Box3}[level] = box
				r, err := Read(encode(fr), testCard, f.reader())
				switch {
				case test.good:
					if err != nil {
						t.Errorf("box %d: %v", level, err)
					}
				case level == 1:
					if !errors.Is(err, ErrMalformed) {
						t.Errorf("box 1: %v", err)
					}
				default:
					if u := unverified(t, r, err); u.Verdict.Reason != ReasonDamaged || u.Levels[level].State != LevelDamaged {
						t.Errorf("box %d: %v, level %+v", level, u.Verdict, u.Levels[level])
					}
				}
			}
		})
	}
}

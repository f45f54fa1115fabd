package record

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/secours-card/secours/summary/trust"
)

var update = flag.Bool("update", false, "write new vectors: only when the format itself changes")

// vectorDir holds the vectors, for implementations in any language.
const vectorDir = "../../testdata/records"

// vector is one record, what a reader knows, and what it must conclude. Bytes are in hexadecimal.
type vector struct {
	Comment string          `json:"comment"`
	Card    string          `json:"card"`
	Record  string          `json:"record"`
	Now     time.Time       `json:"now"`
	Trust   json.RawMessage `json:"trust"`
	// Keys are the private keys at hand. Simulated says that the card is a simulated one.
	Keys      []vectorKey `json:"keys"`
	Simulated bool        `json:"simulated,omitempty"`
	// Error is set where nothing can be decoded: malformed, newer-format, suite, commitment, or box.
	Error   string `json:"error,omitempty"`
	Status  Status `json:"status,omitempty"`
	Reason  Reason `json:"reason,omitempty"`
	Seq     uint64 `json:"seq,omitempty"`
	Damaged []int  `json:"damagedLevels,omitempty"`
	// Clearance is the highest level that the keys open. Amendments are those on the card, in its order.
	Clearance  int               `json:"clearance"`
	Amendments []vectorAmendment `json:"amendments,omitempty"`
	// Summary is what is shown, the applied amendments included.
	Summary json.RawMessage `json:"summary,omitempty"`
}

type vectorKey struct {
	Kind    trust.KeyKind `json:"kind"`
	Role    trust.Role    `json:"role,omitempty"`
	Curve   string        `json:"curve"` // x25519 or p256
	Private string        `json:"private"`
}

type vectorAmendment struct {
	State  AmendmentState `json:"state"`
	Reason Reason         `json:"reason,omitempty"`
	Gap    bool           `json:"gap,omitempty"`
}

var vectorCurves = map[string]ecdh.Curve{"x25519": ecdh.X25519(), "p256": ecdh.P256()}

func (v vector) keys(t testing.TB) []trust.PrivateKey {
	t.Helper()
	var keys []trust.PrivateKey
	for _, k := range v.Keys {
		private, err := vectorCurves[k.Curve].NewPrivateKey(unhex(t, k.Private))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, trust.PrivateKey{Kind: k.Kind, Role: k.Role, Opening: private})
	}
	return keys
}

func vectorKeys(keys ...trust.PrivateKey) []vectorKey {
	list := []vectorKey{}
	for _, k := range keys {
		curve := "x25519"
		if k.Opening.Curve() == ecdh.P256() {
			curve = "p256"
		}
		list = append(list, vectorKey{k.Kind, k.Role, curve, hex.EncodeToString(k.Opening.Bytes())})
	}
	return list
}

// vectorsExpected is what a reader must conclude, stated by hand: what the code concludes about a vector is not
// evidence.
var vectorsExpected = map[string]vector{
	"valid":               {Status: Valid, Reason: ReasonOK, Clearance: 3},
	"valid-p256":          {Status: Valid, Reason: ReasonOK, Clearance: 3},
	"valid-p384":          {Status: Valid, Reason: ReasonOK, Clearance: 3},
	"valid-rsa2048":       {Status: Valid, Reason: ReasonOK, Clearance: 3},
	"suite-0":             {Status: Valid, Reason: ReasonOK, Clearance: 3},
	"suite-0-real-card":   {Status: Unverifiable, Reason: ReasonUnsealed, Clearance: 3},
	"suite-1-p256":        {Status: Valid, Reason: ReasonOK, Clearance: 3},
	"suite-2":             {Status: Valid, Reason: ReasonOK, Clearance: 3},
	"as-physician":        {Status: Valid, Reason: ReasonOK, Clearance: 2},
	"as-pharmacist":       {Status: Valid, Reason: ReasonOK, Clearance: 1},
	"as-recovery":         {Status: Valid, Reason: ReasonOK, Clearance: 3},
	"as-stranger":         {Status: Unverifiable, Reason: ReasonNoKey},
	"dropped":             {Status: Valid, Reason: ReasonOK, Clearance: 2},
	"valid-stale":         {Status: ValidStale, Reason: ReasonTrustOutdated, Clearance: 3},
	"no-trust":            {Status: Unverifiable, Reason: ReasonNoTrust, Clearance: 3},
	"clock":               {Status: Unverifiable, Reason: ReasonClock, Clearance: 3},
	"wrong-card":          {Error: "commitment"},
	"wrong-key":           {Error: "commitment"},
	"flipped-bit":         {Error: "box"},
	"truncated":           {Error: "malformed"},
	"recipient-twice":     {Error: "malformed"},
	"newer-version":       {Error: "newer-format"},
	"newer-suite":         {Error: "suite"},
	"pharmacist":          {Status: Invalid, Reason: ReasonRole, Clearance: 3},
	"no-role":             {Status: Invalid, Reason: ReasonRole, Clearance: 3},
	"forged-content":      {Status: Invalid, Reason: ReasonSignature, Clearance: 3},
	"level-2-replaced":    {Status: Invalid, Reason: ReasonDamaged, Damaged: []int{2, 3}, Clearance: 3},
	"level-3-dropped":     {Status: Invalid, Reason: ReasonDamaged, Damaged: []int{3}, Clearance: 3},
	"recipients":          {Status: Invalid, Reason: ReasonRecipients, Clearance: 3},
	"recipients-order":    {Error: "malformed"},
	"padding":             {Status: Invalid, Reason: ReasonDamaged, Damaged: []int{2, 3}, Clearance: 3},
	"not-deterministic":   {Error: "malformed"},
	"open-replaced":       {Status: Invalid, Reason: ReasonDamaged, Damaged: []int{0}, Clearance: 3},
	"wrong-algorithm":     {Status: Invalid, Reason: ReasonCertificate, Clearance: 3},
	"expired-then":        {Status: Invalid, Reason: ReasonNotValidThen, Clearance: 3},
	"issuer-unknown":      {Status: Unverifiable, Reason: ReasonUnknownIssuer, Clearance: 3},
	"manifest-suite":      {Status: Invalid, Reason: ReasonSignature, Clearance: 3},
	"manifest-member-18":  {Error: "newer-format"},
	"content":             {Status: Invalid, Reason: ReasonContent, Damaged: []int{2}, Clearance: 3},
	"amendment-planted":   {Status: Valid, Reason: ReasonOK, Clearance: 1, Amendments: []vectorAmendment{{State: AmendmentUnreadable, Reason: ReasonDamaged}, {State: AmendmentApplied, Reason: ReasonOK}}},
	"amendment-author":    {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentApart, Reason: ReasonAuthor}}},
	"amendment-number":    {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentApplied, Reason: ReasonOK}, {State: AmendmentApart, Reason: ReasonFork}}},
	"amendment-signature": {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentApart, Reason: ReasonSignature}}},
	"amendment-newer":     {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentUnreadable, Reason: ReasonNewer}, {State: AmendmentApplied, Reason: ReasonOK}}},
	"individual-missing":  {Status: Invalid, Reason: ReasonRecipients, Clearance: 3},
	"amendment-target":    {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentApplied, Reason: ReasonTarget}}},
	"amendment-gap-open":  {Status: Valid, Reason: ReasonOK, Clearance: 1, Amendments: []vectorAmendment{{State: AmendmentApplied, Reason: ReasonOK}, {State: AmendmentUnreadable}}},
	"amended":             {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentApplied, Reason: ReasonOK}, {State: AmendmentApplied, Reason: ReasonOK}}},
	"amended-as-nurse":    {Status: Valid, Reason: ReasonOK, Clearance: 1, Amendments: []vectorAmendment{{State: AmendmentApplied, Reason: ReasonOK}, {State: AmendmentUnreadable}}},
	"amendment-replaced":  {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentApplied, Reason: ReasonOK}, {State: AmendmentApplied, Reason: ReasonOK}}},
	"amendment-put-back":  {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentSuperseded, Reason: ReasonSuperseded}, {State: AmendmentApplied, Reason: ReasonOK}, {State: AmendmentApplied, Reason: ReasonOK}}},
	"amendment-missing":   {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentApplied, Reason: ReasonOK, Gap: true}}},
	"amendment-moved":     {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentApart, Reason: ReasonFork}, {State: AmendmentApplied, Reason: ReasonOK}}},
	"amendment-role":      {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentApart, Reason: ReasonRole}}},
	"amendment-foreign":   {Status: Valid, Reason: ReasonOK, Clearance: 3, Amendments: []vectorAmendment{{State: AmendmentUnreadable, Reason: ReasonDamaged}}},
}

// agrees compares what two vectors conclude.
func (v vector) agrees(w vector) bool {
	return v.Error == w.Error && v.Status == w.Status && v.Reason == w.Reason && slices.Equal(v.Damaged, w.Damaged) &&
		v.Clearance == w.Clearance && slices.Equal(v.Amendments, w.Amendments)
}

func (v vector) conclusion() string {
	return fmt.Sprintf("error %q, status %q, reason %q, damaged levels %v, clearance %d, amendments %v", v.Error, v.Status, v.Reason, v.Damaged, v.Clearance, v.Amendments)
}

var vectorErrors = map[string]error{
	"malformed": ErrMalformed, "newer-format": ErrNewerFormat, "suite": ErrSuite, "commitment": ErrCommitment, "box": ErrBox,
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil || len(files) != len(vectorsExpected) {
		t.Fatalf("%d vectors of %d, %v", len(files), len(vectorsExpected), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want vector
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			got := want.conclude(t)
			if !got.agrees(want) || got.Seq != want.Seq {
				t.Errorf("got %s, seq %d, want %s, seq %d", got.conclusion(), got.Seq, want.conclusion(), want.Seq)
			}
			expected, ok := vectorsExpected[strings.TrimSuffix(filepath.Base(file), ".json")]
			if !ok || !want.agrees(expected) {
				t.Errorf("the file says %s, it was made to say %s", want.conclusion(), expected.conclusion())
			}
			if !bytes.Equal(compact(t, got.Summary), compact(t, want.Summary)) {
				t.Errorf("summary\n%s\nwant\n%s", got.Summary, want.Summary)
			}
		})
	}
}

// conclude reads the record and fills in what came of it.
func (v vector) conclude(t *testing.T) vector {
	t.Helper()
	store, err := trust.ParseStore(v.Trust)
	if err != nil {
		t.Fatal(err)
	}
	got := v
	got.Error, got.Status, got.Reason, got.Seq, got.Damaged, got.Clearance, got.Amendments, got.Summary = "", "", "", 0, nil, 0, nil, nil
	reader := Reader{Trust: store, Keys: v.keys(t), Now: v.Now, Simulated: v.Simulated}
	r, err := Read(unhex(t, v.Record), [16]byte(unhex(t, v.Card)), reader)
	var u *UnverifiedError
	if errors.As(err, &u) {
		r, err = u.Unverified, nil
	}
	if err != nil {
		for name, e := range vectorErrors {
			if errors.Is(err, e) {
				got.Error = name
			}
		}
		return got
	}
	got.Status, got.Reason, got.Seq, got.Clearance = r.Verdict.Status, r.Verdict.Reason, r.Seq, r.Clearance
	for _, a := range r.Amendments {
		got.Amendments = append(got.Amendments, vectorAmendment{a.State, a.Verdict.Reason, a.Gap})
	}
	for level, l := range r.Levels {
		if l.State == LevelDamaged {
			got.Damaged = append(got.Damaged, level)
		}
	}
	if r.Summary != nil {
		got.Summary = json.RawMessage(jsonOf(t, r.Summary))
	}
	return got
}

func compact(t *testing.T, raw json.RawMessage) []byte {
	t.Helper()
	if len(raw) == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeVectors(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(vectorDir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(vectorDir, 0o755); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, trust.Ed25519)
	recovery := newKey(t, trust.KeyRecovery, "", ecdh.X25519())
	nurse := newKey(t, trust.KeyRole, trust.RoleNurse, ecdh.P256())
	stale := *f.store
	stale.NextUpdate = testNow.Add(-time.Hour)
	draft := f.draft()
	draft.Recipients = append(draft.Recipients, recipientOf(recovery))
	with := func(change func(*Draft)) []byte {
		d := draft
		change(&d)
		raw, err := writeUnchecked(d)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	raw := with(func(*Draft) {})
	mixed := with(func(d *Draft) { d.Recipients = append(slices.Clone(d.Recipients), recipientOf(nurse)) })
	practice256 := newKey(t, trust.KeyPractice, "", ecdh.P256())
	forged := func(forge func(*sealing)) []byte {
		s, err := prepare(draft)
		if err != nil {
			t.Fatal(err)
		}
		forge(s)
		return f.mustRaw(t, s)
	}
	withRole := func(role trust.Role) []byte {
		return with(func(d *Draft) { d.Signer = f.signerAs(t, role) })
	}
	flipped := bytes.Clone(raw)
	flipped[len(flipped)/2] ^= 1
	p, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	edited := func(change func(*frame)) []byte {
		b := *p.base
		change(&b)
		return encode(b)
	}
	foreign := with(func(*Draft) {})
	// A pharmacist adds twice, a physician between at level 2.
	pharmacist, physician := f.signerAs(t, trust.RolePharmacist), f.signerAs(t, trust.RolePhysician)
	one := f.amend(t, mixed, pharmacist, `"add": {"medications": [{"product": {"text": "ibuprofène 400 mg"}, "origin": "otc"}]}`)
	two := f.amend(t, one, physician, `"add": {"visits": [{"date": "2026-11-20", "reason": {"text": "chute"}}]}`)
	three := f.amend(t, two, pharmacist, `"add": {"vaccinations": [{"vaccine": {"text": "grippe"}, "date": "2026-11-21"}]}`)
	// The physician adds at level 2, then the pharmacist, then the physician again: his first one is gone, and only he can say so.
	gapped := f.amend(t, mixed, physician, `"add": {"visits": [{"date": "2026-11-20", "reason": {"text": "chute"}}]}`)
	gapped = f.amend(t, gapped, pharmacist, `"add": {"vaccinations": [{"vaccine": {"text": "grippe"}, "date": "2026-11-21"}]}`)
	gapped = f.amend(t, gapped, physician, `"add": {"visits": [{"date": "2026-11-21", "reason": {"text": "contrôle"}}]}`)
	resealed := func(change func(s *sealing, header []byte)) []byte {
		s, err := prepare(draft)
		if err != nil {
			t.Fatal(err)
		}
		own := s.base
		change(s, (&clearHeader{suite: s.suite, id: own[:]}).encoded())
		return f.mustRaw(t, s)
	}
	cut := func(raw []byte, keep ...int) []byte { return f.rearranged(t, raw, keep...) }
	type input struct {
		name, comment string
		raw           []byte
		change        func(*vector)
	}
	as := func(keys ...trust.PrivateKey) func(*vector) {
		return func(v *vector) { v.Keys = vectorKeys(keys...) }
	}
	trusting := func(s *trust.Store) func(*vector) {
		return func(v *vector) { v.Trust = storeJSON(t, s) }
	}
	same := func(*vector) {}
	inputs := []input{
		{"valid", "signed with Ed25519, something at every level, suite 1", raw, same},
		{"valid-stale", "the trust data is past its next update", raw, trusting(&stale)},
		{"no-trust", "the reader trusts nobody", raw, trusting(&trust.Store{})},
		{"clock", "signed two days after the reader's time", raw, func(v *vector) { v.Now = testNow.AddDate(0, 0, -2) }},
		{"wrong-card", "the record of another card", raw, func(v *vector) { v.Card = strings.Repeat("09", 16) }},
		{"wrong-key", "the wraps are another record's", edited(func(b *frame) { b.Wraps = mustParse(t, foreign).base.Wraps }), as(f.physician)},
		{"as-physician", "opened with the physicians' key: nothing masked", raw, as(f.physician)},
		{"as-pharmacist", "opened with the pharmacists' key: neither history nor masked items", raw, as(f.pharmacist)},
		{"as-recovery", "opened with the patient's recovery key", raw, as(recovery)},
		{"as-stranger", "no key: the open contact, unverifiable", raw, as(newKey(t, trust.KeyPractice, "", ecdh.X25519()))},
		{"suite-0", "not sealed, on a simulated card", with(func(d *Draft) { d.Suite, d.Recipients = SuiteNone, nil }), func(v *vector) { v.Simulated = true }},
		{"suite-0-real-card", "not sealed, on a card that is not simulated", with(func(d *Draft) { d.Suite, d.Recipients = SuiteNone, nil }), same},
		{"suite-1-p256", "suite 1, two kinds of keys, opened with a P-256 key", with(func(d *Draft) { d.Recipients = append(slices.Clone(d.Recipients), recipientOf(practice256)) }), as(practice256)},
		{"suite-2", "suite 2", with(func(d *Draft) {
			d.Suite, d.Recipients = SuiteAESGCM, []Recipient{recipientOf(practice256), recipientOf(nurse)}
		}), as(practice256)},
		{"dropped", "the author could not open level 3 of the record before", with(func(d *Draft) { d.Dropped = &Dropped{3, "cabinet fermé, clé perdue"} }), as(f.physician)},
		{"flipped-bit", "one bit changed in the middle", flipped, same},
		{"truncated", "the last byte is missing", raw[:len(raw)-1], same},
		{"recipient-twice", "a recipient occurs twice", edited(func(b *frame) {
			l := p.wraps.lots[0]
			b.Wraps = append([]cbor.RawMessage{encode(append([][]byte{l.enc, l.recipients[0]}, l.recipients...))}, b.Wraps[1:]...)
		}), same},
		{"recipients-order", "the recipients are not in order", edited(func(b *frame) {
			l := p.wraps.lots[0]
			reversed := slices.Clone(l.recipients)
			slices.Reverse(reversed)
			b.Wraps = append([]cbor.RawMessage{encode(append([][]byte{l.enc}, reversed...))}, b.Wraps[1:]...)
		}), same},
		{"recipients", "the pharmacists were taken out by somebody who cannot open the record", without(t, raw, trust.KeyID(f.pharmacist.Opening.PublicKey())), same},
		{"not-deterministic", "the head of box 3 is longer than it need be", append(bytes.Clone(raw[:len(raw)-len(p.base.Box3)-2]), append([]byte{0x59, 0}, raw[len(raw)-len(p.base.Box3)-1:]...)...), same},
		{"padding", "the padding of box 2 is not zeros", resealed(func(s *sealing, header []byte) {
			s.box2 = s.chain.seal(s.base, 2, header, append(encodeSequence(s.d3, new(coder).unit(s.levels[2], nil)), 0, 1))
		}), same},
		{"open-replaced", "level 0 is not what was signed", forged(func(s *sealing) { s.levels[0] = s.levels[3] }), same},
		{"wrong-algorithm", "the algorithm is not one for the certificate's key", forged(func(s *sealing) { s.signed.Algorithm = -7 }), same},
		{"expired-then", "signed after the certificate expired", with(func(d *Draft) { d.Time = testNow.AddDate(0, 0, -1); d.Signer = f.expired(t) }), same},
		{"issuer-unknown", "an authority that the reader does not know", with(func(d *Draft) { d.Signer = newFixture(t, trust.Ed25519).signer }), same},
		{"manifest-suite", "signed for suite 0", forged(func(s *sealing) { s.resigned(t, f, func(m *manifest) { m.Suite = SuiteNone }) }), same},
		{"manifest-member-18", "the manifest has a member that a later version may define", forged(func(s *sealing) {
			s.signed.Manifest = append([]byte{s.signed.Manifest[0] + 1}, append(s.signed.Manifest[1:], 0x12, 0)...)
			s.resign(t, f, s.signed.Manifest)
		}), same},
		{"content", "level 2 is signed, and is no compartment", forged(func(s *sealing) {
			s.levels[2] = []byte{0xA1, 0x04}
			s.resigned(t, f, func(m *manifest) { m.D2 = s.digest(s.base, 2, s.d3, s.levels[2]) })
		}), same},
		{"amendment-planted", "somebody without a key put noise before the pharmacist's amendment", planted(t, one), as(f.pharmacist)},
		{"amendment-author", "the mark is another signer's", f.remarked(t, one), same},
		{"amendment-number", "two amendments with one number", f.amendWith(t, one, physician, `"add": {"vaccinations": [{"vaccine": {"text": "grippe"}}]}`, func(m *manifest) { m.Seq-- }), same},
		{"amendment-signature", "signed with another key than the certificate's", f.amendUnchecked(t, mixed, &trust.Identity{Certificate: pharmacist.Certificate, Key: physician.Key}, `"add": {"vaccinations": [{"vaccine": {"text": "grippe"}}]}`), same},
		{"amendment-newer", "an amendment of version 2, and one that this version reads", slices.Concat(encode(mustParse(t, one).base), encode([]any{encode([]any{2, "x"}), make([]byte, 40), make([]byte, 4)}), one[len(encode(mustParse(t, one).base)):]), same},
		{"individual-missing", "somebody with K1 took the recovery key out, and made another MAC", f.withoutRecovery(t, raw), same},
		{"amendment-target", "an annotation of an item that is not there", f.amendUnchecked(t, mixed, physician, `"annotate": [{"id": "zz9", "note": "x"}]`), same},
		{"amendment-gap-open", "what the first was written on is gone, and the second may say why", gapped, as(f.pharmacist)},
		{"newer-version", "version 2", edited(func(b *frame) { b.Header = encode([]any{2, 1, p.header.id}) }), same},
		{"newer-suite", "suite 3", edited(func(b *frame) { b.Header = encode([]any{1, 3, p.header.id}) }), same},
		{"pharmacist", "signed by a pharmacist", withRole(trust.RolePharmacist), same},
		{"no-role", "the certificate names no profession", withRole(""), same},
		{"forged-content", "level 1 is not what was signed", forged(func(s *sealing) { s.levels[1] = s.levels[2] }), same},
		{"level-3-dropped", "the masked item was taken out", forged(func(s *sealing) { s.levels[3] = nil }), same},
		{"level-2-replaced", "level 2 is not what was signed", forged(func(s *sealing) { s.levels[2] = s.levels[0] }), same},
		{"amended", "a pharmacist's amendment at level 1, a physician's at level 2", two, same},
		{"amended-as-nurse", "the same for a nurse, who cannot open the second", two, as(nurse)},
		{"amendment-replaced", "the pharmacist said more: the new amendment explains where the old one went", three, same},
		{"amendment-put-back", "the old one was put back beside the new one", f.joined(t, one, three), same},
		{"amendment-missing", "the first of two amendments was taken out", cut(two, 1), same},
		{"amendment-moved", "the two amendments change places", cut(two, 1, 0), same},
		{"amendment-role", "a pharmacist stops a prescribed line", f.amendUnchecked(t, mixed, pharmacist, `"add": {"history": [{"condition": {"text": "diabète"}}]}`), same},
		{"amendment-foreign", "an amendment to another base", f.joined(t, f.amend(t, foreign, pharmacist, `"add": {"vaccinations": [{"vaccine": {"text": "grippe"}}]}`), mixed), same},
	}
	for _, kind := range []trust.KeyType{trust.P256, trust.P384, trust.RSA2048} {
		g := newFixture(t, kind)
		inputs = append(inputs, input{"valid-" + string(kind), "signed with " + string(kind), g.write(t), func(v *vector) {
			v.Trust, v.Keys = storeJSON(t, g.store), vectorKeys(g.practice)
		}})
	}
	for _, i := range inputs {
		v := vector{
			Comment: i.comment, Card: hex.EncodeToString(testCard[:]), Record: hex.EncodeToString(i.raw), Now: testNow,
			Trust: storeJSON(t, f.store), Keys: vectorKeys(f.practice),
		}
		i.change(&v)
		v = v.conclude(t)
		if expected := vectorsExpected[i.name]; !v.agrees(expected) {
			t.Fatalf("%s: %s, want %s", i.name, v.conclusion(), expected.conclusion())
		}
		data, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(vectorDir, i.name+".json"), append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// without takes a group out of the recipients, and leaves the MAC.
func without(t *testing.T, raw []byte, id [2]byte) []byte {
	t.Helper()
	p := mustParse(t, raw)
	l := &p.wraps.lots[0]
	l.recipients = slices.DeleteFunc(l.recipients, func(r []byte) bool { return len(r) > sealedSize && bytes.HasPrefix(r, id[:]) })
	raw, err := p.encoded()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// withoutRecovery takes the recovery key, which is the individual that the practice's key does not open, out of the recipients.
func (f *fixture) withoutRecovery(t *testing.T, raw []byte) []byte {
	t.Helper()
	c, _, err := mustParse(t, raw).find(testCard, []trust.PrivateKey{f.pharmacist})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range mustParse(t, raw).wraps.lots[0].recipients {
		if len(r) != sealedSize {
			continue
		}
		p := mustParse(t, raw)
		p.wraps.lots[0].recipients = slices.Delete(p.wraps.lots[0].recipients, i, i+1)
		p.wraps.mac = c.authenticate(p.wraps)
		changed, err := p.encoded()
		if err != nil {
			t.Fatal(err)
		}
		if r, err := Read(changed, testCard, f.reader()); err == nil || unverified(t, r, err).Clearance == 3 {
			return changed
		}
	}
	t.Fatal("no individual to take out")
	return nil
}

// planted puts noise before the amendments.
func planted(t *testing.T, raw []byte) []byte {
	t.Helper()
	base := encode(mustParse(t, raw).base)
	noise := encode([]any{encode([]any{1, 1, bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{9}, 10)}), make([]byte, 64), make([]byte, 4)})
	return slices.Concat(base, noise, raw[len(base):])
}

// remarked signs and seals an amendment under a mark that is not its signer's.
func (f *fixture) remarked(t *testing.T, raw []byte) []byte {
	t.Helper()
	p := mustParse(t, raw)
	c, _, err := p.find(testCard, f.reader().Keys)
	if err != nil {
		t.Fatal(err)
	}
	r, err := readWith(p, c, f.reader())
	if err != nil {
		t.Fatal(err)
	}
	a := c.openAmendment(&p.amendments[0], r)
	frame, err := c.sealAmendment(a.level, [authorSize]byte{1}, r, *a.manifest, a.content, f.signerAs(t, trust.RolePharmacist))
	if err != nil {
		t.Fatal(err)
	}
	p.amendments[0] = *frame
	if raw, err = p.encoded(); err != nil {
		t.Fatal(err)
	}
	return raw
}

func (f *fixture) expired(t *testing.T) *trust.Identity {
	t.Helper()
	id := *f.signer
	var err error
	if id.Certificate, err = f.authority.Issue(trust.Subject{Name: "Dr E", Role: trust.RolePhysician}, f.signer.Key.Public(), testNow.AddDate(0, -6, 0), testNow.AddDate(0, 0, -2)); err != nil {
		t.Fatal(err)
	}
	return &id
}

// resigned signs a changed manifest.
func (s *sealing) resigned(t *testing.T, f *fixture, change func(*manifest)) {
	t.Helper()
	m, err := parseManifest(s.signed.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	change(m)
	s.resign(t, f, encode(*m))
}

func storeJSON(t *testing.T, s *trust.Store) json.RawMessage {
	t.Helper()
	data, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

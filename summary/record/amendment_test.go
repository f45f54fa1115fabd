package record

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// signerAs is somebody of the fixture's authority, with a key of his own.
func (f *fixture) signerAs(t testing.TB, role trust.Role) *trust.Identity {
	t.Helper()
	id, err := f.authority.NewIdentity(trust.Subject{Name: "X " + string(role), ID: "8" + string(role), Role: role}, trust.Ed25519, testNow.AddDate(0, -1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func amendment(t testing.TB, members string) *summary.Amendment {
	t.Helper()
	a, err := summary.ParseAmendment([]byte(`{"schema": "secours.amendment/1", ` + members + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (f *fixture) amend(t testing.TB, raw []byte, signer *trust.Identity, members string) []byte {
	t.Helper()
	raw, err := Amend(raw, f.reader(), AmendmentDraft{Card: testCard, Content: amendment(t, members), Signer: signer, Time: testNow})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// amendUnchecked makes what Amend refuses to make.
func (f *fixture) amendUnchecked(t testing.TB, raw []byte, signer *trust.Identity, members string) []byte {
	t.Helper()
	return f.amendWith(t, raw, signer, members, func(*manifest) {})
}

func (f *fixture) amendWith(t testing.TB, raw []byte, signer *trust.Identity, members string, change func(*manifest)) []byte {
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
	parts, err := amendment(t, members).ByLevel(func(string) (summary.Level, bool) { return summary.LevelCare, true })
	if err != nil {
		t.Fatal(err)
	}
	for level, part := range parts {
		if part == nil {
			continue
		}
		message, err := part.CBOR(levels[level])
		if err != nil {
			t.Fatal(err)
		}
		head := p.head()
		m := manifest{Version: 1, Seq: r.LastSeq() + 1, Time: testNow.Unix(), Kind: kindAmendment, Suite: c.suite, Prev: head[:]}
		change(&m)
		frame, err := c.sealAmendment(level, c.author(signer.Certificate), r, m, message, signer)
		if err != nil {
			t.Fatal(err)
		}
		p.amendments = append(p.amendments, *frame)
	}
	raw, err = p.encoded()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func mustParse(t testing.TB, raw []byte) *parsed {
	t.Helper()
	p, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rearranged keeps those amendments, in that order.
func (f *fixture) rearranged(t testing.TB, raw []byte, keep ...int) []byte {
	t.Helper()
	p := mustParse(t, raw)
	var list []amendmentFrame
	for _, i := range keep {
		list = append(list, p.amendments[i])
	}
	p.amendments = list
	raw, err := p.encoded()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// joined puts the amendments of one record before those of another.
func (f *fixture) joined(t testing.TB, from, to []byte) []byte {
	t.Helper()
	p := mustParse(t, to)
	p.amendments = append(slices.Clone(mustParse(t, from).amendments), p.amendments...)
	raw, err := p.encoded()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (f *fixture) read(t testing.TB, raw []byte, keys ...trust.PrivateKey) *Record {
	t.Helper()
	if len(keys) == 0 {
		keys = []trust.PrivateKey{f.practice}
	}
	r, err := Read(raw, testCard, f.as(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// states are what became of the amendments, in short.
func states(r *Record) string {
	var list []string
	for _, a := range r.Amendments {
		s := string(a.State)
		if a.State != AmendmentApplied {
			s += " " + string(a.Verdict.Reason)
		}
		if a.Gap {
			s += " gap"
		}
		if len(a.Missing) > 0 {
			s += " missing"
		}
		list = append(list, s)
	}
	return strings.Join(list, ", ")
}

const (
	ibuprofen = `"add": {"medications": [{"product": {"text": "ibuprofène 400 mg"}, "origin": "otc"}]}`
	flu       = `"add": {"vaccinations": [{"vaccine": {"text": "grippe"}, "date": "2026-11-21"}]}`
	visit     = `"add": {"visits": [{"date": "2026-11-20", "reason": {"text": "chute"}}]}`
	secret    = `"add": {"history": [{"condition": {"text": "VIH"}, "level": "masked"}]}`
)

// Who adds what, and who sees it: each line has its author, and each level its readers.
func TestAmendments(t *testing.T) {
	for _, suite := range []Suite{SuiteNone, SuiteChaCha, SuiteAESGCM} {
		f := newFixture(t, trust.Ed25519)
		f.suite = suite
		if suite == SuiteAESGCM {
			f.practice = newKey(t, trust.KeyPractice, "", ecdh.P256())
			f.physician, f.pharmacist = newKey(t, trust.KeyRole, trust.RolePhysician, ecdh.P256()), newKey(t, trust.KeyRole, trust.RolePharmacist, ecdh.P256())
		}
		pharmacist, doctor := f.signerAs(t, trust.RolePharmacist), f.signerAs(t, trust.RolePhysician)
		raw := f.amend(t, f.write(t), pharmacist, ibuprofen)
		raw = f.amend(t, raw, doctor, visit)
		raw = f.amend(t, raw, doctor, secret)
		r := f.read(t, raw)
		if got := states(r); got != "applied, applied, applied" {
			t.Fatalf("suite %d: %s", suite, got)
		}
		m := r.Summary.Sections.Medications
		if len(m.Items) != 1 || m.Status != summary.StatusItems {
			t.Fatalf("medications %+v", m)
		}
		item := m.Items[0]
		if item.By.Name != "X pharmacist" || item.By.Role != "pharmacist" || item.Recorded.String() != "2026-11-21" || item.Unreviewed != summary.Yes {
			t.Errorf("the line has no author: %+v", item.Common)
		}
		if len(r.Changes) == 0 || r.Changes[0].Head == nil || r.Changes[0].Head.Status != summary.StatusNoneKnown {
			t.Error("that none was known is forgotten")
		}
		if r.LastSeq() != 4 || r.Head == [16]byte{} {
			t.Errorf("seq %d", r.LastSeq())
		}
		if suite == SuiteNone {
			continue
		}
		if got := states(f.read(t, raw, f.physician)); got != "applied, applied, unreadable " {
			t.Errorf("a physician: %s", got)
		}
		r = f.read(t, raw, f.pharmacist)
		if got := states(r); got != "applied, unreadable , unreadable " {
			t.Errorf("a pharmacist: %s", got)
		}
		// He cannot open the others, and still knows how many there were: his next one comes after them.
		if r.LastSeq() != 4 {
			t.Errorf("a pharmacist counts to %d", r.LastSeq())
		}
		reader := f.as(f.pharmacist)
		raw, err := Amend(raw, reader, AmendmentDraft{Card: testCard, Content: amendment(t, flu), Signer: pharmacist, Time: testNow})
		if err != nil {
			t.Fatal(err)
		}
		r = f.read(t, raw)
		if got := states(r); got != "applied, applied, applied" || r.LastSeq() != 5 {
			t.Errorf("after the second: %s, seq %d", got, r.LastSeq())
		}
		if len(r.Summary.Sections.Medications.Items) != 1 || len(r.Summary.Sections.Vaccinations.Items) != 1 {
			t.Error("the newer amendment lost what the older one said")
		}
		if _, err := Amend(raw, reader, AmendmentDraft{Card: testCard, Content: amendment(t, visit), Signer: doctor, Time: testNow}); !errors.Is(err, ErrClearance) {
			t.Errorf("sealed above the clearance: %v", err)
		}
	}
}

// What was taken off, put back, moved or forged.
func TestAmendmentChain(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	p1, p2, doctor := f.signerAs(t, trust.RolePharmacist), f.signerAs(t, trust.RolePharmacist), f.signerAs(t, trust.RolePhysician)
	base := f.write(t)
	a := f.amend(t, base, p1, ibuprofen)
	b := f.amend(t, a, p2, flu)       // base, a, b
	c := f.amend(t, b, p1, flu)       // base, b, c: c explains a
	d := f.amend(t, c, p2, ibuprofen) // base, c, d: d explains b, c explains a
	e := f.amend(t, d, doctor, visit)
	at := func(raw []byte, i int) []byte { return encode(mustParse(t, raw).amendments[i]) }
	with := func(raw []byte, amendments ...[]byte) []byte {
		return slices.Concat(append([][]byte{encode(mustParse(t, raw).base)}, amendments...)...)
	}
	for name, test := range map[string]struct {
		raw  []byte
		want string
	}{
		"one":                       {a, "applied"},
		"two":                       {b, "applied, applied"},
		"replaced":                  {c, "applied, applied"},
		"replaced twice":            {d, "applied, applied"},
		"and one more":              {e, "applied, applied, applied"},
		"the first taken off":       {f.rearranged(t, b, 1), "applied gap"},
		"the last taken off":        {f.rearranged(t, b, 0), "applied"},
		"the explanation taken off": {f.rearranged(t, c, 0), "applied gap"},
		"the middle taken off":      {f.rearranged(t, e, 0, 2), "applied gap, applied gap"},
		"moved":                     {f.rearranged(t, b, 1, 0), "apart fork, applied"},
		"doubled":                   {f.rearranged(t, a, 0, 0), "applied, apart fork"},
		"put back before":           {with(base, at(a, 0), at(c, 0), at(c, 1)), "superseded superseded, applied, applied"},
		"put back behind":           {with(base, at(c, 0), at(c, 1), at(a, 0)), "applied, applied, superseded superseded"},
		"back instead of the new":   {with(base, at(a, 0), at(c, 0)), "applied, applied"}, // an older state of the card
		"written on a fork":         {f.amend(t, f.rearranged(t, a, 0, 0), p2, flu), "applied, apart fork, applied"},
		"two on one base":           {f.joined(t, a, f.amend(t, base, p2, flu)), "applied, apart fork"},
	} {
		r := f.read(t, test.raw)
		if got := states(r); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	// What is not applied is shown under another name than what is.
	r := f.read(t, f.rearranged(t, a, 0, 0))
	if x := r.Amendments[1]; x.Content != nil || x.Unverified == nil || !x.Doubtful() || r.Amendments[0].Doubtful() {
		t.Errorf("%+v", x)
	}
}

// Each of these is signed by somebody, and none is applied.
func TestAmendmentsRefused(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	other := newFixture(t, trust.Ed25519)
	pharmacist, nurse := f.signerAs(t, trust.RolePharmacist), f.signerAs(t, trust.RoleNurse)
	base := f.write(t)
	prescribed := f.amend(t, base, f.signerAs(t, trust.RoleDentist), `"add": {"medications": [{"id": "m1", "product": {"text": "amoxicilline"}, "origin": "prescribed"}]}`)
	changed := *pharmacist
	var err error
	if changed.Certificate, err = f.authority.Issue(trust.Subject{Name: "X", Role: trust.RoleNurse}, pharmacist.Key.Public(), testNow, testNow.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	wrongKey := *pharmacist
	wrongKey.Key = nurse.Key
	for name, test := range map[string]struct {
		raw  []byte
		want string
	}{
		"history by a pharmacist":     {f.amendUnchecked(t, base, pharmacist, `"add": {"history": [{"condition": {"text": "x"}, "level": "care"}]}`), "apart role"},
		"a prescribed line stopped":   {f.amendUnchecked(t, prescribed, pharmacist, `"stop": [{"id": "m1"}]`), "applied, apart role"},
		"a nurse's medication":        {f.amendUnchecked(t, base, nurse, ibuprofen), "apart role"},
		"the role changed":            {f.amendUnchecked(t, base, &changed, ibuprofen), "apart role"},
		"somebody without a role":     {f.amendUnchecked(t, base, f.signerAs(t, ""), ibuprofen), "apart role"},
		"unknown authority":           {f.amendUnchecked(t, base, other.signerAs(t, trust.RolePharmacist), ibuprofen), "apart issuer-unknown"},
		"another's certificate":       {f.amendUnchecked(t, base, &wrongKey, ibuprofen), "apart signature"},
		"a number used already":       {f.amendWith(t, prescribed, pharmacist, flu, func(m *manifest) { m.Seq-- }), "applied, apart fork"},
		"on another state":            {f.amendWith(t, base, pharmacist, flu, func(m *manifest) { m.Prev = make([]byte, 16) }), "applied gap"},
		"in the future":               {f.amendWith(t, base, pharmacist, flu, func(m *manifest) { m.Time += 3 * 86400 }), "apart clock"},
		"of another suite":            {f.amendWith(t, base, pharmacist, flu, func(m *manifest) { m.Suite = SuiteNone }), "apart signature"},
		"a base for an amendment":     {f.amendWith(t, base, pharmacist, flu, func(m *manifest) { m.Kind, m.D2, m.Prev = kindBase, make([]byte, 32), nil }), "apart content"},
		"about nothing on the card":   {f.amendUnchecked(t, base, pharmacist, `"taken": [{"id": "zz", "value": "oui"}]`), "apart role"},
		"by a physician, no target":   {f.amendUnchecked(t, base, f.signerAs(t, trust.RolePhysician), `"annotate": [{"id": "zz", "note": "oui"}]`), "applied missing"},
		"one of two, and it adds":     {f.amendUnchecked(t, prescribed, pharmacist, ibuprofen+`, "stop": [{"id": "m1"}]`), "applied, apart role"},
		"noise at the end":            {append(bytes.Clone(base), encode([]any{encode([]any{1, 1, make([]byte, 16), make([]byte, 10)}), make([]byte, 64), make([]byte, 4)})...), "unreadable level-damaged"},
		"an amendment of elsewhere":   {f.joined(t, other.amend(t, other.write(t), other.signerAs(t, trust.RolePharmacist), flu), base), "unreadable level-damaged"},
		"of an older base, this card": {f.joined(t, f.amend(t, f.write(t), pharmacist, flu), base), "unreadable level-damaged"},
	} {
		r := f.read(t, test.raw)
		got := states(r)
		if got != test.want && !(name == "about nothing on the card" && got == "applied missing") {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if !r.Amendments[len(r.Amendments)-1].Doubtful() {
			t.Errorf("%s: nothing to see", name)
		}
		if len(r.Summary.Sections.Allergies.Items) != 2 {
			t.Errorf("%s: the rest does not stand", name)
		}
		if m := r.Summary.Sections.Medications; strings.Contains(test.want, "apart") && len(m.Items) > 0 && m.Items[len(m.Items)-1].Product.Text != "amoxicilline" {
			t.Errorf("%s: what was refused is in the summary", name)
		}
	}
}

func TestAmendRefuses(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	base := f.write(t)
	pharmacist := f.signerAs(t, trust.RolePharmacist)
	draft := func(members string) AmendmentDraft {
		return AmendmentDraft{Card: testCard, Content: amendment(t, members), Signer: pharmacist, Time: testNow}
	}
	forged, err := prepare(f.draft())
	if err != nil {
		t.Fatal(err)
	}
	forged.signed.Signature[0] ^= 1
	expired := draft(flu)
	expired.Time = testNow.AddDate(9, 0, 0)
	wrongCard := draft(flu)
	wrongCard.Card[0]++
	for name, test := range map[string]struct {
		raw    []byte
		reader Reader
		draft  AmendmentDraft
		want   error
	}{
		"beyond the role":       {base, f.reader(), draft(`"add": {"alerts": [{"kind": "other", "text": "x"}]}`), ErrRole},
		"no key":                {base, f.as(), draft(flu), ErrClearance},
		"above the clearance":   {base, f.as(f.pharmacist), draft(`"add": {"vaccinations": [{"vaccine": {"text": "grippe"}, "level": "masked"}]}`), ErrClearance},
		"none known to others":  {base, f.reader(), AmendmentDraft{Card: testCard, Content: amendment(t, `"add": {"medications": [{"product": {"text": "x"}, "level": "clinical"}]}`), Signer: f.signerAs(t, trust.RolePhysician), Time: testNow}, ErrContradicts},
		"an unknown item":       {base, f.reader(), draft(`"annotate": [{"id": "zz", "note": "x"}]`), summary.ErrTarget},
		"an invalid base":       {f.mustRaw(t, forged), f.reader(), draft(flu), ErrUnreliable},
		"expired":               {base, f.reader(), expired, ErrCertificate},
		"another card":          {base, f.reader(), wrongCard, ErrCommitment},
		"not a record":          {base[1:], f.reader(), draft(flu), ErrMalformed},
		"an item of the masked": {base, f.as(f.pharmacist), draft(`"annotate": [{"id": "hx1", "note": "x"}]`), summary.ErrTarget},
	} {
		if raw, err := Amend(test.raw, test.reader, test.draft); !errors.Is(err, test.want) || raw != nil {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// Whatever single byte of a sealed and amended record is changed: never valid and without a doubt, with other content.
func TestEveryByteOfAnAmendedRecord(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	raw := f.amend(t, f.write(t), f.signerAs(t, trust.RolePharmacist), ibuprofen)
	want := jsonOf(t, f.read(t, raw).Summary)
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 1 << (i % 8)
		for _, key := range []trust.PrivateKey{f.practice, f.pharmacist} {
			r, err := Read(bad, testCard, f.as(key))
			if err != nil || slices.ContainsFunc(r.Amendments, func(a Amendment) bool { return a.Doubtful() || a.State == AmendmentUnreadable }) {
				continue
			}
			if key.Kind == trust.KeyPractice && jsonOf(t, r.Summary) != want {
				t.Fatalf("byte %d: other content, no doubt", i)
			}
		}
	}
	for i := range raw {
		if r, err := Read(raw[:i], testCard, f.reader()); err == nil && len(r.Amendments) > 0 {
			t.Fatalf("the first %d bytes are a whole record", i)
		}
	}
}

// What a finder plants among the amendments, or changes there, is damaged for everybody, not above somebody's clearance; and the genuine
// ones around it stand.
func TestPlantedAmendments(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	raw := f.amend(t, f.write(t), f.signerAs(t, trust.RolePhysician), visit)
	noise := encode([]any{encode([]any{1, 1, bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{9}, 10)}), make([]byte, 64), make([]byte, 4)})
	base := encode(mustParse(t, raw).base)
	planted := slices.Concat(base, noise, raw[len(base):])
	for _, key := range []trust.PrivateKey{f.pharmacist, f.physician, f.practice} {
		want := "unreadable level-damaged, applied"
		if key.Role == trust.RolePharmacist {
			want = "unreadable level-damaged, unreadable "
		}
		r := f.read(t, planted, key)
		if got := states(r); got != want {
			t.Errorf("%s: %s, want %s", key.Role, got, want)
		}
	}
	for i := len(base); i < len(raw); i++ {
		bad := bytes.Clone(raw)
		bad[i] ^= 0x10
		r, err := Read(bad, testCard, f.as(f.pharmacist))
		if err == nil && !r.Amendments[0].Doubtful() {
			t.Fatalf("byte %d: a pharmacist does not notice", i-len(base))
		}
	}
	// Whoever adds to such a card is not led astray by it.
	raw, err := Amend(planted, f.as(f.pharmacist), AmendmentDraft{Card: testCard, Content: amendment(t, flu), Signer: f.signerAs(t, trust.RolePharmacist), Time: testNow})
	if err != nil {
		t.Fatal(err)
	}
	if got := states(f.read(t, raw)); got != "unreadable level-damaged, applied, applied" {
		t.Error(got)
	}
}

// What a later version adds does not hide what this one can read.
func TestNewerAmendment(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	newer := encode([]any{encode([]any{2, "x"}), make([]byte, 40), make([]byte, 4)})
	raw := f.amend(t, append(f.write(t), newer...), f.signerAs(t, trust.RolePharmacist), ibuprofen)
	r := f.read(t, raw)
	if got := states(r); got != "unreadable newer-format, applied" || !r.Amendments[0].Doubtful() || r.LastSeq() != 2 {
		t.Errorf("%s, seq %d", got, r.LastSeq())
	}
}

// Two boxes under one id would be one key stream over two texts.
func TestOwnIDsDiffer(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	base := f.write(t)
	pharmacist := f.signerAs(t, trust.RolePharmacist)
	seen := map[[16]byte]bool{}
	for range 50 {
		p := mustParse(t, f.amend(t, base, pharmacist, flu))
		seen[p.amendments[0].own] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d ids in 50 amendments", len(seen))
	}
}

// Nothing of what is sealed stands in the record, nor do two amendments of different authors look related.
func TestNothingShows(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	pharmacist := f.signerAs(t, trust.RolePharmacist)
	raw := f.amend(t, f.write(t), pharmacist, ibuprofen)
	raw = f.amend(t, raw, f.signerAs(t, trust.RolePhysician), secret)
	for _, text := range []string{"DURAND", "Jeanne", "248120000000152", "amoxicilline", "fibrillation", "interruption", "ibuprof", "VIH", "LEROY", "Tours", "pharmacist", "SECOURS DEMO"} {
		if bytes.Contains(raw, []byte(text)) {
			t.Errorf("%q stands in the record", text)
		}
	}
	if bytes.Contains(raw, f.signer.Certificate.SerialNumber.Bytes()) || bytes.Contains(raw, pharmacist.Certificate.RawSubjectPublicKeyInfo[12:]) {
		t.Error("a certificate shows")
	}
}

// Many amendments: bounded, and the numbers go on.
func TestManyAmendments(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	raw := f.write(t)
	pharmacist := f.signerAs(t, trust.RolePharmacist)
	for i := range 20 {
		raw = f.amend(t, raw, pharmacist, fmt.Sprintf(`"add": {"vaccinations": [{"vaccine": {"text": "v%d"}}]}`, i))
	}
	r := f.read(t, raw)
	if len(r.Amendments) != 1 || r.LastSeq() != 21 || len(r.Summary.Sections.Vaccinations.Items) != 20 {
		t.Errorf("%s, seq %d", states(r), r.LastSeq())
	}
	one := f.amend(t, f.write(t), pharmacist, flu)
	p := mustParse(t, one)
	for range maxAmendments {
		p.amendments = append(p.amendments, p.amendments[0])
	}
	if _, err := p.encoded(); !errors.As(err, new(*SizeError)) {
		t.Errorf("%v", err)
	}
	if _, err := Read(append(bytes.Clone(one), bytes.Repeat(encode(p.amendments[0]), maxAmendments)...), testCard, f.reader()); !errors.Is(err, ErrMalformed) {
		t.Errorf("too many: %v", err)
	}
}

func TestAuthorText(t *testing.T) {
	got := AuthorOf(&trust.Signer{Name: "Dr\x1b[2J X" + strings.Repeat("é", 200), Role: trust.RoleNurse})
	if summary.CheckText(got.Name, 120) != nil || !strings.HasPrefix(got.Name, "Dr[2J X") {
		t.Errorf("%q", got.Name)
	}
}

func BenchmarkReadAmended(b *testing.B) {
	f := newFixture(b, trust.Ed25519)
	raw := f.amend(b, f.write(b), f.signerAs(b, trust.RolePharmacist), ibuprofen)
	for b.Loop() {
		f.read(b, raw, f.physician)
	}
}

// plant puts an amendment with a good check, which any holder of K1 can make, and nothing that opens, before the i-th.
func (f *fixture) plant(t testing.TB, raw []byte, i int, number uint16) []byte {
	t.Helper()
	p := mustParse(t, raw)
	c, _, err := p.find(testCard, []trust.PrivateKey{f.pharmacist})
	if err != nil {
		t.Fatal(err)
	}
	a := amendmentFrame{own: [16]byte{7}, author: [8]byte{9}, Box: make([]byte, 64)}
	masked := c.number(a.own, [2]byte{byte(number >> 8), byte(number)})
	a.Header = encode(amendmentHeader{Version: 1, Suite: c.suite, ID: a.own[:], Mark: append(a.author[:], masked[:]...)})
	a.Check = c.check(&a)
	p.amendments = slices.Insert(p.amendments, i, a)
	if raw, err = p.encoded(); err != nil {
		t.Fatal(err)
	}
	return raw
}

// A number that nobody signed, and a box that nobody opens, do not push out what somebody signed; and who can open everything is not told
// that they may explain what is gone.
func TestPlantedByReaders(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	dentist, pharmacist := f.signerAs(t, trust.RoleDentist), f.signerAs(t, trust.RolePharmacist)
	raw := f.amend(t, f.write(t), dentist, `"add": {"allergies": [{"agent": {"text": "pénicilline"}}]}`)
	for _, number := range []uint16{1, 60000, 65535} {
		planted := f.plant(t, raw, 0, number)
		for _, key := range []trust.PrivateKey{f.pharmacist, f.physician} {
			if got := states(f.read(t, planted, key)); got != "unreadable , applied" {
				t.Errorf("%s, number %d: %s", key.Role, number, got)
			}
		}
		if got := states(f.read(t, planted)); got != "unreadable level-damaged, applied" {
			t.Errorf("number %d: %s", number, got)
		}
		more, err := Amend(planted, f.as(f.pharmacist), AmendmentDraft{Card: testCard, Content: amendment(t, flu), Signer: pharmacist, Time: testNow})
		if err != nil {
			t.Fatal(err)
		}
		if got := states(f.read(t, more)); got != "unreadable level-damaged, applied, applied" {
			t.Errorf("number %d, and one more: %s", number, got)
		}
	}
	two := f.amend(t, raw, pharmacist, flu)
	gone := f.plant(t, f.rearranged(t, two, 1), 1, 9)
	if got := states(f.read(t, gone)); got != "applied gap, unreadable level-damaged" {
		t.Errorf("a gap is hidden from who can open everything: %s", got)
	}
}

// Only what this reader finds valid takes the place of what its author said before.
func TestInvalidDoesNotSupersede(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	base := f.write(t)
	pharmacist := f.signerAs(t, trust.RolePharmacist)
	raw := f.amend(t, base, pharmacist, `"add": {"allergies": [{"agent": {"text": "pénicilline"}, "basis": "reported"}]}`)
	fast := f.amendWith(t, raw, pharmacist, flu, func(m *manifest) { m.Time += 3 * 86400 })
	if got := states(f.read(t, fast)); got != "applied, apart clock" {
		t.Errorf("a fast clock: %s", got)
	}
	beyond := f.amendUnchecked(t, raw, pharmacist, `"add": {"history": [{"condition": {"text": "x"}, "level": "care"}]}`)
	r := f.read(t, beyond)
	if got := states(r); got != "applied, apart role" || len(r.Summary.Sections.Allergies.Items) != 3 {
		t.Errorf("beyond the role: %s", got)
	}
	if got := states(f.read(t, f.amendWith(t, raw, pharmacist, flu, func(*manifest) {}))); got != "superseded superseded, applied" {
		t.Errorf("a valid one: %s", got)
	}
}

// Random numbers that repeat make the same key for the same text only.
func TestKeysDependOnTheText(t *testing.T) {
	draw := func(texts ...string) [16]byte {
		var b [][]byte
		for _, text := range texts {
			b = append(b, []byte(text))
		}
		return drawChain(testCard, SuiteChaCha, make([]byte, 32), b...).base
	}
	once, again := draw("a", "b"), draw("a", "b")
	if once != again || once == draw("a", "c") || once == draw("ab") {
		t.Error("two texts share a key, or one text has two")
	}
	one, two := newChain(testCard, SuiteChaCha), newChain(testCard, SuiteChaCha)
	if one.base == two.base {
		t.Error("two draws are the same")
	}
}

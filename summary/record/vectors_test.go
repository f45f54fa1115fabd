package record

import (
	"bytes"
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
	// Error is set where nothing can be decoded: malformed, newer-format, suite, commitment, or box.
	Error   string          `json:"error,omitempty"`
	Status  Status          `json:"status,omitempty"`
	Reason  Reason          `json:"reason,omitempty"`
	Seq     uint64          `json:"seq,omitempty"`
	Damaged []int           `json:"damagedLevels,omitempty"`
	Summary json.RawMessage `json:"summary,omitempty"`
}

// vectorsExpected is what a reader must conclude, stated by hand: what the code concludes about a vector is not
// evidence.
var vectorsExpected = map[string]vector{
	"valid":            {Status: Valid, Reason: ReasonOK},
	"valid-p256":       {Status: Valid, Reason: ReasonOK},
	"valid-p384":       {Status: Valid, Reason: ReasonOK},
	"valid-rsa2048":    {Status: Valid, Reason: ReasonOK},
	"valid-stale":      {Status: ValidStale, Reason: ReasonTrustOutdated},
	"no-trust":         {Status: Unverifiable, Reason: ReasonNoTrust},
	"clock":            {Status: Unverifiable, Reason: ReasonClock},
	"amended":          {Status: Unverifiable, Reason: ReasonAmendments},
	"wrong-card":       {Error: "commitment"},
	"flipped-bit":      {Error: "box"},
	"truncated":        {Error: "malformed"},
	"newer-version":    {Error: "newer-format"},
	"newer-suite":      {Error: "suite"},
	"pharmacist":       {Status: Invalid, Reason: ReasonRole},
	"no-role":          {Status: Invalid, Reason: ReasonRole},
	"forged-content":   {Status: Invalid, Reason: ReasonSignature},
	"level-2-replaced": {Status: Invalid, Reason: ReasonDamaged, Damaged: []int{2, 3}},
	"level-3-dropped":  {Status: Invalid, Reason: ReasonDamaged, Damaged: []int{3}},
}

// agrees compares what two vectors conclude.
func (v vector) agrees(w vector) bool {
	return v.Error == w.Error && v.Status == w.Status && v.Reason == w.Reason && slices.Equal(v.Damaged, w.Damaged)
}

func (v vector) conclusion() string {
	return fmt.Sprintf("error %q, status %q, reason %q, damaged levels %v", v.Error, v.Status, v.Reason, v.Damaged)
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
	got := vector{Comment: v.Comment, Card: v.Card, Record: v.Record, Now: v.Now, Trust: v.Trust}
	r, err := Read(unhex(t, v.Record), [16]byte(unhex(t, v.Card)), store, v.Now)
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
	got.Status, got.Reason, got.Seq = r.Verdict.Status, r.Verdict.Reason, r.Seq
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
	if err := os.MkdirAll(vectorDir, 0o755); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, trust.Ed25519)
	stale := *f.store
	stale.NextUpdate = testNow.Add(-time.Hour)
	raw := f.write(t)
	forged := func(forge func(*sealing)) []byte {
		s, err := prepare(f.draft())
		if err != nil {
			t.Fatal(err)
		}
		forge(s)
		return s.raw()
	}
	signedBy := func(kind trust.KeyType) (*fixture, []byte) {
		f := newFixture(t, kind)
		return f, f.write(t)
	}
	withRole := func(role trust.Role) []byte {
		d := f.draft()
		id := *f.signer
		var err error
		if id.Certificate, err = f.authority.Issue(trust.Subject{Name: "X", Role: role}, f.signer.Key.Public(), testNow.AddDate(0, -1, 0), testNow.AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
		d.Signer = &id
		raw, err := write(d)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	flipped := bytes.Clone(raw)
	flipped[len(flipped)/2] ^= 1
	fr, h, _, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	newer := *fr
	newer.Header = encode([]any{2, 0, h.ID, h.K3})
	sealed := *fr
	sealed.Header = encode([]any{1, 1, h.ID})
	type input struct {
		name, comment string
		raw           []byte
		store         *trust.Store
		now           time.Time
		card          [16]byte
	}
	inputs := []input{
		{"valid", "signed with Ed25519, something at every level", raw, f.store, testNow, testCard},
		{"valid-stale", "the trust data is past its next update", raw, &stale, testNow, testCard},
		{"no-trust", "the reader trusts nobody", raw, &trust.Store{}, testNow, testCard},
		{"clock", "signed two days after the reader's time", raw, f.store, testNow.AddDate(0, 0, -2), testCard},
		{"wrong-card", "the record of another card", raw, f.store, testNow, [16]byte{9}},
		{"flipped-bit", "one bit changed in the middle", flipped, f.store, testNow, testCard},
		{"truncated", "the last byte is missing", raw[:len(raw)-1], f.store, testNow, testCard},
		{"newer-version", "version 2", encode(newer), f.store, testNow, testCard},
		{"newer-suite", "suite 1", encode(sealed), f.store, testNow, testCard},
		{"pharmacist", "signed by a pharmacist", withRole(trust.RolePharmacist), f.store, testNow, testCard},
		{"no-role", "the certificate names no profession", withRole(""), f.store, testNow, testCard},
		{"forged-content", "level 1 is not what was signed", forged(func(s *sealing) { s.levels[1] = s.levels[2] }), f.store, testNow, testCard},
		{"level-3-dropped", "the masked item was taken out", forged(func(s *sealing) { s.levels[3] = nil }), f.store, testNow, testCard},
		{"level-2-replaced", "level 2 is not what was signed", forged(func(s *sealing) { s.levels[2] = s.levels[0] }), f.store, testNow, testCard},
		{"amended", "an amendment that this version does not know", append(bytes.Clone(raw), encode([]any{encode([]any{1, 0, make([]byte, 16), 1}), []any{}, make([]byte, 32)})...), f.store, testNow, testCard},
	}
	for _, kind := range []trust.KeyType{trust.P256, trust.P384, trust.RSA2048} {
		f, raw := signedBy(kind)
		inputs = append(inputs, input{"valid-" + string(kind), "signed with " + string(kind), raw, f.store, testNow, testCard})
	}
	for _, i := range inputs {
		store, err := i.store.JSON()
		if err != nil {
			t.Fatal(err)
		}
		v := vector{Comment: i.comment, Card: hex.EncodeToString(i.card[:]), Record: hex.EncodeToString(i.raw), Now: i.now, Trust: store}.conclude(t)
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

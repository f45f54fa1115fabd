package summary

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// amended is a realistic amendment of the sample: a pharmacist's.
const amended = `{
  "schema": "secours.amendment/1",
  "add": {
    "allergies": [{"agent": {"text": "latex"}, "category": "latex", "basis": "reported"}],
    "medications": [
      {"product": {"text": "ibuprofène 400 mg", "codes": [{"system": "cip", "code": "3400930000000"}]}, "origin": "otc", "dispensed": {"date": "2026-11-15", "quantity": 1}},
      {"id": "own-1", "product": {"text": "paracétamol 1 g"}, "origin": "reported", "level": "masked", "recorded": "2026-11"}
    ],
    "history": [{"condition": {"text": "asthme"}}],
    "vaccinations": [{"vaccine": {"text": "grippe"}, "date": "2026-11-15", "by": "Dr LEROY"}]
  },
  "stop": [{"id": "md1", "date": "2026-11-10", "reason": "mal toléré"}],
  "annotate": [{"id": "ag1", "note": "le patient dit\nne pas savoir"}, {"id": "ag1", "recorded": "2026-11-01", "note": "x"}],
  "taken": [{"id": "md2", "value": "un jour sur deux", "lastTaken": "2026-11-14", "reportedBy": "patiente"}],
  "dispensed": [{"id": "md2", "date": "2026-11-15", "quantity": "28", "as": {"text": "APIXABAN BIOGARAN 5 mg"}}],
  "retract": [{"id": "vx1", "reason": "erreur de carte"}]
}`

func parseAmendment(t testing.TB, doc string) *Amendment {
	t.Helper()
	a, err := ParseAmendment([]byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return a
}

func TestAmendmentRoundTrip(t *testing.T) {
	a := parseAmendment(t, amended)
	out, err := a.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := sameJSON(t, amended, string(out)); diff != "" {
		t.Error(diff)
	}
	parts, err := a.ByLevel(func(id string) (Level, bool) { return LevelCare, true })
	if err != nil {
		t.Fatal(err)
	}
	if parts[0] != nil || parts[1] == nil || parts[2] == nil || parts[3] == nil {
		t.Fatal("not the levels of the items")
	}
	for r, p := range parts[1:] {
		level := levels[r+1]
		data, err := p.CBOR(level)
		if err != nil {
			t.Fatal(err)
		}
		got, err := UnmarshalAmendment(data, level)
		if err != nil {
			t.Fatal(err)
		}
		again, err := got.CBOR(level)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: other bytes: %v\n%x\n%x", level, err, data, again)
		}
		p.AssignIDs(nil)
		if !reflect.DeepEqual(p, got) {
			t.Errorf("%s: changed", level)
		}
		for _, other := range levels {
			if other == level {
				continue
			}
			if _, err := p.CBOR(other); err == nil {
				t.Errorf("what is of %s was written at %s", level, other)
			}
		}
	}
	if _, err := a.CBOR(LevelCare); !errors.Is(err, ErrContradiction) {
		t.Errorf("mixed levels: %v", err)
	}
}

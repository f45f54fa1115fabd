// Package docs holds what the documents show in Go, so that it compiles and runs.
package docs

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	_ "embed"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/fhir"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

//go:embed integration_test.go
var source string

// TestIntegrationShowsThisCode holds the Go of INTEGRATION.md to the functions below, line by line.
func TestIntegrationShowsThisCode(t *testing.T) {
	text, err := os.ReadFile("INTEGRATION.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d blocks of Go", len(blocks))
	}
	for _, b := range blocks {
		if code := unindented(b[1]); !strings.Contains(unindented(source), code) {
			t.Errorf("INTEGRATION.md shows what is not here:\n%s", code)
		}
	}
}

func unindented(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, "\n")
}

// write puts what the practice software has, an IPS bundle, on the card behind t.
func write(ctx context.Context, t card.Transmitter, bundle []byte, doctor *trust.Identity, recipients []record.Recipient, reader record.Reader) error {
	s, losses, err := fhir.Import(bundle)
	if err != nil {
		return err // nothing of it may be written
	}
	tell(losses) // what the card will not say
	c, err := card.Open(ctx, t)
	if err != nil {
		return err
	}
	medium := c.Medium(ctx)
	content, err := card.Read(medium)
	if err != nil {
		return err
	}
	draft := record.Draft{
		Card: content.Card, Summary: s, Signer: doctor, Seq: 1, Time: reader.Now, Suite: record.SuiteChaCha, Recipients: recipients,
	}
	if content.Record != nil {
		previous, err := record.Read(content.Record, content.Card, reader)
		if err != nil {
			return err
		}
		if previous.Summary.Patient.BirthDate != s.Patient.BirthDate { // and the other traits
			return errOtherPatient
		}
		draft.Seq, draft.Prev = previous.LastSeq()+1, &previous.Head
	}
	raw, err := record.Write(draft)
	if err != nil {
		return err
	}
	_, err = content.Replace(medium, raw) // refuses a card that has changed since it was read
	return err
}

// read gives the hospital's software what the card behind t holds.
func read(ctx context.Context, t card.Transmitter, reader record.Reader) ([]byte, error) {
	c, err := card.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	content, err := card.Read(c.Medium(ctx))
	if err != nil {
		return nil, err
	}
	r, err := record.Read(content.Record, content.Card, reader)
	if err != nil {
		return nil, err // errors.As a *record.UnverifiedError has what was read all the same
	}
	bundle, losses, err := fhir.Export(r.Summary, fhir.Origin{
		Time: r.Time, Signer: record.AuthorOf(r.Signer), Verdict: string(r.Verdict.Status), Reason: string(r.Verdict.Reason),
	})
	tell(losses)
	return bundle, err
}

var errOtherPatient = fmt.Errorf("another patient's card")

func tell(losses []summary.Loss) {
	for _, l := range losses {
		if !l.Minor {
			fmt.Println(l.Kind, l.Source, l.Element, l.Reason)
		}
	}
}

const bundle = `{
	"resourceType": "Bundle", "type": "document",
	"entry": [
		{"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Composition", "status": "final", "subject": {"reference": "urn:uuid:2"},
			"type": {"coding": [{"system": "http://loinc.org", "code": "60591-5"}]}, "date": "2026-11-21",
			"section": [{"title": "Allergies", "code": {"coding": [{"system": "http://loinc.org", "code": "48765-2"}]}, "entry": [{"reference": "urn:uuid:3"}]}]}},
		{"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Patient", "name": [{"family": "DURAND", "given": ["Jeanne"]}], "birthDate": "1948-12-03", "gender": "female"}},
		{"fullUrl": "urn:uuid:3", "resource": {"resourceType": "AllergyIntolerance", "patient": {"reference": "urn:uuid:2"}, "code": {"text": "amoxicilline"},
			"criticality": "high"}},
		{"fullUrl": "urn:uuid:4", "resource": {"resourceType": "CarePlan", "id": "p1", "status": "active", "intent": "plan", "title": "rééducation",
			"subject": {"reference": "urn:uuid:2"}}}
	]
}`

func Example() {
	ctx, now := context.Background(), time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	authority, err := trust.NewAuthority("Demo", trust.Ed25519, now)
	check(err)
	doctor, err := authority.NewIdentity(trust.Subject{Name: "Dr Paul LEROY", Role: trust.RolePhysician}, trust.Ed25519, now)
	check(err)
	practice, err := ecdh.X25519().GenerateKey(rand.Reader)
	check(err)
	store := &trust.Store{Updated: now}
	check(store.Add(trust.Anchor{Name: "Demo", Certificate: authority.Certificate}))
	reader := record.Reader{Trust: store, Keys: []trust.PrivateKey{{Kind: trust.KeyPractice, Opening: practice}}, Now: now}
	sealed := []record.Recipient{{Kind: trust.KeyPractice, Key: practice.PublicKey()}}

	// A simulated card; pcsc.Connect gives one in a reader.
	simulated, err := sim.New(sim.Options{Size: 16384})
	check(err)
	c, err := card.Open(ctx, simulated)
	check(err)
	check(card.Format(c.Medium(ctx), card.ID{1, 2, 3}))

	check(write(ctx, simulated, []byte(bundle), doctor, sealed, reader))
	check(write(ctx, simulated, []byte(bundle), doctor, sealed, reader))
	document, err := read(ctx, simulated, reader)
	check(err)
	fmt.Println(strings.Contains(string(document), "amoxicilline"), strings.Contains(string(document), `"code": "valid"`))
	// Output:
	// dropped CarePlan/p1  no-place
	// dropped CarePlan/p1  no-place
	// true true
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

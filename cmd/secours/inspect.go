package main

import (
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
)

func (a *app) inspectCommand() *cobra.Command {
	l := a.lang
	c := &cobra.Command{
		Use: "inspect",
		Short: l.s(
			"Montrer comment la synthèse est faite : niveaux, tailles, signature",
			"Show how the summary is made: levels, sizes, signature",
		),
		Long: l.s(`Lit la carte et montre ce que le format en fait : niveaux de confidentialité, éléments, tailles
brutes et compactes, codec, signature, certificat. Rien de médical.

Avec --json, "signature" donne de quoi vérifier avec un autre outil : le message COSE_Sign1
(RFC 9052), l'external_aad et le certificat, en hexadécimal.

Codes de sortie : comme « read ».`,
			`Reads the card and shows what the format makes of it: confidentiality levels, items, raw and
compact sizes, codec, signature, certificate. Nothing medical.

With --json, "signature" gives what another tool needs to verify it: the COSE_Sign1 message
(RFC 9052), the external_aad, and the certificate, in hexadecimal.

Exit codes: as "read".`),
		Args: a.args(cobra.NoArgs),
		RunE: a.checking(func(r *reading) error {
			d := a.inspectDocument(r)
			if a.json {
				return a.printJSON(d)
			}
			return a.printInspection(r, d)
		}),
	}
	a.addKeyFlags(c)
	return c
}

// inspectDocument is the JSON of "inspect". Sizes are in bytes.
type inspectDocument struct {
	checkedDocument
	// PayloadBytes is the compact clinical content, all sections and the identity, at every level.
	PayloadBytes int `json:"payloadBytes"`
	// RawBytes is the same before compaction.
	RawBytes int `json:"rawBytes"`
	// RecordBytes is everything of the record on the card.
	RecordBytes int `json:"recordBytes"`
	// Groups are the key ids of the roles that the record is sealed for, Individuals the number of its other recipients.
	Groups      []string          `json:"groups"`
	Individuals int               `json:"individuals"`
	Capacity    int               `json:"capacityBytes"`
	Levels      []levelDocument   `json:"levels"`
	Signature   signatureDocument `json:"signature"`
}

type levelDocument struct {
	Level        summary.Level  `json:"level"`
	State        string         `json:"state"`
	Items        map[string]int `json:"items"`
	RawBytes     int            `json:"rawBytes"`
	PayloadBytes int            `json:"payloadBytes"`
	Codec        record.Codec   `json:"codec"`
}

type signatureDocument struct {
	Algorithm     string               `json:"algorithm"`
	Message       string               `json:"coseSign1"`
	ExternalAAD   string               `json:"externalAAD"`
	Certificate   string               `json:"certificate"`
	CertificateIn *certificateDocument `json:"certificateFields"`
}

func levelNames() []summary.Level {
	return []summary.Level{summary.LevelOpen, summary.LevelCare, summary.LevelClinical, summary.LevelMasked}
}

// levelStateWords and levelNameWords are for a person; JSON has the words of the interface.
var (
	levelStateWords = words{
		"empty":   {"vide", "empty"},
		"read":    {"lu", "read"},
		"damaged": {"endommagé", "damaged"},
		"sealed":  {"scellé", "sealed"},
	}
	levelNameWords = words{
		"open":     {"ouvert", "open"},
		"care":     {"soins", "care"},
		"clinical": {"clinique", "clinical"},
		"masked":   {"masqué", "masked"},
	}
)

func levelState(s record.LevelState) string {
	return [...]string{"empty", "read", "damaged", "sealed"}[s]
}

func (a *app) inspectDocument(r *reading) inspectDocument {
	rec := r.record
	d := inspectDocument{
		checkedDocument: a.checkedDocument("secours.inspect/1", r),
		RecordBytes:     rec.Size,
		Capacity:        r.content.Capacity,
		Groups:          []string{},
		Individuals:     rec.Individuals,
		Signature: signatureDocument{
			Algorithm:   rec.Signature.Algorithm.String(),
			Message:     hex.EncodeToString(rec.Signature.Message),
			ExternalAAD: hex.EncodeToString(rec.Signature.ExternalAAD),
			Certificate: hex.EncodeToString(rec.Signature.Certificate),
		},
	}
	if rec.Signer != nil && rec.Signer.Certificate != nil {
		d.Signature.CertificateIn = certificateDocumentOf(rec.Signer.Certificate)
	}
	for _, id := range rec.Groups {
		d.Groups = append(d.Groups, hex.EncodeToString(id[:]))
	}
	for i, name := range levelNames() {
		level := rec.Levels[i]
		d.PayloadBytes += level.Coded
		d.RawBytes += level.Raw
		d.Levels = append(d.Levels, levelDocument{
			Level: name, State: levelState(level.State), Items: itemsAt(rec.Summary, name),
			RawBytes: level.Raw, PayloadBytes: level.Coded, Codec: level.Codec,
		})
	}
	return d
}

// itemsAt counts the items of each section at a level.
func itemsAt(s *summary.Summary, level summary.Level) map[string]int {
	counts := map[string]int{}
	if s == nil {
		return counts
	}
	s.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			at := section.Common(i).Level
			if at == "" {
				at = summary.DefaultLevel(name)
			}
			if at == level {
				counts[name]++
			}
		}
	})
	return counts
}

func (a *app) printInspection(r *reading, d inspectDocument) error {
	l := a.lang
	if err := a.printVerdict(r); err != nil {
		return err
	}
	p := a.lines()
	p.add("", "")
	p.add(l.s("carte", "card"), d.Card.ID)
	p.add(l.s("enregistrement", "record"), fmt.Sprintf(l.s("%d octets sur %d", "%d bytes of %d"), d.RecordBytes, d.Capacity))
	p.add(l.s(
		"contenu clinique",
		"clinical content",
	), fmt.Sprintf(l.s(
		"%d octets, %d avant compression",
		"%d bytes, %d before compression",
	), d.PayloadBytes, d.RawBytes))
	for _, level := range d.Levels {
		text := word(l, levelStateWords, level.State)
		if level.State == "read" {
			text = fmt.Sprintf(l.s(
				"%d octets, %d avant compression, codec %d",
				"%d bytes, %d before compression, codec %d",
			), level.PayloadBytes, level.RawBytes, level.Codec)
			for _, name := range summary.SectionNames() {
				if n := level.Items[name]; n > 0 {
					text += fmt.Sprintf("%s%s %d", l.s(" ; ", "; "), strings.ToLower(l.p(sectionWords[name].title)), n)
				}
			}
		}
		p.add(l.s("niveau ", "level ")+word(l, levelNameWords, string(level.Level)), text)
	}
	if rec := r.record; rec.Suite != record.SuiteNone {
		p.add(l.s("scellée pour", "sealed for"), strings.Join(slices.DeleteFunc([]string{
			l.count(len(d.Groups), pair{"rôle", "role"}, pair{"rôles", "roles"}), strings.Join(d.Groups, " "),
		}, func(s string) bool { return s == "" }), " ")+", "+
			l.count(d.Individuals, pair{"autre clé", "other key"}, pair{"autres clés", "other keys"}))
	}
	for _, m := range d.Record.Amendments {
		text := word(l, amendmentStateWords, string(m.State)) + ", " + l.count(m.Bytes, pair{"octet", "byte"}, pair{"octets", "bytes"})
		if m.Signer != nil {
			text += ", " + m.Signer.Name
		}
		p.add(l.s("ajout ", "amendment ")+m.ID, text)
	}
	if len(r.record.Signature.Certificate) == 0 {
		return p.print()
	}
	p.add("signature", d.Signature.Algorithm)
	if c := d.Signature.CertificateIn; c != nil {
		p.add(l.s("certificat", "certificate"), fmt.Sprintf(l.s("%d octets", "%d bytes"), len(r.record.Signature.Certificate)))
		c.print(a, p)
	}
	if err := p.print(); err != nil {
		return err
	}
	return pem.Encode(a.out, &pem.Block{Type: "CERTIFICATE", Bytes: r.record.Signature.Certificate})
}

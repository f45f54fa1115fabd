package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/fhir"
	"github.com/secours-card/secours/summary/vsm"
)

// The formats that a summary is read from.
const (
	formatAuto = "auto"
	formatJSON = "json"
	formatFHIR = "fhir"
	formatVSM  = "vsm"
)

func (a *app) addFrom(c *cobra.Command, from *string) {
	c.Flags().StringVar(from, "from", formatAuto, a.lang.s(
		"format du fichier : auto (d'après le contenu), json (secours.summary/1), fhir (IPS) ou vsm (CDA)",
		"format of the file: auto (by its content), json (secours.summary/1), fhir (IPS) or vsm (CDA)",
	))
}

// imported is a summary that was read, and what its own format said beyond it.
type imported struct {
	summary *summary.Summary
	format  string
	losses  []summary.Loss
}

// maxSource is the size of the largest file in any format: in UTF-16, which takes two bytes where UTF-8 takes one, and with its mark.
const maxSource = 2*max(fhir.MaxSize, vsm.MaxSize, summary.MaxJSON) + 2

// readSource reads a summary in whichever format it is.
func (a *app) readSource(ctx context.Context, file, from, encoding string) (*imported, error) {
	switch from {
	case formatAuto, formatJSON, formatFHIR, formatVSM, "":
	default:
		return nil, &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"--from : auto, json, fhir ou vsm",
			"--from: auto, json, fhir or vsm",
		)}
	}
	raw, err := a.readBytes(ctx, file, maxSource)
	if err != nil {
		return nil, err
	}
	format := from
	if format == formatAuto || format == "" {
		if format, err = a.recognise(raw); err != nil {
			return nil, err
		}
	}
	src := &imported{format: format}
	if format == formatVSM {
		// XML says its encoding itself.
		src.summary, src.losses, err = vsm.Import(raw)
		return src, a.sourceFailure(err, format)
	}
	data, err := a.decodeText(raw, encoding)
	if err != nil {
		return nil, err
	}
	if format == formatAuto {
		format = formatJSON
		if isFHIR(data) {
			format = formatFHIR
		}
		src.format = format
	}
	if format == formatFHIR {
		src.summary, src.losses, err = fhir.Import(data)
		return src, a.sourceFailure(err, format)
	}
	src.summary, err = summary.Parse(data)
	if err != nil {
		return nil, a.summaryFailure(err)
	}
	return src, nil
}

// recognise tells XML, which says its own encoding, from what has to be decoded first.
func (a *app) recognise(raw []byte) (string, error) {
	if vsm.Is(raw) {
		return formatVSM, nil
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("%PDF")):
		return "", a.unknownFormat(a.lang.s("c'est un PDF", "it is a PDF"))
	case bytes.HasPrefix(text, []byte("PK\x03\x04")):
		return "", a.unknownFormat(a.lang.s("c'est une archive ZIP", "it is a ZIP archive"))
	case bytes.HasPrefix(text, []byte{0x1f, 0x8b}):
		return "", a.unknownFormat(a.lang.s("le fichier est compressé (gzip)", "the file is compressed (gzip)"))
	case bytes.HasPrefix(text, []byte("<")) && bytes.Contains(text[:min(len(text), 4096)], []byte("http://hl7.org/fhir")):
		return "", a.unknownFormat(a.lang.s("c'est du FHIR en XML : seul le FHIR en JSON est lu", "it is FHIR in XML: only FHIR in JSON is read"))
	case bytes.HasPrefix(text, []byte("<")):
		return "", a.unknownFormat(a.lang.s("c'est du XML, mais pas un document CDA", "it is XML, but not a CDA document"))
	}
	return formatAuto, nil
}

func (a *app) unknownFormat(what string) *failure {
	return &failure{
		code: exitGeneral, name: "unknown-format",
		message: a.lang.s("le format du fichier n'est pas reconnu : ", "the format of the file is not recognised: ") + what,
		hint: a.lang.s(
			"une synthèse est en JSON (secours.summary/1), en FHIR (un Bundle IPS en JSON) ou un VSM (CDA en XML)",
			"a summary is JSON (secours.summary/1), FHIR (an IPS Bundle in JSON) or a VSM (CDA in XML)",
		),
	}
}

// isFHIR looks among the members of a JSON object for FHIR's resourceType. What is not JSON is none, and refused as what it should be.
func isFHIR(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return false
		}
		if name == "resourceType" {
			return true
		}
		if name == "schema" {
			return false
		}
		// The value is skipped, not kept: it may be megabytes.
		if err := skipJSON(d); err != nil {
			return false
		}
	}
	return false
}

func skipJSON(d *json.Decoder) error {
	for depth := 0; ; {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if depth > 1000 {
			return io.ErrUnexpectedEOF
		}
	}
}

// sourceFailure says why a document of another format cannot be made into a summary.
func (a *app) sourceFailure(err error, format string) error {
	if err == nil {
		return nil
	}
	l := a.lang
	name := map[string]string{formatFHIR: "FHIR", formatVSM: "VSM"}[format]
	f := &failure{
		code: exitGeneral, name: "invalid-document", err: err,
		message: fmt.Sprintf(l.s("le document %s est refusé : %s", "the %s document is refused: %s"), name, l.s(frenchDocuments.Replace(documentProblem(err)), documentProblem(err))),
	}
	switch {
	case errors.Is(err, fhir.ErrAllergy), errors.Is(err, vsm.ErrAllergy):
		f.name = "unreadable-allergy"
		f.hint = l.s(
			"une synthèse sans cette allergie serait dangereuse : corrigez-la dans le logiciel d'où vient le document",
			"a summary without that allergy would be dangerous: correct it in the software that the document comes from",
		)
	case errors.Is(err, fhir.ErrTwoPatients):
		f.code, f.name = exitWrongPatient, "two-patients"
		f.hint = l.s("vérifiez de quel patient est ce document ; rien n'a été repris", "check whose document this is; nothing was taken over")
	case errors.Is(err, fhir.ErrPatient), errors.Is(err, vsm.ErrPatient):
		f.hint = l.s(
			"une synthèse dit de qui elle est : nom et date de naissance",
			"a summary says whose it is: name and date of birth",
		)
	case errors.As(err, new(*summary.PathError)):
		f.problems = a.problems(err)
		f.path = f.problems[0].Path
	}
	return f
}

// documentProblem is what an importer says of a document, on one line. What it says of the summary that came of it is package summary's.
func documentProblem(err error) string { return oneLine(err.Error()) }

// frenchDocuments translates what the importers say of a document that they refuse. Names of elements and references stay as they are.
var frenchDocuments = strings.NewReplacer(
	"not a FHIR Bundle in JSON", "ce n'est pas un Bundle FHIR en JSON",
	"its resourceType is not Bundle", "son resourceType n'est pas Bundle",
	"not a CDA document", "ce n'est pas un document CDA",
	"malformed XML", "XML mal formé",
	"malformed JSON near byte", "JSON mal formé vers l'octet",
	"a document type declaration, which CDA does not have", "une déclaration de type de document, que le CDA n'a pas",
	"character encoding", "codage des caractères",
	"no section in the document", "aucune section dans le document",
	"more than one patient", "plus d'un patient",
	"no patient", "pas de patient",
	"the bundle has no Patient", "le Bundle n'a pas de Patient",
	"of them, and no Composition whose subject is one", "patients, et aucune Composition dont l'un soit le sujet",
	", the document of ", ", le document de ",
	" is of a patient with another identifier than ", " est d'un patient d'un autre identifiant que ",
	" is of ", " est de ",
	" has no name", " n'a pas de nom",
	" has no date of birth", " n'a pas de date de naissance",
	"the document is about", "le document parle de",
	" persons, and a summary about one", " personnes, et une synthèse d'une seule",
	"the document does not give the ", "le document ne donne pas : ",
	" and the ", ", ",
	"family name", "nom de naissance",
	"given name", "prénom",
	"birth date", "date de naissance",
	"a document that its author withdrew", "un document retiré par son auteur",
	" was entered in error", " a été saisi par erreur",
	" alerts, more than a summary holds", " points de vigilance, plus qu'une synthèse n'en porte",
	", more than a summary holds", ", plus qu'une synthèse n'en porte",
	"an allergy that cannot be read", "une allergie illisible",
	" says nothing of it", " n'en dit rien",
	", a reference to what is not in the bundle, without a name", ", une référence à ce qui n'est pas dans le Bundle, sans nom",
	" has no text", " n'a pas de texte",
	"its body is ", "son contenu est ",
	", which only a person can read", ", que seule une personne peut lire",
	"too large", "trop grand",
	" allergies, more than a summary holds", " allergies, plus qu'une synthèse n'en porte",
	", and none may be left out", ", et aucune ne doit manquer",
	"more than", "plus de",
	"things that a summary has no place for", "choses qu'une synthèse ne porte pas",
	" elements, attributes and texts", " éléments, attributs et textes",
	", a list of ", ", une liste de ",
	"an AllergyIntolerance where the document has no place for one", "une AllergyIntolerance là où le document n'en a pas la place",
	"elements nested deeper than", "éléments imbriqués à plus de",
	"nested deeper than", "imbriqué à plus de",
	" levels", " niveaux",
	" elements", " éléments",
	"UTF-16 or UTF-32, where UTF-8 is wanted", "de l'UTF-16 ou de l'UTF-32, où il faut de l'UTF-8",
	"not UTF-8 at byte", "l'UTF-8 est incorrect à l'octet",
	"not UTF-8", "ce n'est pas de l'UTF-8",
	"half a character at the end of UTF-16", "un demi-caractère à la fin de l'UTF-16",
	" without a byte order mark", " sans marque d'ordre des octets",
	" with a byte order mark", " avec marque d'ordre des octets",
	" is not read: want ", " n'est pas lu : il faut ",
	"it ends at byte ", "il s'arrête à l'octet ",
	", before its end", ", avant sa fin",
	"something after the end of the document, at byte", "quelque chose après la fin du document, à l'octet",
	"a member stands twice in an object, near byte", "un membre en double dans un objet, vers l'octet",
	"a second root element", "un second élément racine",
	"want the root element ClinicalDocument in the namespace", "il faut l'élément racine ClinicalDocument dans l'espace de noms",
	"no element at all", "aucun élément",
	"an attribute of ", "un attribut de ",
	"an attribute stands twice", "un attribut en double",
	"an element with ", "un élément avec ",
	" attributes", " attributs",
	" at most ", " au plus ",
	" bytes", " octets",
	" or ", " ou ",
	": ", " : ",
)

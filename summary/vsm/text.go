package vsm

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxFlat is how many bytes of a text are read: more than the longest text of a summary, so that one which is cut here is cut
// and reported there, and little enough that a thousand references to one long text cost nothing.
const maxFlat = 4 << 10

// narrative says whether white space is part of what an element says.
func narrative(name string) bool {
	switch name {
	case "text", "content", "paragraph", "item", "td", "th", "caption", "originalText", "name", "given", "family", "linkHtml", "sub", "sup", "footnote":
		return true
	}
	return false
}

// flat returns the text of an element on one line: white space collapses, cells and blocks are set apart by a comma. What was
// deleted in a revision, and what is no text but a picture or a file in base64, is not in it.
func flat(n *node) string {
	var f flattener
	f.walk(n)
	return f.b.String()
}

type flattener struct {
	b strings.Builder
	// space and comma say what has to come before the next word.
	space, comma bool
}

func (f *flattener) walk(n *node) {
	switch {
	case n == nil || f.b.Len() >= maxFlat:
		return
	case n.name == "":
		f.write(n.text)
		return
	case n.peek("revised") == "delete", n.peek("representation") == "B64", n.name == "observationMedia", n.name == "?:observationMedia":
		return
	}
	block := false
	switch n.name {
	case "paragraph", "item", "tr", "td", "th", "table", "list", "caption":
		block = true
	case "br":
		f.space = true
	}
	f.comma = f.comma || block
	for _, k := range n.kids {
		f.walk(k)
	}
	f.comma = f.comma || block
}

func (f *flattener) write(s string) {
	for _, r := range s {
		if unicode.IsSpace(r) {
			f.space = true
			continue
		}
		if f.b.Len() >= maxFlat {
			return
		}
		if f.b.Len() > 0 && (f.space || f.comma) {
			if f.comma && !strings.HasSuffix(f.b.String(), ",") && !strings.HasSuffix(f.b.String(), ":") {
				f.b.WriteByte(',')
			}
			f.b.WriteByte(' ')
		}
		f.space, f.comma = false, false
		f.b.WriteRune(r)
	}
}

// index finds the elements that references name. Many documents number their texts anew in each section, so that of the same
// section comes first.
type index map[place]*node

type place struct {
	section *node
	id      string
}

func indexed(root *node) index {
	ids := index{}
	var walk func(n, section *node)
	walk = func(n, section *node) {
		if n.name == "section" {
			section = n
		}
		if id := n.peek("ID"); id != "" {
			for _, p := range []place{{section, id}, {nil, id}} {
				if ids[p] == nil {
					ids[p] = n
				}
			}
		}
		for _, k := range n.kids {
			walk(k, section)
		}
	}
	walk(root, nil)
	return ids
}

// find returns what a reference names. Some documents leave out the #.
func (ids index) find(section *node, reference string) *node {
	id := strings.TrimPrefix(reference, "#")
	if n := ids[place{section, id}]; n != nil {
		return n
	}
	return ids[place{nil, id}]
}

// A block is what a narrative says in one piece: an item of a list, a row of a table, a paragraph or a line.
type block struct {
	n    *node
	text string
}

// blocks returns the pieces of a narrative. The head of a table is none.
func blocks(text *node) []block {
	var found []block
	var lines func(n *node)
	add := func(n *node) {
		if s := flat(n); !blank(s) {
			found = append(found, block{n, s})
		}
	}
	lines = func(n *node) {
		// What stands directly in a text or a cell of layout is cut at line breaks.
		line := &node{name: "content"}
		flush := func() {
			if len(line.kids) > 0 {
				add(line)
			}
			line = &node{name: "content"}
		}
		for _, k := range n.kids {
			switch k.name {
			case "list", "table", "tbody", "tfoot":
				flush()
				lines(k)
			case "thead", "colgroup", "col", "caption":
				flush()
			case "item", "paragraph":
				flush()
				if k.kid("list") != nil || k.kid("table") != nil || k.name == "paragraph" && k.kid("br") != nil {
					lines(k)
				} else {
					add(k)
				}
			case "tr":
				flush()
				if k.kid("td") != nil {
					add(k)
				}
			case "br":
				flush()
			default:
				line.kids = append(line.kids, k)
			}
		}
		flush()
	}
	if text != nil {
		lines(text)
	}
	return found
}

// row returns the row of a table that an element is part of, the element itself where there is none.
func row(n *node) *node {
	for up := n; up != nil && up.name != "text" && up.name != "section"; up = up.up {
		if up.name == "tr" {
			return up
		}
	}
	return n
}

// cells returns the cells of a row with the head of their columns.
func cells(tr *node) (heads, texts []string) {
	table := tr.up
	for table != nil && table.name != "table" {
		table = table.up
	}
	var titles []*node
	if head := table.at("thead", "tr"); head != nil {
		titles = head.all("th", "td")
	}
	for i, cell := range tr.all("td", "th") {
		head := ""
		if i < len(titles) {
			head = flat(titles[i])
		}
		heads, texts = append(heads, head), append(texts, flat(cell))
	}
	return heads, texts
}

// blank says whether a text has nothing that could be read.
func blank(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSymbol(r) })
}

// words returns the words and numbers of a text without case and accents.
func words(s string) []string {
	if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		s = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return r
		}, norm.NFD.String(s))
	}
	s = strings.ToLower(s)
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

// fold is a text by its words alone, to compare.
func fold(s string) string { return strings.Join(words(s), " ") }

// denials are the words with which a text says that there is nothing, or that nothing is said.
var denials = strings.Fields(`aucun aucune aucuns aucunes neant ras rien non pas absence sans inconnu inconnue inconnus inconnues
	no none nil unknown not nka nkda never nsp ø`)

// idle are the words that may stand beside a denial without making it a statement about something. A text with any other word,
// as in "aucune, sauf pénicilline", is one.
var idle = strings.Fields(`a autre autres other ce jour de d du des la le les l en cours et ou o the to of or and any for is are at this time it there
	has have been sur par ni n ne est au aux presente presentee effet effets indesirable indesirables reaction reactions adverse adverses
	respiratoire respiratoires environnementale environnementales patient patiente connu connue connus connues notable notables particulier particuliere particuliers particulieres
	significatif significative signaler signale signalee signales signalees declare declaree declares declarees rapporte rapportee
	renseigne renseignee renseignes renseignees documente documentee precise precisee recherche recherchee disponible disponibles
	information informations donnee donnees saisie saisi enregistre enregistree identifie identifiee retrouve retrouvee objet
	allergie allergies allergique allergiques intolerance intolerances hypersensibilite hypersensibilites medicamenteuse
	medicamenteuses alimentaire alimentaires medicament medicaments traitement traitements fond long antecedent antecedents medical
	medicaux medicale chirurgical chirurgicaux chirurgicale familial familiaux familiale pathologie pathologies probleme problemes
	maladie maladies actif actifs active intervention interventions dispositif dispositifs vaccin vaccins vaccination vaccinations
	vigilance point points resultat resultats directive directives anticipee anticipees s r
	known allergy allergies drug food medication medications problem problems history procedure procedures device devices implant
	implants immunization immunizations available recorded reported current found past surgical family`)

// denies says whether a text says only that there is nothing, or that nothing is known. That is a narrative's word, not a
// statement: it makes no item, and nothing known to be empty either.
func denies(s string) bool {
	all := words(s)
	if len(all) == 0 {
		return true
	}
	denied := slices.Equal(all, []string{"r", "a", "s"})
	for _, w := range all {
		switch {
		case slices.Contains(denials, w):
			denied = true
		case !slices.Contains(idle, w):
			return false
		}
	}
	return denied
}

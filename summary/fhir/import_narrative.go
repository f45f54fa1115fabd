package fhir

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/secours-card/secours/summary"
)

var (
	headRow = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?is)<(thead|caption|h[1-6]|th)\b[^>]*>.*?</(thead|caption|h[1-6]|th)>`)
	})
	rowEnd = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)</(tr|li|p|div|dd)>|<br\b[^>]*>`)
	})
	tag = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`<[^>]*>`)
	})
	// denial are the words of a row that says that there is none, or that nothing is known.
	denial = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^[^\p{L}]*(?:[\p{L}' ]{0,40}: *)?(?:no|none|nil|not|unknown|without|aucune?|pas d|néant|non |ras\b|rien|keine?|ohne|nessun|non |geen|ingen|ninguna?|sin |nenhum|sem |brak|žádn|ei )`)
	})
	// ownRemark is what an export says of a section as a whole.
	ownRemark = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?s)<li class="remark">.*?</li>`)
	})
)

// maxNarrative bounds the narrative that is compared: what is longer is compared as far as that.
const maxNarrative = 1 << 20

// maxCompared bounds what is looked at for all narratives together, in bytes and nodes: sections that list the same entries again would make it
// endless. A narrative beyond is reported without being compared.
const maxCompared = 32 << 20

// narrative tells of rows in the text of a section that say what its entries do not: somebody may read there what nobody coded, and none of it
// is taken over.
func (im *importer) narrative(n *node, p listing, title string) {
	text := n.get("text")
	div := text.peek("div").str()
	text.readAll()
	if div == "" || im.exported {
		return
	}
	entries := n.peek("entry").list()
	if len(entries) == 0 && n.peek("section") != nil {
		return
	}
	known := im.saidBy(n, entries)
	if im.compare < 0 {
		im.say(im.composition, summary.LossAmbiguous, summary.ReasonNarrative, p.path+".text", title)
		return
	}
	for _, w := range words(title) {
		known[w] = true
	}
	if rows := rowsBeyond(div, known, p.name == "allergies"); len(rows) > 0 {
		im.say(im.composition, summary.LossDropped, summary.ReasonNarrative, p.path+".text", title+": "+strings.Join(rows, " / "))
	}
}

// saidBy are the words of a section's entries, of what they point to, and of the items that came of them.
func (im *importer) saidBy(n *node, entries []*node) map[string]bool {
	known := map[string]bool{}
	note := func(s string) {
		im.compare -= 1 + len(s)
		for _, w := range words(s) {
			known[w] = true
		}
	}
	var walk func(n *node)
	walk = func(n *node) {
		if n == nil || im.compare < 0 {
			return
		}
		im.compare--
		if n.kind == kindString {
			note(n.text)
		}
		for _, kid := range n.kids {
			walk(kid)
		}
	}
	seen := map[*resource]bool{}
	sources := map[string]bool{}
	var follow func(r *resource, depth int)
	follow = func(r *resource, depth int) {
		if r == nil || seen[r] || depth > 3 || im.compare < 0 {
			return
		}
		seen[r], sources[r.label] = true, true
		walk(r.without("text"))
		for _, ref := range r.references() {
			to, _ := im.find(r, ref)
			follow(to, depth+1)
		}
	}
	walk(n.peek("extension"))
	for _, e := range entries {
		note(e.peek("display").str())
		to, _ := im.find(im.composition, e.peek("reference").str())
		follow(to, 0)
	}
	im.summary.Sections.Each(func(name string, sec summary.AnySection) {
		for i := range sec.Len() {
			if i >= len(im.sources[name]) || !sources[im.sources[name][i]] || im.compare < 0 {
				continue
			}
			if item, err := json.Marshal(sec.Item(i)); err == nil {
				note(string(item))
			}
		}
	})
	return known
}

// rowsBeyond are the rows of a narrative that say more than what is known: two words or more, or one of the only two that it has; in the text of
// allergies any. A row that only says that there is none says nothing more.
func rowsBeyond(div string, known map[string]bool, allergies bool) (rows []string) {
	div = headRow().ReplaceAllString(ownRemark().ReplaceAllString(div[:min(len(div), maxNarrative)], " "), " ")
	for _, row := range rowEnd().Split(div, -1) {
		plain := plainText(row)
		said := slices.DeleteFunc(words(plain), func(w string) bool { return labels()[w] })
		more := 0
		for _, w := range said {
			if !known[w] {
				more++
			}
		}
		if len(said) <= 3 && denial().MatchString(plain) && !exceptions().MatchString(plain) {
			continue
		}
		if more > 1 || more == 1 && (allergies || len(said) <= 2) {
			rows = append(rows, plain)
		}
	}
	return rows
}

// plainText is a piece of XHTML without its markup.
func plainText(s string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tag().ReplaceAllString(s, " "))), " ")
}

// labels are the words by which narratives call what the entries say without a word.
var labels = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`status statut state active actif active inactive resolved confirmed confirmé confirmée unconfirmed code codes date dates
		reaction reactions réaction réactions severity gravité sévérité criticality criticité category catégorie type since depuis onset début verification
		clinical name nom dose doses dosage posologie route voie patient note notes comment comments commentaire entry section summary synthèse resource generated
		narrative medication medications médicament médicaments traitement traitements allergy allergies allergie intolerance intolerances intolérance
		intolérances problem problems problème problèmes condition conditions procedure procedures intervention device devices vaccine vaccination vaccinations
		immunization immunizations substance agent manifestation manifestations unknown inconnu inconnue none information start end period with from that this
		avec pour dans sans time times fois jour jours daily days take prendre identifier system display value observation observations result results
		résultat résultats unit units moderate mild severe last updated recorded asserted history antécédents title titre description instructions
		instruction the and for des les une aux sur par est oui non yes not was has are mit und der die das del con los las per instruct medical médical current past laterality latéralité quantity frequency fréquence reported reviewed revu revus effective details détail`) {
		m[w] = true
	}
	return m
})

// words are those of a text that mean something: of three characters and more.
func words(s string) []string {
	list := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	return slices.DeleteFunc(list, func(w string) bool { return len(w) < 3 || utf8.RuneCountInString(w) < 3 })
}

// without is an object less one member.
func (n *node) without(name string) *node {
	c := &node{kind: n.kind}
	for i, s := range n.names {
		if s != name {
			c.names, c.kids = append(c.names, s), append(c.kids, n.kids[i])
		}
	}
	return c
}

// references lists where a resource points to.
func (r *resource) references() (list []string) {
	var walk func(n *node)
	walk = func(n *node) {
		if ref := n.peek("reference"); ref != nil && ref.kind == kindString {
			list = append(list, ref.text)
		}
		for _, kid := range n.kids {
			walk(kid)
		}
	}
	for i, name := range r.names {
		if name != "subject" && name != "patient" {
			walk(r.kids[i])
		}
	}
	return list
}

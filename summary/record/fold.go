package record

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// apply folds into the summary what may be applied of the amendments, those of contents that are not nil: first all that is added,
// then what is said about items, so that what one author says of another's item finds it wherever the two stand. It returns those
// whose signer may not say all that they say; then the rest has to be done again without them, since who is refused for one operation
// adds nothing either, and what he would have added is nobody's target.
func (r *Record) apply(contents []*summary.Amendment, stale bool) (refused []int) {
	if r.Summary == nil {
		for i, content := range contents {
			if content != nil {
				r.Amendments[i].Verdict = Verdict{Invalid, ReasonTarget}
			}
		}
		return nil
	}
	r.authors = map[string]*x509.Certificate{}
	r.Changes = nil
	for i, content := range contents {
		if content != nil {
			r.add(&r.Amendments[i], content)
		}
	}
	for i, content := range contents {
		if content != nil && r.permitted(r.Amendments[i].Signer, content) != nil {
			refused = append(refused, i)
		}
	}
	if len(refused) > 0 {
		return refused
	}
	for i, content := range contents {
		if content == nil {
			continue
		}
		out := &r.Amendments[i]
		changes, missing := r.Summary.Amend(out.said(content), AuthorOf(out.Signer), dateOf(out.Time))
		r.Changes = append(r.Changes, changes...)
		out.State, out.Content, out.Unverified, out.Missing = AmendmentApplied, content, nil, missing
		switch {
		case len(missing) > 0:
			out.Verdict = Verdict{Unverifiable, ReasonTarget}
		case stale:
			out.Verdict = Verdict{ValidStale, ReasonTrustOutdated}
		}
	}
	return nil
}

// add adds the items of an amendment, and remembers who added them.
func (r *Record) add(out *Amendment, content *summary.Amendment) {
	added := &summary.Amendment{Schema: content.Schema, Level: content.Level, Add: content.Add}
	changes, _ := r.Summary.Amend(added, AuthorOf(out.Signer), dateOf(out.Time))
	r.Changes = append(r.Changes, changes...)
	out.Added = nil
	for _, c := range changes {
		out.Added = append(out.Added, c.ID)
		r.authors[c.ID] = out.Signer.Certificate
	}
}

// said is what an amendment says about items, those that it added itself under the ids that they got.
func (out *Amendment) said(content *summary.Amendment) *summary.Amendment {
	said := *content
	said.Add = summary.Additions{}
	i := 0
	renamed := map[string]string{}
	content.Add.Each(func(_ string, _ any, common *summary.Common) {
		if i < len(out.Added) && common.ID != out.Added[i] {
			renamed[common.ID] = out.Added[i]
		}
		i++
	})
	if len(renamed) == 0 {
		return &said
	}
	said.Stop, said.Annotate = slices.Clone(said.Stop), slices.Clone(said.Annotate)
	said.Taken, said.Dispensed, said.Retract = slices.Clone(said.Taken), slices.Clone(said.Dispensed), slices.Clone(said.Retract)
	rename := func(t *summary.Target) {
		if id, ok := renamed[t.ID]; ok {
			t.ID = id
		}
	}
	for i := range said.Stop {
		rename(&said.Stop[i].Target)
	}
	for i := range said.Annotate {
		rename(&said.Annotate[i].Target)
	}
	for i := range said.Taken {
		rename(&said.Taken[i].Target)
	}
	for i := range said.Dispensed {
		rename(&said.Dispensed[i].Target)
	}
	for i := range said.Retract {
		rename(&said.Retract[i].Target)
	}
	return &said
}

func levelOf(section string, c *summary.Common) summary.Level {
	if c.Level == "" {
		return summary.DefaultLevel(section)
	}
	return c.Level
}

// MaySay refuses, with a *PermissionError, an amendment of which the signer may not say all.
func (r *Record) MaySay(who *trust.Signer, content *summary.Amendment) error {
	if r.Summary == nil {
		return ErrUnreliable
	}
	return r.permitted(who, content)
}

// permitted is MaySay, where there is a summary.
func (r *Record) permitted(who *trust.Signer, content *summary.Amendment) error {
	return permitted(who.Role, content, func(id string) (section string, item any, own, ok bool) {
		section, item, common := r.Summary.Find(id)
		author := r.authors[id]
		own = author != nil && bytes.Equal(author.RawSubjectPublicKeyInfo, who.Certificate.RawSubjectPublicKeyInfo)
		return section, item, own, common != nil
	})
}

// AuthorOf is how a signer stands beside an item.
func AuthorOf(s *trust.Signer) summary.Author {
	return summary.Author{Name: authorText(s.Name, 120), Role: string(s.Role), ID: authorText(s.ID, 64), Org: authorText(s.Organization, 120)}
}

// authorText is a text of a certificate, which may hold anything, as a summary can hold it.
func authorText(s string, limit int) string {
	if summary.CheckText(s, limit) == nil {
		return s
	}
	var clean []rune
	for _, r := range s {
		if len(clean) < limit && summary.CheckText(string(append(clean, r)), limit) == nil {
			clean = append(clean, r)
		}
	}
	return string(clean)
}

func dateOf(t time.Time) summary.Date {
	d, err := summary.ParseDate(t.UTC().Format(time.DateOnly))
	if err != nil {
		panic("record: " + err.Error()) // a time within maxTime has a date
	}
	return d
}

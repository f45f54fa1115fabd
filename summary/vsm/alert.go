package vsm

import (
	"strings"

	"github.com/secours-card/secours/summary"
)

// alertEntry reads a point of attention. Its kind is not guessed from its words.
func (im *importer) alertEntry(s *section, e *node) {
	for _, o := range observations(e, "observation", "act") {
		if o.name == "act" && len(observations(o, "observation")) > 0 {
			continue // a concern around others
		}
		im.alert(s, e, o, summary.AlertOther)
	}
	for _, o := range observations(e, "supply", "procedure") {
		im.device(s, o)
	}
}

func (im *importer) alert(s *section, e, o *node, kind summary.AlertKind) {
	value, code := o.kid("value"), o.kid("code")
	if im.absent(s, present([]*node{value, code})...) {
		o.take()
		return
	}
	item(im, &im.alerts, o, func() (summary.Alert, bool) {
		a := summary.Alert{Common: im.common(o), Kind: kind}
		entry := cmpOr(im.original(o.kid("text")), im.lonely(e, o))
		c := im.concept(value, beside{entry: entry})
		if c.Text == "" {
			c.Text = im.plainValue(value)
		}
		if isProblemType(code) {
			code.take()
		} else if label := im.concept(code, beside{}); label.Text != "" && c.Text != "" && fold(label.Text) != fold(c.Text) {
			c.Text = label.Text + " : " + c.Text
		} else if c.Text == "" {
			c = label
		}
		a.Text, a.Codes = cmpOr(c.Text, entry), c.Codes
		a.Since, _ = im.interval(o.kid("effectiveTime"))
		if !im.stands(&a, o, isTrue(o.attr("negationInd"))) {
			return a, false
		}
		im.concernStatus(e, o, func(string) {})
		// An alert has no note.
		a.Text = joinNotes(a.Text, im.note("", o, len(im.alerts)))
		return a, true
	})
}

// plainValue writes out a value that is no code: a quantity, a text, yes or no.
func (im *importer) plainValue(n *node) string {
	if n == nil {
		return ""
	}
	if strings.HasSuffix(n.peek("xsi:type"), "BL") {
		switch n.attr("value") {
		case "true", "1":
			return "oui"
		case "false", "0":
			return "non"
		}
		return ""
	}
	if n.peek("value") != "" {
		s := strings.TrimSpace(n.attr("value") + " " + strings.Trim(n.attr("unit"), "{}"))
		im.tell(s)
		return s
	}
	if strings.HasSuffix(n.peek("xsi:type"), "ST") || strings.HasSuffix(n.peek("xsi:type"), "ED") {
		return im.original(n)
	}
	return ""
}

func (im *importer) deviceEntry(s *section, e *node) {
	for _, n := range observations(e, "supply", "procedure", "observation", "substanceAdministration") {
		im.device(s, n)
	}
}

// device reads a device as an implant, which an emergency has to know of. A section of devices may list a wheelchair too: somebody
// has to look.
func (im *importer) device(s *section, n *node) {
	role := n.at("participant", "participantRole")
	d := role.kid("playingDevice")
	if im.absent(s, present([]*node{d.kid("code"), n.kid("code"), n.kid("value")})...) {
		n.take()
		return
	}
	item(im, &im.alerts, n, func() (summary.Alert, bool) {
		a := summary.Alert{Common: im.common(n), Kind: summary.AlertImplant}
		model := flat(d.kid("manufacturerModelName"))
		entry := im.original(n.kid("text"))
		c := im.concept(d.kid("code"), beside{entry: cmpOr(model, entry)})
		if c.Text == "" {
			c.Text = cmpOr(model, entry)
		}
		if c.Text == "" {
			c = im.concept(n.kid("code"), beside{})
		}
		d.kid("manufacturerModelName").take()
		if model != "" && !strings.Contains(fold(c.Text), fold(model)) {
			c.Text += ", " + model
		}
		im.tell(model)
		a.Text, a.Codes = c.Text, c.Codes
		a.Since, _ = im.interval(n.kid("effectiveTime"))
		if !im.stands(&a, n, isTrue(n.attr("negationInd")) || planned(n) && n.name == "procedure") {
			return a, false
		}
		for _, id := range role.all("id") {
			// The serial number or UDI is what a recall and an MRI ask for.
			if serial := id.attr("extension"); serial != "" && !strings.Contains(a.Text, serial) {
				a.Text += ", n° " + serial
				im.tell(serial)
			}
		}
		im.report(summary.LossAmbiguous, summary.ReasonStructure, n, "a device, taken for an implant: "+a.Text)
		a.Text = joinNotes(a.Text, im.note("", n, len(im.alerts)))
		return a, true
	})
}

// pregnancyEntry reads that the patient is pregnant and when the birth is expected. That she is not, or was, is no alert.
func (im *importer) pregnancyEntry(e *node) {
	for _, o := range observations(e, "observation") {
		value, code := o.kid("value"), o.kid("code").peek("code")
		switch {
		case value.peek("code") == "77386006":
			item(im, &im.alerts, o, func() (summary.Alert, bool) {
				a := summary.Alert{Common: im.common(o), Kind: summary.AlertPregnancy}
				c := im.concept(value, beside{entry: im.original(o.kid("text"))})
				a.Text, a.Codes = c.Text, c.Codes
				o.kid("code").take()
				a.Since, _ = im.interval(o.kid("effectiveTime"))
				if isTrue(o.attr("negationInd")) {
					im.report(summary.LossDropped, summary.ReasonNotInForce, o, a.Text)
					return a, false
				}
				for _, r := range o.all("entryRelationship") {
					im.expected(&a, r.kid("observation"))
				}
				a.Text = joinNotes(a.Text, im.note("", o, len(im.alerts)))
				return a, true
			})
		case isDueDate(code) && len(im.alerts) > 0 && im.alerts[len(im.alerts)-1].item.Kind == summary.AlertPregnancy:
			im.expected(&im.alerts[len(im.alerts)-1].item, o)
		case value.peek("code") == "60001007":
			im.report(summary.LossDropped, summary.ReasonNotInForce, o, im.readable(o))
			o.take()
		}
	}
}

func isDueDate(code string) bool {
	switch code {
	case "11778-8", "11779-6", "11780-4", "57063-0", "57064-8":
		return true
	}
	return false
}

func (im *importer) expected(a *summary.Alert, o *node) {
	if isDueDate(o.kid("code").peek("code")) && a.DueDate.IsZero() {
		a.DueDate = im.date(o.kid("value"))
		im.tell(o.kid("code").peek("displayName"))
		o.kid("code").take()
	}
}

// stands says whether what was read is an alert: it has a text, which is no denial, and it is in force. If not, that is reported.
func (im *importer) stands(a *summary.Alert, n *node, notInForce bool) bool {
	switch {
	case a.Text == "":
		return false
	case denies(a.Text) && len(a.Codes) == 0:
		im.report(summary.LossDropped, summary.ReasonNarrative, n, a.Text)
		return false
	case notInForce:
		im.report(summary.LossDropped, summary.ReasonNotInForce, n, a.Text)
		n.take()
		return false
	}
	return true
}

package summary

import "testing"

func TestFind(t *testing.T) {
	s := parse(t, `{"schema":"secours.summary/1","patient":{"family":"D","given":["J"],"birthDate":"1948","sex":"female"},
		"sections":{"history":{"status":"items","items":[{"id":"a","condition":{"text":"x"}},{"id":"b","condition":{"text":"y"}}]}}}`)
	section, item, common := s.Find("b")
	if c, ok := item.(*Condition); section != "history" || !ok || c.Condition.Text != "y" || common != &c.Common {
		t.Errorf("%s %v", section, item)
	}
	if section, item, common := s.Find("c"); section != "" || item != nil || common != nil {
		t.Errorf("%s %v", section, item)
	}
}

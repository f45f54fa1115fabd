package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/secours-card/secours/summary"
)

// echoes returns the paths of items below the masked level in which the main text of a masked item stands too: what hides a disease in the
// history, and gives it as the reason of a drug, hides nothing.
func echoes(s *summary.Summary) []string {
	var hidden []string
	s.Sections.Each(func(_ string, section summary.AnySection) {
		for i := range section.Len() {
			if text := strings.ToLower(strings.TrimSpace(mainText(section.Item(i)))); section.Common(i).Level == summary.LevelMasked && len(text) >= 4 {
				hidden = append(hidden, text)
			}
		}
	})
	if len(hidden) == 0 {
		return nil
	}
	var paths []string
	s.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			if section.Common(i).Level == summary.LevelMasked {
				continue
			}
			// The JSON of the item has all its texts, whatever kind it is.
			data, err := json.Marshal(section.Item(i))
			if err != nil {
				continue
			}
			for _, text := range hidden {
				if quoted, err := json.Marshal(text); err == nil && strings.Contains(strings.ToLower(string(data)), string(quoted[1:len(quoted)-1])) {
					paths = append(paths, fmt.Sprintf("sections.%s.items[%d]", name, i))
					break
				}
			}
		}
	})
	return paths
}

// mainText is what an item is about.
func mainText(item any) string {
	switch x := item.(type) {
	case *summary.Alert:
		return x.Text
	case *summary.Allergy:
		return x.Agent.Text
	case *summary.Medication:
		return x.Product.Text
	case *summary.Condition:
		return x.Condition.Text
	case *summary.Vaccination:
		return x.Vaccine.Text
	case *summary.Visit:
		return x.Reason.Text
	case *summary.Directive:
		return x.Text
	case *summary.Contact:
		return x.Name
	}
	return ""
}

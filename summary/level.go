package summary

// Level is a confidentiality level. The zero Level of an item stands for its section's default.
type Level string

// The confidentiality levels, from the least to the most confidential.
const (
	LevelOpen     Level = "open"
	LevelCare     Level = "care"
	LevelClinical Level = "clinical"
	LevelMasked   Level = "masked"
)

// levels are the confidentiality levels by rank.
var levels = [...]Level{LevelOpen, LevelCare, LevelClinical, LevelMasked}

// Rank orders the levels: 0 for open to 3 for masked, -1 for anything else.
func (l Level) Rank() int {
	for i, m := range levels {
		if l == m {
			return i
		}
	}
	return -1
}

// DefaultLevel returns the level of the items of a section that name none. A section unknown to this version counts as
// clinical, since nothing says that less will do.
func DefaultLevel(section string) Level {
	switch section {
	case "alerts", "allergies", "medications", "measurements", "vaccinations", "contacts":
		return LevelCare
	}
	return LevelClinical
}

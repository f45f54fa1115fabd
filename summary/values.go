package summary

// Flag is a boolean that may be absent, since "no" and "not said" differ.
type Flag int8

// The values of a Flag.
const (
	Unsaid Flag = iota
	No
	Yes
)

// Value is a quantity kept to the letter. Number remembers that JSON gave it as a number, so that it goes out as one.
type Value struct {
	Text   string
	Number bool
}

// Author names who said something. In JSON it is a string (Bare) or an object.
type Author struct {
	Name string `json:"name" key:"1" max:"120"`
	Role string `json:"role" key:"2" max:"40"`
	ID   string `json:"id" key:"3" max:"64"`
	Org  string `json:"org" key:"4" max:"120"`
	// Bare is set when JSON gave a name alone, as a string.
	Bare  bool `json:"-"`
	Extra Extra
}

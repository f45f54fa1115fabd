package summary

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"
)

//go:generate go test -run TestSchemaFile -update .

//go:embed secours.summary-1.schema.json
var schemaJSON string

//go:embed secours.amendment-1.schema.json
var amendmentSchemaJSON string

// SchemaJSON returns the JSON Schema (draft 2020-12) of a summary. It says all that a schema can; Parse checks more.
func SchemaJSON() string { return schemaJSON }

// AmendmentSchemaJSON returns the JSON Schema (draft 2020-12) of an amendment. It says all that a schema can; ParseAmendment
// checks more.
func AmendmentSchemaJSON() string { return amendmentSchemaJSON }

// js is a JSON object of a schema.
type js = map[string]any

func summarySchema() js { return jsonSchema(model().summary, "A patient's emergency summary.") }

func amendmentSchema() js {
	return jsonSchema(model().amendment, "What one professional adds to a patient's emergency summary.")
}

// jsonSchema works the schema of a document out from the plan of the model.
func jsonSchema(o *object, description string) js {
	g := schemaWriter{defs: js{
		"line": js{"type": "string", "minLength": 1, "pattern": textPattern(false)},
		"block": js{
			"type": "string", "minLength": 1, "pattern": textPattern(true),
			"description": "A text of several lines, parted by line feeds.",
		},
		"date": js{
			"type":        "string",
			"pattern":     `^(18[5-9][0-9]|19[0-9]{2}|20[0-9]{2}|21[0-4][0-9]|215[0-5])(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$`,
			"description": "A year, a year and month, or a day that exists.",
		},
		"uri": js{"type": "string", "maxLength": maxURI, "pattern": `^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$`},
		"unknown": js{
			"description": "What this version does not know is kept to the letter.",
			"anyOf": []any{
				js{"type": []any{"null", "boolean", "number"}},
				js{"type": "string", "pattern": textPattern(true)},
				js{"type": "array", "items": ref("unknown")},
				js{"type": "object", "additionalProperties": ref("unknown"), "propertyNames": js{"maxLength": maxName, "pattern": textPattern(false)}},
			},
		},
		"newer": js{
			"type": "string", "contentEncoding": "base64", "pattern": `^[A-Za-z0-9+/]+={0,2}$`,
			"description": "A member of a newer card format: #N, N its CBOR key, its value as CBOR.",
		},
		"memberName": js{
			"minLength": 1, "maxLength": maxName, "allOf": []any{
				js{"pattern": textPattern(false)},
				js{"pattern": `^([^#]|#(0|-?[1-9][0-9]{0,17})(@(open|care|clinical|masked))?$)`},
			},
		},
	}}
	root := g.object(o)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://github.com/secours-card/secours/summary/" + strings.ReplaceAll(o.schema, "/", "-") + ".schema.json"
	root["title"] = o.schema
	root["description"] = description + " A member that is null is absent."
	root["$defs"] = g.defs
	return root
}

type schemaWriter struct{ defs js }

func ref(name string) js { return js{"$ref": "#/$defs/" + name} }

// textPattern is the regular expression of the texts whose characters are allowed. The characters stand in it as they are: how to
// escape them is what regular expression dialects disagree on most.
func textPattern(block bool) string {
	var b strings.Builder
	b.WriteString("^[^")
	for from := rune(0); from <= utf8.RuneError; from++ {
		if allowed(from, block) || !utf8.ValidRune(from) {
			continue
		}
		to := from
		for !allowed(to+1, block) && to < utf8.RuneError {
			to++
		}
		b.WriteRune(from)
		if to > from {
			b.WriteString("-" + string(to))
		}
		from = to
	}
	return b.String() + "]*$"
}

// define puts the schema of an object among the definitions, once.
func (g *schemaWriter) define(o *object) js {
	name := strings.ToLower(o.name[:1]) + o.name[1:]
	if _, ok := g.defs[name]; !ok {
		g.defs[name] = nil
		g.defs[name] = g.object(o)
	}
	return ref(name)
}

func (g *schemaWriter) object(o *object) js {
	properties, required := js{}, []any{}
	for i := range o.fields {
		f := &o.fields[i]
		s := g.value(f.shape)
		if o.schema != "" && f.name == "schema" {
			s = js{"const": o.schema}
		}
		if f.req {
			required = append(required, f.name)
			if f.kind == kindList {
				s["minItems"] = 1
			}
		} else {
			s = orNull(s)
		}
		properties[f.name] = s
	}
	out := js{
		"type": "object", "properties": properties,
		"patternProperties":    js{"^#": ref("newer")},
		"additionalProperties": ref("unknown"),
		"propertyNames":        ref("memberName"),
	}
	if len(required) > 0 {
		out["required"] = required
	}
	switch {
	case o == model().amendment:
		// The schema and an operation.
		out["minProperties"] = 2
	case o.places != nil:
		out["allOf"] = statusRules()
		if len(o.field("noneKnown").elem.enum.values) == 0 {
			properties["noneKnown"] = js{"anyOf": []any{js{"type": "null"}, js{"type": "array", "maxItems": 0}}}
		}
	case o.form == formAuthor:
		out["minProperties"] = 1
		out = js{"anyOf": []any{g.value(o.field("name").shape), out}}
	}
	return out
}

// statusRules ties the status of a section to its items.
func statusRules() []any {
	status := func(s js) js {
		return js{"properties": js{"status": s}, "required": []any{"status"}}
	}
	return []any{
		js{
			"if": status(js{"const": StatusItems}),
			"then": js{
				"properties": js{"items": js{"type": "array", "minItems": 1}},
				"required":   []any{"items"},
			},
		},
		js{
			"if":   status(js{"enum": []any{StatusNoneKnown, StatusNotAsked, StatusUnavailable}}),
			"then": js{"properties": js{"items": js{"maxItems": 0}}},
		},
	}
}

func orNull(s js) js {
	return js{"anyOf": []any{s, js{"type": "null"}}}
}

func (g *schemaWriter) value(s *shape) js {
	switch s.kind {
	case kindText:
		name := "line"
		if s.block {
			name = "block"
		}
		out := ref(name)
		out["maxLength"] = s.max
		if s.ident {
			out["pattern"] = `^[A-Za-z0-9._-]+$`
		}
		return out
	case kindEnum:
		var values []any
		for _, v := range s.enum.values {
			values = append(values, v)
		}
		if s.enum.uri {
			return js{"anyOf": []any{js{"enum": values}, ref("uri")}}
		}
		return js{"enum": values}
	case kindDate:
		return ref("date")
	case kindFlag:
		return js{"type": "boolean"}
	case kindValue:
		text := ref("line")
		text["maxLength"] = s.max
		return js{"anyOf": []any{text, js{"type": "number"}}}
	case kindList:
		out := js{"type": "array", "maxItems": s.max, "items": js{}}
		if s.elem.kind != kindEnum || len(s.elem.enum.values) > 0 {
			out["items"] = g.value(s.elem)
		}
		if s.elem.kind == kindEnum {
			out["uniqueItems"] = true
		}
		if s.min > 0 {
			out["minItems"] = s.min
		}
		return out
	case kindObject:
		return g.define(s.obj)
	}
	panic(fmt.Sprintf("summary: no schema for kind %d", s.kind))
}

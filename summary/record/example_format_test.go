package record

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary/trust"
)

// workedExample computes every value of FORMAT section 6 from the vector that it is about.
func workedExample(t *testing.T) (names []string, values map[string]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectorDir, "valid.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vector
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	values = map[string]string{}
	set := func(name string, value []byte) {
		names = append(names, name)
		values[name] = hex.EncodeToString(value)
	}
	p, err := parse(unhex(t, v.Record))
	if err != nil {
		t.Fatal(err)
	}
	f := p.base
	keys := v.keys(t)
	c, _, err := p.find([16]byte(unhex(t, v.Card)), keys)
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.openBoxes(f)
	if err != nil {
		t.Fatal(err)
	}
	own := c.base
	set("card id", c.card[:])
	set("header", f.Header)
	for _, key := range keys {
		name := string(key.Kind)
		if key.Role != "" {
			name = string(key.Role)
		}
		set("private key, "+name, key.Opening.Bytes())
		set("public key, "+name, key.Public())
		id := trust.KeyID(key.Opening.PublicKey())
		set("key id, "+name, id[:])
	}
	set("wrap info", wrapInfo(c.suite, c.base[:]))
	set("enc", p.wraps.lots[0].enc)
	for i, r := range p.wraps.lots[0].recipients {
		set(fmt.Sprintf("recipient %d", i+1), r)
	}
	set("K3", c.level[3])
	set("K2", c.level[2])
	set("K1", c.level[1])
	set("base id", c.base[:])
	for level := 1; level <= 3; level++ {
		set(fmt.Sprintf("box key %d", level), c.boxKey(own, level))
	}
	set("open", f.Open)
	for level, box := range [][]byte{f.Box1, f.Box2, f.Box3} {
		plain, err := c.open(own, level+1, f.Header, box)
		if err != nil {
			t.Fatal(err)
		}
		set(fmt.Sprintf("plaintext %d", level+1), plain)
	}
	for level := range 4 {
		set(fmt.Sprintf("level %d", level), o.message[level])
	}
	set("D3", c.digest(own, 3, o.message[3]))
	set("D2", c.digest(own, 2, o.d3, o.message[2]))
	set("D1", c.digest(own, 1, o.message[1]))
	set("D0", c.digest(own, 0, o.message[0]))
	set("manifest", o.signed.Manifest)
	set("external_aad", c.externalAAD(contextBase, own, c.digest(own, 1, o.message[1])))
	set("certificate", o.signed.Certificate)
	set("COSE_Sign1", o.signed.message())
	set("link", linkBytes(f.link()))
	set("record", unhex(t, v.Record))
	return names, values
}

func linkBytes(h Head) []byte { return h[:] }

// TestWorkedExample holds section 6 of FORMAT against the code. With -update it prints what the section should say.
func TestWorkedExample(t *testing.T) {
	names, values := workedExample(t)
	if *update {
		for _, name := range names {
			fmt.Println(name)
			for s := values[name]; s != ""; {
				n := min(len(s), 96)
				fmt.Println("    " + s[:n])
				s = s[n:]
			}
		}
	}
	documented := map[string]string{}
	file, err := os.Open("../../docs/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in, name := false, ""
	for s := bufio.NewScanner(file); s.Scan(); {
		line := s.Text()
		switch {
		case strings.HasPrefix(line, "## "):
			in = strings.HasPrefix(line, "## 6. ")
		case !in || line == "" || strings.HasPrefix(line, "```"):
		case strings.HasPrefix(line, "    "):
			documented[name] += strings.TrimSpace(line)
		default:
			name = line
		}
	}
	for _, name := range names {
		if documented[name] != values[name] {
			t.Errorf("FORMAT section 6, %s: %q, the code says %q", name, documented[name], values[name])
		}
	}
}

//go:build linux && cgo

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

// ours is what our own client reads of a card: the container, and what the card says of extended APDUs.
func (s *readerSlot) ours() (memory []byte, c card.Capabilities) {
	s.t.Helper()
	ctx := s.t.Context()
	conn, err := pcsc.Connect(ctx, s.name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Begin(ctx); err != nil {
		s.t.Fatal(err)
	}
	found, err := card.Open(ctx, conn)
	if err != nil {
		s.t.Fatal(err)
	}
	m := found.Medium(ctx)
	memory = make([]byte, m.Size())
	if _, err := m.ReadAt(memory, 0); err != nil {
		s.t.Fatal(err)
	}
	if a, ok := found.(*card.Application); ok {
		if c, err = a.Capabilities(ctx); err != nil {
			s.t.Fatal(err)
		}
	}
	return memory, c
}

// holds tells whether the image of the card has these bytes. It keeps the memory in one piece.
func (p *playground) holds(t *testing.T, memory []byte) bool {
	t.Helper()
	image, err := os.ReadFile(p.image)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(image, memory)
}

// infoWanted is EF.ATR/INFO: docs/FORMAT.md, 1.
func infoWanted(most int) string {
	if most == 0 {
		return "4703960100"
	}
	return fmt.Sprintf("7F66080202%04X0202%04X4703960160", most, most)
}

var (
	openscStatus = regexp.MustCompile(`(?m)^Received \(SW1=0x([0-9A-F]{2}), SW2=0x([0-9A-F]{2})\)`)
	openscBytes  = regexp.MustCompile(`(?m)^((?:[0-9A-F]{2} ){1,16})`)
)

// opensc sends commands by opensc-tool, and returns the data of the answers.
func opensc(t *testing.T, slot int, commands ...string) (data [][]byte) {
	t.Helper()
	args := []string{"--reader", fmt.Sprint(slot), "--card-driver", "default"}
	for _, c := range commands {
		args = append(args, "--send-apdu", c)
	}
	out, err := pcsctest.OpenSC(t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("opensc-tool: %v\n%s", err, out)
	}
	answers := strings.Split(string(out), "Sending: ")[1:]
	if len(answers) != len(commands) {
		t.Fatalf("%d commands, %d answers of opensc-tool:\n%s", len(commands), len(answers), out)
	}
	for i, answer := range answers {
		if sw := openscStatus.FindStringSubmatch(answer); sw == nil || sw[1]+sw[2] != "9000" {
			t.Fatalf("opensc-tool, %s:\n%s", commands[i], answer)
		}
		_, dump, _ := strings.Cut(answer, "Received")
		var b []byte
		for _, line := range openscBytes.FindAllString(dump, -1) {
			part, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			b = append(b, part...)
		}
		data = append(data, b)
	}
	return data
}

// Foreign clients select our application, and read what our own client reads and what is in the card.
func TestForeignClientsThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	for n, most := range []int{0, 2048} {
		t.Run(fmt.Sprintf("extended %d", most), func(t *testing.T) {
			t.Parallel()
			p := newPlayground(t)
			p.become(t, sim.Options{Size: 16384, MaxCommand: most, MaxResponse: most}, p.file("summary.json"))
			s := newSlot(t, service, n)
			s.put(p.sim(t, 7))
			memory, capabilities := s.ours()
			if !p.holds(t, memory) || !bytes.Contains(memory, []byte("SCRS")) {
				t.Error("our client reads what is not in the image")
			}
			if capabilities.MaxCommand != most || capabilities.MaxResponse != most {
				t.Errorf("our client reads of extended APDUs: %+v", capabilities)
			}

			commands := []string{"00A4040008F05345434F55525300", "00:B0:9D:00:00"}
			for at := 0; at < len(memory); at += 240 {
				p1 := at >> 8
				if at == 0 {
					p1 = 0x81
				}
				commands = append(commands, fmt.Sprintf("00B0%02X%02X%02X", p1, at&0xFF, min(240, len(memory)-at)))
			}
			data := opensc(t, n, commands...)
			if got := bytes.Join(data[2:], nil); !bytes.Equal(got, memory) {
				t.Errorf("opensc-tool reads a container of %d bytes, our client one of %d", len(got), len(memory))
			}
			if got := fmt.Sprintf("%X", data[1]); got != infoWanted(most) {
				t.Errorf("opensc-tool reads EF.ATR/INFO %s, want %s", got, infoWanted(most))
			}

			var pyscard struct{ FCI, Info, Short, Extended string }
			python(t, &pyscard, "testdata/e2e/application.py", s.name)
			if pyscard.FCI != hex.EncodeToString(data[0]) || !strings.EqualFold(pyscard.Info, infoWanted(most)) {
				t.Errorf("pyscard reads FCI %s and EF.ATR/INFO %s, want %x and %s", pyscard.FCI, pyscard.Info, data[0], infoWanted(most))
			}
			want := hex.EncodeToString(memory)
			if pyscard.Short != want || most > 0 && pyscard.Extended != want || most == 0 && pyscard.Extended != "" {
				t.Errorf("pyscard reads %d bytes, and %d by extended APDUs, our client %d", len(pyscard.Short)/2, len(pyscard.Extended)/2, len(memory))
			}
			if now := p.show(t, s.at()); !now.verified() {
				t.Errorf("%d %s", now.code, now.talk)
			}
		})
	}
}

// python runs a script and parses what it prints.
func python(t *testing.T, into any, args ...string) {
	t.Helper()
	script := pcsctest.Python(t, args...)
	script.Stderr = t.Output()
	out, err := script.Output()
	if err != nil {
		t.Fatalf("%s: %v", args[0], err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}

// An NDEF reader finds one record on a tag, and our client's container in its payload.
func TestForeignNDEFReadersThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	for n, tag := range []sim.Tag{{FileID: 0x0001, MLe: 128, MLc: 54}, {Mapping: 3}} {
		t.Run(fmt.Sprintf("mapping %d", max(tag.Mapping, 2)), func(t *testing.T) {
			t.Parallel()
			p := newPlayground(t)
			p.become(t, sim.Options{Size: 16384, Tag: &tag}, p.file("summary.json"))
			s := newSlot(t, service, n)
			s.put(p.sim(t, 7))
			memory, _ := s.ours()
			if !p.holds(t, memory) {
				t.Error("our client reads what is not in the image")
			}
			var found struct {
				CC, Message string
				Records     []struct {
					TNF           int
					Type, Payload string
				}
			}
			python(t, &found, "testdata/e2e/tag.py", s.name)
			if len(found.Records) != 1 || found.Records[0].TNF != 2 || found.Records[0].Type != "application/vnd.secours" {
				t.Fatalf("%d records %+.200v", len(found.Records), found.Records)
			}
			payload, err := hex.DecodeString(found.Records[0].Payload)
			if err != nil || len(payload) < len(memory) {
				t.Fatalf("a payload of %d bytes, %v", len(payload), err)
			}
			before, container := payload[:len(payload)-len(memory)], payload[len(payload)-len(memory):]
			if !bytes.Equal(container, memory) || len(bytes.Trim(before, "\x00")) > 0 {
				t.Error("pyscard finds another container in the payload than our client")
			}
			// And it is all that the file holds, but for what the layout leaves at the end (docs/FORMAT.md, 1.1).
			length := binary.BigEndian.AppendUint32(nil, uint32(len(found.Message)/2))
			if tag.Mapping != 3 {
				length = length[2:]
			}
			message, _ := hex.DecodeString(found.Message)
			if file := append(length, message...); !p.holds(t, file) || len(file) < 16384-64 {
				t.Errorf("a file of %d bytes, which is not in the image", len(file))
			}
			if n := s.message(); n != len(message) {
				t.Errorf("an NDEF reader of ours reads %d bytes, pyscard %d", n, len(message))
			}
			if now := p.show(t, s.at()); !now.verified() {
				t.Errorf("%d %s", now.code, now.talk)
			}
		})
	}
}

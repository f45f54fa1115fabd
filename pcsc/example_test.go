package pcsc_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/secours-card/secours/pcsc"
)

// A Conn has the method Transmit that package card asks of a card.Transmitter, and so can be given to it in place of what is sent here.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reader, err := pcsc.WaitCard(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	c, err := pcsc.Connect(ctx, reader)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Begin(ctx); err != nil {
		log.Print(err)
		return
	}
	// SELECT of the NDEF application of a Type 4 Tag.
	response, err := c.Transmit(ctx, []byte("\x00\xA4\x04\x00\x07\xD2\x76\x00\x00\x85\x01\x01\x00"))
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Printf("%s: %X\n", c.Reader(), response)
}

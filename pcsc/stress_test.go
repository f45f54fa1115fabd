//go:build linux && cgo

package pcsc

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/secours-card/secours/pcsc/pcsctest"
)

// What may come of a call in the midst of everything. Anything else, an error without a meaning among them, is a defect.
var allowed = []error{
	context.Canceled, context.DeadlineExceeded, ErrNoCard, ErrCardRemoved, ErrCardReset, ErrCardUnresponsive, ErrReaderBusy, ErrClosed,
}

func TestStress(t *testing.T) {
	unleaked(t)
	service(t, true)
	names := []string{rig.Reader(0), rig.Reader(1)}
	ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer stop()
	var all sync.WaitGroup
	check := func(what string, err error) bool {
		if err == nil {
			return true
		}
		for _, a := range allowed {
			if errors.Is(err, a) {
				return false
			}
		}
		t.Errorf("%s: %v", what, err)
		return false
	}
	soon := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Duration(rand.IntN(60))*time.Millisecond)
	}
	for i := range 6 {
		all.Go(func() {
			for ctx.Err() == nil {
				c, err := Connect(ctx, names[i%2])
				if !check("Connect", err) {
					time.Sleep(10 * time.Millisecond)
					continue
				}
				for range rand.IntN(8) {
					limited, cancel := soon()
					switch rand.IntN(6) {
					case 0:
						check("Reset", c.Reset(limited))
					case 1:
						if check("Begin", c.Begin(limited)) {
							_, err := c.Transmit(limited, selectMF)
							check("Transmit in a transaction", err)
							check("End", c.End(t.Context()))
						}
					default:
						command := []byte{0, 0xB0, byte(rand.IntN(256)), byte(i)}
						got, err := c.Transmit(limited, command)
						if check("Transmit", err) && !bytes.Equal(got, echo(command)) {
							t.Errorf("%x was answered with %x", command, got)
						}
					}
					cancel()
				}
				switch rand.IntN(3) {
				case 0:
					check("Leave", c.Leave())
				case 1:
					go c.Close()
					check("Close", c.Close())
				default:
					check("Close", c.Close())
				}
			}
		})
	}
	all.Go(func() {
		for ctx.Err() == nil {
			limited, cancel := soon()
			for _, err := range Watch(limited) {
				check("Watch", err)
			}
			cancel()
			limited, cancel = soon()
			_, err := Readers(limited)
			check("Readers", err)
			cancel()
		}
	})
	for slot := range 2 {
		all.Go(func() {
			for ctx.Err() == nil {
				card := &pcsctest.Card{Raw: func(m []byte) []byte {
					switch {
					case len(m) == 1 && m[0] == pcsctest.GetATR:
						return pcsctest.Frame(pcsctest.DefaultATR)
					case len(m) == 1:
						return nil
					}
					if rand.IntN(20) == 0 {
						time.Sleep(80 * time.Millisecond)
					}
					return pcsctest.Frame(echo(m))
				}}
				pcsctest.Insert(t, rig, slot, card)
				time.Sleep(time.Duration(500+rand.IntN(500)) * time.Millisecond)
				card.Remove()
				time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
			}
		})
	}
	all.Wait()
	settled(t)
	eventually(t, "the readers are empty", func() bool { return rig.ATR(0) == nil && rig.ATR(1) == nil })
	insert(t, 0, echo)
	if _, err := connect(t, "").Transmit(t.Context(), selectMF); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

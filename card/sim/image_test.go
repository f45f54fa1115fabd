package sim_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
)

func medium(t testing.TB, c *sim.Card) *card.EF {
	t.Helper()
	a, err := card.Select(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return a.Medium(t.Context())
}

func TestImageKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{Size: 3000, Page: 16, PIN: []byte("1234"), PUK: []byte("666666"), T0: true})
	want := bytes.Repeat([]byte("kept "), 100)
	send(t, c, "00a4040c08f05345434f555253", "9000")
	send(t, c, "0020008110"+"39393939ffffffffffffffffffffffff", "63c2")
	c.Close()

	c = reopen(t, path)
	send(t, c, "00a4040c08f05345434f555253", "9000")
	send(t, c, "0020008110"+"39393939ffffffffffffffffffffffff", "63c1")
	c.Close()

	c = reopen(t, path)
	m := medium(t, c)
	if m.Size() != 3000 || m.PageSize() != 16 {
		t.Errorf("%d bytes, pages of %d", m.Size(), m.PageSize())
	}
	send(t, c, "0020008110"+"31323334ffffffffffffffffffffffff", "9000")
	if _, err := m.WriteAt(want, 1000); err != nil {
		t.Fatal(err)
	}
	c.Close()

	c = reopen(t, path)
	m = medium(t, c)
	send(t, c, "00200081", "63c3")
	send(t, c, "0020008110"+"31323334ffffffffffffffffffffffff", "9000")
	got := make([]byte, len(want))
	if _, err := m.ReadAt(got, 1000); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// A bit that reads at random goes on doing so in the next process.
func TestImageKeepsWeakBits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{Size: 256, Session: sim.Session{Seed: 7}})
	torn := 0
	for try := 0; torn == 0 && try < 100; try++ {
		send(t, c, "00a4040c08f05345434f555253", "9000")
		c.CutAfter(4 + try%4)
		if _, err := medium(t, c).WriteAt(bytes.Repeat([]byte{byte(try), 0x5A}, 32), 64); !errors.Is(err, sim.ErrPowerLost) {
			t.Fatalf("%v, want ErrPowerLost", err)
		}
		c.Close()
		seen := map[string]bool{}
		c = reopen(t, path)
		m := medium(t, c)
		for range 50 {
			b := make([]byte, 64)
			if _, err := m.ReadAt(b, 64); err != nil {
				t.Fatal(err)
			}
			seen[string(b)] = true
		}
		if len(seen) > 1 {
			torn++
		}
	}
	if torn == 0 {
		t.Error("no torn page reads differently after opening the image again")
	}
}

func TestPowerCut(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{Size: 2048})
	m := medium(t, c)
	c.CutAfter(3)
	if _, err := m.WriteAt(make([]byte, 64), 0); !errors.Is(err, sim.ErrPowerLost) || !errors.Is(err, card.ErrCardGone) {
		t.Errorf("the update that dies: %v", err)
	}
	if _, err := m.ReadAt(make([]byte, 1), 0); !errors.Is(err, sim.ErrRemoved) || !errors.Is(err, card.ErrCardGone) {
		t.Errorf("without power: %v", err)
	}
	if err := m.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ReadAt(make([]byte, 1), 0); err != nil {
		t.Errorf("after a reset: %v", err)
	}

	before := c.CutPoints()
	if _, err := m.WriteAt(make([]byte, 64), 0); err != nil || c.CutPoints() <= before {
		t.Errorf("%d cut points in an update, %v", c.CutPoints()-before, err)
	}
	c.PullAfter(3)
	if _, err := m.WriteAt(make([]byte, 64), 0); !errors.Is(err, sim.ErrPowerLost) {
		t.Errorf("the update that dies: %v", err)
	}
	if err := c.Reset(ctx); !errors.Is(err, sim.ErrRemoved) {
		t.Errorf("resetting a card that was pulled: %v", err)
	}
	c.Insert()
	if _, err := medium(t, c).ReadAt(make([]byte, 1), 0); err != nil {
		t.Errorf("put back: %v", err)
	}
	c.PowerOff()
	if _, err := c.Transmit(ctx, []byte{0, 0xB0, 0x81, 0, 1}); !errors.Is(err, sim.ErrRemoved) {
		t.Errorf("powered off: %v", err)
	}
	c.Close()
	c.Insert()
	if _, err := c.Transmit(ctx, []byte{0, 0xB0, 0x81, 0, 1}); !errors.Is(err, sim.ErrRemoved) {
		t.Errorf("closed: %v", err)
	}
	if err := c.Reset(ctx); !errors.Is(err, sim.ErrRemoved) {
		t.Errorf("resetting a closed card: %v", err)
	}
}

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{})
	if _, err := sim.Create(path, sim.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing image: %v", err)
	}
	if _, err := sim.Create(path, sim.Options{Replace: true}); !errors.Is(err, sim.ErrBusy) {
		t.Errorf("replacing a card that is in a reader: %v", err)
	}
	if _, err := medium(t, c).WriteAt([]byte("secret"), 0); err != nil {
		t.Fatal(err)
	}
	c.Close()
	c = create(t, path, sim.Options{Size: 1024, Replace: true})
	if m := medium(t, c); m.Size() != 1024 {
		t.Errorf("the replaced card has %d bytes", m.Size())
	}
	c.Close()
	if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("secret")) {
		t.Errorf("the old content is still in the file, %v", err)
	}
	if st, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if _, err := sim.Create(filepath.Join(path, "x"), sim.Options{}); err == nil {
		t.Error("created an image below a file")
	}
	for _, o := range []sim.Options{
		{Size: -1},
		{Size: 32768},
		{Page: -1},
		{Page: 5000},
		{Size: 10, Page: 11},
		{LogRecords: 255},
		{LogRecord: 241},
		{PIN: []byte("123")},
		{PIN: make([]byte, 17)},
		{PUK: []byte("1234")},
		{MaxCommand: 1000},
		{MaxCommand: 70000, MaxResponse: 1000},
	} {
		p := filepath.Join(t.TempDir(), "x")
		if _, err := sim.Create(p, o); err == nil {
			t.Errorf("%+v makes a card", o)
		}
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v leaves a file", o)
		}
	}
}

func TestOneReaderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{})
	start := time.Now()
	if _, err := sim.Open(path, sim.Session{Wait: 30 * time.Millisecond}); !errors.Is(err, sim.ErrBusy) {
		t.Errorf("a second reader: %v", err)
	}
	if waited := time.Since(start); waited < 30*time.Millisecond {
		t.Errorf("gave up after %v", waited)
	}
	closed := make(chan error)
	go func() {
		time.Sleep(20 * time.Millisecond)
		closed <- c.Close()
	}()
	second, err := sim.Open(path, sim.Session{Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestReadOnlyImage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{PIN: []byte("1234")})
	send(t, c, "00a4040c08f05345434f555253", "9000")
	c.Close()
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(path, 0o600) })
	c = reopen(t, path)
	a, err := card.Select(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	// Attempts that cannot be counted would be without number.
	if err := a.VerifyPIN(t.Context(), []byte("1234")); !errors.Is(err, fs.ErrPermission) || !errors.Is(err, card.ErrConditions) {
		t.Errorf("VERIFY: %v", err)
	}
	c.Close()

	path = filepath.Join(t.TempDir(), "card.img")
	c = create(t, path, sim.Options{})
	if err := card.Format(medium(t, c), card.ID{1}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(path, 0o600) })
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c = reopen(t, path)
	m := medium(t, c)
	if _, err := card.Read(m); err != nil {
		t.Errorf("reading: %v", err)
	}
	var readOnly *sim.ReadOnlyError
	_, err = m.WriteAt([]byte{1}, 0)
	if !errors.Is(err, fs.ErrPermission) || !errors.Is(err, card.ErrConditions) || !errors.As(err, &readOnly) || readOnly.Path != path {
		t.Errorf("updating: %v", err)
	}
	if _, err := card.Write(m, []byte("record"), 0); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("writing a record: %v", err)
	}
	if _, err := c.Transmit(t.Context(), append([]byte{0, 0xE2, 0, 0x10, 128}, make([]byte, 128)...)); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("appending to the log: %v", err)
	}
	c.Close()
	if _, err := sim.Create(path, sim.Options{Replace: true}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("replacing: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file changed, %v", err)
	}
}

func TestBadImages(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "card.img")
	c := create(t, path, sim.Options{Size: 1024, Page: 16})
	c.Close()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	both := changed(512, ^good[512])
	both[1024] ^= 0xFF
	for _, tc := range []struct {
		name string
		b    []byte
		want error // nil: opens
	}{
		{"as made", good, nil},
		{"empty", nil, sim.ErrImageForeign},
		{"text", []byte("{\"schema\": \"secours.summary/1\"}"), sim.ErrImageForeign},
		{"noise", bytes.Repeat([]byte{0xA5, 0x17}, 4000), sim.ErrImageForeign},
		{"half the magic", good[:8], sim.ErrImageTruncated},
		{"half the header", good[:200], sim.ErrImageTruncated},
		{"half the memory", good[:len(good)-600], sim.ErrImageTruncated},
		{"one byte short", good[:len(good)-1], sim.ErrImageTruncated},
		{"one byte long", append(bytes.Clone(good), 0), sim.ErrImageTooLong},
		{"huge", append(bytes.Clone(good), make([]byte, 1<<20)...), sim.ErrImageTooLong},
		{"newer", changed(17, 3), sim.ErrImageVersion},
		{"header changed", changed(20, ^good[20]), sim.ErrImageDamaged},
		{"never finished", append(make([]byte, 512), good[512:]...), sim.ErrImageForeign},
		{"one copy of the state torn", changed(512, ^good[512]), nil},
		{"the other torn", changed(1024, ^good[1024]), nil},
		{"both torn", both, sim.ErrImageDamaged},
	} {
		if err := os.WriteFile(path, tc.b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := sim.Open(path, sim.Session{})
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || err != nil && !errors.Is(err, sim.ErrImage) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	if _, err := sim.Open(filepath.Join(dir, "absent"), sim.Session{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	if _, err := sim.Open(dir, sim.Session{}); !errors.Is(err, sim.ErrImage) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := sim.Open(os.DevNull, sim.Session{}); runtime.GOOS != "windows" && !errors.Is(err, sim.ErrImage) {
		t.Errorf("a device: %v", err)
	}
}

// An image from before there were tags, of version 1, made by the program of that time: a card of 256 bytes with PIN and PUK, one attempt
// spent.
func TestVersion1(t *testing.T) {
	b, err := os.ReadFile("testdata/version1.img")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "card.img")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	c := reopen(t, path)
	send(t, c, "00a4040007d276000085010100", "6a82")
	send(t, c, "00b09d0000", "7f6608020201f40202025847039601609000")
	send(t, c, "00a4040c08f05345434f555253", "9000")
	send(t, c, "00b2011400", "e00000029000")
	send(t, c, "00b2021400", "e00000019000")
	send(t, c, "00200081", "63c2")
	send(t, c, "002000811031323334ffffffffffffffffffffffff", "9000")
	send(t, c, "00b0811004", "736f73319000")
	if m := medium(t, c); m.Size() != 256 || m.PageSize() != 32 {
		t.Errorf("%d bytes, pages of %d", m.Size(), m.PageSize())
	}
	c.Close()

	// Such cards are still written as they were.
	c = create(t, path, sim.Options{
		Size: 256, Page: 32, MaxCommand: 500, MaxResponse: 600, LogRecords: 3, LogRecord: 4, Atomicity: sim.PageAtomic, Replace: true,
	})
	c.Close()
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now[:512], b[:512]) || len(now) != len(b) {
		t.Errorf("another header, or %d bytes for %d: %v", len(now), len(b), err)
	}

	if err := os.WriteFile(path, resealed(b, 17, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sim.Open(path, sim.Session{}); !errors.Is(err, sim.ErrImageDamaged) {
		t.Errorf("version 0: %v", err)
	}
}

// resealed is an image with bytes of its header changed and the right digest over them, as no damage has.
func resealed(b []byte, at int, to ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], to)
	sum := sha256.Sum256(b[:480])
	copy(b[480:512], sum[:])
	return b
}

func TestBadTagImages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tag.img")
	c := create(t, path, sim.Options{Size: 1024, Tag: &sim.Tag{Mapping: 3, ReadOnly: true, Quirks: sim.QuirksEmulated}})
	c.Close()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if good[16] != 0 || good[17] != 2 {
		t.Errorf("version % X", good[16:18]) // a program from before tags must not take it for another card
	}
	changed := func(at int, to ...byte) []byte { return resealed(good, at, to...) }
	torn := bytes.Clone(good)
	torn[40] ^= 1
	for _, tc := range []struct {
		name string
		b    []byte
		want error
	}{
		{"as made", good, nil},
		{"sealed again", changed(36, 3), nil},
		{"another file id", changed(38, 0, 1), nil},
		{"one bit", torn, sim.ErrImageDamaged},
		{"one byte short", good[:len(good)-1], sim.ErrImageTruncated},
		{"another size", changed(27, 1), sim.ErrImageTruncated},
		{"version 0", changed(16, 0, 0), sim.ErrImageDamaged},
		{"version 1", changed(16, 0, 1), sim.ErrImageDamaged}, // a card with our application has a log
		{"version 3", changed(16, 0, 3), sim.ErrImageVersion},
		{"T=0", changed(19, 1), sim.ErrImageDamaged},
		{"a log", changed(20, 1, 1), sim.ErrImageDamaged},
		{"extended APDUs", changed(28, 0, 0, 4, 0, 0, 0, 4, 0), sim.ErrImageDamaged},
		{"mapping 1", changed(36, 1), sim.ErrImageDamaged},
		{"mapping 2 with ENLEN", changed(36, 2), sim.ErrImageDamaged},
		{"NLEN of 0", changed(37, 0), sim.ErrImageDamaged},
		{"NLEN of 255", changed(37, 255), sim.ErrImageDamaged},
		{"file id of the CC", changed(38, 0xE1, 0x03), sim.ErrImageDamaged},
		{"MLe 0", changed(40, 0, 0), sim.ErrImageDamaged},
		{"MLc 0", changed(42, 0, 0), sim.ErrImageDamaged},
		{"a quirk of the future", changed(44, 0x80), sim.ErrImageVersion},
	} {
		if err := os.WriteFile(path, tc.b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := sim.Open(path, sim.Session{})
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || err != nil && !errors.Is(err, sim.ErrImage) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	if err := os.WriteFile(path, changed(38, 0, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	c = reopen(t, path)
	send(t, c, "00a4040007d2760000850101", "6f098407d27600008501019000")
	send(t, c, "00a4000c020001", "6f0b8002040082010183020001"+"9000")
	send(t, c, "00d600000100", "6982")
}

// A tag whose image must not be written says so, to the caller and to whoever looks at the status word.
func TestReadOnlyTagImage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tag.img")
	c := create(t, path, sim.Options{Tag: &sim.Tag{}})
	c.Close()
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(path, 0o600) })
	c = reopen(t, path)
	send(t, c, "00a4040007d276000085010100", "9000")
	send(t, c, "00a4000c02e104", "9000")
	out, err := c.Transmit(t.Context(), []byte{0, 0xD6, 0, 0, 1, 0})
	if !errors.Is(err, fs.ErrPermission) || !bytes.Equal(out, []byte{0x69, 0x85}) {
		t.Errorf("%X, %v", out, err)
	}
}

// The counter is in the file before the answer is given: cutting the power, or copying the old file back in part, gives no attempt.
func TestRetryCounterSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{PIN: []byte("1234")})
	send(t, c, "00a4040c08f05345434f555253", "9000")
	for _, want := range []string{"63c2", "63c1", "63c0", "6983"} {
		send(t, c, "002000811039393939ffffffffffffffffffffffff", want)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// As the next process would find it, were this one killed now.
		other := filepath.Join(t.TempDir(), "copy.img")
		if err := os.WriteFile(other, b, 0o600); err != nil {
			t.Fatal(err)
		}
		next := reopen(t, other)
		send(t, next, "00a4040c08f05345434f555253", "9000")
		if want == "63c0" {
			want = "6983"
		}
		send(t, next, "00200081", want)
		next.Close()
	}
	if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("1234")) {
		t.Errorf("the PIN is in the file, %v", err)
	}
}

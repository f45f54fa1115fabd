//go:build linux && cgo

package pcsc

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/secours-card/secours/pcsc/pcsctest"
)

// Names the part that a copy of the test binary is to play.
const childEnv = "SECOURS_TEST_CHILD"

var parts = map[string]func(*testing.T){}

// play runs a part in a copy of the test binary, as another user perhaps, and reports how it went.
func play(t *testing.T, part string, as *syscall.Credential, env ...string) {
	t.Helper()
	// By its descriptor: another user may not look into the folder where it lies.
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	c := exec.Command("/proc/self/fd/3", "-test.run=^TestChild$", "-test.timeout=50s", "-test.v")
	c.ExtraFiles = []*os.File{self}
	c.Env = append(append(os.Environ(), pcsctest.Environ()...), append(env, childEnv+"="+part)...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestChild")) {
		t.Errorf("%s: %v\n%s", part, err, out)
	}
}

// child starts a copy of the test binary that plays a part, and returns when it has said that it is ready. It goes with the test.
func child(t *testing.T, part string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run=^TestChild$", "-test.timeout=30s")
	c.Env = append(append(os.Environ(), pcsctest.Environ()...), append(env, childEnv+"="+part)...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	lines := bufio.NewReader(out)
	line, _ := lines.ReadString('\n')
	if line != ready {
		rest, _ := io.ReadAll(lines)
		t.Fatalf("%s: %s%s", part, line, rest)
	}
	return c
}

const ready = "ready\n"

func TestChild(t *testing.T) {
	part := os.Getenv(childEnv)
	if part == "" {
		t.Skip("for copies of the test binary")
	}
	parts[part](t)
}

// stayed says that the child is where its parent wants it, and stays there until it is killed.
func stayed() {
	os.Stdout.WriteString(ready)
	select {}
}

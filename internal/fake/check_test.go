package fake_test

import (
	"testing"

	"github.com/pphunt/pphunt/internal/fake"
)

func TestChecker(t *testing.T) {
	t.Parallel()
	c := &fake.Checker{Name: "xtest"}
	c.Need(true, "never")
	c.Once("the key", 1)
	c.Once("the key", 2)
	c.Word("color", "", "red")
	c.Word("color", "red", "red")
	if err := c.Err(); err != nil {
		t.Fatalf("Err() = %v, want nil", err)
	}
	c.Need(false, "thing %d lacks its name", 3)
	c.Once("the key", 2)
	c.Word("color", "blue", "red")
	const want = "xtest: world: thing 3 lacks its name\nxtest: world: the key 2 is there twice\nxtest: world: color is \"blue\" and not one of [\"red\"]"
	if err := c.Err(); err == nil || err.Error() != want {
		t.Errorf("Err() = %v, want %s", err, want)
	}
}

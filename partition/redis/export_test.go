package redis

import (
	"strconv"

	"github.com/ringmeter/ringmeter/partition/steps"
)

// At is the store at a time in milliseconds, instead of Redis' own.
func At(s steps.Store, now int64) steps.Store {
	at := *s.(*store)
	at.now = " " + strconv.FormatInt(now, 10)
	return &at
}

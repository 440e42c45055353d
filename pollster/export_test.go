package pollster

import "time"

// SetWall replaces the wall clock before Run, so that a test can set it back.
func (s *Scheduler) SetWall(wall func() time.Time) { s.wall = wall }

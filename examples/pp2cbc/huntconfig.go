package main

import "time"

// huntConfig says what is hunted, and for how long.
type huntConfig struct {
	// rehunt is below zero for never.
	rehunt time.Duration
}

func (p *parser) hunt() huntConfig {
	return huntConfig{rehunt: p.durationOrNever("hunt", "rehunt")}
}

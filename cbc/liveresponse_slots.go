package cbc

import (
	"slices"
	"sync"
)

// slots are a number of places, which are given away in the order in which they were asked for.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting []chan struct{}
}

// ask returns what is closed once there is a place.
func (s *slots) ask() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	place := make(chan struct{})
	if s.free > 0 && len(s.waiting) == 0 {
		s.free--
		close(place)
		return place
	}
	s.waiting = append(s.waiting, place)
	return place
}

// withdraw is for who does not wait any longer. A place that has been given meanwhile goes on to the next.
func (s *slots) withdraw(place chan struct{}) {
	s.mu.Lock()
	i := slices.Index(s.waiting, place)
	if i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
	s.mu.Unlock()
	if i < 0 {
		s.give()
	}
}

// give returns a place.
func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.free++
		return
	}
	close(s.waiting[0])
	s.waiting = slices.Delete(s.waiting, 0, 1)
}

// wanted tells whether somebody waits.
func (s *slots) wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) > 0
}

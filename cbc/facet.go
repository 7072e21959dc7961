package cbc

// Facet counts how often the values of a field occur. Devices, alerts, processes and observations can all be counted so.
type Facet struct {
	// Field is what was counted, such as "os".
	Field string `json:"field"`
	// Values are the values found, the vendor's most frequent first.
	Values []FacetValue `json:"values"`
}

// FacetValue is one value of a field with its count.
type FacetValue struct {
	// ID is the value as a search takes it: the decimal id of a policy, for example.
	ID string `json:"id"`
	// Name is the value as people read it: the name of that policy. Where there is no other name it is the ID.
	Name string `json:"name"`
	// Total is how many records have the value.
	Total int64 `json:"total"`
}

// Package sim is a simulated card: [Memory], a page memory that power cuts tear as real ones are torn, and on top of it a
// card that answers APDUs: one with our application, or an NFC Forum Type 4 Tag ([Tag]).
//
// Nothing here is a real card; what it promises is to be at least as hostile as one.
package sim

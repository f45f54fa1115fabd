// Package trust answers two questions about a signature: is this certificate issued by an authority that the reader
// trusts, and which profession does it name.
//
// Start with [Store]: the anchors that a reader holds. [Store.Check] takes a signer's certificate and the time of
// signing and returns the [Signer], or an error that says which of the reasons of the verdict applies. [Identity] is
// the other side: a private key with its certificate, read from a PKCS#12 file. [Authority] issues certificates for
// demonstrations and tests.
//
// Nothing here asks a network. Certificates are checked at the time of signing, never at the time of reading: a
// summary outlives the card of the doctor who wrote it.
package trust

// Package trust holds what a reader believes and which keys are at hand. It answers two questions about a signature: is
// this certificate issued by an authority that the reader trusts, and which profession does it name.
//
// Start with [Store]: what a reader trusts. [Store.Check] takes a signer's certificate and the time of signing and returns
// the [Signer], or an error that says which of the reasons of the verdict applies. What a Store trusts comes by hand
// ([Store.Add]) or in the signed file of an authority, a [Bundle] (docs/FORMAT.md, section 7): anchors, role keys to
// seal to, revocations. An authority makes one from a [BundleDraft]; a reader takes it with [Store.Update], after a person
// has compared the fingerprint of its root, once.
//
// Keys: [Keystore] keeps those that open records and sign bundles, under a passphrase (section 8). [Identity] is a signer's
// private key with its certificate, read from a PKCS#12 file. A [RecoveryCode] is what the patient takes home on
// paper. [Authority] issues certificates for demonstrations and tests.
//
// What is promised:
//
//   - Certificates are checked at the time of signing, never at the time of reading: a summary outlives the card of the
//     doctor who wrote it.
//   - A store that has taken a bundle takes no older one and no other authority's. One that does not find it any more, or
//     finds it damaged, vouches for nobody: what it would not know are revocations.
//   - Nothing here asks a network. A bundle works for ever, and its age is there to be shown.
//   - Errors say nothing of private keys or passphrases. Whatever bytes they are given, the parsers end soon, within bounded
//     memory, and do not panic.
//
// What is not promised: that the time of signing is true. It is the signer's word, and a revocation is as fresh as the bundle.
package trust

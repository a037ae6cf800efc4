/* The one-call-per-step SHA-256 needs no provider look-up at start. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

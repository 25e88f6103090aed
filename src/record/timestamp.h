/* Time stamps of a third party (RFC 3161) over the line of a checkpoint: that it was there by then, whatever
 * the clock and the key of this machine say. The only file that knows OpenSSL's ts. */
#ifndef RECORD_TIMESTAMP_H
#define RECORD_TIMESTAMP_H

#include "record/entry.h"

/* The DER of a TimeStampReq: SHA-256, with a nonce, asking for the certificate. */
bool record_timestamp_request(const struct record_hash *hash, uint64_t nonce, struct buf *out,
                              struct error *err) MUST_CHECK;

struct record_timestamp {
    int64_t time_ns; /* as the authority says */
    bool is_signature_checked;
};

/* `response` is the DER of a TimeStampResp. It must be granted and be about this hash, and the signature hold
 * by the certificates (PEM) of `ca_file`; NULL: the signature is not checked. False with a sentence. */
bool record_timestamp_check(struct str response, const struct record_hash *hash, const char *ca_file,
                            struct record_timestamp *out, struct error *err) MUST_CHECK;

/* DATA/record/checkpoint-NUMBER.tsr; lives in `arena`. */
const char *record_timestamp_path(const char *data_dir, uint64_t number, struct arena *arena);

#endif

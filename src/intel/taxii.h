/* A TAXII 2.1 client (OASIS, TAXII Version 2.1): fetches the objects of collections into the data folder.
 * Only what was added since the last time is asked for; the answer is added to what the source has. */
#ifndef INTEL_TAXII_H
#define INTEL_TAXII_H

#include "intel/intel.h"

struct taxii_options {
    const char *url;                     /* of a collection, an API root, or the discovery */
    const char *user, *password, *token; /* NULL = none */
    const struct intel_options *import;  /* source "" = the collection's title */
};

bool taxii_fetch(struct state *state, const struct taxii_options *options, intel_told *told, void *context,
                 struct error *err) MUST_CHECK;

#endif
